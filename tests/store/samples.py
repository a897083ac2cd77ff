"""Call-backs and events for the store's tests."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from callbackd.domain.callback import Attempt, CallBack, EventType, Kind, State, TimelineEvent
from callbackd.store.interface import Change, Store

T0 = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)


def minutes(count: float) -> timedelta:
    return timedelta(minutes=count)


def callback(key: str = "a", number: str = "+14165550101", **other: Any) -> CallBack:
    """One asked for and due at T0, in the profile `support`."""
    values: dict[str, Any] = {
        "id": f"cb-{key}",
        "profile": "support",
        "number": number,
        "requested_at": T0,
        "due_at": T0,
        "asked_at": T0,
        "expires_at": T0 + timedelta(days=7),
    }
    return CallBack(**(values | other))


def event(type_: EventType = EventType.REQUESTED, at: datetime = T0, **data: Any) -> TimelineEvent:
    return TimelineEvent(type_, at, data)


async def added(store: Store, key: str = "a", number: str = "+14165550101", **other: Any) -> CallBack:
    return await store.add(callback(key, number, **other), event())


async def moved(store: Store, before: CallBack, *events: TimelineEvent, **values: Any) -> CallBack:
    """Commit the call-back with other values."""
    return await store.commit(Change(replace(before, **values), events))


async def claimed(store: Store, before: CallBack, at: datetime = T0) -> CallBack:
    """Commit the start of an attempt."""
    return await store.commit(
        Change(
            replace(before, state=State.AGENT, attempts_made=before.attempts_made + 1),
            [event(EventType.ATTEMPT_STARTED, at)],
            attempt=Attempt(before.id, before.attempts_made + 1, before.next_kind or Kind.REQUEST, at),
        )
    )


async def ended(store: Store, before: CallBack, at: datetime = T0, state: State = State.COMPLETED) -> CallBack:
    return await moved(store, before, event(EventType.ENDED, at), state=state, ended_at=at)

"""What people do with call-backs that exist: look, cancel, move."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Protocol

from callbackd.domain.callback import Attempt, CallBack, EventType, Offer, State, TimelineEvent
from callbackd.domain.instants import rfc3339
from callbackd.domain.reschedule import place_by_hand
from callbackd.engine.clock import Clock
from callbackd.engine.intake import Wakes
from callbackd.engine.profiles import Rules
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import Change, Page, Query, Stale, Store

log = logging.getLogger(__name__)

CLAIM_LOOKS = 3
CLAIM_TAKES = 0.05
"""Seconds that a call-back which was just claimed has until its call can be cancelled."""


@dataclass(frozen=True, slots=True)
class Story:
    """A call-back with all that happened to it."""

    callback: CallBack
    attempts: Sequence[Attempt]
    offers: Sequence[Offer]
    timeline: Sequence[TimelineEvent]


class LiveCalls(Protocol):
    """The calls that are running."""

    async def cancel(self, callback_id: str) -> None:
        """Take the call down and return once it has ended (or at once if there is none)."""


class Desk:
    """Looks at call-backs and changes their lot."""

    def __init__(self, store: Store, clock: Clock, rules: Rules, calls: LiveCalls, scheduler: Wakes) -> None:
        self._store = store
        self._clock = clock
        self._rules = rules
        self._calls = calls
        self._scheduler = scheduler

    def now(self) -> datetime:
        """The instant at which waiting call-backs are told to be scheduled or queued."""
        return self._clock.now()

    async def list(self, query: Query) -> Page:
        """One page of call-backs. Raises `CursorInvalid`."""
        return await self._store.list(query)

    async def profiles_with_callbacks(self) -> Sequence[str]:
        """The profiles of the call-backs that have not ended; some may be gone from the configuration."""
        return sorted(await self._store.counts(self._clock.now()))

    async def counts_of(self, profile: str) -> Mapping[State, int]:
        """How many call-backs of a profile, which may be gone, are in each live state."""
        return (await self._store.counts(self._clock.now())).get(profile, {})

    async def waiting_before(self, callback: CallBack) -> int:
        """How many waiting call-backs of its profile come before it in the order."""
        return await self._store.waiting_before(callback)

    async def story(self, callback_id: str) -> Story:
        """Everything about one call-back, as it was at one instant. Raises `Refused`."""
        while True:
            callback = await self._get(callback_id)
            story = Story(
                callback,
                await self._store.attempts(callback_id),
                await self._store.offers(callback_id),
                await self._store.timeline(callback_id),
            )
            if (await self._get(callback_id)).version == callback.version:
                return story

    async def cancel(self, callback_id: str) -> CallBack:
        """End it as `cancelled`; what is ringing is taken down. Raises `Refused`."""
        looks = 0
        while True:
            callback = await self._get(callback_id)
            if callback.state.ended:
                raise Refused(Code.STATE_FORBIDS, f"it has ended already: {callback.state}")
            if callback.state is State.CONNECTED:
                raise Refused(Code.STATE_FORBIDS, "the two are talking: a call-back that is connected is not cancelled")
            if callback.state.on_the_phone:
                await self._calls.cancel(callback_id)
                after = await self._get(callback_id)
                if after.state is State.CANCELLED:
                    return after
                looks += 1
                if after == callback and looks < CLAIM_LOOKS:
                    await asyncio.sleep(CLAIM_TAKES)  # claimed this instant: its call is about to begin
                    continue
                if after == callback:
                    raise Refused(Code.UNAVAILABLE, "its call can't be reached at this moment: ask again")
                continue
            now = self._clock.now()
            ended = replace(callback, state=State.CANCELLED, ended_at=now)
            event = TimelineEvent(EventType.ENDED, now, {"disposition": State.CANCELLED.value, "by": "operator"})
            try:
                callback = await self._store.commit(Change(ended, (event,)))
            except Stale:
                continue
            log.info("cancelled", extra=_tags(callback))
            return callback

    async def reschedule(self, callback_id: str, at: datetime | None) -> CallBack:
        """Move the due time of one that waits; None is now. Uses up nothing. Raises `Refused`."""
        if at is not None and at.tzinfo is None:
            raise Refused(Code.INVALID, "at must have a time zone")
        while True:
            callback = await self._get(callback_id)
            if callback.state.ended or callback.state.on_the_phone:
                raise Refused(
                    Code.STATE_FORBIDS, f"it is {callback.state}: only scheduled and queued ones can be moved"
                )
            now = self._clock.now()
            due = now if at is None else max(now, at.astimezone(UTC))
            profile = self._rules.profiles.get(callback.profile)
            if profile is not None:
                due = place_by_hand(profile, due).due
            if due >= callback.expires_at:
                raise Refused(Code.INVALID, f"it expires at {rfc3339(callback.expires_at)}, before it would be due")
            moved = replace(callback, due_at=due, rest_until=None)
            event = TimelineEvent(EventType.MOVED, now, {"due_at": rfc3339(due), "by": "operator"})
            try:
                callback = await self._store.commit(Change(moved, (event,)))
            except Stale:
                continue
            log.info("moved", extra=_tags(callback, due=rfc3339(due)))
            self._scheduler.wake()
            return callback

    async def _get(self, callback_id: str) -> CallBack:
        callback = await self._store.get(callback_id)
        if callback is None:
            raise Refused(Code.NOT_FOUND, "no call-back has this id")
        return callback


def _tags(callback: CallBack, **more: str) -> dict[str, str]:
    """What every line of the log about a call-back has. The log masks the number."""
    return {"callback": callback.id, "profile": callback.profile, "number": callback.number, **more}

"""Records as rows of named values and back.

A record that has been a row and back is what any store returns for it: instants in UTC and whole milliseconds, a
waiting state as `scheduled`, event data as JSON has it.
"""

from __future__ import annotations

import json
from typing import Any, Protocol

from callbackd.domain.callback import (
    WAITING,
    Attempt,
    CallBack,
    EventType,
    Kind,
    Offer,
    OfferOutcome,
    Outcome,
    Reschedules,
    State,
    Step,
    TimelineEvent,
)
from callbackd.store.instants import from_ms, from_ms_or_none, to_ms, to_ms_or_none
from callbackd.store.interface import ProfileCondition

RowValues = dict[str, Any]


class Row(Protocol):
    """Values by the name of their column."""

    def __getitem__(self, key: str, /) -> Any: ...


def callback_to_row(callback: CallBack) -> RowValues:
    """Raises `ValueError` if an instant is naive."""
    return {
        "id": callback.id,
        "profile": callback.profile,
        "number": callback.number,
        "name": callback.name,
        "reason": callback.reason,
        "language": callback.language,
        "priority": callback.priority,
        "state": State.SCHEDULED.value if callback.state in WAITING else callback.state.value,
        "requested_at": to_ms(callback.requested_at),
        "not_before": to_ms_or_none(callback.not_before),
        "asked_at": to_ms(callback.asked_at),
        "due_at": to_ms(callback.due_at),
        "rest_until": to_ms_or_none(callback.rest_until),
        "startable_at": to_ms(callback.startable_at),
        "expires_at": to_ms(callback.expires_at),
        "ended_at": to_ms_or_none(callback.ended_at),
        "next_step": callback.next_step.value,
        "next_kind": callback.next_kind.value,
        "reschedules_auto": callback.reschedules.auto,
        "reschedules_agent": callback.reschedules.agent,
        "reschedules_client": callback.reschedules.client,
        "attempts_made": callback.attempts_made,
        "counted": callback.counted,
        "offers_made": callback.offers_made,
        "offers_used": callback.offers_used,
        "route_failures": callback.route_failures,
        "version": callback.version,
    }


def callback_from_row(row: Row) -> CallBack:
    """The call-back that a row holds."""
    return CallBack(
        id=row["id"],
        profile=row["profile"],
        number=row["number"],
        requested_at=from_ms(row["requested_at"]),
        due_at=from_ms(row["due_at"]),
        asked_at=from_ms(row["asked_at"]),
        expires_at=from_ms(row["expires_at"]),
        name=row["name"],
        reason=row["reason"],
        language=row["language"],
        priority=row["priority"],
        not_before=from_ms_or_none(row["not_before"]),
        state=State(row["state"]),
        ended_at=from_ms_or_none(row["ended_at"]),
        rest_until=from_ms_or_none(row["rest_until"]),
        next_step=Step(row["next_step"]),
        next_kind=Kind(row["next_kind"]),
        reschedules=Reschedules(
            auto=row["reschedules_auto"], agent=row["reschedules_agent"], client=row["reschedules_client"]
        ),
        attempts_made=row["attempts_made"],
        counted=row["counted"],
        offers_made=row["offers_made"],
        offers_used=row["offers_used"],
        route_failures=row["route_failures"],
        version=row["version"],
    )


def attempt_to_row(attempt: Attempt) -> RowValues:
    """Raises `ValueError` if an instant is naive."""
    return {
        "callback_id": attempt.callback_id,
        "number": attempt.number,
        "kind": attempt.kind.value,
        "started_at": to_ms(attempt.started_at),
        "agent_answered_at": to_ms_or_none(attempt.agent_answered_at),
        "client_dialled_at": to_ms_or_none(attempt.client_dialled_at),
        "client_answered_at": to_ms_or_none(attempt.client_answered_at),
        "ended_at": to_ms_or_none(attempt.ended_at),
        "outcome": None if attempt.outcome is None else attempt.outcome.value,
        "client_outcome": None if attempt.client_outcome is None else attempt.client_outcome.value,
        "cause": attempt.cause,
        "armed": int(attempt.armed),
        "counted": None if attempt.counted is None else int(attempt.counted),
    }


def attempt_from_row(row: Row) -> Attempt:
    """The attempt that a row holds."""
    return Attempt(
        callback_id=row["callback_id"],
        number=row["number"],
        kind=Kind(row["kind"]),
        started_at=from_ms(row["started_at"]),
        agent_answered_at=from_ms_or_none(row["agent_answered_at"]),
        client_dialled_at=from_ms_or_none(row["client_dialled_at"]),
        client_answered_at=from_ms_or_none(row["client_answered_at"]),
        ended_at=from_ms_or_none(row["ended_at"]),
        outcome=_outcome(row["outcome"]),
        client_outcome=_outcome(row["client_outcome"]),
        cause=row["cause"],
        armed=bool(row["armed"]),
        counted=None if row["counted"] is None else bool(row["counted"]),
    )


def offer_to_row(offer: Offer) -> RowValues:
    """Raises `ValueError` if an instant is naive."""
    return {
        "callback_id": offer.callback_id,
        "number": offer.number,
        "started_at": to_ms(offer.started_at),
        "dialled_at": to_ms_or_none(offer.dialled_at),
        "answered_at": to_ms_or_none(offer.answered_at),
        "ended_at": to_ms_or_none(offer.ended_at),
        "outcome": None if offer.outcome is None else offer.outcome.value,
        "client_outcome": None if offer.client_outcome is None else offer.client_outcome.value,
        "cause": offer.cause,
        "key": offer.key,
    }


def offer_from_row(row: Row) -> Offer:
    """The offer that a row holds."""
    return Offer(
        callback_id=row["callback_id"],
        number=row["number"],
        started_at=from_ms(row["started_at"]),
        dialled_at=from_ms_or_none(row["dialled_at"]),
        answered_at=from_ms_or_none(row["answered_at"]),
        ended_at=from_ms_or_none(row["ended_at"]),
        outcome=None if row["outcome"] is None else OfferOutcome(row["outcome"]),
        client_outcome=_outcome(row["client_outcome"]),
        cause=row["cause"],
        key=row["key"],
    )


def event_to_row(event: TimelineEvent, callback_id: str) -> RowValues:
    """An event of that call-back, without its `id` and `seq`.

    Raises `ValueError` if its instant is naive, `TypeError` or `ValueError` if its data is not JSON-ready.
    """
    return {
        "callback_id": callback_id,
        "at": to_ms(event.at),
        "type": event.type.value,
        "data": json.dumps(event.data, allow_nan=False, separators=(",", ":")),
    }


def event_from_row(row: Row) -> TimelineEvent:
    """The event that a row holds; `profile` comes from its call-back."""
    return TimelineEvent(
        type=EventType(row["type"]),
        at=from_ms(row["at"]),
        data=json.loads(row["data"]),
        callback_id=row["callback_id"],
        profile=row["profile"],
        id=row["id"],
        seq=row["seq"],
    )


def condition_to_row(profile: str, condition: ProfileCondition) -> RowValues:
    """Raises `ValueError` if an instant is naive."""
    return {
        "profile": profile,
        "target_rests_until": to_ms_or_none(condition.target_rests_until),
        "target_rests": condition.target_rests,
        "suspects": json.dumps(condition.suspects),
        "route_open_until": to_ms_or_none(condition.route_open_until),
        "route_probes": condition.route_probes,
    }


def condition_from_row(row: Row) -> ProfileCondition:
    """The condition that a row holds."""
    return ProfileCondition(
        target_rests_until=from_ms_or_none(row["target_rests_until"]),
        target_rests=row["target_rests"],
        suspects=tuple((number, callback_id, outcome) for number, callback_id, outcome in json.loads(row["suspects"])),
        route_open_until=from_ms_or_none(row["route_open_until"]),
        route_probes=row["route_probes"],
    )


def _outcome(word: str | None) -> Outcome | None:
    return None if word is None else Outcome(word)

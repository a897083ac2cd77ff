"""A call-back, its attempts and offers: the records, their words, and what each word implies."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any


class State(StrEnum):
    """Where a call-back stands: a live state, or the disposition with which it ended."""

    SCHEDULED = "scheduled"
    QUEUED = "queued"
    AGENT = "agent"
    CLIENT = "client"
    CONNECTED = "connected"
    OFFERING = "offering"
    COMPLETED = "completed"
    EXHAUSTED = "exhausted"
    CUT_OFF = "cut_off"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    UNREACHABLE_NUMBER = "unreachable_number"
    BLOCKED = "blocked"

    @property
    def ended(self) -> bool:
        """True of a disposition."""
        return self in DISPOSITIONS

    @property
    def on_the_phone(self) -> bool:
        """True while a leg of the call-back may be up: its number must have no other."""
        return self in ON_THE_PHONE


WAITING = frozenset({State.SCHEDULED, State.QUEUED})
ON_THE_PHONE = frozenset({State.AGENT, State.CLIENT, State.CONNECTED, State.OFFERING})
DISPOSITIONS = frozenset(State) - WAITING - ON_THE_PHONE


class Kind(StrEnum):
    """Why an attempt was made: the request itself, or the kind of reschedule."""

    REQUEST = "request"
    AUTO = "auto"
    AGENT = "agent"
    CLIENT = "client"


class Step(StrEnum):
    """What a waiting call-back waits for."""

    ATTEMPT = "attempt"
    OFFER = "offer"


class Outcome(StrEnum):
    """How an attempt ended; the `client_*` ones, `route_failed` and `answered` also say what the client leg did."""

    ANSWERED = "answered"
    AGENT_RESCHEDULED = "agent_rescheduled"
    AGENT_NO_ANSWER = "agent_no_answer"
    AGENT_BUSY = "agent_busy"
    AGENT_UNREACHABLE = "agent_unreachable"
    AGENT_DECLINED = "agent_declined"
    AGENT_NO_KEY = "agent_no_key"
    AGENT_LEFT = "agent_left"
    CLIENT_BUSY = "client_busy"
    CLIENT_NO_ANSWER = "client_no_answer"
    CLIENT_REJECTED = "client_rejected"
    CLIENT_UNREACHABLE = "client_unreachable"
    CLIENT_INVALID = "client_invalid"
    CLIENT_MACHINE = "client_machine"
    ROUTE_FAILED = "route_failed"
    WITHHELD = "withheld"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


TARGET_AT_FAULT = frozenset(
    {Outcome.AGENT_NO_ANSWER, Outcome.AGENT_BUSY, Outcome.AGENT_UNREACHABLE, Outcome.AGENT_NO_KEY}
)
"""Outcomes after which the whole target rests: nobody is at the desk."""

ROUTE_SUSPECT = frozenset({Outcome.CLIENT_INVALID, Outcome.CLIENT_REJECTED, Outcome.ROUTE_FAILED})
"""Client outcomes which, in a row on different numbers, mean our route and not their phones."""


class OfferOutcome(StrEnum):
    """How a client offer ended."""

    ANOTHER_TRY = "another_try"
    DECLINED = "declined"
    NEVER_AGAIN = "never_again"
    NO_KEY = "no_key"
    NOT_ANSWERED = "not_answered"
    ROUTE_FAILED = "route_failed"
    CANCELLED = "cancelled"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, slots=True)
class Reschedules:
    """How many further attempts each kind has brought so far. `auto` and `agent` share one limit."""

    auto: int = 0
    agent: int = 0
    client: int = 0

    @property
    def limited(self) -> int:
        """How many count against Max Reschedules."""
        return self.auto + self.agent


@dataclass(frozen=True, slots=True)
class CallBack:
    """One client's request from asking to its end. All instants are aware and in UTC.

    A waiting call-back is stored as `scheduled`; `state_at` tells `queued` by the clock. `rest_until` holds an
    uncounted repeat back without moving its `due_at` (its place in the order). `next_step` and `next_kind` say what it
    waits for. `attempts_made` is the number of the last attempt, `counted` how many of them rang the client (offers
    apart), `offers_made` the number of the last offer, `offers_used` those of the present round that count against
    `offer.attempts`. `route_failures` counts the run of its own route failures. `asked_at` is the latest of request,
    `not_before` and the client's last press of 1: expiry is counted from there. `version` is the store's.
    """

    id: str
    profile: str
    number: str
    requested_at: datetime
    due_at: datetime
    asked_at: datetime
    expires_at: datetime
    name: str | None = None
    reason: str | None = None
    language: str | None = None
    priority: int = 0
    not_before: datetime | None = None
    state: State = State.SCHEDULED
    ended_at: datetime | None = None
    rest_until: datetime | None = None
    next_step: Step = Step.ATTEMPT
    next_kind: Kind = Kind.REQUEST
    reschedules: Reschedules = field(default_factory=Reschedules)
    attempts_made: int = 0
    counted: int = 0
    offers_made: int = 0
    offers_used: int = 0
    route_failures: int = 0
    version: int = 0

    @property
    def startable_at(self) -> datetime:
        """The instant from which it may start, as far as it alone is concerned."""
        return self.due_at if self.rest_until is None else max(self.due_at, self.rest_until)

    def state_at(self, now: datetime) -> State:
        """The state as people are told it: a waiting call-back is `queued` once it is due."""
        if self.state is State.SCHEDULED and self.due_at <= now:
            return State.QUEUED
        return self.state


@dataclass(frozen=True, slots=True)
class Attempt:
    """One agent-first cycle. `outcome` is None while it is live; `cause` is the last leg's Q.850 cause, if any.

    `counted` says whether it uses up the client's patience: None while it is live.
    """

    callback_id: str
    number: int
    kind: Kind
    started_at: datetime
    agent_answered_at: datetime | None = None
    client_dialled_at: datetime | None = None
    client_answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: Outcome | None = None
    client_outcome: Outcome | None = None
    cause: int | None = None
    armed: bool = False
    counted: bool | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """One automated call to the client. `client_outcome` is what their phone did; `key` what they pressed."""

    callback_id: str
    number: int
    started_at: datetime
    dialled_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: OfferOutcome | None = None
    client_outcome: Outcome | None = None
    cause: int | None = None
    key: str | None = None


class EventType(StrEnum):
    """The timeline's words: a closed list, shared by the API, the log and every feed."""

    REQUESTED = "requested"
    ATTEMPT_STARTED = "attempt_started"
    AGENT_ANSWERED = "agent_answered"
    KEY_PRESSED = "key_pressed"
    CLIENT_DIALLED = "client_dialled"
    CLIENT_RINGING = "client_ringing"
    CLIENT_ANSWERED = "client_answered"
    CLIENT_ENDED = "client_ended"
    RESCHEDULE_ARMED = "reschedule_armed"
    RESCHEDULE_DISARMED = "reschedule_disarmed"
    ATTEMPT_ENDED = "attempt_ended"
    RESTING = "resting"
    RESCHEDULED = "rescheduled"
    OFFER_SCHEDULED = "offer_scheduled"
    OFFER_STARTED = "offer_started"
    OFFER_ANSWERED = "offer_answered"
    OFFER_ENDED = "offer_ended"
    MOVED = "moved"
    PUT_BACK = "put_back"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class TimelineEvent:
    """Something that happened to a call-back. `data` is JSON-ready. The store gives `id` and `seq` (from 1)."""

    type: EventType
    at: datetime
    data: dict[str, Any] = field(default_factory=dict)
    callback_id: str = ""
    profile: str = ""
    id: int = 0
    seq: int = 0

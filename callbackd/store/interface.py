"""What the engine asks of a store, and what a store promises.

Every method that writes is one transaction, durable when it returns. Instants are aware and in UTC: a naive one is
refused with `ValueError`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callbackd.domain.callback import Attempt, CallBack, Offer, State, Step, TimelineEvent
from callbackd.domain.hours import Span
from callbackd.domain.tallies import Tallies


class StoreError(Exception):
    """The store could not do what was asked; the text names the cause and the mend."""


class StoreUnavailable(StoreError):
    """The database cannot be opened or written (permissions, disk full, not a database, in use by another daemon)."""


class Stale(StoreError):
    """The call-back has changed since it was read: read it again and decide anew."""


class NumberLive(StoreError):
    """Another call-back of the same number is on the phone: its number may not have two live legs."""


class AlreadyWaiting(StoreError):
    """The profile already has a call-back of that number that has not ended."""


@dataclass(frozen=True, slots=True)
class Change:
    """One transition: the call-back as it shall be and what goes with it, written together or not at all.

    `callback.version` is the version that was read (compare-and-set). `attempt` and `offer` are inserted or replaced
    by their number. `dialled` notes a dial of the number at that instant, for the limit per 24 h. `block` puts the
    number on the block-list for that reason. `condition` becomes that of the call-back's profile.
    """

    callback: CallBack
    events: Sequence[TimelineEvent] = ()
    attempt: Attempt | None = None
    offer: Offer | None = None
    dialled: datetime | None = None
    block: str | None = None
    condition: ProfileCondition | None = None


@dataclass(frozen=True, slots=True)
class ProfileCondition:
    """What is remembered of a profile's target and route between attempts, over a restart too.

    `target_rests_until` and `target_rests` (how often in a row) belong to the empty desk; `suspects` is the run of
    suspect client outcomes as (number, call-back id, outcome) and the rest belongs to the route breaker.
    """

    target_rests_until: datetime | None = None
    target_rests: int = 0
    suspects: tuple[tuple[str, str, str], ...] = ()
    route_open_until: datetime | None = None
    route_probes: int = 0


@dataclass(frozen=True, slots=True)
class Pause:
    """What an operator has paused."""

    intake: bool = False
    dialling: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """Which call-backs to list. `states` may hold `queued` and `scheduled`: `now` tells them apart.

    `cursor` is the opaque text of the page before. Newest request first. `digits` are part of the number, `name` is
    part of the name, upper and lower case alike; `since` and `until` bound the request, the one in, the other out.
    """

    now: datetime
    states: Collection[State] = ()
    profile: str | None = None
    number: str | None = None
    limit: int = 100
    cursor: str | None = None
    digits: str | None = None
    name: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def narrow(self) -> bool:
        """Whether it asks for what no index of its own answers."""
        return any(each is not None for each in (self.digits, self.name, self.since, self.until))


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a listing; `next` is the cursor of the following page or None."""

    items: tuple[CallBack, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's key for a request that may be repeated, and a fingerprint of what it asked for."""

    key: str
    fingerprint: str


class CursorInvalid(StoreError):
    """The cursor was not made by this store."""


class NotEnded(StoreError):
    """A number has call-backs that have not ended: `ids`, the oldest request first."""

    def __init__(self, ids: Sequence[str]) -> None:
        super().__init__(f"call-backs that have not ended: {', '.join(ids)}")
        self.ids = tuple(ids)

    def __reduce__(self) -> tuple[type[NotEnded], tuple[tuple[str, ...]]]:
        return type(self), (self.ids,)  # a copy is made of the ids, not of the text


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much of a number was erased, row by row. `undelivered` are those of the `events` that a consumer had not had.

    `keys` are idempotency keys, `suspects` entries in the memory of route breakers. `unblocked`: it was taken off the
    block-list; `blocked`: it stays there.
    """

    callbacks: int = 0
    attempts: int = 0
    offers: int = 0
    events: int = 0
    undelivered: int = 0
    keys: int = 0
    dials: int = 0
    suspects: int = 0
    unblocked: bool = False
    blocked: bool = False


class Erases(Protocol):
    """How personal data leave the store, and whether what stays is whole.

    `delivered` is the id of the last event that every consumer of the outbox has had; None if nobody follows it.
    """

    async def erase_ended_before(self, instant: datetime, limit: int = 500, delivered: int | None = None) -> int:
        """Erase call-backs that ended before then, with all that belongs to them; how many were erased.

        The `limit` that ended first are looked at. Those with an event later than `delivered` stay.
        """

    async def count_ended_before(self, instant: datetime) -> int:
        """How many call-backs that ended before then are still kept."""

    async def forget(self, number: str, *, unblock: bool = False, delivered: int | None = None) -> Forgotten:
        """Erase all that is known of a number, also what was not delivered. Raises `NotEnded`, and erases nothing.

        Only its place on the block-list is kept, unless `unblock`.
        """

    async def wash(self) -> bool:
        """Let what was erased vanish from the disk too; False if somebody reads or writes now: try again later."""

    async def examine(self) -> Sequence[str]:
        """Read all of the store and tell what is damaged; empty if it is sound. Takes its time, and keeps nobody
        waiting."""


class Browses(Protocol):
    """What people look at beyond one call-back. None of it keeps the engine waiting, nor a feed."""

    async def queued(self, profile: str, now: datetime, limit: int, offset: int = 0) -> Sequence[CallBack]:
        """Those of the waiting that are due, whether they rest or not, in the order: priority, due, id."""

    async def coming(self, profile: str, now: datetime, limit: int, offset: int = 0) -> Sequence[CallBack]:
        """Those of the waiting that are due later than now: the first due first, then by priority and id."""

    async def live_attempts(self) -> Sequence[Attempt]:
        """The present attempt of every call-back that is on the phone for one, in order of call-back."""

    async def live_offers(self) -> Sequence[Offer]:
        """The present offer of every call-back that is on the phone for one, in order of call-back."""

    async def endings(self, profile: str, since: datetime, until: datetime) -> Mapping[State, int]:
        """How many call-backs ended with each disposition from `since` to before `until`; none of those with none."""

    async def tallies(self, profile: str, days: Sequence[Span]) -> Tallies:
        """What came of the requests of each of the days, which are in order and apart."""


class Store(Browses, Erases, Protocol):
    """Where call-backs are kept. The truth: memory is a cache of it."""

    async def add(self, callback: CallBack, event: TimelineEvent, idempotency: Idempotency | None = None) -> CallBack:
        """Keep a new call-back. Raises `AlreadyWaiting` if its profile and number have one that has not ended."""

    async def find_idempotent(self, key: str, since: datetime) -> tuple[CallBack, str] | None:
        """The call-back that a request with this key made later than `since`, and its fingerprint."""

    async def commit(self, change: Change) -> CallBack:
        """Write a transition and return the call-back with its new version. Raises `Stale`, `NumberLive`,
        `AlreadyWaiting` (reopening one that had ended)."""

    async def get(self, callback_id: str) -> CallBack | None: ...

    async def attempts(self, callback_id: str) -> Sequence[Attempt]:
        """In order of number."""

    async def offers(self, callback_id: str) -> Sequence[Offer]:
        """In order of number."""

    async def timeline(self, callback_id: str) -> Sequence[TimelineEvent]:
        """In order of seq."""

    async def find_waiting_or_live(self, number: str, profile: str | None = None) -> Sequence[CallBack]:
        """The call-backs of a number that have not ended, oldest first."""

    async def next_startable(
        self, profile: str, step: Step, now: datetime, avoid: Collection[str] = ()
    ) -> CallBack | None:
        """The first waiting call-back of the profile that may start now: priority (higher first), then due, then id.

        Those whose number is live in any call-back, and those whose number is in `avoid`, are passed over.
        """

    async def next_startable_at(self, profile: str, after: datetime) -> datetime | None:
        """The first instant later than `after` at which a waiting call-back of the profile becomes startable."""

    async def expired(self, now: datetime, limit: int = 100) -> Sequence[CallBack]:
        """Waiting call-backs whose `expires_at` is not later than now."""

    async def next_expiry(self) -> datetime | None: ...

    async def live(self) -> Sequence[CallBack]:
        """All that are on the phone."""

    async def list(self, query: Query) -> Page:
        """One page. Raises `CursorInvalid`."""

    async def counts(self, now: datetime) -> dict[str, dict[State, int]]:
        """Per profile, how many call-backs that have not ended are in each live state."""

    async def waiting_before(self, callback: CallBack) -> int:
        """How many waiting call-backs of the profile come before it in the order."""

    async def dials(self, number: str, since: datetime) -> Sequence[datetime]:
        """When the number was dialled later than `since`, oldest first."""

    async def requests(self, number: str, since: datetime) -> int:
        """How many call-backs the number has asked for later than `since`, over all profiles."""

    async def is_blocked(self, number: str) -> bool: ...

    async def block(self, number: str, at: datetime, reason: str) -> None: ...

    async def unblock(self, number: str) -> bool:
        """True if it was on the list."""

    async def condition(self, profile: str) -> ProfileCondition: ...

    async def set_condition(self, profile: str, condition: ProfileCondition) -> None: ...

    async def pauses(self) -> dict[str, Pause]:
        """By profile; the key ``*`` is the whole daemon."""

    async def set_pause(self, profile: str, pause: Pause) -> None: ...

    async def events_after(self, event_id: int, limit: int = 500) -> Sequence[TimelineEvent]:
        """The outbox: every timeline event in order of id."""

    def on_events(self, listener: Callable[[], None]) -> None:
        """Call `listener`, which must not raise or wait, after every write that added to the outbox."""

    async def delivered_up_to(self, consumer: str) -> int:
        """The id of the last event that a consumer of the outbox has confirmed; 0 at first."""

    async def set_delivered(self, consumer: str, event_id: int) -> None: ...

    async def beat(self, now: datetime) -> None:
        """Remember that the daemon is alive at `now` and sees the PBX."""

    async def alive_at(self) -> datetime | None:
        """The last `beat`; None before the first."""

    async def check_writable(self) -> None:
        """Prove that a transaction can be written. Raises `StoreUnavailable`."""

    async def close(self) -> None: ...

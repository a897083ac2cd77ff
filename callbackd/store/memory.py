"""The store in memory: the twin of the one in SQLite, for simulations and tests."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from datetime import datetime

from callbackd.domain.callback import WAITING, Attempt, CallBack, Offer, State, Step, TimelineEvent
from callbackd.store import changes, rows
from callbackd.store.instants import from_ms, to_ms
from callbackd.store.interface import (
    AlreadyWaiting,
    Change,
    Idempotency,
    NumberLive,
    Page,
    Pause,
    ProfileCondition,
    Query,
    Stale,
    StoreError,
)
from callbackd.store.memory_erasing import MemoryErasing
from callbackd.store.memory_surveys import MemorySurveys, fits
from callbackd.store.order import LIVE_STATES, place
from callbackd.store.paging import Selection, page


class MemoryStore(MemorySurveys, MemoryErasing):
    """A `Store` that keeps the promises of the one in SQLite, but for outliving its process.

    `close` does nothing: a daemon that is started again in a simulation finds what it left.
    """

    def __init__(self) -> None:
        self._callbacks: dict[str, CallBack] = {}
        self._not_ended: dict[str, CallBack] = {}
        self._attempts: dict[str, dict[int, Attempt]] = defaultdict(dict)
        self._offers: dict[str, dict[int, Offer]] = defaultdict(dict)
        self._timelines: dict[str, list[TimelineEvent]] = defaultdict(list)
        self._outbox: list[TimelineEvent] = []
        self._last_event_id = 0
        self._idempotency: dict[str, tuple[Idempotency, datetime, str]] = {}
        self._dials: list[tuple[datetime, str]] = []
        self._blocked: dict[str, tuple[datetime, str]] = {}
        self._conditions: dict[str, ProfileCondition] = {}
        self._pauses: dict[str, Pause] = {}
        self._delivered: dict[str, int] = {}
        self._alive_at: datetime | None = None
        self._listeners: list[Callable[[], None]] = []

    # Writing

    async def add(self, callback: CallBack, event: TimelineEvent, idempotency: Idempotency | None = None) -> CallBack:
        """See `Store.add`. A key that an older request used is the newer one's from then on."""
        kept = _kept(replace(callback, version=1))
        events = _events([event], kept)
        self._refuse_conflicts(kept)
        if kept.id in self._callbacks:
            raise StoreError(f"the call-back {kept.id} cannot be kept: there is one with that id")
        self._put(kept)
        self._append(events)
        if idempotency is not None:
            self._idempotency[idempotency.key] = (idempotency, kept.requested_at, kept.id)
        self._tell()
        return kept

    async def commit(self, change: Change) -> CallBack:
        """See `Store.commit`."""
        changes.check(change)
        kept = _kept(change.callback)
        attempt = None if change.attempt is None else rows.attempt_from_row(rows.attempt_to_row(change.attempt))
        offer = None if change.offer is None else rows.offer_from_row(rows.offer_to_row(change.offer))
        events = _events(change.events, kept)
        dialled = None if change.dialled is None else _whole(change.dialled)
        before = self._callbacks.get(kept.id)
        if before is None or before.version != kept.version:
            raise Stale(f"the call-back {kept.id} has changed since version {kept.version}")
        self._refuse_conflicts(kept)
        kept = replace(kept, version=kept.version + 1)
        self._put(kept)
        if attempt is not None:
            self._attempts[kept.id][attempt.number] = attempt
        if offer is not None:
            self._offers[kept.id][offer.number] = offer
        self._append(events)
        if dialled is not None:
            self._dials.append((dialled, kept.number))
        if change.block is not None:
            self._blocked[kept.number] = (_whole(changes.blocked_at(change)), change.block)
        if change.condition is not None:
            await self.set_condition(kept.profile, change.condition)
        if events:
            self._tell()
        return kept

    def on_events(self, listener: Callable[[], None]) -> None:
        """See `Store.on_events`."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _refuse_conflicts(self, kept: CallBack) -> None:
        if kept.state.ended:
            return
        others = [other for other in self._not_ended.values() if other.number == kept.number and other.id != kept.id]
        if any(other.profile == kept.profile for other in others):
            raise AlreadyWaiting(f"{kept.profile} already has a call-back of that number that has not ended")
        if kept.state.on_the_phone and any(other.state.on_the_phone for other in others):
            raise NumberLive("another call-back of that number is on the phone")

    def _put(self, kept: CallBack) -> None:
        self._callbacks[kept.id] = kept
        if kept.state.ended:
            self._not_ended.pop(kept.id, None)
        else:
            self._not_ended[kept.id] = kept

    def _append(self, events: Sequence[TimelineEvent]) -> None:
        for event in events:
            self._last_event_id += 1
            timeline = self._timelines[event.callback_id]
            kept = replace(event, id=self._last_event_id, seq=timeline[-1].seq + 1 if timeline else 1)
            timeline.append(kept)
            self._outbox.append(kept)

    async def block(self, number: str, at: datetime, reason: str) -> None:
        """Put a number on the block-list, or give the one that is there another reason."""
        self._blocked[number] = (_whole(at), reason)

    async def unblock(self, number: str) -> bool:
        """True if it was on the list."""
        return self._blocked.pop(number, None) is not None

    async def set_condition(self, profile: str, condition: ProfileCondition) -> None:
        """Remember the condition of a profile's target and route."""
        self._conditions[profile] = rows.condition_from_row(rows.condition_to_row(profile, condition))

    async def set_pause(self, profile: str, pause: Pause) -> None:
        """Remember what is paused; a pause of nothing is forgotten."""
        if pause.intake or pause.dialling:
            self._pauses[profile] = pause
        else:
            self._pauses.pop(profile, None)

    async def set_delivered(self, consumer: str, event_id: int) -> None:
        """Remember what a consumer has confirmed. A cursor never goes back."""
        self._delivered[consumer] = max(event_id, self._delivered.get(consumer, event_id))

    async def beat(self, now: datetime) -> None:
        """See `Store.beat`."""
        self._alive_at = _whole(now)

    async def alive_at(self) -> datetime | None:
        """The last `beat`; None before the first."""
        return self._alive_at

    async def check_writable(self) -> None:
        """Memory always is."""

    async def close(self) -> None:
        """Nothing to close."""

    # One call-back

    async def get(self, callback_id: str) -> CallBack | None:
        """The call-back, or None if there is none (any more)."""
        return self._callbacks.get(callback_id)

    async def find_idempotent(self, key: str, since: datetime) -> tuple[CallBack, str] | None:
        """See `Store.find_idempotent`."""
        later_than = _whole(since)
        if (found := self._idempotency.get(key)) is None:
            return None
        idempotency, at, callback_id = found
        return (self._callbacks[callback_id], idempotency.fingerprint) if at > later_than else None

    async def attempts(self, callback_id: str) -> Sequence[Attempt]:
        """In order of number."""
        return [attempt for _, attempt in sorted(self._attempts.get(callback_id, {}).items())]

    async def offers(self, callback_id: str) -> Sequence[Offer]:
        """In order of number."""
        return [offer for _, offer in sorted(self._offers.get(callback_id, {}).items())]

    async def timeline(self, callback_id: str) -> Sequence[TimelineEvent]:
        """In order of seq."""
        return tuple(self._told(event) for event in self._timelines.get(callback_id, ()))

    async def find_waiting_or_live(self, number: str, profile: str | None = None) -> Sequence[CallBack]:
        """See `Store.find_waiting_or_live`."""
        return sorted(
            (
                callback
                for callback in self._not_ended.values()
                if callback.number == number and profile in (None, callback.profile)
            ),
            key=lambda callback: (callback.requested_at, callback.id),
        )

    # What comes next

    async def next_startable(
        self, profile: str, step: Step, now: datetime, avoid: Collection[str] = ()
    ) -> CallBack | None:
        """See `Store.next_startable`."""
        until = _whole(now)
        passed_over = {callback.number for callback in self._not_ended.values() if callback.state.on_the_phone}
        passed_over.update(avoid)
        startable = (
            callback
            for callback in self._waiting(profile)
            if callback.next_step is step and callback.startable_at <= until and callback.number not in passed_over
        )
        return min(startable, key=place, default=None)

    async def next_startable_at(self, profile: str, after: datetime) -> datetime | None:
        """See `Store.next_startable_at`."""
        later_than = _whole(after)
        instants = (callback.startable_at for callback in self._waiting(profile))
        return min((instant for instant in instants if instant > later_than), default=None)

    async def expired(self, now: datetime, limit: int = 100) -> Sequence[CallBack]:
        """Waiting call-backs whose `expires_at` is not later than now, the longest expired first."""
        until = _whole(now)
        found = [callback for callback in self._waiting() if callback.expires_at <= until]
        return sorted(found, key=lambda callback: (callback.expires_at, callback.id))[:limit]

    async def next_expiry(self) -> datetime | None:
        """When the first waiting call-back expires."""
        return min((callback.expires_at for callback in self._waiting()), default=None)

    async def live(self) -> Sequence[CallBack]:
        """All that are on the phone, in order of id."""
        found = [callback for callback in self._not_ended.values() if callback.state.on_the_phone]
        return sorted(found, key=lambda callback: callback.id)

    def _waiting(self, profile: str | None = None) -> Iterator[CallBack]:
        for callback in self._not_ended.values():
            if callback.state in WAITING and profile in (None, callback.profile):
                yield callback

    # Listing and counting

    async def list(self, query: Query) -> Page:
        """See `Store.list`."""
        selection = Selection.of(query)
        found = [
            callback
            for callback in self._callbacks.values()
            if callback.state in selection.states
            and query.profile in (None, callback.profile)
            and query.number in (None, callback.number)
            and (to_ms(callback.requested_at), callback.id) < (selection.before, selection.before_id)
            and (callback.state not in WAITING or selection.due_after < to_ms(callback.due_at) <= selection.due_until)
            and fits(callback, query)
        ]
        found.sort(key=lambda callback: (callback.requested_at, callback.id), reverse=True)
        return page(found, query.limit)

    async def counts(self, now: datetime) -> dict[str, dict[State, int]]:
        """See `Store.counts`. A profile with none is not named; the others have a number for every live state."""
        at = _whole(now)
        counted: dict[str, dict[State, int]] = {}
        for callback in self._not_ended.values():
            of_profile = counted.setdefault(callback.profile, dict.fromkeys(LIVE_STATES, 0))
            of_profile[callback.state_at(at)] += 1
        return counted

    async def waiting_before(self, callback: CallBack) -> int:
        """See `Store.waiting_before`."""
        kept = _kept(callback)
        return sum(place(other) < place(kept) for other in self._waiting(kept.profile))

    # Numbers, profiles, the outbox

    async def dials(self, number: str, since: datetime) -> Sequence[datetime]:
        """When the number was dialled later than `since`, oldest first."""
        later_than = _whole(since)
        return sorted(at for at, dialled in self._dials if dialled == number and at > later_than)

    async def requests(self, number: str, since: datetime) -> int:
        """See `Store.requests`."""
        later_than = _whole(since)
        return sum(
            callback.number == number and callback.requested_at > later_than for callback in self._callbacks.values()
        )

    async def is_blocked(self, number: str) -> bool:
        """Whether the number is on the block-list."""
        return number in self._blocked

    async def condition(self, profile: str) -> ProfileCondition:
        """What was last remembered of the profile's target and route."""
        return self._conditions.get(profile, ProfileCondition())

    async def pauses(self) -> dict[str, Pause]:
        """What is paused, by profile; the key ``*`` is the whole daemon."""
        return dict(self._pauses)

    async def events_after(self, event_id: int, limit: int = 500) -> Sequence[TimelineEvent]:
        """See `Store.events_after`."""
        first = bisect_right(self._outbox, event_id, key=lambda event: event.id)
        return tuple(self._told(event) for event in self._outbox[first : first + limit])

    def _told(self, event: TimelineEvent) -> TimelineEvent:
        """An event is told with the profile that its call-back has now."""
        profile = self._callbacks[event.callback_id].profile
        return event if event.profile == profile else replace(event, profile=profile)

    async def delivered_up_to(self, consumer: str) -> int:
        """The id of the last event that the consumer has confirmed; 0 at first."""
        return self._delivered.get(consumer, 0)


def _whole(instant: datetime) -> datetime:
    return from_ms(to_ms(instant))


def _kept(callback: CallBack) -> CallBack:
    return rows.callback_from_row(rows.callback_to_row(callback))


def _events(events: Sequence[TimelineEvent], callback: CallBack) -> tuple[TimelineEvent, ...]:
    """The events as they are kept, still without `id` and `seq`."""
    return tuple(
        rows.event_from_row({**rows.event_to_row(event, callback.id), "profile": callback.profile, "id": 0, "seq": 0})
        for event in events
    )

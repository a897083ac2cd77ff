"""What people look at beyond one call-back, in memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from callbackd.domain.callback import WAITING, Attempt, CallBack, Offer, Outcome, State
from callbackd.domain.hours import Span
from callbackd.domain.tallies import (
    MOST_TRIES,
    QUARTER,
    OutcomeTally,
    QuarterTally,
    RequestTally,
    Tallies,
    TryTally,
    WaitTally,
    wait_class,
)
from callbackd.store.instants import EPOCH, to_ms
from callbackd.store.interface import Query
from callbackd.store.order import place
from callbackd.store.surveys import folded


class MemorySurveys:
    """Those parts of a store's promises, over what the store in memory keeps."""

    _callbacks: dict[str, CallBack]
    _attempts: dict[str, dict[int, Attempt]]
    _offers: dict[str, dict[int, Offer]]

    async def queued(self, profile: str, now: datetime, limit: int, offset: int = 0) -> Sequence[CallBack]:
        """See `Browses.queued`."""
        at = to_ms(now)
        found = [callback for callback in self._waiting_of(profile) if to_ms(callback.due_at) <= at]
        return sorted(found, key=place)[offset : offset + limit]

    async def coming(self, profile: str, now: datetime, limit: int, offset: int = 0) -> Sequence[CallBack]:
        """See `Browses.coming`."""
        at = to_ms(now)
        found = [callback for callback in self._waiting_of(profile) if to_ms(callback.due_at) > at]
        return sorted(found, key=lambda each: (each.due_at, -each.priority, each.id))[offset : offset + limit]

    def _waiting_of(self, profile: str) -> Iterable[CallBack]:
        return (each for each in self._callbacks.values() if each.state in WAITING and each.profile == profile)

    async def live_attempts(self) -> Sequence[Attempt]:
        """See `Browses.live_attempts`."""
        return [
            self._attempts[callback.id][callback.attempts_made]
            for callback in self._live_ones()
            if callback.state is not State.OFFERING
            and callback.attempts_made in self._attempts.get(callback.id, {})
        ]

    async def live_offers(self) -> Sequence[Offer]:
        """See `Browses.live_offers`."""
        return [
            self._offers[callback.id][callback.offers_made]
            for callback in self._live_ones()
            if callback.state is State.OFFERING and callback.offers_made in self._offers.get(callback.id, {})
        ]

    def _live_ones(self) -> list[CallBack]:
        found = [callback for callback in self._callbacks.values() if callback.state.on_the_phone]
        return sorted(found, key=lambda callback: callback.id)

    async def endings(self, profile: str, since: datetime, until: datetime) -> Mapping[State, int]:
        """See `Browses.endings`."""
        first, end = to_ms(since), to_ms(until)
        return dict(
            Counter(
                callback.state
                for callback in self._callbacks.values()
                if callback.state.ended
                and callback.profile == profile
                and callback.ended_at is not None
                and first <= to_ms(callback.ended_at) < end
            )
        )

    async def tallies(self, profile: str, days: Sequence[Span]) -> Tallies:
        """See `Browses.tallies`."""
        made: dict[tuple[int, State], list[int]] = {}
        quarters: Counter[datetime] = Counter()
        tries: Counter[tuple[int, int, Outcome]] = Counter()
        outcomes: Counter[tuple[int, Outcome]] = Counter()
        waits: dict[tuple[int, int], tuple[int, timedelta]] = {}
        for callback in self._callbacks.values():
            day = _day_of(callback, days) if callback.profile == profile else None
            if day is None:
                continue
            again = callback.reschedules
            sums = made.setdefault((day, callback.state), [0, 0, 0, 0])
            for index, number in enumerate((1, again.auto, again.agent, again.client)):
                sums[index] += number
            quarters[EPOCH + (callback.requested_at - EPOCH) // QUARTER * QUARTER] += 1
            counted = 0
            for _, attempt in sorted(self._attempts.get(callback.id, {}).items()):
                counted += bool(attempt.counted)
                if attempt.outcome is None:
                    continue
                outcomes[day, attempt.outcome] += 1
                if attempt.counted:
                    tries[day, min(MOST_TRIES, counted), attempt.outcome] += 1
                if attempt.outcome is Outcome.ANSWERED and attempt.client_answered_at is not None:
                    waited = attempt.client_answered_at - callback.requested_at
                    count, total = waits.get((day, wait_class(waited)), (0, timedelta(0)))
                    waits[day, wait_class(waited)] = (count + 1, total + waited)
        return Tallies(
            requests=tuple(sorted(RequestTally(day, state, *sums) for (day, state), sums in made.items())),
            tries=tuple(sorted(TryTally(*key, count) for key, count in tries.items())),
            outcomes=tuple(sorted(OutcomeTally(*key, count) for key, count in outcomes.items())),
            waits=tuple(sorted(WaitTally(*key, *sums) for key, sums in waits.items())),
            quarters=tuple(QuarterTally(at, count) for at, count in sorted(quarters.items())),
        )


def _day_of(callback: CallBack, days: Sequence[Span]) -> int | None:
    asked = to_ms(callback.requested_at)
    return next((n for n, day in enumerate(days) if to_ms(day.opens) <= asked < to_ms(day.closes)), None)


def fits(callback: CallBack, query: Query) -> bool:
    """Whether what a narrow query asks for holds of it."""
    asked = to_ms(callback.requested_at)
    return (
        (query.digits is None or query.digits in callback.number)
        and (query.name is None or (folded(query.name) or "") in (folded(callback.name) or ""))
        and (query.name is None or callback.name is not None)
        and (query.since is None or asked >= to_ms(query.since))
        and (query.until is None or asked < to_ms(query.until))
    )



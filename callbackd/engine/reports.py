"""Figures of a day, and what came of the requests of many: counted by the store, in the days of each target."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from callbackd.domain.callback import State
from callbackd.domain.hours import Span
from callbackd.domain.tallies import Tallies, together
from callbackd.engine.clock import Clock
from callbackd.engine.profiles import Rules
from callbackd.store.interface import Store

MOST_DAYS = 370
"""So many days make one report at most."""

AT_ONCE = 14
"""So many days are counted at once: other questions come in between, and it can be told how far it is."""


@dataclass(frozen=True, slots=True)
class Today:
    """A profile's day so far, from midnight at its target. `ended`: by disposition, whenever they had asked."""

    profile: str
    since: datetime
    tallies: Tallies
    ended: Mapping[State, int]


@dataclass(frozen=True, slots=True)
class Report:
    """What came of the requests of each of the `days`, which are days on the wall of a profile's target."""

    profile: str
    zone: tzinfo
    days: tuple[date, ...]
    tallies: Tallies


class Reports:
    """Counts at leisure: the store does it where neither engine nor feeds wait for it."""

    def __init__(self, store: Store, rules: Rules, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock

    def zone(self, profile: str) -> tzinfo:
        """The zone of a profile's target; UTC for a profile that is no more."""
        found = self._rules.profiles.get(profile)
        return UTC if found is None else ZoneInfo(found.target.timezone)

    def day_at(self, profile: str) -> date:
        """The date at a profile's target now."""
        return self._clock.now().astimezone(self.zone(profile)).date()

    async def today(self, profile: str) -> Today:
        """The day so far."""
        span = span_of(self.day_at(profile), self.zone(profile))
        tallies = await self._store.tallies(profile, [span])
        return Today(profile, span.opens, tallies, await self._store.endings(profile, span.opens, span.closes))

    async def of(
        self, profile: str, first: date, last: date, counted: Callable[[int], None] = lambda _: None
    ) -> Report:
        """The days from `first` to `last`. Tells `counted` how many more of them are done, each time some are. Raises
        `ValueError` for none, and for more than `MOST_DAYS`."""
        count = (last - first).days + 1
        if not 1 <= count <= MOST_DAYS:
            raise ValueError(f"a report has 1 to {MOST_DAYS} days, not {count}")
        days = tuple(first + timedelta(days=n) for n in range(count))
        zone = self.zone(profile)
        parts = []
        for begin in range(0, count, AT_ONCE):
            spans = [span_of(day, zone) for day in days[begin : begin + AT_ONCE]]
            parts.append((await self._store.tallies(profile, spans)).later(begin))
            counted(len(spans))
        return Report(profile, zone, days, together(parts))


def span_of(day: date, zone: tzinfo) -> Span:
    """From the midnight that begins the day on the wall of a zone to the one that ends it."""
    return Span(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)


def local_hours(tallies: Tallies, zone: tzinfo) -> Sequence[Sequence[int]]:
    """Requests by weekday (Monday first) and hour on the wall."""
    counted = [[0] * 24 for _ in range(7)]
    for quarter in tallies.quarters:
        there = quarter.at.astimezone(zone)
        counted[there.weekday()][there.hour] += quarter.count
    return counted

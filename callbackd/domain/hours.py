"""Target hours: wall-clock intervals in the target's time zone, and what they say of an instant.

Every instant that comes in must be aware (a naive one is refused with `ValueError`); every instant that goes out is
in UTC. A target without hours is `None` here and always open: the functions at the end take it so.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
LAST_YEAR = 9000
"""Instants past it are refused: the arithmetic of days would leave the calendar."""

MOST_KNOWN = 1000
"""So many days are remembered."""

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Half-open, in minutes from the midnight that begins its day: opens < closes; past 1440 it runs overnight."""

    opens: int
    closes: int


class Span(NamedTuple):
    """An interval of one particular day as instants: open at `opens`, shut at `closes`."""

    opens: datetime
    closes: datetime


@dataclass(frozen=True, slots=True)
class TargetHours:
    """A target's week and its dated exceptions.

    `week` maps a weekday (0 = Monday) to its intervals in order; a weekday left out is closed. `exceptions` replaces
    a date's intervals; an empty tuple is closed all day.
    """

    zone: ZoneInfo
    week: Mapping[int, tuple[Interval, ...]] = field(default_factory=dict)
    exceptions: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)
    _known: dict[date, tuple[Span, ...]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """What `spans` has worked out: the same days are asked about again and again."""

    def is_open(self, at: datetime) -> bool:
        """True inside an interval: open at its first instant, shut at its last."""
        return self._day_open_at(utc(at)) is not None

    def next_opening(self, at: datetime) -> datetime | None:
        """`at` itself if the target is open then, else the next instant at which it opens; None if it never will."""
        at = utc(at)
        if self._day_open_at(at) is not None:
            return at
        for day in self.days_from(self.date_of(at) - DAY):
            for span in self.spans(day):
                if span.opens > at:
                    return span.opens
        return None

    def closes_at(self, at: datetime) -> datetime | None:
        """The next instant after `at` at which the target shuts (after its next opening, if it is shut at `at`).

        Days that adjoin around the clock do not close in between. None when it never closes, or never opens.
        """
        opening = self.next_opening(at)
        if opening is None:
            return None
        day = self._day_open_at(opening)
        if day is None:  # cannot be: an opening opens
            return None
        closes = max(span.closes for span in self.spans(day) if span.opens <= opening < span.closes)
        return self._carried_on(day, closes, over_gaps=False)

    def business_day_of(self, at: datetime) -> date:
        """The business day in which an instant falls: the one whose hours hold it, else its date on the wall.

        Overnight hours belong to the day on which they open.
        """
        at = utc(at)
        day = self._day_open_at(at)
        return self.date_of(at) if day is None else day

    def last_close(self, day: date) -> datetime | None:
        """The close from which a business day's cut-off is measured back.

        Where the next day opens no later than this one shuts, the two are one business day and the last close is the
        next day's, and so on. None for days that adjoin for ever (they never close) and for a day without hours.
        """
        spans = self.spans(day)
        return self._carried_on(day, spans[-1].closes, over_gaps=True) if spans else None

    def spans(self, day: date) -> tuple[Span, ...]:
        """The open times of one business day, in order and apart: intervals that touch are one.

        A wall-clock time that does not exist is the first that does; a repeated one opens at its first and closes at
        its second occurrence.
        """
        known = self._known.get(day)
        if known is None:
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            known = self._known[day] = self._work_out(day)
        return known

    def days_from(self, day: date) -> Iterator[date]:
        """The days that have hours, from `day` on, up to where a further search could find nothing new.

        Without regular hours those are the exceptions; else all, until each weekday came once more often than
        exceptions could have closed it.
        """
        if not any(self.week.values()):
            yield from sorted(dated for dated, hours in self.exceptions.items() if hours and dated >= day)
            return
        for _ in range(7 * (len(self.exceptions) + 4)):
            if self._intervals(day):
                yield day
            day += DAY

    def date_of(self, at: datetime) -> date:
        """The date on the target's wall."""
        return utc(at).astimezone(self.zone).date()

    def _intervals(self, day: date) -> tuple[Interval, ...]:
        exceptional = self.exceptions.get(day)
        return self.week.get(day.weekday(), ()) if exceptional is None else exceptional

    def _work_out(self, day: date) -> tuple[Span, ...]:
        merged: list[Span] = []
        for interval in sorted(self._intervals(day)):
            opens = self._instant(day, interval.opens, second=False)
            closes = self._instant(day, interval.closes, second=True)
            if opens >= closes:
                continue  # it lies in an hour that this day does not have
            if merged and opens <= merged[-1].closes:
                merged[-1] = Span(merged[-1].opens, max(closes, merged[-1].closes))
            else:
                merged.append(Span(opens, closes))
        return tuple(merged)

    def _day_open_at(self, at: datetime) -> date | None:
        """The day whose hours hold the instant, the earliest if several do."""
        today = at.astimezone(self.zone).date()
        for day in (today - DAY, today, today + DAY):
            for span in self.spans(day):
                if span.opens <= at < span.closes:
                    return day
        return None

    def _carried_on(self, day: date, closes: datetime, *, over_gaps: bool) -> datetime | None:
        """Follow the hours from a close of `day` through the days that adjoin it; None if they never end.

        With `over_gaps` the days count as a whole, breaks and all; without, the first break ends it. Eight regular
        days that adjoin prove that only an exception can end it, so the search goes on just before the next one.
        """
        regular = 0
        while True:
            following = day + DAY
            spans = self.spans(following)
            if not spans:
                following += DAY  # a date that the zone skipped
                spans = self.spans(following)
            if not spans or spans[0].opens > closes:
                return closes
            for span in spans:
                if span.opens > closes and not over_gaps:
                    return closes
                closes = max(closes, span.closes)
            day = following
            regular = 0 if day in self.exceptions else regular + 1
            if regular > 7:
                ahead = min((dated for dated in self.exceptions if dated > day), default=None)
                if ahead is None:
                    return None
                regular = 0
                if ahead - DAY > day:
                    day = ahead - DAY
                    closes = self.spans(day)[-1].closes

    def _instant(self, day: date, minutes: int, *, second: bool) -> datetime:
        """The instant of a wall-clock time, in UTC; `second` chooses the later one of a time that comes twice."""
        wall = datetime.combine(day, time(), tzinfo=self.zone) + timedelta(minutes=minutes)
        before, after = wall.utcoffset(), wall.replace(fold=1).utcoffset()
        if before is None or after is None:  # a ZoneInfo always knows
            raise ValueError(f"{self.zone} has no offset for {wall}")
        naive_utc = wall.replace(tzinfo=UTC)
        if before == after:
            return naive_utc - before
        if before > after:
            return naive_utc - (after if second else before)
        return _change_of_offset(self.zone, naive_utc - after, naive_utc - before)


def _change_of_offset(zone: tzinfo, early: datetime, late: datetime) -> datetime:
    """The first second after `early` and up to `late` that has another offset than `early`: where a gap ends."""
    offset = early.astimezone(zone).utcoffset()
    low, high = 0, int((late - early).total_seconds())
    while high - low > 1:
        middle = (low + high) // 2
        if (early + timedelta(seconds=middle)).astimezone(zone).utcoffset() == offset:
            low = middle
        else:
            high = middle
    return early + timedelta(seconds=high)


def utc(at: datetime) -> datetime:
    """The instant in UTC. Raises `ValueError` for a naive one and for one beyond the calendar."""
    if at.tzinfo is None or at.utcoffset() is None:
        raise ValueError(f"a time without a zone says nothing: {at}")
    if not 1 < at.year <= LAST_YEAR:
        raise ValueError(f"a time of the years 2 to {LAST_YEAR} is needed, not of {at.year}")
    return at.astimezone(UTC)


def is_open(hours: TargetHours | None, at: datetime) -> bool:
    """`TargetHours.is_open`; no hours are always open."""
    return utc(at) is not None if hours is None else hours.is_open(at)


def next_opening(hours: TargetHours | None, at: datetime) -> datetime | None:
    """`TargetHours.next_opening`; no hours are always open."""
    return utc(at) if hours is None else hours.next_opening(at)


def closes_at(hours: TargetHours | None, at: datetime) -> datetime | None:
    """`TargetHours.closes_at`; no hours never close."""
    return None if hours is None else hours.closes_at(at)


def wall_clock(at: datetime, zone: tzinfo) -> str:
    """An instant as people at the target read it, with the zone's abbreviation: ``Mon 2 Nov 2026 16:30 EST``.

    Seconds are shown when there are any. The words do not depend on the locale.
    """
    there = utc(at).astimezone(zone)
    clock = f"{there:%H:%M:%S}" if there.second else f"{there:%H:%M}"
    return f"{_WEEKDAYS[there.weekday()]} {there.day} {_MONTHS[there.month - 1]} {there.year} {clock} {there:%Z}"


def elapsed(duration: timedelta) -> str:
    """A duration as the profile writes it: ``1h30m``, ``45s``, ``0s``."""
    seconds = max(0, int(duration.total_seconds()))
    days, seconds = divmod(seconds, 86400)
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    parts = ((days, "d"), (hours, "h"), (minutes, "m"), (seconds, "s"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0s"

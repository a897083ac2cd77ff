"""Target hours against a scan of the wall clock, minute by minute, around the changes of the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from callbackd.domain.hours import Interval, TargetHours

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
SCANNED = 4
ANCHORS = [
    ("America/Toronto", date(2026, 3, 7)),
    ("America/Toronto", date(2026, 10, 31)),
    ("Europe/Berlin", date(2026, 3, 28)),
    ("Europe/Berlin", date(2026, 10, 24)),
    ("Australia/Lord_Howe", date(2026, 4, 4)),
    ("Australia/Lord_Howe", date(2026, 10, 3)),
    ("Pacific/Chatham", date(2026, 9, 26)),
    ("Asia/Kolkata", date(2026, 6, 1)),
]


@st.composite
def day_hours(draw: st.DrawFn) -> tuple[Interval, ...]:
    """Up to three intervals that do not overlap; the last may run overnight."""
    cuts = sorted(draw(st.lists(st.integers(0, 140).map(lambda n: n * 10), max_size=6, unique=True)))
    if len(cuts) % 2:
        cuts.append(draw(st.integers(cuts[-1] // 10 + 1, cuts[0] // 10 + 144)) * 10)
    return tuple(Interval(opens, closes) for opens, closes in zip(cuts[::2], cuts[1::2], strict=True))


@st.composite
def cases(draw: st.DrawFn) -> tuple[TargetHours, date]:
    name, first = draw(st.sampled_from(ANCHORS))
    week = {day: draw(day_hours()) for day in range(7)}
    exceptions = {first + draw(st.integers(0, 3)) * DAY: draw(day_hours()) for _ in range(draw(st.integers(0, 1)))}
    return TargetHours(ZoneInfo(name), week, exceptions), first


@cache
def walls(zone: str, first: date) -> dict[datetime, datetime]:
    """Every minute from three days before, and what the clock on the wall (without zone) shows then."""
    begin = datetime.combine(first - 3 * DAY, time(), tzinfo=UTC)
    minutes = (begin + n * MINUTE for n in range((SCANNED + 7) * 1440))
    return {minute: minute.astimezone(ZoneInfo(zone)).replace(tzinfo=None) for minute in minutes}


def open_minutes(hours: TargetHours, first: date) -> set[datetime]:
    clock = walls(hours.zone.key, first)
    firsts: dict[datetime, datetime] = {}
    lasts: dict[datetime, datetime] = {}
    for instant, shown in clock.items():
        firsts.setdefault(shown, instant)
        lasts[shown] = instant
    opened: set[datetime] = set()
    for offset in range(-2, SCANNED + 1):
        day = first + offset * DAY
        intervals = hours.exceptions.get(day, hours.week.get(day.weekday(), ()))
        midnight = datetime.combine(day, time())
        for interval in intervals:
            opens = existing(midnight + interval.opens * MINUTE, firsts)
            closes = existing(midnight + interval.closes * MINUTE, lasts)
            opened.update(opens + n * MINUTE for n in range(max(0, int((closes - opens) / MINUTE))))
    return opened


def existing(shown: datetime, instants: dict[datetime, datetime]) -> datetime:
    """The first minute from then on that the clock shows."""
    return next(instants[shown + n * MINUTE] for n in range(1440) if shown + n * MINUTE in instants)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_open_is_what_a_scan_of_the_wall_clock_finds(case: tuple[TargetHours, date]) -> None:
    hours, first = case
    opened = open_minutes(hours, first)
    begin = datetime.combine(first, time(), tzinfo=UTC)
    for n in range(0, SCANNED * 1440, 5):
        minute = begin + n * MINUTE
        assert hours.is_open(minute) == (minute in opened), minute


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(0, 2 * 1440))
def test_the_next_opening_is_the_first_open_minute(case: tuple[TargetHours, date], after: int) -> None:
    hours, first = case
    opened = open_minutes(hours, first)
    begin = datetime.combine(first, time(), tzinfo=UTC) + after * MINUTE
    end = datetime.combine(first, time(), tzinfo=UTC) + (SCANNED - 1) * DAY
    found = hours.next_opening(begin)
    scanned = next((minute for minute in minutes(begin, end) if minute in opened), None)
    assert found == scanned if scanned is not None else (found is None or found >= end)


@settings(max_examples=100, deadline=None)
@given(cases(), st.integers(0, 2 * 1440))
def test_the_next_close_is_the_first_shut_minute_after_it(case: tuple[TargetHours, date], after: int) -> None:
    hours, first = case
    opened = open_minutes(hours, first)
    begin = datetime.combine(first, time(), tzinfo=UTC) + after * MINUTE
    end = datetime.combine(first, time(), tzinfo=UTC) + (SCANNED - 1) * DAY
    opening = hours.next_opening(begin)
    closes = hours.closes_at(begin)
    if opening is None or opening >= end:
        return
    scanned = next((minute for minute in minutes(opening, end) if minute not in opened), None)
    assert closes == scanned if scanned is not None else (closes is None or closes >= end)


def minutes(begin: datetime, end: datetime) -> list[datetime]:
    return [begin + n * MINUTE for n in range(max(0, int((end - begin) / MINUTE)))]

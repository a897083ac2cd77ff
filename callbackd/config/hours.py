"""Target hours as a sysadmin writes them: weekday ranges, intervals and dated exceptions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from callbackd.config.durations import format_duration
from callbackd.config.near_miss import did_you_mean
from callbackd.config.nodes import Mapping, Node, Scalar, Sequence, is_null, quoted, shown
from callbackd.config.problems import Place, Problems
from callbackd.config.readers import Unfit, reads, text_form
from callbackd.config.section import Section
from callbackd.domain.hours import Interval, TargetHours

DAY = 1440
"""Minutes from one midnight to the next."""

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
FULL_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NUMBERS = {name: number for names in (WEEKDAYS, FULL_NAMES) for number, name in enumerate(names)}

_INTERVAL = re.compile(r"([0-9]{1,2}):([0-9]{2})\s*-\s*([0-9]{1,2}):([0-9]{2})")
_INTERVAL_FORM = "expected 'closed', an interval such as 09:00-12:00 (overnight: 22:00-06:00), or a list of intervals"


@dataclass(frozen=True, slots=True)
class _Opening:
    """An interval with the place where it was written."""

    interval: Interval
    place: Place

    def __str__(self) -> str:
        return f"{_clock(self.interval.opens)}-{_clock(self.interval.closes)}"


_Openings = tuple[_Opening, ...]


@reads(text_form("an IANA zone: `America/Toronto`", examples=["America/Toronto", "Europe/London"]))
def parse_zone(text: str) -> str:
    """The IANA zone's name, if there is such a zone. Raises `Unfit` with the nearest name if there isn't."""
    names = _zones()
    if text in names:
        try:
            ZoneInfo(text)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise Unfit("this machine's data for that time zone can't be read") from None
        return text
    cities = {name.rpartition("/")[2]: name for name in sorted(names)}
    meant = did_you_mean(text, names) or _near_city(text, cities)
    raise Unfit(f"expected an IANA time zone such as America/Toronto{meant}")


@cache
def _zones() -> frozenset[str]:
    """Found once: it takes some 20 ms to look through the machine's files, and a reload must not keep calls waiting."""
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def read_hours(target: Section) -> tuple[str, TargetHours | None]:
    """The `timezone`, `hours` and `exceptions` of a target: its zone's name and its hours, None for always open.

    Exceptions without hours are exceptions to being open around the clock.
    """
    zone = target.optional("timezone", parse_zone)
    week_node = target.take("hours")
    exceptions_node = target.take("exceptions")
    if week_node is None and (exceptions_node is None or is_null(exceptions_node)):
        return zone or "UTC", None
    if not target.has("timezone"):
        written = "hours" if week_node is not None else "exceptions"
        target.problems.error(
            target.place_of(written),
            f"{target.path(written)} needs {target.path('timezone')}, an IANA time zone such as America/Toronto",
        )
    if week_node is None:
        around_the_clock: _Openings = (_Opening(Interval(0, DAY), target.place),)
        week = dict.fromkeys(range(7), around_the_clock)
    else:
        week = _read_week(target, week_node)
    exceptions = {} if exceptions_node is None else _read_exceptions(target, exceptions_node)
    _refuse_overlaps(target.path("hours"), target.path("exceptions"), week, exceptions, target.problems)
    return zone or "UTC", TargetHours(
        ZoneInfo(zone or "UTC"),
        {day: tuple(o.interval for o in openings) for day, openings in sorted(week.items())},
        {day: tuple(o.interval for o in openings) for day, openings in sorted(exceptions.items())},
    )


def refuse_cut_off_beyond_day(
    path: str, cut_off: timedelta, place: Place, hours: TargetHours, problems: Problems
) -> None:
    """Report a cut-off so long that on some weekday nothing could ever be rescheduled; warn of a dated exception."""
    minutes = cut_off.total_seconds() / 60
    lengths = {day: _length_of_day(hours, day) for day in sorted(hours.week)}
    short = [f"{WEEKDAYS[day]} ({_minutes(length)})" for day, length in lengths.items() if 0 < length < minutes]
    if short:
        problems.error(
            place,
            f"{path}: found {format_duration(cut_off)}; longer than the day from first opening to last close: "
            + ", ".join(short),
        )
        return
    for day_of_exception, intervals in hours.exceptions.items():
        if intervals and intervals[-1].closes - intervals[0].opens < minutes:
            problems.warning(
                place, f"{path}: longer than the exceptional day {day_of_exception}: nothing is rescheduled on it"
            )


def _near_city(text: str, cities: dict[str, str]) -> str:
    meant = did_you_mean(text.rpartition("/")[2], cities)
    for city, name in cities.items():
        if meant == f"; did you mean '{city}'?":
            return f"; did you mean '{name}'?"
    return ""


def _read_week(target: Section, node: Node) -> dict[int, _Openings]:
    if not isinstance(node, Mapping) or not node.entries:
        target.wrong("hours", node, "expected weekdays, such as mon-fri: 09:00-17:00; leave it out to be always open")
        return {}
    week: dict[int, _Openings] = {}
    named: dict[int, Scalar] = {}
    for key, value in node.entries:
        path = f"{target.path('hours')} {quoted(key.text)}"
        try:
            days = _weekdays(key.text)
        except Unfit as error:
            target.problems.error(key.place, f"{target.path('hours')}: found {quoted(key.text)}; {error}")
            days = ()
        openings = _read_openings(path, value, target.problems)
        for day in days:
            if day in named:
                first = named[day]
                target.problems.error(
                    key.place,
                    f"{target.path('hours')}: {WEEKDAYS[day]} is named twice: by {quoted(first.text)} on line "
                    f"{first.place.line} and by {quoted(key.text)} on line {key.place.line}",
                )
            else:
                named[day] = key
                week[day] = openings
    return {day: openings for day, openings in week.items() if openings}


def _read_exceptions(target: Section, node: Node) -> dict[date, _Openings]:
    if is_null(node):
        return {}
    if not isinstance(node, Mapping):
        target.wrong("exceptions", node, "expected dates, such as 2026-12-25: closed")
        return {}
    exceptions = {}
    for key, value in node.entries:
        day = _date(key.text)
        if day is None:
            target.problems.error(
                key.place,
                f"{target.path('exceptions')}: found {quoted(key.text)}; expected a date such as 2026-12-25",
            )
        openings = _read_openings(f"{target.path('exceptions')} {quoted(key.text)}", value, target.problems)
        if day is not None:
            exceptions[day] = openings
    return exceptions


def _date(text: str) -> date | None:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if 1 < day.year < MAXYEAR else None


def _weekdays(text: str) -> tuple[int, ...]:
    days: list[int] = []
    for part in text.lower().split(","):
        ends = [end.strip() for end in part.split("-")]
        for end in ends:
            if end not in _NUMBERS:
                raise Unfit(
                    "expected a weekday (mon, tue, wed, thu, fri, sat, sun), a range (mon-fri) or a list (mon, wed)"
                    + did_you_mean(end, _NUMBERS)
                )
        if len(ends) > 2:
            raise Unfit("a range has two ends, such as mon-fri")
        first, last = _NUMBERS[ends[0]], _NUMBERS[ends[-1]]
        days.extend((first + step) % 7 for step in range((last - first) % 7 + 1))
    if len(set(days)) < len(days):
        raise Unfit("names a weekday twice")
    return tuple(days)


def _read_openings(path: str, node: Node, problems: Problems) -> _Openings:
    """A day's intervals in order; none for `closed`, or where all are wrong."""
    if isinstance(node, Scalar) and node.text.lower() == "closed":
        return ()
    openings = []
    items = node.items if isinstance(node, Sequence) else (node,)
    if not items:
        problems.error(node.place, f"{path}: found an empty list; write 'closed'")
    for item in items:
        if isinstance(item, Scalar) and item.unset:
            continue
        try:
            if not isinstance(item, Scalar):
                raise Unfit(_INTERVAL_FORM)
            openings.append(_Opening(_interval(item.text), item.place))
        except Unfit as error:
            problems.error(item.place, f"{path}: found {shown(item)}; {error}")
    openings.sort(key=lambda opening: opening.interval)
    for one, next_ in pairwise(openings):
        if next_.interval.opens < one.interval.closes:
            _overlap(path, next_, str(next_), one, str(one), problems)
    return tuple(openings)


def _interval(text: str) -> Interval:
    match = _INTERVAL.fullmatch(text.strip())
    if match is None:
        raise Unfit(_INTERVAL_FORM + did_you_mean(text, ["closed"]))
    open_hour, open_minute, close_hour, close_minute = (int(part) for part in match.groups())
    opens, closes = open_hour * 60 + open_minute, close_hour * 60 + close_minute
    if open_minute > 59 or close_minute > 59 or opens >= DAY or closes > DAY:
        raise Unfit("times run from 00:00 to 23:59, and 24:00 for a close")
    if opens == closes:
        raise Unfit("opens and closes at the same time; all day is 00:00-24:00")
    return Interval(opens, closes if closes > opens else closes + DAY)


def _refuse_overlaps(
    week_path: str,
    exceptions_path: str,
    week: dict[int, _Openings],
    exceptions: dict[date, _Openings],
    problems: Problems,
) -> None:
    """Report overnight intervals that run into the next day's, from day to day and around exceptions."""
    for day in range(7):
        after = (day + 1) % 7
        for opening, other in _run_into(week.get(day, ()), week.get(after, ())):
            _overlap(week_path, opening, f"{WEEKDAYS[day]} {opening}", other, f"{WEEKDAYS[after]} {other}", problems)
    for day_of_exception, openings in exceptions.items():
        before, following = day_of_exception - timedelta(days=1), day_of_exception + timedelta(days=1)
        if before not in exceptions:
            for opening, other in _run_into(week.get(before.weekday(), ()), openings):
                name = f"{WEEKDAYS[before.weekday()]} {opening}"
                _overlap(exceptions_path, other, f"{day_of_exception} {other}", opening, name, problems)
        next_day = exceptions.get(following, week.get(following.weekday(), ()))
        for opening, other in _run_into(openings, next_day):
            name = f"{following if following in exceptions else WEEKDAYS[following.weekday()]} {other}"
            _overlap(exceptions_path, opening, f"{day_of_exception} {opening}", other, name, problems)


def _run_into(today: _Openings, tomorrow: _Openings) -> Iterator[tuple[_Opening, _Opening]]:
    for opening in (opening for opening in today if opening.interval.closes > DAY):
        for other in tomorrow:
            if other.interval.opens < opening.interval.closes - DAY:
                yield opening, other


def _overlap(path: str, at: _Opening, name: str, other: _Opening, other_name: str, problems: Problems) -> None:
    problems.error(at.place, f"{path}: {name} overlaps {other_name} (line {other.place.line})")


def _length_of_day(hours: TargetHours, day: int) -> int:
    """Minutes from the first opening to the last close of weekday `day`, with the days that adjoin it; 0 if closed."""
    intervals = hours.week.get(day, ())
    if not intervals:
        return 0
    opens, closes = intervals[0].opens, intervals[-1].closes
    for step in range(1, 7):
        following = hours.week.get((day + step) % 7, ())
        if not following or following[0].opens + step * DAY != closes:
            break
        closes = following[-1].closes + step * DAY
    for step in range(1, 7):
        earlier = hours.week.get((day - step) % 7, ())
        if not earlier or earlier[-1].closes - step * DAY != opens:
            break
        opens = earlier[0].opens - step * DAY
    return closes - opens


def _minutes(length: int) -> str:
    return format_duration(timedelta(minutes=length))


def _clock(minutes: int) -> str:
    hour, minute = divmod(minutes if minutes <= DAY else minutes - DAY, 60)
    return f"{hour:02d}:{minute:02d}"

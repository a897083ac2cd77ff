"""Target hours as they are written: weekdays, intervals, exceptions, and what contradicts itself."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from callbackd.domain.hours import Interval, TargetHours

from .config_files import profile_problems, read_profile, target

NINE_TO_FIVE = (Interval(540, 1020),)
FORM = "expected 'closed', an interval such as 09:00-12:00 (overnight: 22:00-06:00), or a list of intervals"


def hours(folder: Path, lines: str) -> TargetHours:
    read = read_profile(folder, target("timezone: America/Toronto\n" + lines)).target.hours
    assert read is not None
    return read


def said(folder: Path, lines: str, rest: str = "") -> list[str]:
    return profile_problems(folder, target("timezone: America/Toronto\n" + lines, rest))


def test_no_hours_is_always_open(tmp_path: Path) -> None:
    read = read_profile(tmp_path, target("timezone: America/Toronto")).target
    assert read.hours is None
    assert read.timezone == "America/Toronto"


def test_hours_of_the_sample(tmp_path: Path) -> None:
    read = hours(
        tmp_path,
        "hours:\n  mon-fri: [09:00-12:00, 13:00-17:00]\n  sat: 10:00-14:00\n"
        "exceptions:\n  2026-12-25: closed\n  2026-12-24: 09:00-12:00",
    )
    weekday = (Interval(540, 720), Interval(780, 1020))
    assert read == TargetHours(
        ZoneInfo("America/Toronto"),
        {0: weekday, 1: weekday, 2: weekday, 3: weekday, 4: weekday, 5: (Interval(600, 840),)},
        {date(2026, 12, 24): (Interval(540, 720),), date(2026, 12, 25): ()},
    )


@pytest.mark.parametrize(
    ("key", "days"),
    [
        ("mon", {0}),
        ("Sunday", {6}),
        ("mon-fri", {0, 1, 2, 3, 4}),
        ("fri-mon", {4, 5, 6, 0}),
        ("sun-sat", {0, 1, 2, 3, 4, 5, 6}),
        ("mon, wed,fri-sat", {0, 2, 4, 5}),
        ("mon - wed", {0, 1, 2}),
        ("tue-tue", {1}),
    ],
)
def test_weekdays(tmp_path: Path, key: str, days: set[int]) -> None:
    assert hours(tmp_path, f"hours: {{'{key}': 09:00-17:00}}").week == dict.fromkeys(days, NINE_TO_FIVE)


@pytest.mark.parametrize(
    ("written", "intervals"),
    [
        ("09:00-17:00", [(540, 1020)]),
        ("9:00 - 17:00", [(540, 1020)]),
        ("00:00-24:00", [(0, 1440)]),
        ("22:00-06:00", [(1320, 1800)]),
        ("22:00-00:00", [(1320, 1440)]),
        ("[13:00-17:00, 09:00-12:00]", [(540, 720), (780, 1020)]),
        ("[09:00-12:00, 12:00-13:00]", [(540, 720), (720, 780)]),
    ],
)
def test_intervals(tmp_path: Path, written: str, intervals: list[tuple[int, int]]) -> None:
    assert hours(tmp_path, f"hours: {{mon: {written}}}").week == {0: tuple(Interval(*i) for i in intervals)}


def test_a_closed_weekday_is_one_left_out(tmp_path: Path) -> None:
    assert hours(tmp_path, "hours: {mon: 09:00-17:00, sun: closed}").week == {0: NINE_TO_FIVE}


def test_days_that_adjoin_around_the_clock(tmp_path: Path) -> None:
    assert hours(tmp_path, "hours: {mon-sun: 00:00-24:00}").week == (dict.fromkeys(range(7), (Interval(0, 1440),)))


def test_an_overnight_interval_may_end_where_the_next_begins(tmp_path: Path) -> None:
    assert said(tmp_path, "hours: {fri: 22:00-06:00, sat: 06:00-12:00}") == []


def test_exceptions_without_hours_are_exceptions_to_always_open(tmp_path: Path) -> None:
    read = hours(tmp_path, "exceptions: {2026-12-25: closed}")
    assert read.week == dict.fromkeys(range(7), (Interval(0, 1440),))
    assert read.exceptions == {date(2026, 12, 25): ()}


@pytest.mark.parametrize("written", ["12:30", "9-5", "09:00", "09:00–12:00", "750", "09:00-12:00-13:00", "[[]]", ""])
def test_what_is_not_an_interval(tmp_path: Path, written: str) -> None:
    [complaint] = said(tmp_path, f"hours:\n  mon: {written}")
    assert complaint.startswith("5:")
    assert complaint.endswith(FORM)


@pytest.mark.parametrize(
    ("written", "complaint"),
    [
        ("24:00-06:00", "found '24:00-06:00'; times run from 00:00 to 23:59, and 24:00 for a close"),
        ("09:60-10:00", "found '09:60-10:00'; times run from 00:00 to 23:59, and 24:00 for a close"),
        ("09:00-24:01", "found '09:00-24:01'; times run from 00:00 to 23:59, and 24:00 for a close"),
        ("09:00-09:00", "found '09:00-09:00'; opens and closes at the same time; all day is 00:00-24:00"),
        ("[]", "found an empty list; write 'closed'"),
        ("clsed", f"found 'clsed'; {FORM}; did you mean 'closed'?"),
    ],
)
def test_what_is_wrong_with_an_interval(tmp_path: Path, written: str, complaint: str) -> None:
    assert said(tmp_path, f"hours:\n  mon: {written}") == [f"5:10: target.hours 'mon': {complaint}"]


def test_a_time_is_never_a_number(tmp_path: Path) -> None:
    [complaint] = said(tmp_path, "hours: {mon: 12:30}")
    assert "found '12:30'" in complaint


def test_a_weekday_named_twice(tmp_path: Path) -> None:
    assert said(tmp_path, "hours:\n  mon-fri: 09:00-17:00\n  tue: 10:00-12:00\n  Friday: closed") == [
        "6:5: target.hours: tue is named twice: by 'mon-fri' on line 5 and by 'tue' on line 6",
        "7:5: target.hours: fri is named twice: by 'mon-fri' on line 5 and by 'Friday' on line 7",
    ]


@pytest.mark.parametrize(
    ("key", "complaint"),
    [
        ("fryday", "did you mean 'friday'?"),
        ("mon-wed-fri", "a range has two ends, such as mon-fri"),
        ("mon, mon-fri", "names a weekday twice"),
        ("1", "a list (mon, wed)"),
    ],
)
def test_what_is_not_a_weekday(tmp_path: Path, key: str, complaint: str) -> None:
    [found] = said(tmp_path, f"hours:\n  '{key}': 09:00-17:00")
    assert found.startswith(f"5:5: target.hours: found '{key}'; ")
    assert found.endswith(complaint)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            "hours: {mon: [09:00-12:00, 11:00-13:00]}",
            "4:30: target.hours 'mon': 11:00-13:00 overlaps 09:00-12:00 (line 4)",
        ),
        (
            "hours:\n  fri: 22:00-06:00\n  sat: 05:00-12:00",
            "5:10: target.hours: fri 22:00-06:00 overlaps sat 05:00-12:00 (line 6)",
        ),
        (
            "hours:\n  sun: 22:00-06:00\n  mon: 05:59-12:00",
            "5:10: target.hours: sun 22:00-06:00 overlaps mon 05:59-12:00 (line 6)",
        ),
        (
            "hours:\n  thu: 22:00-06:00\nexceptions:\n  2026-12-25: 04:00-12:00",
            "7:17: target.exceptions: 2026-12-25 04:00-12:00 overlaps thu 22:00-06:00 (line 5)",
        ),
        (
            "hours:\n  fri: 09:00-12:00\nexceptions:\n  2026-12-24: 20:00-10:00",
            "7:17: target.exceptions: 2026-12-24 20:00-10:00 overlaps fri 09:00-12:00 (line 5)",
        ),
        (
            "hours:\n  fri: 09:00-12:00\nexceptions:\n  2026-12-24: 20:00-05:00\n  2026-12-25: 04:00-05:00",
            "7:17: target.exceptions: 2026-12-24 20:00-05:00 overlaps 2026-12-25 04:00-05:00 (line 8)",
        ),
        (
            "hours: {fri: 09:00-12:00}\nexceptions:\n  2026-12-24: [09:00-12:00, 10:00-11:00]",
            "6:31: target.exceptions '2026-12-24': 10:00-11:00 overlaps 09:00-12:00 (line 6)",
        ),
    ],
)
def test_overlaps(tmp_path: Path, lines: str, complaint: str) -> None:
    assert said(tmp_path, lines) == [complaint]


def test_an_exception_can_clear_the_way_for_a_night(tmp_path: Path) -> None:
    lines = "hours: {fri: 09:00-12:00}\nexceptions: {2026-12-24: 20:00-10:00, 2026-12-25: closed}"
    assert said(tmp_path, lines) == []


@pytest.mark.parametrize("day", ["2026-02-30", "25.12.2026", "2026-12-5", "20261225", "christmas", "0001-01-01"])
def test_what_is_not_a_date(tmp_path: Path, day: str) -> None:
    assert said(tmp_path, f"exceptions:\n  {day}: closed") == [
        f"5:5: target.exceptions: found '{day}'; expected a date such as 2026-12-25"
    ]


def test_the_same_date_twice(tmp_path: Path) -> None:
    assert said(tmp_path, "exceptions:\n  2026-12-25: closed\n  2026-12-25: 09:00-12:00") == [
        "6:5: duplicate key '2026-12-25': first on line 5, again on line 6"
    ]


@pytest.mark.parametrize(
    ("zone", "meant"),
    [
        ("America/Tornto", "; did you mean 'America/Toronto'?"),
        ("america/toronto", "; did you mean 'America/Toronto'?"),
        ("Toronto", "; did you mean 'America/Toronto'?"),
        ("../etc/passwd", ""),
        ("right/Europe/Paris", "; did you mean 'Europe/Paris'?"),
        ("Nowhere/Zzyzx", ""),
    ],
)
def test_an_impossible_zone(tmp_path: Path, zone: str, meant: str) -> None:
    [complaint] = profile_problems(tmp_path, target(f"timezone: {zone}"))
    expected = "expected an IANA time zone such as America/Toronto"
    assert complaint == f"3:13: target.timezone: found '{zone}'; {expected}{meant}"


@pytest.mark.parametrize("zone", ["localtime", "Factory", "America", "posix/Europe/Paris"])
def test_names_that_only_look_like_zones(tmp_path: Path, zone: str) -> None:
    [complaint] = profile_problems(tmp_path, target(f"timezone: {zone}"))
    assert complaint.startswith(f"3:13: target.timezone: found '{zone}'; expected an IANA time zone")


@pytest.mark.parametrize("key", ["hours: {mon: 09:00-17:00}", "exceptions: {2026-12-25: closed}"])
def test_hours_need_a_timezone(tmp_path: Path, key: str) -> None:
    name = key.partition(":")[0]
    [complaint] = profile_problems(tmp_path, target(key))
    assert complaint.endswith(f"target.{name} needs target.timezone, an IANA time zone such as America/Toronto")


@pytest.mark.parametrize("written", ["", "{}", "[mon]", "always"])
def test_hours_that_name_no_day_are_not_always_open(tmp_path: Path, written: str) -> None:
    [complaint] = said(tmp_path, f"hours: {written}")
    assert complaint.endswith("expected weekdays, such as mon-fri: 09:00-17:00; leave it out to be always open")


class TestCutOffAndTheDay:
    """A cut-off longer than a weekday would mean that nothing is ever rescheduled on it."""

    def test_longer_than_a_weekday(self, tmp_path: Path) -> None:
        lines = "hours: {mon-thu: 09:00-17:00, fri: 09:00-12:00, sat: [09:00-10:00, 11:00-13:30]}"
        assert said(tmp_path, lines, "rescheduling: {cut_off: 5h}") == [
            "6:25: rescheduling.cut_off: found 5h; longer than the day from first opening to last close: "
            "fri (3h), sat (4h30m)"
        ]

    def test_as_long_as_the_day(self, tmp_path: Path) -> None:
        assert said(tmp_path, "hours: {mon: 09:00-17:00}", "rescheduling: {cut_off: 8h}") == []

    def test_days_that_adjoin_are_one(self, tmp_path: Path) -> None:
        lines = "hours: {mon: 20:00-24:00, tue: 00:00-04:00}"
        assert said(tmp_path, lines, "rescheduling: {cut_off: 8h}") == []
        assert len(said(tmp_path, lines, "rescheduling: {cut_off: 8h1m}")) == 1

    def test_longer_than_an_exceptional_day(self, tmp_path: Path) -> None:
        lines = "hours: {mon-fri: 09:00-17:00}\nexceptions: {2026-12-24: 09:00-11:00, 2026-12-25: closed}"
        assert said(tmp_path, lines, "rescheduling: {cut_off: 3h}") == [
            "7:25: warning: rescheduling.cut_off: longer than the exceptional day 2026-12-24: "
            "nothing is rescheduled on it"
        ]

    def test_without_hours(self, tmp_path: Path) -> None:
        assert said(tmp_path, "max_concurrent: 1", "rescheduling: {cut_off: 3h}") == [
            "6:25: warning: rescheduling.cut_off: has nothing to bind: the target has no hours, it never closes"
        ]

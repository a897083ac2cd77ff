"""Both changes of the clock: a time that does not exist moves forward, one that comes twice opens early, shuts late."""

from __future__ import annotations

from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from callbackd.domain.hours import TargetHours
from tests.domain.office import BERLIN, EVERY_DAY, LORD_HOWE, TORONTO, at, hours, wall

HOUR = timedelta(hours=1)

# (zone, spring date, autumn date): the gap is 02:00-03:00, in Lord Howe 02:00-02:30; what comes twice is 01:00-02:00
# in Toronto, 02:00-03:00 in Berlin, 01:30-02:00 in Lord Howe.
SPRING = [(TORONTO, "2026-03-08"), (BERLIN, "2026-03-29"), (LORD_HOWE, "2026-10-04")]


@pytest.mark.parametrize(("zone", "day"), SPRING)
class TestSpring:
    def test_an_opening_that_does_not_exist_moves_to_the_first_time_that_does(self, zone: ZoneInfo, day: str) -> None:
        early = hours("02:10-08:00", EVERY_DAY, zone)
        gap_ends = at(f"{day} 01:59", zone) + timedelta(minutes=1)
        assert early.next_opening(at(f"{day} 01:00", zone)) == gap_ends
        assert not early.is_open(gap_ends - timedelta(seconds=1))

    def test_a_close_that_does_not_exist_moves_to_the_first_time_that_does(self, zone: ZoneInfo, day: str) -> None:
        late = hours("00:00-02:10", EVERY_DAY, zone)
        gap_ends = at(f"{day} 01:59", zone) + timedelta(minutes=1)
        assert late.closes_at(at(f"{day} 01:00", zone)) == gap_ends

    def test_hours_that_lie_in_the_gap_do_not_open_that_day(self, zone: ZoneInfo, day: str) -> None:
        odd = hours("02:05-02:25", EVERY_DAY, zone)
        assert odd.spans(date.fromisoformat(day)) == ()
        opening = odd.next_opening(at(f"{day} 01:00", zone))
        assert opening == at(f"{date.fromisoformat(day) + timedelta(days=1)} 02:05", zone)

    def test_a_night_around_the_clock_stays_open(self, zone: ZoneInfo, day: str) -> None:
        always = hours("00:00-24:00", EVERY_DAY, zone)
        assert all(always.is_open(at(f"{day} 01:00", zone) + timedelta(minutes=15 * n)) for n in range(16))
        assert always.closes_at(at(f"{day} 01:00", zone)) is None

    def test_the_days_hours_keep_to_the_wall(self, zone: ZoneInfo, day: str) -> None:
        usual = hours("09:00-17:00", EVERY_DAY, zone)
        opening = usual.next_opening(at(f"{day} 00:30", zone))
        assert wall(opening, zone) == f"{day} 09:00 " + (wall(at(f"{day} 12:00", zone), zone) or "").split()[2]


@pytest.mark.parametrize(
    ("zone", "day", "twice"),
    [(TORONTO, "2026-11-01", "01:45"), (BERLIN, "2026-10-25", "02:45"), (LORD_HOWE, "2026-04-05", "01:45")],
)
class TestAutumn:
    def test_a_time_that_comes_twice_opens_at_its_first(self, zone: ZoneInfo, day: str, twice: str) -> None:
        night = hours(f"{twice}-08:00", EVERY_DAY, zone)
        first, second = at(f"{day} {twice}", zone, fold=0), at(f"{day} {twice}", zone, fold=1)
        assert first < second
        assert night.next_opening(at(f"{day} 00:30", zone)) == first
        assert all(night.is_open(first + n * (second - first) / 8) for n in range(9))

    def test_and_closes_at_its_second(self, zone: ZoneInfo, day: str, twice: str) -> None:
        night = hours(f"00:00-{twice}", EVERY_DAY, zone)
        second = at(f"{day} {twice}", zone, fold=1)
        assert night.closes_at(at(f"{day} 00:30", zone)) == second
        assert night.is_open(second - timedelta(seconds=1))
        assert not night.is_open(second)

    def test_a_night_around_the_clock_stays_open(self, zone: ZoneInfo, day: str, twice: str) -> None:
        always = hours("00:00-24:00", EVERY_DAY, zone)
        assert all(always.is_open(at(f"{day} 00:00", zone) + timedelta(minutes=15 * n)) for n in range(30))
        assert always.last_close(date.fromisoformat(day)) is None

    def test_overnight_across_the_change(self, zone: ZoneInfo, day: str, twice: str) -> None:
        night = hours("22:00-06:00", EVERY_DAY, zone)
        eve = date.fromisoformat(day) - timedelta(days=1)
        span = night.spans(eve)[0]
        assert span.closes - span.opens > timedelta(hours=8)
        assert night.business_day_of(at(f"{day} {twice}", zone, fold=1)) == eve


def test_how_long_the_night_is() -> None:
    night = hours("22:00-06:00", EVERY_DAY)
    lengths = {
        day: night.spans(date.fromisoformat(day))[0].closes - night.spans(date.fromisoformat(day))[0].opens
        for day in ("2026-03-07", "2026-06-01", "2026-10-31")
    }
    assert lengths == {"2026-03-07": 7 * HOUR, "2026-06-01": 8 * HOUR, "2026-10-31": 9 * HOUR}


def test_lord_howe_changes_by_half_an_hour() -> None:
    night = hours("22:00-06:00", EVERY_DAY, LORD_HOWE)
    spring, autumn = night.spans(date(2026, 10, 3))[0], night.spans(date(2026, 4, 4))[0]
    assert spring.closes - spring.opens == timedelta(hours=7, minutes=30)
    assert autumn.closes - autumn.opens == timedelta(hours=8, minutes=30)


def test_a_change_at_midnight() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 00:00 becomes 01:00 on 29 March 2026
    always = hours("00:00-24:00", EVERY_DAY, beirut)
    assert always.last_close(date(2026, 3, 28)) is None
    opening = hours("00:00-12:00", EVERY_DAY, beirut).next_opening(at("2026-03-28 20:00", beirut))
    assert wall(opening, beirut) == "2026-03-29 01:00 EEST"


def test_a_day_that_the_zone_skipped() -> None:
    apia = ZoneInfo("Pacific/Apia")  # 30 December 2011 did not take place
    always = TargetHours(apia, hours("00:00-24:00", EVERY_DAY).week)
    assert always.spans(date(2011, 12, 30)) == ()
    assert always.closes_at(at("2011-12-29 12:00", apia)) is None
    office = hours("09:00-17:00", EVERY_DAY, apia)
    assert wall(office.next_opening(at("2011-12-29 18:00", apia)), apia) == "2011-12-31 09:00 +14"

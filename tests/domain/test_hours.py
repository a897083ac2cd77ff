"""Target hours: half-open intervals, overnight, exceptions, and days that adjoin around the clock."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from callbackd.domain.hours import (
    Interval,
    TargetHours,
    closes_at,
    elapsed,
    is_open,
    next_opening,
    wall_clock,
)
from tests.domain.office import BERLIN, EVERY_DAY, OFFICE, TORONTO, at, hours, wall

MONDAY = date(2026, 11, 2)


class TestIntervalsAreHalfOpen:
    def test_open_at_its_first_instant(self) -> None:
        assert OFFICE.is_open(at("Mon 09:00"))
        assert not OFFICE.is_open(at("Mon 09:00") - timedelta(microseconds=1))

    def test_shut_at_its_last(self) -> None:
        assert not OFFICE.is_open(at("Mon 17:00"))
        assert OFFICE.is_open(at("Mon 17:00") - timedelta(microseconds=1))

    def test_shut_at_lunch(self) -> None:
        assert not OFFICE.is_open(at("Mon 12:00"))
        assert not OFFICE.is_open(at("Mon 12:59"))
        assert OFFICE.is_open(at("Mon 13:00"))

    def test_a_weekday_that_is_not_named_is_closed(self) -> None:
        assert not OFFICE.is_open(at("Sat 10:00"))

    def test_intervals_that_touch_are_one(self) -> None:
        touching = hours("09:00-12:00 12:00-17:00")
        assert touching.is_open(at("Mon 12:00"))
        assert wall(touching.closes_at(at("Mon 10:00"))) == "2026-11-02 17:00 EST"
        assert len(touching.spans(MONDAY)) == 1

    def test_the_order_in_which_they_were_written_does_not_matter(self) -> None:
        backwards = TargetHours(TORONTO, {0: (Interval(780, 1020), Interval(540, 720))})
        assert backwards.spans(MONDAY) == OFFICE.spans(MONDAY)


class TestNextOpening:
    @pytest.mark.parametrize(
        ("asked", "opens"),
        [
            ("Mon 10:00", "2026-11-02 10:00 EST"),
            ("Mon 08:00", "2026-11-02 09:00 EST"),
            ("Mon 09:00", "2026-11-02 09:00 EST"),
            ("Mon 12:30", "2026-11-02 13:00 EST"),
            ("Mon 17:00", "2026-11-03 09:00 EST"),
            ("Fri 17:00", "2026-11-09 09:00 EST"),
            ("Sun 00:00", "2026-11-09 09:00 EST"),
        ],
    )
    def test_at_itself_if_open_else_the_next(self, asked: str, opens: str) -> None:
        assert wall(OFFICE.next_opening(at(asked))) == opens

    def test_what_comes_out_is_utc(self) -> None:
        open_now = OFFICE.next_opening(at("Mon 10:00").astimezone(BERLIN))
        assert open_now is not None
        assert open_now.tzinfo is UTC

    def test_never(self) -> None:
        assert TargetHours(TORONTO).next_opening(at("Mon 10:00")) is None
        assert hours("closed").next_opening(at("Mon 10:00")) is None

    def test_exceptions_alone_can_open(self) -> None:
        fair = TargetHours(TORONTO, {}, {date(2031, 5, 1): (Interval(600, 720),)})
        assert wall(fair.next_opening(at("Mon 10:00"))) == "2031-05-01 10:00 EDT"
        assert fair.next_opening(at("2031-05-01 12:00")) is None

    def test_a_year_of_holidays_is_not_for_ever(self) -> None:
        shut = {(MONDAY + timedelta(days=day)).isoformat(): "closed" for day in range(500)}
        opening = hours(exceptions=shut).next_opening(at("Mon 10:00"))
        assert wall(opening) == "2028-03-16 09:00 EDT"


class TestExceptionsReplaceTheDatesHours:
    def test_closed(self) -> None:
        christmas = hours(exceptions={"2026-11-03": "closed"})
        assert not christmas.is_open(at("Tue 10:00"))
        assert wall(christmas.next_opening(at("Mon 18:00"))) == "2026-11-04 09:00 EST"

    def test_other_hours(self) -> None:
        short = hours(exceptions={"2026-11-03": "10:00-11:00"})
        assert not short.is_open(at("Tue 09:30"))
        assert short.is_open(at("Tue 10:30"))
        assert not short.is_open(at("Tue 14:00"))

    def test_a_day_that_is_closed_by_the_week_can_open(self) -> None:
        assert hours(exceptions={"2026-11-07": "10:00-14:00"}).is_open(at("Sat 13:00"))

    def test_the_night_before_runs_on_into_an_exception(self) -> None:
        night = hours("22:00-06:00", EVERY_DAY, exceptions={"2026-11-03": "closed"})
        assert night.is_open(at("Tue 05:59"))
        assert not night.is_open(at("Tue 23:00"))
        assert not night.is_open(at("Wed 05:00"))


class TestOvernightBelongsToTheDayItOpens:
    NIGHT = hours("22:00-06:00")

    def test_open_past_midnight(self) -> None:
        assert self.NIGHT.is_open(at("Tue 02:00"))
        assert self.NIGHT.is_open(at("Sat 05:59"))
        assert not self.NIGHT.is_open(at("Mon 02:00"))

    def test_business_day(self) -> None:
        assert self.NIGHT.business_day_of(at("Tue 02:00")) == MONDAY
        assert self.NIGHT.business_day_of(at("Mon 23:00")) == MONDAY
        assert self.NIGHT.business_day_of(at("Tue 22:00")) == date(2026, 11, 3)

    def test_last_close_is_on_the_next_morning(self) -> None:
        assert wall(self.NIGHT.last_close(MONDAY)) == "2026-11-03 06:00 EST"

    def test_outside_hours_the_date_on_the_wall_decides(self) -> None:
        assert self.NIGHT.business_day_of(at("Tue 12:00")) == date(2026, 11, 3)


class TestLastClose:
    def test_the_last_of_the_day_not_the_next(self) -> None:
        assert wall(OFFICE.last_close(MONDAY)) == "2026-11-02 17:00 EST"

    def test_a_day_without_hours_has_none(self) -> None:
        assert OFFICE.last_close(date(2026, 11, 7)) is None

    def test_midnight_is_a_close_if_the_next_day_opens_later(self) -> None:
        assert wall(hours("12:00-24:00").last_close(MONDAY)) == "2026-11-03 00:00 EST"


class TestDaysThatAdjoinAroundTheClock:
    ALWAYS = hours("00:00-24:00", EVERY_DAY)

    def test_never_close(self) -> None:
        assert self.ALWAYS.last_close(MONDAY) is None
        assert self.ALWAYS.closes_at(at("Mon 10:00")) is None
        assert self.ALWAYS.is_open(at("Tue 00:00"))

    def test_in_shifts(self) -> None:
        shifts = hours("06:00-14:00 14:00-22:00 22:00-06:00", EVERY_DAY)
        assert shifts.last_close(MONDAY) is None
        assert shifts.closes_at(at("Mon 10:00")) is None

    def test_five_days_close_once(self) -> None:
        five = hours("00:00-24:00")
        assert wall(five.last_close(MONDAY)) == "2026-11-07 00:00 EST"
        assert wall(five.closes_at(at("Wed 10:00"))) == "2026-11-07 00:00 EST"

    def test_an_exception_ends_it(self) -> None:
        but_christmas = hours("00:00-24:00", EVERY_DAY, exceptions={"2026-12-25": "closed", "2026-01-01": "closed"})
        assert wall(but_christmas.last_close(MONDAY)) == "2026-12-25 00:00 EST"
        assert wall(but_christmas.closes_at(at("Mon 10:00"))) == "2026-12-25 00:00 EST"
        assert but_christmas.closes_at(at("2026-12-26 00:00")) is None

    def test_an_exception_that_is_open_all_day_does_not(self) -> None:
        still = hours("00:00-24:00", EVERY_DAY, exceptions={"2026-12-24": "00:00-24:00", "2026-12-25": "00:00-09:00"})
        assert wall(still.closes_at(at("Mon 10:00"))) == "2026-12-25 09:00 EST"

    def test_an_exception_tomorrow_ends_it_tomorrow(self) -> None:
        soon = hours("00:00-24:00", EVERY_DAY, exceptions={"2026-11-03": "closed"})
        assert wall(soon.closes_at(at("Mon 10:00"))) == "2026-11-03 00:00 EST"

    def test_a_break_closes_but_does_not_end_the_day(self) -> None:
        with_break = hours("00:00-12:00 13:00-24:00", EVERY_DAY)
        assert wall(with_break.closes_at(at("Mon 20:00"))) == "2026-11-03 12:00 EST"
        assert with_break.last_close(MONDAY) is None


class TestClosesAt:
    def test_when_open_the_close_to_come(self) -> None:
        assert wall(OFFICE.closes_at(at("Mon 10:00"))) == "2026-11-02 12:00 EST"

    def test_when_shut_the_close_after_the_next_opening(self) -> None:
        assert wall(OFFICE.closes_at(at("Sat 10:00"))) == "2026-11-09 12:00 EST"

    def test_overnight(self) -> None:
        assert wall(hours("22:00-06:00").closes_at(at("Mon 23:00"))) == "2026-11-03 06:00 EST"

    def test_never_open_never_closes(self) -> None:
        assert TargetHours(TORONTO).closes_at(at("Mon 10:00")) is None


class TestNoHours:
    def test_are_always_open(self) -> None:
        instant = at("Sun 03:00")
        assert is_open(None, instant)
        assert next_opening(None, instant) == instant
        assert closes_at(None, instant) is None

    def test_and_with_hours_the_same_questions_are_the_targets(self) -> None:
        assert not is_open(OFFICE, at("Sun 03:00"))
        assert wall(next_opening(OFFICE, at("Sun 03:00"))) == "2026-11-09 09:00 EST"
        assert wall(closes_at(OFFICE, at("Mon 09:00"))) == "2026-11-02 12:00 EST"


class TestNaiveTimesAreRefused:
    NAIVE = datetime(2026, 11, 2, 10, 0)  # noqa: DTZ001

    def test_everywhere(self) -> None:
        for ask in (OFFICE.is_open, OFFICE.next_opening, OFFICE.closes_at, OFFICE.business_day_of, OFFICE.date_of):
            with pytest.raises(ValueError, match="without a zone"):
                ask(self.NAIVE)
        for ask_any in (is_open, next_opening):
            with pytest.raises(ValueError, match="without a zone"):
                ask_any(None, self.NAIVE)

    def test_and_so_is_the_end_of_the_calendar(self) -> None:
        with pytest.raises(ValueError, match="years"):
            OFFICE.next_opening(datetime.max.replace(tzinfo=UTC))
        with pytest.raises(ValueError, match="years"):
            OFFICE.is_open(datetime.min.replace(tzinfo=UTC))


class TestWords:
    def test_wall_clock_with_the_zones_abbreviation(self) -> None:
        assert wall_clock(at("Mon 16:30"), TORONTO) == "Mon 2 Nov 2026 16:30 EST"
        assert wall_clock(at("2026-07-01 09:00"), TORONTO) == "Wed 1 Jul 2026 09:00 EDT"

    def test_seconds_when_there_are_any(self) -> None:
        assert wall_clock(at("Mon 16:30") + timedelta(seconds=5), BERLIN) == "Mon 2 Nov 2026 22:30:05 CET"

    @pytest.mark.parametrize(
        ("duration", "written"),
        [
            (timedelta(0), "0s"),
            (timedelta(seconds=90), "1m30s"),
            (timedelta(minutes=90), "1h30m"),
            (timedelta(days=7), "7d"),
            (timedelta(seconds=-5), "0s"),
        ],
    )
    def test_durations_as_a_profile_writes_them(self, duration: timedelta, written: str) -> None:
        assert elapsed(duration) == written


def test_what_was_worked_out_is_not_kept_without_bound() -> None:
    busy = hours()
    for day in range(3000):
        busy.is_open(at("Mon 10:00") + timedelta(days=day))
    assert len(busy._known) <= 1000
    assert busy == OFFICE

"""Expiry: nothing rolls on for ever, and nothing expires before it had its day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from callbackd.domain.expiry import expires_at
from callbackd.domain.hours import TargetHours
from tests.domain.office import EVERY_DAY, TORONTO, at, hours, profile

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def test_seven_days_by_default() -> None:
    assert expires_at(profile(), at("Mon 10:00")) == at("Mon 10:00") + 7 * DAY


def test_elapsed_time_not_days_on_the_wall() -> None:
    asked = at("2026-10-30 10:00")
    assert expires_at(profile(), asked) == at("2026-11-06 09:00")


@pytest.mark.parametrize(
    ("asked", "expires"),
    [
        ("Mon 10:00", "Mon 17:00"),
        ("Mon 16:59", "Mon 17:59"),
        ("Mon 17:00", "Tue 17:00"),
        ("Mon 12:30", "Mon 17:00"),
        ("Fri 18:00", "2026-11-09 17:00"),
        ("Sun 03:00", "2026-11-09 17:00"),
    ],
)
def test_never_before_the_first_business_day_has_closed(asked: str, expires: str) -> None:
    assert expires_at(profile(expire_after=HOUR), at(asked)) == at(expires)


def test_a_holiday_is_no_business_day() -> None:
    rules = profile(expire_after=HOUR, target_hours=hours(exceptions={"2026-11-03": "closed"}))
    assert expires_at(rules, at("Mon 18:00")) == at("Wed 17:00")


def test_a_night_closes_in_the_morning() -> None:
    rules = profile(expire_after=HOUR, target_hours=hours("22:00-06:00", EVERY_DAY))
    assert expires_at(rules, at("Mon 20:00")) == at("Tue 06:00")
    assert expires_at(rules, at("Tue 03:00")) == at("Tue 06:00")


def test_where_it_could_be_dialled_later_only() -> None:
    rules = profile(expire_after=HOUR)
    assert expires_at(rules, at("Mon 16:59"), due_at=at("Tue 09:00")) == at("Tue 17:00")
    assert expires_at(rules, at("Mon 10:00"), due_at=at("Mon 09:00")) == at("Mon 17:00")


def test_always_open() -> None:
    for always in (None, hours("00:00-24:00", EVERY_DAY)):
        rules = profile(expire_after=HOUR, target_hours=always)
        assert expires_at(rules, at("Sun 03:00")) == at("Sun 04:00")


def test_open_for_months_is_not_waiting_for_months() -> None:
    rules = profile(
        expire_after=HOUR, target_hours=hours("00:00-24:00", EVERY_DAY, exceptions={"2026-12-25": "closed"})
    )
    assert expires_at(rules, at("Mon 10:00")) == at("Tue 00:00")
    assert expires_at(rules, at("2026-12-25 10:00")) == at("2026-12-27 00:00")


def test_a_target_that_never_opens() -> None:
    assert expires_at(profile(expire_after=HOUR, target_hours=TargetHours(TORONTO)), at("Mon 10:00")) == at("Mon 11:00")


def test_longer_than_the_calendar() -> None:
    assert expires_at(profile(expire_after=timedelta.max), at("Mon 10:00")).year == 9000


def test_naive_times_are_refused() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        expires_at(profile(), datetime(2026, 11, 2, 10, 0))  # noqa: DTZ001
    assert expires_at(profile(), at("Mon 10:00").astimezone(TORONTO)).tzinfo is UTC

"""The worked examples: Toronto, Mon-Fri 09:00-12:00 and 13:00-17:00, delay 30 min, cut-off 30 min, from 2 Nov 2026."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callbackd.domain.callback import Outcome, Reschedules, State
from callbackd.domain.hours import TargetHours
from callbackd.domain.profile import AfterCutOff
from callbackd.domain.reschedule import End, MakeOffer, Retry, after_attempt
from tests.domain.office import OFFICE, at, hours, profile

MONDAY_CLOSED = hours(exceptions={"2026-11-09": "closed"})
NONE = timedelta(0)
HALF_HOUR = timedelta(minutes=30)

INSIDE = [("Mon 10:00", "Mon 10:30"), ("Mon 16:00", "Mon 16:30"), ("Mon 08:45", "Mon 09:15")]
MOVED_THE_SAME_DAY = [("Mon 11:45", "Mon 13:00"), ("Mon 08:00", "Mon 09:00"), ("Mon 11:30", "Mon 13:00")]
PAST = [
    ("Mon 16:01", "Tue 09:00", OFFICE, HALF_HOUR),
    ("Fri 16:45", "2026-11-09 09:00", OFFICE, HALF_HOUR),
    ("Fri 16:45", "2026-11-10 09:00", MONDAY_CLOSED, HALF_HOUR),
    ("Mon 16:30", "Tue 09:00", OFFICE, NONE),
]


@pytest.mark.parametrize(("ended", "due"), INSIDE + MOVED_THE_SAME_DAY)
@pytest.mark.parametrize("after_cut_off", AfterCutOff)
def test_accepted_or_moved_the_same_day(ended: str, due: str, after_cut_off: AfterCutOff) -> None:
    decision = after_attempt(
        profile(after_cut_off=after_cut_off),
        outcome=Outcome.CLIENT_BUSY,
        armed=False,
        reschedules=Reschedules(),
        ended_at=at(ended),
    )
    assert isinstance(decision, Retry)
    assert decision.due == at(due)


@pytest.mark.parametrize(("ended", "due", "target", "cut_off"), PAST)
def test_past_it_moved_to_a_later_day(ended: str, due: str, target: TargetHours, cut_off: timedelta) -> None:
    decision = after_attempt(
        profile(target_hours=target, cut_off=cut_off),
        outcome=Outcome.CLIENT_BUSY,
        armed=False,
        reschedules=Reschedules(),
        ended_at=at(ended),
    )
    assert isinstance(decision, Retry)
    assert decision.due == at(due)


@pytest.mark.parametrize(("ended", "due", "target", "cut_off"), PAST)
def test_past_it_dropped(ended: str, due: str, target: TargetHours, cut_off: timedelta) -> None:
    decision = after_attempt(
        profile(target_hours=target, cut_off=cut_off, after_cut_off=AfterCutOff.DROP),
        outcome=Outcome.CLIENT_BUSY,
        armed=False,
        reschedules=Reschedules(),
        ended_at=at(ended),
    )
    assert isinstance(decision, End)
    assert decision.disposition is State.CUT_OFF


@pytest.mark.parametrize("used_up", [Reschedules(auto=2), Reschedules(agent=2), Reschedules(auto=1, agent=1)])
def test_two_used_of_max_two(used_up: Reschedules) -> None:
    for client in (False, True):
        decision = after_attempt(
            profile(client=client),
            outcome=Outcome.CLIENT_BUSY,
            armed=False,
            reschedules=used_up,
            ended_at=at("Mon 10:00"),
        )
        if client:
            assert isinstance(decision, MakeOffer)
        else:
            assert isinstance(decision, End)
            assert decision.disposition is State.EXHAUSTED

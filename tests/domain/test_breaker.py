"""The route breaker: three in a row on different numbers mean our route, not their phones."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbackd.domain.breaker import Breaker, Change, Verdict, after_client_leg, may_dial, pause_after
from callbackd.domain.callback import ROUTE_SUSPECT, Outcome
from tests.domain.office import at

TEN = at("Mon 10:00")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)

INVALID = Outcome.CLIENT_INVALID
REJECTED = Outcome.CLIENT_REJECTED
FAILED = Outcome.ROUTE_FAILED


def run(*legs: tuple[str, Outcome], breaker: Breaker | None = None) -> tuple[Breaker, Verdict]:
    """Client legs, a second apart: (letter of the number and of its call-back, outcome)."""
    breaker, verdict = breaker or Breaker(), Verdict()
    for n, (letter, outcome) in enumerate(legs):
        breaker, verdict = after_client_leg(breaker, f"+1416555010{letter}", letter, outcome, TEN + n * SECOND)
    return breaker, verdict


class TestClosed:
    def test_dials_freely(self) -> None:
        assert may_dial(Breaker(), TEN, probing_now=False)
        assert may_dial(Breaker(), TEN, probing_now=True)

    @pytest.mark.parametrize("outcome", sorted(ROUTE_SUSPECT))
    def test_two_are_not_enough(self, outcome: Outcome) -> None:
        breaker, verdict = run(("1", outcome), ("2", outcome))
        assert not breaker.is_open
        assert verdict == Verdict(Change.NOTHING)

    def test_three_of_any_sort_open_it_and_pause_for_a_minute(self) -> None:
        breaker, verdict = run(("1", REJECTED), ("2", FAILED), ("3", INVALID))
        assert verdict.change is Change.OPENED
        assert breaker.open_until == TEN + 2 * SECOND + MINUTE

    def test_the_same_number_again_is_not_another(self) -> None:
        breaker, _ = run(("1", FAILED), ("1", FAILED), ("1", FAILED), ("2", FAILED), ("1", FAILED))
        assert not breaker.is_open

    def test_the_same_number_between_does_not_break_the_run(self) -> None:
        breaker, _ = run(("1", FAILED), ("1", FAILED), ("2", FAILED), ("1", FAILED), ("3", FAILED))
        assert breaker.is_open

    @pytest.mark.parametrize(
        "other",
        [
            Outcome.ANSWERED,
            Outcome.CLIENT_BUSY,
            Outcome.CLIENT_NO_ANSWER,
            Outcome.CLIENT_UNREACHABLE,
            Outcome.CLIENT_MACHINE,
        ],
    )
    def test_any_other_client_outcome_resets_it(self, other: Outcome) -> None:
        breaker, verdict = run(("1", FAILED), ("2", FAILED), ("4", other))
        assert breaker == Breaker()
        assert verdict == Verdict(Change.NOTHING)
        assert not run(("1", FAILED), ("2", FAILED), ("4", other), ("3", FAILED))[0].is_open

    @pytest.mark.parametrize("silent", [Outcome.AGENT_LEFT, Outcome.CANCELLED, Outcome.INTERRUPTED, Outcome.WITHHELD])
    def test_what_says_nothing_of_the_route_changes_nothing(self, silent: Outcome) -> None:
        assert run(("1", FAILED), ("2", FAILED), ("4", silent), ("3", FAILED))[0].is_open


class TestPutBack:
    def test_those_whose_invalid_belongs_to_the_run(self) -> None:
        _, verdict = run(("1", INVALID), ("2", REJECTED), ("3", INVALID))
        assert verdict.put_back == ("1", "3")

    def test_not_those_of_before_the_run(self) -> None:
        _, verdict = run(("0", INVALID), ("4", Outcome.CLIENT_BUSY), ("1", INVALID), ("2", FAILED), ("3", FAILED))
        assert verdict.put_back == ("1",)

    def test_the_latest_of_a_number_counts(self) -> None:
        breaker, _ = after_client_leg(Breaker(), "+14165550101", "old", INVALID, TEN)
        breaker, _ = after_client_leg(breaker, "+14165550101", "new", FAILED, TEN)
        breaker, _ = after_client_leg(breaker, "+14165550102", "b", INVALID, TEN)
        _, verdict = after_client_leg(breaker, "+14165550103", "c", FAILED, TEN)
        assert verdict.put_back == ("b",)

    def test_a_probe_that_is_invalid_too(self) -> None:
        breaker, _ = run(("1", FAILED), ("2", FAILED), ("3", FAILED))
        assert breaker.open_until is not None
        _, verdict = after_client_leg(breaker, "+14165550104", "4", INVALID, breaker.open_until)
        assert verdict == Verdict(Change.STILL_OPEN, ("4",))

    def test_a_call_that_was_already_out_belongs_to_the_run_and_is_no_probe(self) -> None:
        breaker, _ = run(("1", FAILED), ("2", FAILED), ("3", FAILED))
        after, verdict = after_client_leg(breaker, "+14165550104", "4", INVALID, TEN + 10 * SECOND)
        assert verdict == Verdict(Change.STILL_OPEN, ("4",))
        assert after == breaker


class TestOpen:
    OPEN = run(("1", FAILED), ("2", FAILED), ("3", FAILED))[0]

    def test_nobody_dials_during_the_pause(self) -> None:
        assert self.OPEN.open_until is not None
        assert not may_dial(self.OPEN, self.OPEN.open_until - SECOND, probing_now=False)

    def test_then_one_call_back_probes(self) -> None:
        assert self.OPEN.open_until is not None
        assert may_dial(self.OPEN, self.OPEN.open_until, probing_now=False)
        assert not may_dial(self.OPEN, self.OPEN.open_until, probing_now=True)

    def test_the_pause_doubles_from_1_to_15_minutes(self) -> None:
        breaker, pauses = self.OPEN, []
        for n in range(6):
            assert breaker.open_until is not None
            now = breaker.open_until + 3 * SECOND
            breaker, verdict = after_client_leg(breaker, f"+1416555020{n}", str(n), FAILED, now)
            assert verdict.change is Change.STILL_OPEN
            assert breaker.open_until is not None
            pauses.append((breaker.open_until - now) / MINUTE)
        assert pauses == [2, 4, 8, 15, 15, 15]
        assert breaker.probes == 6

    def test_a_probe_that_gets_through_closes_it(self) -> None:
        assert self.OPEN.open_until is not None
        breaker, verdict = after_client_leg(
            self.OPEN, "+14165550104", "4", Outcome.CLIENT_NO_ANSWER, self.OPEN.open_until
        )
        assert breaker == Breaker()
        assert verdict == Verdict(Change.CLOSED)

    def test_a_probe_that_never_reached_the_route_leaves_it_to_the_next(self) -> None:
        assert self.OPEN.open_until is not None
        after, _ = after_client_leg(self.OPEN, "+14165550104", "4", Outcome.CANCELLED, self.OPEN.open_until)
        assert after == self.OPEN
        assert may_dial(after, self.OPEN.open_until + SECOND, probing_now=False)


def test_the_pause_has_an_end() -> None:
    assert pause_after(0) == MINUTE
    assert pause_after(10_000) == 15 * MINUTE


@given(st.lists(st.tuples(st.sampled_from("12345"), st.sampled_from(Outcome)), max_size=40))
def test_the_run_never_grows(legs: list[tuple[str, Outcome]]) -> None:
    breaker, verdict = run(*legs)
    assert len(breaker.suspects) <= 3
    assert len({suspect[0] for suspect in breaker.suspects}) == len(breaker.suspects)
    assert breaker.is_open == (len(breaker.suspects) == 3)
    assert verdict.change is not Change.OPENED or breaker.is_open

"""Does an attempt use up a reschedule? And if not: who rests, and until when."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callbackd.domain.callback import Outcome
from callbackd.domain.rest import Rest, after_uncounted, counts, doubled, interrupted_outcome, put_back_until
from tests.domain.office import at, profile

TEN = at("Mon 10:00")
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class TestTheClientsPhoneDecides:
    @pytest.mark.parametrize(
        "outcome",
        [outcome for outcome in Outcome if outcome.startswith("client_")]
        + [Outcome.ANSWERED, Outcome.AGENT_RESCHEDULED],
    )
    def test_what_always_counts(self, outcome: Outcome) -> None:
        assert counts(outcome, outcome, network_took=True)
        assert counts(outcome, None, network_took=True)

    @pytest.mark.parametrize(
        "outcome",
        [
            Outcome.ROUTE_FAILED,
            Outcome.WITHHELD,
            Outcome.AGENT_NO_ANSWER,
            Outcome.AGENT_BUSY,
            Outcome.AGENT_UNREACHABLE,
            Outcome.AGENT_DECLINED,
            Outcome.AGENT_NO_KEY,
        ],
    )
    def test_what_never_does(self, outcome: Outcome) -> None:
        assert not counts(outcome, network_took=False)
        assert not counts(outcome, network_took=True)

    def test_an_agent_who_left_while_it_rang(self) -> None:
        assert counts(Outcome.AGENT_LEFT, network_took=True)

    def test_an_agent_who_left_before_the_network_had_the_call(self) -> None:
        assert not counts(Outcome.AGENT_LEFT, network_took=False)

    def test_an_agent_who_left_after_the_answer(self) -> None:
        assert not counts(Outcome.AGENT_LEFT, Outcome.ANSWERED, network_took=True, after_answer=True)


class TestInterrupted:
    def test_before_the_client_was_dialled(self) -> None:
        assert not counts(Outcome.INTERRUPTED, network_took=False)

    def test_after(self) -> None:
        assert counts(Outcome.INTERRUPTED, network_took=True)

    def test_after_the_route_had_failed(self) -> None:
        assert not counts(Outcome.INTERRUPTED, Outcome.ROUTE_FAILED, network_took=True)

    def test_two_who_had_been_bridged_for_ten_seconds_had_talked(self) -> None:
        assert interrupted_outcome(10 * SECOND) is Outcome.ANSWERED
        assert interrupted_outcome(9.999 * SECOND) is Outcome.INTERRUPTED
        assert interrupted_outcome(None) is Outcome.INTERRUPTED


class TestTheTargetRests:
    @pytest.mark.parametrize(
        "outcome",
        [Outcome.AGENT_NO_ANSWER, Outcome.AGENT_BUSY, Outcome.AGENT_UNREACHABLE, Outcome.AGENT_NO_KEY],
    )
    def test_for_the_retry_delay_doubling_to_ten_minutes(self, outcome: Outcome) -> None:
        failures, waits = 0, []
        for _ in range(7):
            rest = after_uncounted(profile(), outcome, ended_at=TEN, target_failures=failures)
            assert rest.callback_until is None
            assert rest.target_until is not None
            waits.append((rest.target_until - TEN).total_seconds())
            failures = rest.target_failures
        assert waits == [30, 60, 120, 240, 480, 600, 600]
        assert failures == 7

    @pytest.mark.parametrize("outcome", [Outcome.ROUTE_FAILED, Outcome.AGENT_LEFT, Outcome.WITHHELD])
    def test_reset_by_a_key_1(self, outcome: Outcome) -> None:
        assert after_uncounted(profile(), outcome, ended_at=TEN, target_failures=5).target_failures == 0

    @pytest.mark.parametrize("outcome", [Outcome.AGENT_DECLINED, Outcome.INTERRUPTED])
    def test_and_by_nothing_else(self, outcome: Outcome) -> None:
        assert after_uncounted(profile(), outcome, ended_at=TEN, target_failures=5).target_failures == 5

    def test_a_retry_delay_beyond_ten_minutes_is_kept(self) -> None:
        slow = profile(retry_delay=15 * MINUTE)
        for failures in range(3):
            rest = after_uncounted(slow, Outcome.AGENT_BUSY, ended_at=TEN, target_failures=failures)
            assert rest.target_until == TEN + 15 * MINUTE


class TestTheCallBackRests:
    def test_declined_for_the_retry_delay(self) -> None:
        rest = after_uncounted(profile(), Outcome.AGENT_DECLINED, ended_at=TEN)
        assert rest == Rest(callback_until=TEN + 30 * SECOND, why=rest.why)

    def test_route_failed_for_half_a_minute_doubling_to_ten(self) -> None:
        failures, waits = 0, []
        for _ in range(7):
            rest = after_uncounted(
                profile(retry_delay=MINUTE), Outcome.ROUTE_FAILED, ended_at=TEN, route_failures=failures
            )
            assert rest.target_until is None
            assert rest.callback_until is not None
            waits.append((rest.callback_until - TEN).total_seconds())
            failures = rest.route_failures
        assert waits == [30, 60, 120, 240, 480, 600, 600]

    def test_an_agent_who_left_before_the_network_took_the_call_lets_it_rest(self) -> None:
        rest = after_uncounted(profile(), Outcome.AGENT_LEFT, ended_at=TEN, after_answer=False)
        assert rest.callback_until == TEN + 30 * SECOND
        assert rest.target_until is None

    def test_an_agent_who_left_after_the_answer_at_once(self) -> None:
        rest = after_uncounted(profile(), Outcome.AGENT_LEFT, ended_at=TEN)
        assert rest == Rest(why=rest.why)

    def test_interrupted_before_dialling_for_the_retry_delay(self) -> None:
        assert after_uncounted(profile(), Outcome.INTERRUPTED, ended_at=TEN).callback_until == TEN + 30 * SECOND

    def test_withheld_until_the_reason_is_gone(self) -> None:
        gone = at("Mon 13:00")
        rest = after_uncounted(profile(), Outcome.WITHHELD, ended_at=TEN, withheld_until=gone)
        assert rest.callback_until == gone
        assert after_uncounted(profile(), Outcome.WITHHELD, ended_at=TEN).callback_until is None

    def test_the_run_of_route_failures_is_kept_by_what_says_nothing_of_the_route(self) -> None:
        rest = after_uncounted(profile(), Outcome.AGENT_BUSY, ended_at=TEN, route_failures=3)
        assert rest.route_failures == 3

    def test_one_that_was_put_back_lets_another_probe_first(self) -> None:
        assert put_back_until(TEN) > TEN


@pytest.mark.parametrize("outcome", [Outcome.ANSWERED, Outcome.CLIENT_BUSY, Outcome.CANCELLED])
def test_what_counts_does_not_rest(outcome: Outcome) -> None:
    with pytest.raises(ValueError, match="nothing rests"):
        after_uncounted(profile(), outcome, ended_at=TEN)


def test_every_rest_says_why() -> None:
    for outcome in Outcome:
        if not counts(outcome, network_took=False) and outcome is not Outcome.CANCELLED:
            assert after_uncounted(profile(), outcome, ended_at=TEN).why


def test_doubling_has_an_end() -> None:
    assert doubled(30 * SECOND, 10_000) == 10 * MINUTE
    assert doubled(timedelta(0), 10_000) == timedelta(0)

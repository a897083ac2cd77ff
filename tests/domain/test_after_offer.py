"""What follows a client offer."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from callbackd.domain.callback import Kind, OfferOutcome, State
from callbackd.domain.profile import AfterCutOff, OfferRules, Profile
from callbackd.domain.reschedule import Decision, End, MakeOffer, Retry, after_offer, offer_counts, offer_due
from tests.domain.office import at, profile

TEN = at("Mon 10:00")
MINUTE = timedelta(minutes=1)
TWICE = OfferRules(attempts=2)


def decide(
    outcome: OfferOutcome, *, rules: Profile | None = None, offers_used: int = 0, ended: datetime = TEN
) -> Decision:
    return after_offer(rules or profile(client=True), outcome=outcome, offers_used=offers_used, ended_at=ended)


def due(decision: Decision) -> datetime:
    assert not isinstance(decision, End), decision
    return decision.due


class TestThe1:
    def test_creates_one_attempt_of_kind_client(self) -> None:
        decision = decide(OfferOutcome.ANOTHER_TRY)
        assert isinstance(decision, Retry)
        assert decision.kind is Kind.CLIENT

    def test_due_after_a_minute_so_that_they_can_hang_up(self) -> None:
        assert due(decide(OfferOutcome.ANOTHER_TRY)) == TEN + MINUTE

    def test_or_after_what_the_profile_says(self) -> None:
        rules = profile(client=True, offer=OfferRules(reschedule_delay=5 * MINUTE))
        assert due(decide(OfferOutcome.ANOTHER_TRY, rules=rules)) == TEN + 5 * MINUTE

    def test_hours_bind_it(self) -> None:
        assert due(decide(OfferOutcome.ANOTHER_TRY, ended=at("Mon 11:59"))) == at("Mon 13:00")
        assert due(decide(OfferOutcome.ANOTHER_TRY, ended=at("Fri 17:30"))) == at("2026-11-09 09:00")

    def test_cut_off_moves_it_and_never_refuses_it(self) -> None:
        rules = profile(client=True, after_cut_off=AfterCutOff.DROP)
        assert due(decide(OfferOutcome.ANOTHER_TRY, rules=rules, ended=at("Mon 16:30"))) == at("Tue 09:00")

    def test_is_not_limited_in_number(self) -> None:
        assert isinstance(decide(OfferOutcome.ANOTHER_TRY, offers_used=99), Retry)

    def test_is_kept_as_promised_if_client_rescheduling_was_switched_off_meanwhile(self) -> None:
        assert isinstance(decide(OfferOutcome.ANOTHER_TRY, rules=profile(client=False)), Retry)


@pytest.mark.parametrize(
    ("outcome", "disposition"),
    [
        (OfferOutcome.DECLINED, State.DECLINED),
        (OfferOutcome.NEVER_AGAIN, State.DECLINED),
        (OfferOutcome.CANCELLED, State.CANCELLED),
    ],
)
def test_the_client_has_the_last_word(outcome: OfferOutcome, disposition: State) -> None:
    decision = decide(outcome, rules=profile(client=True, offer=TWICE))
    assert isinstance(decision, End)
    assert decision.disposition is disposition


@pytest.mark.parametrize("outcome", [OfferOutcome.NOT_ANSWERED, OfferOutcome.NO_KEY, OfferOutcome.INTERRUPTED])
class TestWithoutAWord:
    def test_one_offer_by_default_then_exhausted(self, outcome: OfferOutcome) -> None:
        decision = decide(outcome)
        assert isinstance(decision, End)
        assert decision.disposition is State.EXHAUSTED

    def test_else_spaced_by_the_reschedule_delay(self, outcome: OfferOutcome) -> None:
        rules = profile(client=True, offer=OfferRules(delay=5 * MINUTE, attempts=2))
        decision = decide(outcome, rules=rules)
        assert isinstance(decision, MakeOffer)
        assert decision.due == at("Mon 10:30")
        assert isinstance(decide(outcome, rules=rules, offers_used=1), End)

    def test_inside_hours(self, outcome: OfferOutcome) -> None:
        rules = profile(client=True, offer=TWICE)
        assert due(decide(outcome, rules=rules, ended=at("Mon 11:45"))) == at("Mon 13:00")

    def test_no_more_if_client_rescheduling_was_switched_off_meanwhile(self, outcome: OfferOutcome) -> None:
        assert isinstance(decide(outcome, rules=profile(client=False, offer=TWICE)), End)


class TestOffersThatUseNothing:
    def test_our_route_failed(self) -> None:
        decision = decide(OfferOutcome.ROUTE_FAILED)
        assert isinstance(decision, MakeOffer)
        assert decision.due == TEN + timedelta(seconds=30)

    def test_and_failed_again(self) -> None:
        again = after_offer(
            profile(client=True), outcome=OfferOutcome.ROUTE_FAILED, offers_used=0, ended_at=TEN, route_failures=2
        )
        assert due(again) == TEN + 2 * MINUTE

    def test_interrupted_before_dialling(self) -> None:
        again = after_offer(
            profile(client=True), outcome=OfferOutcome.INTERRUPTED, offers_used=0, ended_at=TEN, dialled=False
        )
        assert isinstance(again, MakeOffer)
        assert again.due == TEN + timedelta(seconds=30)

    def test_which_ones_count(self) -> None:
        assert not offer_counts(OfferOutcome.ROUTE_FAILED)
        assert not offer_counts(OfferOutcome.INTERRUPTED, dialled=False)
        assert offer_counts(OfferOutcome.INTERRUPTED)
        assert offer_counts(OfferOutcome.NO_KEY)
        assert offer_counts(OfferOutcome.NOT_ANSWERED)


def test_the_due_time_of_an_offer() -> None:
    rules = profile(client=True, offer=OfferRules(delay=5 * MINUTE))
    assert offer_due(rules, TEN).due == at("Mon 10:05")
    assert offer_due(rules, TEN, again=True).due == at("Mon 10:30")
    assert offer_due(profile(target_hours=None, client=True), at("Sun 03:00")).due == at("Sun 03:30")


def test_why() -> None:
    assert decide(OfferOutcome.ANOTHER_TRY).why[:2] == (
        "the client asked for another try",
        "due 1m after the end at Mon 2 Nov 2026 10:00 EST: Mon 2 Nov 2026 10:01 EST",
    )

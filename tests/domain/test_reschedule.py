"""What follows a counted attempt: the six settings, sentence by sentence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from callbackd.domain.callback import Kind, Outcome, Reschedules, State
from callbackd.domain.hours import TargetHours
from callbackd.domain.profile import AfterCutOff, OfferRules, Profile
from callbackd.domain.reschedule import (
    Decision,
    Dropped,
    End,
    MakeOffer,
    Placed,
    Retry,
    after_attempt,
    may_still_reschedule,
    place,
    place_by_hand,
    used,
)
from tests.domain.office import EVERY_DAY, TORONTO, at, hours, profile, wall

TEN = at("Mon 10:00")
LATE = at("Mon 16:45")
NONE_USED = Reschedules()
DROP = AfterCutOff.DROP

FAILURES = [
    Outcome.CLIENT_BUSY,
    Outcome.CLIENT_NO_ANSWER,
    Outcome.CLIENT_REJECTED,
    Outcome.CLIENT_UNREACHABLE,
    Outcome.CLIENT_MACHINE,
    Outcome.AGENT_LEFT,
    Outcome.INTERRUPTED,
]


def decide(
    rules: Profile,
    outcome: Outcome = Outcome.CLIENT_BUSY,
    *,
    armed: bool = False,
    reschedules: Reschedules = NONE_USED,
    ended: datetime = TEN,
    route_open: bool = False,
) -> Decision:
    return after_attempt(
        rules, outcome=outcome, armed=armed, reschedules=reschedules, ended_at=ended, route_open=route_open
    )


def kind_of(decision: Decision) -> Kind | None:
    return decision.kind if isinstance(decision, Retry) else None


def disposition_of(decision: Decision) -> State | None:
    return decision.disposition if isinstance(decision, End) else None


class TestTheNumberDoesNotExist:
    def test_over_at_once(self) -> None:
        decision = decide(profile(client=True), Outcome.CLIENT_INVALID)
        assert disposition_of(decision) is State.UNREACHABLE_NUMBER

    def test_no_reschedule_of_any_kind_even_with_9_armed(self) -> None:
        decision = decide(profile(client=True), Outcome.CLIENT_INVALID, armed=True)
        assert disposition_of(decision) is State.UNREACHABLE_NUMBER

    def test_but_not_while_the_route_is_suspected(self) -> None:
        assert kind_of(decide(profile(), Outcome.CLIENT_INVALID, route_open=True)) is Kind.AUTO


class TestKind:
    @pytest.mark.parametrize("outcome", FAILURES)
    def test_auto_if_it_failed(self, outcome: Outcome) -> None:
        assert kind_of(decide(profile(), outcome)) is Kind.AUTO

    @pytest.mark.parametrize("outcome", [*FAILURES, Outcome.AGENT_RESCHEDULED, Outcome.ANSWERED])
    def test_agent_if_9_was_armed(self, outcome: Outcome) -> None:
        assert kind_of(decide(profile(), outcome, armed=True)) is Kind.AGENT

    @pytest.mark.parametrize("outcome", FAILURES)
    def test_agent_works_where_auto_is_off(self, outcome: Outcome) -> None:
        assert kind_of(decide(profile(auto=False), outcome, armed=True)) is Kind.AGENT

    def test_agent_rescheduled_was_armed(self) -> None:
        assert kind_of(decide(profile(), Outcome.AGENT_RESCHEDULED)) is Kind.AGENT

    @pytest.mark.parametrize("outcome", FAILURES)
    def test_with_agent_rescheduling_off_9_is_just_a_digit(self, outcome: Outcome) -> None:
        assert kind_of(decide(profile(agent=False), outcome, armed=True)) is Kind.AUTO
        assert disposition_of(decide(profile(agent=False, auto=False), outcome, armed=True)) is State.EXHAUSTED

    def test_never_two_reschedules_for_one_attempt(self) -> None:
        decision = decide(profile(), armed=True)
        assert isinstance(decision, Retry)
        assert used(NONE_USED, decision.kind) == Reschedules(agent=1)

    @pytest.mark.parametrize("outcome", FAILURES)
    def test_none_if_auto_is_off_and_the_agent_did_not_ask(self, outcome: Outcome) -> None:
        assert disposition_of(decide(profile(auto=False), outcome)) is State.EXHAUSTED


class TestAnswered:
    def test_without_9_is_completed(self) -> None:
        assert disposition_of(decide(profile(client=True), Outcome.ANSWERED)) is State.COMPLETED

    def test_without_9_is_completed_whatever_is_left(self) -> None:
        rules = profile(client=True, max_reschedules=0)
        assert disposition_of(decide(rules, Outcome.ANSWERED, reschedules=Reschedules(2, 3, 4))) is State.COMPLETED

    def test_with_9_is_rescheduled(self) -> None:
        assert kind_of(decide(profile(auto=False), Outcome.ANSWERED, armed=True)) is Kind.AGENT

    def test_with_9_but_agent_rescheduling_off_is_completed(self) -> None:
        assert disposition_of(decide(profile(agent=False), Outcome.ANSWERED, armed=True)) is State.COMPLETED


class TestMaxReschedules:
    @pytest.mark.parametrize("limit", range(5))
    def test_n_allows_n_plus_1_attempts(self, limit: int) -> None:
        rules, reschedules, attempts = profile(max_reschedules=limit), NONE_USED, 1
        while isinstance(decision := decide(rules, reschedules=reschedules), Retry):
            reschedules = used(reschedules, decision.kind)
            attempts += 1
        assert attempts == limit + 1

    def test_is_one_limit_shared_by_auto_and_agent(self) -> None:
        for spent in (Reschedules(auto=2), Reschedules(agent=2), Reschedules(1, 1)):
            for armed in (False, True):
                assert disposition_of(decide(profile(), armed=armed, reschedules=spent)) is State.EXHAUSTED
        assert kind_of(decide(profile(), reschedules=Reschedules(agent=1))) is Kind.AUTO

    def test_client_reschedules_do_not_count(self) -> None:
        assert kind_of(decide(profile(client=True), reschedules=Reschedules(client=9))) is Kind.AUTO

    def test_zero_means_exhausted_at_once(self) -> None:
        assert disposition_of(decide(profile(max_reschedules=0))) is State.EXHAUSTED
        assert isinstance(decide(profile(max_reschedules=0, client=True)), MakeOffer)

    def test_and_so_does_auto_and_agent_both_off(self) -> None:
        assert disposition_of(decide(profile(auto=False, agent=False))) is State.EXHAUSTED
        assert isinstance(decide(profile(auto=False, agent=False, client=True)), MakeOffer)

    def test_a_limit_lowered_by_a_reload_binds(self) -> None:
        assert disposition_of(decide(profile(max_reschedules=1), reschedules=Reschedules(auto=2))) is State.EXHAUSTED


class TestDelay:
    def test_counts_from_the_end(self) -> None:
        decision = decide(profile(delay=timedelta(minutes=7)))
        assert isinstance(decision, Retry)
        assert decision.due == TEN + timedelta(minutes=7)

    def test_zero_is_at_once(self) -> None:
        decision = decide(profile(delay=timedelta(0)))
        assert isinstance(decision, Retry)
        assert decision.due == TEN

    def test_is_elapsed_time_across_the_change_of_the_clock(self) -> None:
        always = hours("00:00-24:00", EVERY_DAY)
        for ended, due in (
            ("2026-03-08 01:45", "2026-03-08 03:15 EDT"),
            ("2026-11-01 01:45", "2026-11-01 01:15 EST"),
        ):
            decision = decide(profile(target_hours=always), ended=at(ended))
            assert isinstance(decision, Retry)
            assert wall(decision.due) == due

    def test_due_is_in_utc_whatever_zone_came_in(self) -> None:
        decision = decide(profile(), ended=TEN.astimezone(TORONTO))
        assert isinstance(decision, Retry)
        assert decision.due.tzinfo is UTC


class TestCutOff:
    def test_is_measured_back_from_the_last_close_not_from_lunch(self) -> None:
        assert due_of(place(profile(), at("Mon 11:55"), Kind.AUTO)) == at("Mon 11:55")

    def test_equality_passes(self) -> None:
        assert isinstance(place(profile(after_cut_off=DROP), at("Mon 16:30"), Kind.AUTO), Placed)
        late = at("Mon 16:30") + timedelta(microseconds=1)
        assert isinstance(place(profile(after_cut_off=DROP), late, Kind.AUTO), Dropped)

    def test_of_zero_leaves_the_close_itself_shut(self) -> None:
        rules = profile(cut_off=timedelta(0), after_cut_off=DROP)
        assert isinstance(place(rules, at("Mon 17:00") - timedelta(seconds=1), Kind.AUTO), Placed)
        assert isinstance(place(rules, at("Mon 17:00"), Kind.AUTO), Dropped)

    def test_an_opening_after_lunch_must_pass_too(self) -> None:
        rules = profile(cut_off=timedelta(hours=4, minutes=30))  # 12:30
        assert due_of(place(rules, at("Mon 12:15"), Kind.AUTO)) == at("Tue 09:00")
        assert isinstance(place(profile(cut_off=timedelta(hours=4)), at("Mon 12:15"), Kind.AUTO), Placed)

    def test_next_open_skips_days_that_are_too_short(self) -> None:
        short_saturday = hours(exceptions={"2026-11-07": "10:00-11:00"})
        rules = profile(target_hours=short_saturday, cut_off=timedelta(hours=2))
        assert due_of(place(rules, at("Fri 16:00"), Kind.AUTO)) == at("2026-11-09 09:00")
        rules = profile(target_hours=short_saturday, cut_off=timedelta(hours=1))
        assert due_of(place(rules, at("Fri 16:30"), Kind.AUTO)) == at("2026-11-07 10:00")

    def test_next_open_still_uses_up_the_reschedule(self) -> None:
        decision = decide(profile(max_reschedules=1), ended=LATE)
        assert isinstance(decision, Retry)
        assert decision.kind is Kind.AUTO
        assert used(NONE_USED, decision.kind).limited == 1

    def test_drop_creates_none(self) -> None:
        assert disposition_of(decide(profile(after_cut_off=DROP), ended=LATE)) is State.CUT_OFF
        assert disposition_of(decide(profile(after_cut_off=DROP), ended=LATE, armed=True)) is State.CUT_OFF

    def test_a_day_without_hours_is_after_close(self) -> None:
        assert due_of(place(profile(), at("Sat 10:00"), Kind.AUTO)) == at("2026-11-09 09:00")
        assert isinstance(place(profile(after_cut_off=DROP), at("Sat 10:00"), Kind.AUTO), Dropped)

    def test_before_the_opening_is_not_after_close(self) -> None:
        assert due_of(place(profile(after_cut_off=DROP), at("Tue 00:10"), Kind.AUTO)) == at("Tue 09:00")

    def test_the_day_of_a_night_ends_in_the_morning(self) -> None:
        night = profile(target_hours=hours("22:00-06:00", EVERY_DAY))
        assert due_of(place(night, at("Tue 00:30"), Kind.AUTO)) == at("Tue 00:30")
        assert due_of(place(night, at("Tue 05:30"), Kind.AUTO)) == at("Tue 05:30")
        assert due_of(place(night, at("Tue 05:31"), Kind.AUTO)) == at("Tue 22:00")
        dropping = profile(target_hours=hours("22:00-06:00", EVERY_DAY), after_cut_off=DROP)
        assert isinstance(place(dropping, at("Tue 05:31"), Kind.AUTO), Dropped)

    def test_around_the_clock_there_is_nothing_to_bind(self) -> None:
        always = hours("00:00-24:00", EVERY_DAY)
        rules = profile(target_hours=always, cut_off=timedelta(hours=12), after_cut_off=DROP)
        assert due_of(place(rules, at("Mon 23:50"), Kind.AUTO)) == at("Mon 23:50")

    def test_days_that_adjoin_are_cut_off_at_the_end_of_the_last(self) -> None:
        rules = profile(target_hours=hours("00:00-24:00"), after_cut_off=DROP)
        assert due_of(place(rules, at("Mon 23:50"), Kind.AUTO)) == at("Mon 23:50")
        assert isinstance(place(rules, at("Fri 23:50"), Kind.AUTO), Dropped)

    def test_no_hours_have_nothing_to_bind(self) -> None:
        rules = profile(target_hours=None, cut_off=timedelta(hours=12), after_cut_off=DROP)
        assert due_of(place(rules, at("Sun 03:00"), Kind.AUTO)) == at("Sun 03:00")

    def test_longer_than_every_day_lets_nothing_pass(self) -> None:
        rules = profile(cut_off=timedelta(hours=12))
        assert place(rules, TEN, Kind.AUTO) == Dropped(True, place(rules, TEN, Kind.AUTO).why)
        assert disposition_of(decide(rules)) is State.CUT_OFF

    def test_a_day_shortened_by_an_exception_is_cut_off_earlier(self) -> None:
        rules = profile(target_hours=hours(exceptions={"2026-11-02": "09:00-12:00"}))
        assert due_of(place(rules, at("Mon 11:31"), Kind.AUTO)) == at("Tue 09:00")


class TestCutOffNeverApplies:
    def test_to_first_attempts(self) -> None:
        for text in ("Mon 16:59", "Sun 03:00"):
            assert due_of(place(profile(after_cut_off=DROP), at(text), Kind.REQUEST)) == at(text)

    def test_to_manual_reschedules_which_hours_bind(self) -> None:
        assert place_by_hand(profile(), at("Mon 16:59")).due == at("Mon 16:59")
        assert place_by_hand(profile(), at("Mon 12:30")).due == at("Mon 13:00")
        assert place_by_hand(profile(), at("Sat 12:30")).due == at("2026-11-09 09:00")
        assert place_by_hand(profile(target_hours=None), at("Sat 12:30")).due == at("Sat 12:30")

    def test_to_client_reschedules_so_as_to_refuse_them(self) -> None:
        rules = profile(after_cut_off=DROP)
        assert due_of(place(rules, at("Mon 16:45"), Kind.CLIENT)) == at("Tue 09:00")
        assert due_of(place(rules, at("Mon 16:30"), Kind.CLIENT)) == at("Mon 16:30")
        assert due_of(place(rules, at("Sat 16:30"), Kind.CLIENT)) == at("2026-11-09 09:00")

    def test_not_even_where_no_opening_passes(self) -> None:
        rules = profile(cut_off=timedelta(hours=12), after_cut_off=DROP)
        assert due_of(place(rules, TEN, Kind.CLIENT)) == at("Tue 09:00")


class TestATargetThatNeverOpensAgain:
    NEVER = TargetHours(TORONTO, {}, {date(2026, 11, 2): hours().week[0]})

    def test_drops_the_reschedule_but_not_by_cut_off(self) -> None:
        placed = place(profile(target_hours=self.NEVER), at("Tue 10:00"), Kind.AUTO)
        assert isinstance(placed, Dropped)
        assert not placed.by_cut_off
        decision = decide(profile(target_hours=self.NEVER), ended=at("Tue 10:00"))
        assert disposition_of(decision) is State.EXHAUSTED

    def test_leaves_a_client_reschedule_waiting(self) -> None:
        assert due_of(place(profile(target_hours=self.NEVER), at("Tue 10:00"), Kind.CLIENT)) == at("Tue 10:00")


class TestOtherwise:
    def test_an_offer_if_client_rescheduling_is_on(self) -> None:
        for decision in (
            decide(profile(client=True), reschedules=Reschedules(auto=2)),
            decide(profile(client=True, auto=False)),
            decide(profile(client=True, after_cut_off=DROP), ended=LATE),
        ):
            assert isinstance(decision, MakeOffer)

    def test_cut_off_if_cut_off_alone_stopped_it(self) -> None:
        assert disposition_of(decide(profile(after_cut_off=DROP), ended=LATE)) is State.CUT_OFF

    def test_exhausted_if_max_did_too(self) -> None:
        decision = decide(profile(after_cut_off=DROP), ended=LATE, reschedules=Reschedules(auto=2))
        assert disposition_of(decision) is State.EXHAUSTED

    def test_exhausted_if_no_kind_applied(self) -> None:
        assert disposition_of(decide(profile(after_cut_off=DROP, auto=False), ended=LATE)) is State.EXHAUSTED

    def test_the_offer_is_due_after_its_delay_by_default_the_reschedule_delay(self) -> None:
        spent = Reschedules(auto=2)
        decision = decide(profile(client=True), reschedules=spent)
        assert isinstance(decision, MakeOffer)
        assert decision.due == at("Mon 10:30")
        soon = OfferRules(delay=timedelta(minutes=2))
        decision = decide(profile(client=True, offer=soon), reschedules=spent)
        assert isinstance(decision, MakeOffer)
        assert decision.due == at("Mon 10:02")

    def test_the_offer_is_made_inside_hours_else_at_the_next_opening(self) -> None:
        spent = Reschedules(auto=2)
        for ended, due in (("Mon 11:45", "Mon 13:00"), ("Mon 16:45", "Tue 09:00"), ("Fri 16:30", "2026-11-09 09:00")):
            decision = decide(profile(client=True), reschedules=spent, ended=at(ended))
            assert isinstance(decision, MakeOffer)
            assert decision.due == at(due)

    def test_cut_off_does_not_bind_the_offer(self) -> None:
        decision = decide(profile(client=True, after_cut_off=DROP), ended=at("Mon 16:20"))
        assert isinstance(decision, MakeOffer)
        assert decision.due == at("Mon 16:50")


class TestAfterAClientReschedule:
    def test_the_next_step_is_another_offer_once_auto_and_agent_are_used_up(self) -> None:
        spent = Reschedules(auto=1, agent=1, client=7)
        assert isinstance(decide(profile(client=True), reschedules=spent), MakeOffer)

    def test_the_same_rule_holds_as_after_any_attempt(self) -> None:
        assert kind_of(decide(profile(client=True, after_cut_off=DROP), reschedules=Reschedules(client=1))) is Kind.AUTO


class TestWhatTheAgentIsTold:
    def test_9_can_bring_a_reschedule(self) -> None:
        assert may_still_reschedule(profile(), NONE_USED, TEN)
        assert may_still_reschedule(profile(auto=False), NONE_USED, TEN)

    def test_not_if_agent_rescheduling_is_off(self) -> None:
        assert not may_still_reschedule(profile(agent=False), NONE_USED, TEN)

    def test_not_if_max_is_reached(self) -> None:
        assert not may_still_reschedule(profile(), Reschedules(1, 1), TEN)
        assert not may_still_reschedule(profile(max_reschedules=0), NONE_USED, TEN)

    def test_not_if_cut_off_drops_it(self) -> None:
        assert not may_still_reschedule(profile(after_cut_off=DROP), NONE_USED, LATE)
        assert may_still_reschedule(profile(), NONE_USED, LATE)


class TestWhy:
    def test_every_rule_is_explained_in_the_targets_wall_clock(self) -> None:
        assert decide(profile(), ended=at("Mon 16:01")).why == (
            "the attempt ended as client_busy and auto rescheduling is on: kind auto",
            "0 of 2 reschedules used (auto 0, agent 0)",
            "due 30m after the end at Mon 2 Nov 2026 16:01 EST: Mon 2 Nov 2026 16:31 EST",
            "Mon 2 Nov 2026 16:31 EST is past the cut-off at Mon 2 Nov 2026 16:30 EST, "
            "30m before the last close at Mon 2 Nov 2026 17:00 EST",
            "moved to the first later opening that passes, Tue 3 Nov 2026 09:00 EST",
        )

    def test_of_an_end(self) -> None:
        assert decide(profile(), reschedules=Reschedules(1, 1)).why == (
            "the attempt ended as client_busy and auto rescheduling is on: kind auto",
            "2 of 2 reschedules used (auto 1, agent 1): all reschedules exhausted",
            "client rescheduling is off: over",
        )

    def test_without_hours_it_is_the_targets_zone_all_the_same(self) -> None:
        decision = decide(profile(target_hours=None))
        assert decision.why[2:] == (
            "due 30m after the end at Mon 2 Nov 2026 10:00 EST: Mon 2 Nov 2026 10:30 EST",
            "no target hours: always open, and cut-off has nothing to bind",
        )


def test_naive_times_are_refused() -> None:
    naive = datetime(2026, 11, 2, 10, 0)  # noqa: DTZ001
    with pytest.raises(ValueError, match="without a zone"):
        decide(profile(), ended=naive)
    with pytest.raises(ValueError, match="without a zone"):
        place(profile(), naive, Kind.AUTO)


def test_counting() -> None:
    assert used(NONE_USED, Kind.AUTO) == Reschedules(auto=1)
    assert used(NONE_USED, Kind.CLIENT) == Reschedules(client=1)
    assert used(NONE_USED, Kind.REQUEST) == NONE_USED


def due_of(placed: Placed | Dropped) -> datetime:
    assert isinstance(placed, Placed), placed
    return placed.due

"""The agent's call, rule by rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbackd.domain import attempt_states as states
from callbackd.domain.callback import EventType, Outcome
from callbackd.domain.profile import Keys
from callbackd.domain.telephony import (
    CLIENT,
    OFFER,
    CancelAsked,
    Cleared,
    DialClient,
    DigitPressed,
    Finish,
    HangUp,
    Happening,
    Hush,
    Interrupted,
    Leg,
    LegAnswered,
    LegEnded,
    LegProgress,
    LegRinging,
    Recheck,
    Refused,
    Ring,
    Save,
    SpeechEnded,
    StartTimer,
    TimeUp,
)
from tests.domain.call_driver import AttemptCall, Rulebook, agent_leg

AGENT = agent_leg()
INTRO = "agent-intro 14165550123 agent-choices"

CLIENT_FAILURES = [
    (Outcome.CLIENT_BUSY, "failed-busy"),
    (Outcome.CLIENT_NO_ANSWER, "failed-no-answer"),
    (Outcome.CLIENT_REJECTED, "failed-rejected"),
    (Outcome.CLIENT_UNREACHABLE, "failed-unreachable"),
    (Outcome.CLIENT_INVALID, "failed-invalid"),
    (Outcome.ROUTE_FAILED, "failed-route"),
]


class TestRingingTheAgent:
    def test_every_endpoint_of_the_target_is_rung_together(self) -> None:
        call = AttemptCall(endpoints=3)
        assert call.rung == ["PJSIP/1001", "PJSIP/1002", "PJSIP/1003"]

    def test_the_pbx_gives_up_a_little_later_than_we_do(self) -> None:
        (timer, ring) = AttemptCall().asked
        assert isinstance(timer, StartTimer)
        assert isinstance(ring, Ring)
        assert timer.after < ring.limit

    def test_nobody_answers_in_time(self) -> None:
        call = AttemptCall()
        call.waits(20)
        assert call.outcome is Outcome.AGENT_NO_ANSWER
        assert call.hung_up == [AGENT]
        assert not call.record.counted

    @pytest.mark.parametrize(
        "verdict", [Outcome.AGENT_BUSY, Outcome.AGENT_UNREACHABLE, Outcome.AGENT_NO_ANSWER]
    )
    def test_the_only_endpoint_fails(self, verdict: Outcome) -> None:
        call = AttemptCall()
        call.agent_fails(verdict, cause=17)
        assert call.outcome is verdict
        assert call.record.cause == 17
        assert not call.record.counted
        assert call.timers == {}

    @pytest.mark.parametrize(
        ("verdicts", "outcome"),
        [
            ((Outcome.AGENT_UNREACHABLE, Outcome.AGENT_NO_ANSWER, Outcome.AGENT_BUSY), Outcome.AGENT_NO_ANSWER),
            ((Outcome.AGENT_UNREACHABLE, Outcome.AGENT_BUSY, Outcome.AGENT_UNREACHABLE), Outcome.AGENT_BUSY),
            ((Outcome.AGENT_UNREACHABLE,) * 3, Outcome.AGENT_UNREACHABLE),
        ],
    )
    def test_no_answer_beats_busy_beats_unreachable(self, verdicts: tuple[Outcome, ...], outcome: Outcome) -> None:
        call = AttemptCall(endpoints=3)
        for index, verdict in enumerate(verdicts):
            assert not call.over
            call.agent_fails(verdict, index)
        assert call.outcome is outcome

    def test_one_busy_and_one_that_rings_on_is_no_answer(self) -> None:
        call = AttemptCall(endpoints=2)
        call.agent_fails(Outcome.AGENT_BUSY, 0)
        call.waits(20)
        assert call.outcome is Outcome.AGENT_NO_ANSWER
        assert call.hung_up == [agent_leg(1)]

    def test_one_answers_while_the_other_is_busy(self) -> None:
        call = AttemptCall(endpoints=2)
        call.agent_fails(Outcome.AGENT_BUSY, 0)
        call.agent_answers(1)
        assert call.hung_up == []
        assert call.hears(agent_leg(1)) == INTRO

    def test_the_first_to_answer_wins_and_the_others_are_hung_up(self) -> None:
        call = AttemptCall(endpoints=3)
        call.agent_answers(1)
        assert call.hung_up == [agent_leg(0), agent_leg(2)]

    def test_the_second_to_answer_is_hung_up_and_changes_nothing(self) -> None:
        call = AttemptCall(endpoints=2, prompt=False)
        call.agent_answers(1)
        state = call.state
        call.agent_answers(0)
        assert call.state == state
        assert call.latest == (HangUp(agent_leg(0)),)
        call.agent_presses("1", index=0)
        assert call.state == state
        call.agent_fails(Outcome.AGENT_NO_ANSWER, 0)
        call.agent_presses("1", index=1)
        call.checks_pass()
        assert [effect.agent for effect in call.asked if isinstance(effect, DialClient)] == [agent_leg(1)]

    def test_an_endpoint_that_answers_after_the_ring_time_out_is_hung_up(self) -> None:
        call = AttemptCall(endpoints=2, prompt=False)
        call.waits(20)
        call.agent_answers(1)
        assert call.latest == (HangUp(agent_leg(1)),)
        call.waits(5)
        assert call.outcome is Outcome.AGENT_NO_ANSWER


class TestAskingTheAgent:
    def test_they_hear_what_it_is_the_number_and_the_keys(self) -> None:
        call = AttemptCall().listening()
        assert call.hears() == INTRO
        assert EventType.AGENT_ANSWERED in call.timeline
        assert call.record.agent_answered_at == call.now

    def test_they_hear_which_try_it_is_when_the_client_was_rung_before(self) -> None:
        call = AttemptCall(counted=2).listening()
        assert call.hears() == "agent-intro 14165550123 agent-try 3 agent-choices"

    def test_the_choices_are_repeated_each_followed_by_a_wait_then_it_times_out(self) -> None:
        call = AttemptCall(prompt_repeats=3).listening()
        for later in ("agent-choices", "agent-choices", "agent-timeout"):
            call.hears_it_out()
            call.waits(7.9)
            assert call.heard[-1] != later or later == "agent-choices"
            call.waits(0.1)
            assert call.hears() == later
        call.hears_it_out()
        assert call.heard == [INTRO, "agent-choices", "agent-choices", "agent-timeout"]
        assert call.outcome is Outcome.AGENT_NO_KEY
        assert not call.dialled

    def test_one_play_in_all(self) -> None:
        call = AttemptCall(prompt_repeats=1).listening()
        call.hears_it_out()
        call.waits(8)
        assert call.hears() == "agent-timeout"

    def test_speech_whose_end_is_never_told_ends_by_itself(self) -> None:
        call = AttemptCall().listening()
        call.waits(3600)
        assert call.outcome is Outcome.AGENT_NO_KEY

    @pytest.mark.parametrize("while_speaking", [True, False])
    def test_1_starts_even_during_the_prompt(self, while_speaking: bool) -> None:
        call = AttemptCall().listening()
        if not while_speaking:
            call.hears_it_out()
        call.agent_presses("1")
        assert Hush(AGENT) in call.latest
        assert isinstance(call.latest[-1], Recheck)
        assert not call.dialled
        assert call.timers == {}

    @pytest.mark.parametrize("while_speaking", [True, False])
    def test_2_declines(self, while_speaking: bool) -> None:
        call = AttemptCall().listening()
        if not while_speaking:
            call.hears_it_out()
        call.agent_presses("2")
        assert call.hears() == "agent-declined"
        call.hears_it_out()
        assert call.outcome is Outcome.AGENT_DECLINED
        assert not call.record.counted

    def test_hanging_up_before_1_declines(self) -> None:
        call = AttemptCall().listening()
        call.agent_hangs_up()
        assert call.outcome is Outcome.AGENT_DECLINED

    def test_star_says_all_of_it_again(self) -> None:
        call = AttemptCall(counted=1).listening()
        call.agent_presses("*")
        assert call.hears() == call.heard[0] == "agent-intro 14165550123 agent-try 2 agent-choices"

    @pytest.mark.parametrize("key", [*"034567890#"])
    def test_any_other_key_replays_the_choices_and_uses_up_no_play(self, key: str) -> None:
        call = AttemptCall(prompt_repeats=2).listening()
        for _ in range(10):
            call.agent_presses(key)
            assert call.hears() == "agent-choices"
            call.hears_it_out()
        call.waits(8)
        assert call.hears() == "agent-choices"
        assert not call.over

    def test_9_before_1_arms_nothing(self) -> None:
        call = AttemptCall().listening()
        call.agent_presses("9")
        assert call.hears() == "agent-choices"
        call.agent_presses("1")
        call.checks_pass()
        assert not call.record.armed
        call.agent_hangs_up()
        assert call.outcome is Outcome.AGENT_LEFT

    def test_a_phone_that_presses_keys_for_ever_is_given_up(self) -> None:
        call = AttemptCall().listening()
        for _ in range(400):
            if not call.over:
                call.agent_presses("5")
                call.waits(1)
        call.waits(120)
        assert call.outcome is Outcome.AGENT_NO_KEY


class TestKeysOfMoreThanOneDigit:
    def test_start_with_two_stars(self) -> None:
        call = AttemptCall(keys=Keys(start="**", again="#")).listening()
        call.agent_presses("*")
        assert call.hears() is None
        assert not isinstance(call.latest[-1], Recheck)
        call.agent_presses("*")
        assert isinstance(call.latest[-1], Recheck)

    def test_half_a_key_replays_the_choices_and_never_hangs_up(self) -> None:
        call = AttemptCall(keys=Keys(start="**", again="#"), prompt_repeats=1).listening()
        call.agent_presses("*")
        call.waits(8)
        assert call.hears() == "press ** to-start press 2 to-decline press # to-hear-again"
        call.agent_presses("**")
        assert isinstance(call.latest[-1], Recheck)

    def test_a_slip_before_a_key_does_not_spoil_it(self) -> None:
        call = AttemptCall(keys=Keys(start="11", again="*")).listening()
        call.agent_presses("1")
        call.agent_presses("2")
        assert call.hears() == "agent-declined"

    def test_keys_that_the_profile_chose_are_the_ones_read_out(self) -> None:
        call = AttemptCall(keys=Keys(start="5", decline="6", again="0")).listening()
        assert call.hears() == (
            "agent-intro 14165550123 press 5 to-start press 6 to-decline press 0 to-hear-again"
        )
        call.agent_presses("1")
        assert not isinstance(call.latest[-1], Recheck)
        call.agent_presses("5")
        assert isinstance(call.latest[-1], Recheck)

    @pytest.mark.parametrize("slip", ["", "9", "*", "**", "1*4"])
    def test_a_reschedule_sequence(self, slip: str) -> None:
        call = AttemptCall(keys=Keys(reschedule="*9")).talking()
        call.agent_presses(slip)
        assert not call.record.armed
        call.agent_presses("*9")
        assert call.record.armed
        call.agent_presses("9")
        assert call.record.armed
        call.agent_presses("*9")
        assert not call.record.armed

    def test_a_star_before_1_is_no_part_of_a_sequence_after_it(self) -> None:
        call = AttemptCall(keys=Keys(reschedule="*9")).listening()
        call.agent_presses("*1")
        call.checks_pass()
        call.agent_presses("9")
        assert not call.record.armed

    def test_the_prompt_names_the_sequence(self) -> None:
        call = AttemptCall(keys=Keys(reschedule="*9"), rules=Rulebook(auto=False)).dialling()
        call.client_fails(Outcome.CLIENT_BUSY)
        assert call.hears() == "failed-busy will-not-retry press *9 to-retry-later"


class TestAfterKeyOne:
    def test_the_checks_refuse_the_agent_is_told_and_it_is_withheld(self) -> None:
        call = AttemptCall().listening()
        call.agent_presses("1")
        call.checks_refuse()
        assert call.hears() == "agent-withheld"
        call.hears_it_out()
        assert call.outcome is Outcome.WITHHELD
        assert not call.record.counted
        assert not call.dialled

    def test_the_dial_is_written_down_before_it_is_made(self) -> None:
        call = AttemptCall().dialling()
        save = call.latest.index(Save(EventType.CLIENT_DIALLED, dialled=True))
        (dial,) = (place for place, effect in enumerate(call.latest) if isinstance(effect, DialClient))
        assert save < dial
        assert call.record.client_dialled_at == call.now

    def test_a_connecting_tone_sounds_until_the_network_takes_over(self) -> None:
        call = AttemptCall().dialling()
        say = call.hearing[AGENT]
        assert call.hears() == "connecting"
        assert say is not None
        assert say.loop
        call.client_rings()
        assert call.hears() is None

    def test_early_media_takes_over_too_and_ringing_after_it_changes_nothing(self) -> None:
        call = AttemptCall().dialling()
        call.client_progress()
        assert call.hears() is None
        call.client_rings()
        assert call.latest == ()

    def test_the_agent_hangs_up_between_1_and_the_dial(self) -> None:
        call = AttemptCall().listening()
        call.agent_presses("1")
        call.agent_hangs_up()
        assert call.outcome is Outcome.AGENT_DECLINED
        call.happens(Cleared())
        assert not call.dialled

    def test_the_agent_leaves_while_the_client_rings(self) -> None:
        call = AttemptCall().dialling()
        call.client_rings()
        call.agent_hangs_up()
        assert call.outcome is Outcome.AGENT_LEFT
        assert call.hung_up == [CLIENT]
        assert call.record.counted

    def test_the_agent_leaves_before_the_network_took_the_call(self) -> None:
        call = AttemptCall().dialling()
        call.agent_hangs_up()
        assert call.outcome is Outcome.AGENT_LEFT
        assert not call.record.counted

    def test_a_client_who_answers_when_the_agent_is_gone_is_hung_up(self) -> None:
        call = AttemptCall(prompt=False).dialling()
        call.client_rings()
        call.agent_hangs_up()
        call.client_answers()
        assert call.latest == (HangUp(CLIENT),)
        assert call.record.client_answered_at is None

    def test_the_client_rings_but_nobody_answers_in_time(self) -> None:
        call = AttemptCall().dialling()
        call.client_rings()
        call.waits(30)
        assert call.hears() == "failed-no-answer will-retry"
        assert call.hung_up == [CLIENT]
        call.hears_it_out()
        assert call.outcome is Outcome.CLIENT_NO_ANSWER
        assert call.record.counted

    def test_a_network_that_says_nothing_in_time_is_a_route_that_failed(self) -> None:
        call = AttemptCall().dialling()
        call.waits(30)
        assert call.hears() == "failed-route will-retry"
        call.hears_it_out()
        assert call.outcome is Outcome.ROUTE_FAILED
        assert not call.record.counted


class TestTalking:
    def test_an_answer_bridges_at_once(self) -> None:
        call = AttemptCall().dialling()
        call.client_answers()
        assert call.hears() is None
        assert call.record.client_answered_at == call.now
        assert call.timers == {}

    @pytest.mark.parametrize("agent_first", [True, False])
    def test_a_talk_ends_as_answered(self, agent_first: bool) -> None:
        call = AttemptCall().talking()
        call.waits(31)
        if agent_first:
            call.agent_hangs_up()
        else:
            call.client_hangs_up()
        assert call.outcome is Outcome.ANSWERED
        assert call.hung_up == [CLIENT if agent_first else AGENT]
        assert call.record.client_outcome is Outcome.ANSWERED
        assert call.record.counted

    def test_a_talk_is_not_bounded(self) -> None:
        call = AttemptCall().talking()
        call.waits(86_400)
        assert not call.over

    def test_a_client_gone_within_30_seconds_may_be_a_machine_so_the_agent_is_told(self) -> None:
        call = AttemptCall().talking()
        call.waits(29.9)
        call.client_hangs_up()
        assert call.hears() == "failed-hung-up will-not-retry press-to-retry"
        call.hears_it_out()
        call.waits(10)
        assert call.outcome is Outcome.ANSWERED

    def test_an_agent_gone_within_2_seconds_leaves_an_apology(self) -> None:
        call = AttemptCall().talking()
        call.waits(1.9)
        call.agent_hangs_up()
        assert call.hears(CLIENT) == "client-apology"
        assert call.hung_up == []
        call.hears_it_out(CLIENT)
        assert call.outcome is Outcome.AGENT_LEFT
        assert call.record.client_outcome is Outcome.ANSWERED
        assert not call.record.counted

    def test_after_2_seconds_there_is_none(self) -> None:
        call = AttemptCall().talking()
        call.waits(2)
        call.agent_hangs_up()
        assert call.outcome is Outcome.ANSWERED

    def test_a_client_who_hangs_up_on_the_apology(self) -> None:
        call = AttemptCall().talking()
        call.agent_hangs_up()
        call.client_hangs_up()
        assert call.outcome is Outcome.AGENT_LEFT

    def test_the_apology_is_not_cut_short_by_another_agents_phone(self) -> None:
        call = AttemptCall(endpoints=2, prompt=False).talking()
        call.agent_hangs_up()
        call.agent_fails(Outcome.AGENT_NO_ANSWER, 1)
        assert call.hears(CLIENT) == "client-apology"
        assert CLIENT not in call.hung_up

    def test_an_agent_who_armed_and_vanished_leaves_an_apology_too_and_9_beats_the_outcome(self) -> None:
        call = AttemptCall().dialling()
        call.client_rings()
        call.agent_presses("9")
        call.client_answers()
        call.agent_hangs_up()
        assert call.hears(CLIENT) == "client-apology"
        call.hears_it_out(CLIENT)
        assert call.outcome is Outcome.AGENT_RESCHEDULED


class TestNine:
    def test_arms_with_a_confirmation_to_the_agent_only_and_is_saved(self) -> None:
        call = AttemptCall().talking()
        call.agent_presses("9")
        assert call.hears() == "beep-confirm agent-armed"
        assert call.hears(CLIENT) is None
        assert isinstance(call.latest[0], Save)
        assert call.record.armed

    def test_a_second_9_disarms(self) -> None:
        call = AttemptCall().talking()
        call.agent_presses("99")
        assert call.hears() == "beep-confirm agent-disarmed"
        assert not call.record.armed
        call.waits(60)
        call.agent_hangs_up()
        assert call.outcome is Outcome.ANSWERED
        assert EventType.RESCHEDULE_DISARMED in call.timeline

    def test_a_third_arms_again(self) -> None:
        call = AttemptCall().talking()
        call.agent_presses("999")
        assert call.record.armed

    def test_takes_effect_when_the_agent_leg_ends(self) -> None:
        call = AttemptCall().talking()
        call.agent_presses("9")
        assert call.hung_up == []
        call.waits(60)
        call.agent_hangs_up()
        assert call.outcome is Outcome.AGENT_RESCHEDULED
        assert call.record.client_outcome is Outcome.ANSWERED

    def test_while_dialling_the_sound_comes_back_after_the_confirmation(self) -> None:
        call = AttemptCall().dialling()
        call.agent_presses("9")
        assert call.hears() == "beep-confirm agent-armed"
        call.hears_it_out()
        assert call.hears() == "connecting"
        call.client_rings()
        call.agent_presses("9")
        call.hears_it_out()
        assert call.hears() == "ringing"

    def test_the_network_taking_over_does_not_cut_the_confirmation(self) -> None:
        call = AttemptCall().dialling()
        call.agent_presses("9")
        call.client_progress()
        assert call.hears() == "beep-confirm agent-armed"
        call.client_answers()
        assert call.hears() == "beep-confirm agent-armed"

    def test_then_leaving_while_it_rings_is_a_reschedule(self) -> None:
        call = AttemptCall().dialling()
        call.client_rings()
        call.agent_presses("9")
        call.agent_hangs_up()
        assert call.outcome is Outcome.AGENT_RESCHEDULED
        assert call.record.counted

    def test_where_none_can_follow_the_confirmation_says_so_but_it_arms(self) -> None:
        call = AttemptCall(rules=Rulebook(possible=False)).talking()
        call.agent_presses("9")
        assert call.hears() == "beep-confirm agent-armed-none"
        assert call.record.armed

    def test_is_just_a_digit_where_agent_rescheduling_is_off(self) -> None:
        call = AttemptCall(rules=Rulebook(agent_on=False)).talking()
        call.agent_presses("9")
        assert call.latest == ()
        assert not call.record.armed

    def test_the_clients_9_is_nothing(self) -> None:
        call = AttemptCall().talking()
        call.happens(DigitPressed(CLIENT, "9"))
        assert not call.record.armed

    @pytest.mark.parametrize(("verdict", "_words"), CLIENT_FAILURES)
    def test_what_beats_9_and_what_9_beats(self, verdict: Outcome, _words: str) -> None:
        call = AttemptCall().dialling()
        call.agent_presses("9")
        call.client_fails(verdict)
        call.hears_it_out()
        stronger = (Outcome.CLIENT_INVALID, Outcome.ROUTE_FAILED)
        assert call.outcome is (verdict if verdict in stronger else Outcome.AGENT_RESCHEDULED)
        assert call.record.client_outcome is verdict
        assert call.record.armed


class TestAfterAFailure:
    @pytest.mark.parametrize(("verdict", "words"), CLIENT_FAILURES)
    def test_the_agent_hears_what_happened_and_what_follows(self, verdict: Outcome, words: str) -> None:
        call = AttemptCall().dialling()
        call.client_fails(verdict, 99)
        follows = "will-not-retry" if verdict is Outcome.CLIENT_INVALID else "will-retry"
        assert call.hears() == f"{words} {follows}"
        call.hears_it_out()
        assert call.outcome is verdict
        assert call.record.cause == 99
        assert call.record.counted is (verdict is not Outcome.ROUTE_FAILED)
        assert call.hung_up == [AGENT]

    def test_where_auto_will_not_retry_the_agent_may_press_9(self) -> None:
        call = AttemptCall(rules=Rulebook(auto=False)).dialling()
        call.client_fails(Outcome.CLIENT_BUSY)
        assert call.hears() == "failed-busy will-not-retry press-to-retry"
        call.hears_it_out()
        call.waits(9)
        call.agent_presses("9")
        assert call.hears() == "beep-confirm agent-armed"
        call.waits(2)
        call.hears_it_out()
        assert call.outcome is Outcome.AGENT_RESCHEDULED
        assert call.record.client_outcome is Outcome.CLIENT_BUSY

    def test_a_9_during_the_narration_counts_as_well(self) -> None:
        call = AttemptCall(rules=Rulebook(auto=False)).dialling()
        call.client_fails(Outcome.CLIENT_BUSY)
        call.agent_presses("9")
        call.hears_it_out()
        assert call.outcome is Outcome.AGENT_RESCHEDULED

    def test_a_second_9_disarms_and_the_window_is_open_again(self) -> None:
        call = AttemptCall(rules=Rulebook(auto=False)).dialling()
        call.client_fails(Outcome.CLIENT_BUSY)
        call.agent_presses("99")
        call.hears_it_out()
        assert not call.over
        call.waits(10)
        assert call.outcome is Outcome.CLIENT_BUSY

    def test_the_window_closes(self) -> None:
        call = AttemptCall(rules=Rulebook(auto=False)).dialling()
        call.client_fails(Outcome.CLIENT_BUSY)
        call.hears_it_out()
        call.waits(9.9)
        assert not call.over
        call.waits(0.1)
        assert call.outcome is Outcome.CLIENT_BUSY

    @pytest.mark.parametrize(
        "rules", [Rulebook(), Rulebook(auto=False, agent_on=False), Rulebook(auto=False, possible=False)]
    )
    def test_there_is_no_window_if_auto_retries_or_none_is_possible(self, rules: Rulebook) -> None:
        call = AttemptCall(rules=rules).dialling()
        call.client_fails(Outcome.CLIENT_BUSY)
        assert "press" not in (call.hears() or "")
        call.hears_it_out()
        assert call.over

    def test_there_is_none_for_a_number_that_does_not_exist(self) -> None:
        call = AttemptCall(rules=Rulebook(auto=False)).dialling()
        call.client_fails(Outcome.CLIENT_INVALID)
        call.hears_it_out()
        assert call.outcome is Outcome.CLIENT_INVALID

    def test_an_agent_who_hangs_up_during_the_narration_changes_nothing(self) -> None:
        call = AttemptCall().dialling()
        call.client_fails(Outcome.CLIENT_BUSY)
        call.agent_hangs_up()
        assert call.outcome is Outcome.CLIENT_BUSY
        assert call.over


def ringing(call: AttemptCall) -> None:
    """The agent's phone rings."""


def listening(call: AttemptCall) -> None:
    call.listening()


def checking(call: AttemptCall) -> None:
    call.listening()
    call.agent_presses("1")


def dialling(call: AttemptCall) -> None:
    call.dialling()
    call.client_rings()


def talking(call: AttemptCall) -> None:
    call.talking()


def apologising(call: AttemptCall) -> None:
    call.talking()
    call.agent_hangs_up()


def narrating(call: AttemptCall) -> None:
    dialling(call)
    call.client_fails(Outcome.CLIENT_BUSY)


def narrating_a_hang_up(call: AttemptCall) -> None:
    call.talking()
    call.waits(20)
    call.client_hangs_up()


def parting(call: AttemptCall) -> None:
    call.listening()
    call.agent_presses("2")


def ending(call: AttemptCall) -> None:
    parting(call)
    call.hears_it_out()


class TestCancel:
    @pytest.mark.parametrize("reach", [ringing, listening, checking, dialling, narrating, parting, ending])
    def test_takes_everything_down(self, reach: Callable[[AttemptCall], None]) -> None:
        call = AttemptCall(prompt=False)
        reach(call)
        legs = call.state.core.legs if not isinstance(call.state, states.Finished) else frozenset()
        call.cancelled()
        call.waits(200)
        assert call.outcome is Outcome.CANCELLED
        assert legs <= set(call.hung_up)

    @pytest.mark.parametrize("reach", [talking, apologising, narrating_a_hang_up])
    def test_is_nothing_to_two_who_are_connected(self, reach: Callable[[AttemptCall], None]) -> None:
        call = AttemptCall()
        reach(call)
        state = call.state
        call.cancelled()
        assert call.state == state
        assert call.latest == ()

    def test_beats_an_armed_9(self) -> None:
        call = AttemptCall().dialling()
        call.agent_presses("9")
        call.cancelled()
        assert call.hears() == "agent-cancelled"
        call.hears_it_out()
        assert call.outcome is Outcome.CANCELLED


class TestInterrupted:
    @pytest.mark.parametrize(
        ("reach", "outcome", "counted"),
        [
            (ringing, Outcome.INTERRUPTED, False),
            (listening, Outcome.INTERRUPTED, False),
            (checking, Outcome.INTERRUPTED, False),
            (dialling, Outcome.INTERRUPTED, True),
            (talking, Outcome.INTERRUPTED, True),
            (apologising, Outcome.AGENT_LEFT, False),
            (narrating, Outcome.CLIENT_BUSY, True),
            (narrating_a_hang_up, Outcome.ANSWERED, True),
            (parting, Outcome.AGENT_DECLINED, False),
            (ending, Outcome.AGENT_DECLINED, False),
        ],
    )
    @pytest.mark.parametrize("still_up", [True, False])
    def test_in_every_state(
        self, reach: Callable[[AttemptCall], None], outcome: Outcome, counted: bool, still_up: bool
    ) -> None:
        call = AttemptCall(prompt=False)
        reach(call)
        legs = call.state.core.legs if still_up and not isinstance(call.state, states.Finished) else frozenset()
        call.interrupted(*legs)
        if still_up:
            assert legs <= set(call.hung_up)
            call.waits(5)
        assert call.outcome is outcome
        assert call.record.counted is counted

    @pytest.mark.parametrize(("seconds", "outcome"), [(9.9, Outcome.INTERRUPTED), (10, Outcome.ANSWERED)])
    def test_two_who_had_talked_for_10_seconds_have_talked(self, seconds: float, outcome: Outcome) -> None:
        call = AttemptCall().talking()
        call.waits(seconds)
        call.interrupted()
        assert call.outcome is outcome

    def test_a_short_talk_that_was_over_is_completed_however_short(self) -> None:
        call = AttemptCall().talking()
        call.waits(5)
        call.client_hangs_up()
        call.waits(9)
        call.interrupted()
        assert call.outcome is Outcome.ANSWERED

    def test_beats_an_armed_9_which_stays_known(self) -> None:
        call = AttemptCall().dialling()
        call.agent_presses("9")
        call.interrupted()
        assert call.outcome is Outcome.INTERRUPTED
        assert call.record.armed

    def test_a_dial_that_was_never_written_was_never_made(self) -> None:
        call = AttemptCall(prompt=False).dialling()
        call.happens(Interrupted(frozenset({AGENT}), undialled=True))
        call.waits(5)
        assert call.outcome is Outcome.INTERRUPTED
        assert call.record.client_dialled_at is None
        assert not call.record.counted


class TestTheEnd:
    def test_a_leg_whose_end_is_never_told_is_waited_for_5_seconds(self) -> None:
        call = AttemptCall(prompt=False)
        call.waits(20)
        assert not call.over
        call.waits(5)
        assert call.over

    def test_it_finishes_when_the_last_leg_is_gone(self) -> None:
        call = AttemptCall(endpoints=2, prompt=False)
        call.cancelled()
        call.agent_fails(Outcome.AGENT_NO_ANSWER, 0)
        assert not call.over
        call.agent_fails(Outcome.AGENT_NO_ANSWER, 1)
        assert call.over
        assert call.record.ended_at == call.now


LEGS = [agent_leg(0), agent_leg(1), agent_leg(2), CLIENT, OFFER]
VERDICTS = [
    Outcome.AGENT_BUSY,
    Outcome.AGENT_NO_ANSWER,
    Outcome.AGENT_UNREACHABLE,
    *(verdict for verdict, _ in CLIENT_FAILURES),
]


def _happenings() -> st.SearchStrategy[Happening]:
    legs = st.sampled_from(LEGS)
    usual = st.one_of(
        st.builds(LegAnswered, st.sampled_from([agent_leg(0), agent_leg(1), CLIENT])),
        st.builds(DigitPressed, st.sampled_from([agent_leg(0), agent_leg(1)]), st.sampled_from("1129*")),
        st.builds(LegEnded, st.sampled_from([agent_leg(0), CLIENT]), st.sampled_from(VERDICTS)),
    )
    return st.one_of(
        usual,
        usual,
        st.builds(LegRinging, legs),
        st.builds(LegProgress, legs),
        st.builds(LegAnswered, legs),
        st.builds(LegEnded, legs, st.sampled_from(VERDICTS), st.none() | st.just(17)),
        st.builds(DigitPressed, legs, st.sampled_from("0123456789*#")),
        st.builds(SpeechEnded, legs, st.integers(0, 12)),
        st.builds(
            TimeUp, st.sampled_from(["ring", "key", "listening", "client", "speech", "after_failure", "teardown"])
        ),
        st.just(Cleared()),
        st.just(Refused("paused")),
        st.just(CancelAsked()),
        st.builds(Interrupted, st.frozensets(legs)),
    )


class Watched(AttemptCall):
    """Checks after every step what must hold whatever happens."""

    def happens(self, happening: Happening) -> None:
        """The client is dialled when the checks pass that key 1 asked for, and at no other time."""
        before, dials = self.state, self.count(DialClient)
        super().happens(happening)
        if self.count(DialClient) > dials:
            assert isinstance(before, states.Checking)
            assert isinstance(happening, Cleared)
            assert self.count(Recheck) > 0


def _no_leg_is_left(call: AttemptCall, ended: set[Leg]) -> None:
    """Every leg that was rung, and is not known to have ended, was to be hung up."""
    rung = {effect.leg for effect in call.asked if isinstance(effect, Ring | DialClient)}
    assert rung - ended <= set(call.hung_up)


@given(st.lists(st.tuples(_happenings(), st.sampled_from([0.0, 0.5, 3.0, 25.0])), max_size=40), st.data())
def test_whatever_happens_it_ends_once_and_leaves_nobody_on_the_line(
    story: list[tuple[Happening, float]], data: st.DataObject
) -> None:
    rules = Rulebook(data.draw(st.booleans()), data.draw(st.booleans()), data.draw(st.booleans()))
    call = Watched(endpoints=2, rules=rules, prompt=False)
    ended: set[Leg] = set()
    for happening, pause in story:
        if not call.over:
            if isinstance(happening, LegEnded):
                ended.add(happening.leg)
            elif isinstance(happening, Interrupted):
                ended |= set(LEGS) - happening.legs
        call.happens(happening)
        call.waits(pause)
    if isinstance(call.state, states.Checking):
        call.happens(Refused("paused"))
    if isinstance(call.state, states.Talking):
        agent = call.state.core.agent
        call.agent_hangs_up(agent.index)
        ended.add(agent)
    call.waits(3600)
    assert isinstance(call.state, states.Finished)
    assert call.outcome is not None
    assert call.record.counted is not None
    assert call.count(Finish) == 1
    assert call.count(DialClient) <= 1
    assert len(call.rung) == len(set(call.rung))
    if call.dialled:
        assert Save(EventType.CLIENT_DIALLED, dialled=True) in call.asked
    _no_leg_is_left(call, ended)


@given(st.lists(_happenings(), max_size=25))
def test_whatever_is_told_twice_changes_nothing_the_second_time(story: list[Happening]) -> None:
    """But for keys, which people do press twice, and time-outs, which are ours."""
    once, twice = AttemptCall(endpoints=2, prompt=False), AttemptCall(endpoints=2, prompt=False)
    for happening in story:
        once.happens(happening)
        twice.happens(happening)
        if not isinstance(happening, DigitPressed | TimeUp | Interrupted | Cleared | SpeechEnded):
            state = twice.state
            twice.happens(happening)
            assert twice.state == state
            assert twice.over or all(isinstance(effect, HangUp) for effect in twice.latest)
    assert once.state == twice.state


"""The intake menu, rule by rule."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbackd.domain.menu import (
    WHOLE_LIMIT,
    Answer,
    Ask,
    Deciding,
    Gone,
    HandBack,
    Happening,
    Kept,
    Leave,
    MarkKept,
    NumberRefused,
    Over,
    Pressed,
    Quiet,
    Spoken,
    TellingWhatFollows,
    Unavailable,
)
from callbackd.domain.telephony import TimeUp
from tests.domain.menu_driver import OWN, Caller

OFFER = "offer number-is 14165550123 choices"
AGAIN = "number-is 14165550123 choices"
OTHER = "4165550188"


def confirming(own: str | None = OWN) -> Caller:
    """They keyed another number and hear it."""
    caller = Caller(own)
    if own is not None:
        caller.presses("2")
    return caller.presses(f"{OTHER}#")


# ---- the first question -------------------------------------------------------------------------------------------


def test_their_own_number_is_read_back_digit_by_digit_after_they_were_answered() -> None:
    caller = Caller()
    assert caller.effects[0] == Answer()
    assert caller.hears == OFFER


@pytest.mark.parametrize("while_speaking", [True, False])
def test_1_asks_for_their_own_number(while_speaking: bool) -> None:
    caller = Caller()
    if not while_speaking:
        caller.hears_it_out()
    caller.presses("1")
    assert caller.asked == [Ask(OWN, own=True)]
    assert caller.utterance is None, "hushed"


def test_2_asks_for_another_number() -> None:
    assert Caller().presses("2").hears == "enter"


@pytest.mark.parametrize("while_speaking", [True, False])
def test_star_leads_back_at_once_and_leaves_nothing(while_speaking: bool) -> None:
    caller = Caller()
    if not while_speaking:
        caller.hears_it_out()
    caller.presses("*")
    assert caller.back
    assert caller.effects[-2:] == [Quiet(), Leave()]
    assert caller.asked == []


def test_silence_three_times_leads_back() -> None:
    caller = Caller()
    for _ in range(3):
        caller.is_silent()
    assert caller.said == [OFFER, AGAIN, AGAIN, "back"]
    assert caller.hears_it_out().back
    assert caller.asked == []


def test_another_key_three_times_leads_back() -> None:
    caller = Caller().presses("90#")
    assert caller.said == [OFFER, AGAIN, AGAIN, "back"]
    assert caller.hears_it_out().back


def test_whoever_hears_that_they_go_back_may_cut_it_short() -> None:
    assert Caller().presses("000").presses("5").back


# ---- another number -----------------------------------------------------------------------------------------------


def test_without_a_number_of_their_own_they_are_asked_for_one_at_once() -> None:
    assert Caller(None).hears == "offer enter"


def test_what_is_keyed_is_read_back() -> None:
    caller = confirming()
    assert caller.hears == f"number-is {OTHER} confirm"
    assert caller.asked == []


def test_the_first_digit_silences_the_question() -> None:
    caller = Caller(None).presses("4")
    assert Quiet() in caller.effects
    assert "speech" not in caller.timers


def test_star_begins_anew() -> None:
    caller = Caller(None).presses("999*")
    assert caller.hears == "enter"
    assert caller.presses(f"{OTHER}#").hears == f"number-is {OTHER} confirm"


def test_star_before_the_first_digit_of_the_first_question_leads_back() -> None:
    assert Caller(None).presses("*").back
    assert not Caller(None).presses("4**").back, "pressed twice to correct"
    assert not Caller().presses("2*").back


def test_a_pause_ends_the_number_like_a_pound() -> None:
    caller = Caller(None).presses(OTHER)
    assert caller.timers["key"].total_seconds() == 8
    assert caller.runs_out("key").hears == f"number-is {OTHER} confirm"


@pytest.mark.parametrize("empty", ["silence", "#"])
def test_no_number_three_times_leads_back(empty: str) -> None:
    caller = Caller(None)
    for _ in range(3):
        if empty == "#":
            caller.presses("#")
        else:
            caller.is_silent()
    assert caller.said == ["offer enter", "enter", "enter", "back"]
    assert caller.hears_it_out().back


def test_of_an_endless_number_only_so_much_is_kept_as_is_refused() -> None:
    caller = Caller(None).presses("4" * 500 + "#1")
    assert caller.asked == [Ask("4" * 21, own=False)]


def test_1_confirms() -> None:
    assert confirming().presses("1").asked == [Ask(OTHER, own=False)]


@pytest.mark.parametrize("key", "2*")
def test_2_or_star_enters_it_again(key: str) -> None:
    caller = confirming().presses(key)
    assert caller.hears == "enter"
    assert caller.presses("41#1").asked == [Ask("41", own=False)]


@pytest.mark.parametrize("keys", ["silence", "777"])
def test_no_answer_to_whether_it_is_right_leads_back_after_three_times(keys: str) -> None:
    caller = confirming()
    for key in ["", "", ""] if keys == "silence" else keys:
        if key:
            caller.presses(key)
        else:
            caller.is_silent()
    assert caller.said[-4:] == [f"number-is {OTHER} confirm"] * 3 + ["back"]
    assert caller.hears_it_out().back
    assert caller.asked == []


# ---- the answer ---------------------------------------------------------------------------------------------------


def test_kept_and_how_many_come_first() -> None:
    assert Caller().presses("1").is_kept(before=3).hears == "accepted before 3 goodbye"
    assert Caller().presses("1").is_kept(before=0).hears == "accepted next goodbye"
    assert Caller().presses("1").is_kept(before=None).hears == "accepted goodbye"


def test_one_that_was_there_already() -> None:
    assert Caller().presses("1").is_kept(created=False, before=2).hears == "duplicate before 2 goodbye"


def test_a_closed_line_says_when_it_opens() -> None:
    opens = datetime(2026, 11, 2, 9, 5, tzinfo=UTC)
    caller = Caller().presses("1").happens(Kept(True, None, opens))
    assert caller.hears == "accepted closed day-0 9:05 goodbye"


def test_after_the_goodbye_they_are_hung_up_and_keys_change_nothing() -> None:
    caller = Caller().presses("1").is_kept().presses("1*2#")
    assert not caller.hung_up
    assert caller.hears_it_out().hung_up
    assert caller.state == Over()
    assert len(caller.asked) == 1


def test_the_dialplan_is_told_of_it_before_they_are() -> None:
    caller = Caller().presses("1").is_kept()
    assert MarkKept() in caller.effects
    assert caller.effects.index(MarkKept()) > caller.effects.index(Ask(OWN, own=True))


def test_a_refused_number_asks_for_another() -> None:
    caller = Caller().presses("1").happens(NumberRefused())
    assert caller.hears == "refused enter"
    caller.presses("911#1").happens(NumberRefused())
    assert caller.hears == "refused enter"
    caller.presses("411#1").happens(NumberRefused())
    assert caller.hears == "refused back"
    assert caller.hears_it_out().back
    assert len(caller.asked) == 3


def test_a_refused_number_is_a_try_at_the_question_for_a_number() -> None:
    caller = Caller().presses("1").happens(NumberRefused())
    assert caller.is_silent().hears == "enter"
    assert caller.is_silent().hears == "back"


def test_no_call_backs_now() -> None:
    caller = Caller().presses("1").happens(Unavailable())
    assert caller.hears == "sorry"
    assert caller.hears_it_out().back


# ---- every way out ------------------------------------------------------------------------------------------------


def test_hanging_up_before_1_leaves_nothing() -> None:
    for caller in (Caller(), Caller().presses("2416"), confirming()):
        caller.hangs_up()
        assert caller.state == Over()
        assert caller.asked == []


def test_hanging_up_after_1_changes_nothing() -> None:
    caller = Caller().presses("1").is_kept().hangs_up()
    assert caller.state == Over()
    assert len(caller.asked) == 1
    assert not caller.back


def test_when_we_stop_they_go_back_at_once_but_those_with_a_call_back_hear_it_out() -> None:
    for caller in (Caller(), Caller().presses("2416"), confirming(), Caller().presses("999")):
        assert caller.daemon_stops().back
    kept = Caller().presses("1").is_kept().daemon_stops()
    assert isinstance(kept.state, TellingWhatFollows)
    assert kept.hears_it_out().hung_up


def test_when_we_must_stop_now_everybody_goes_back_to_the_dialplan() -> None:
    caller = Caller().presses("1").is_kept().daemon_stops(now=True)
    assert caller.back
    assert not caller.hung_up


def test_the_whole_takes_so_long_at_most() -> None:
    caller = Caller()
    assert caller.timers["whole"] == WHOLE_LIMIT
    caller.presses("2*****").runs_out("whole")
    assert caller.hears == "back"
    assert caller.hears_it_out().back


def test_speech_whose_end_is_never_told_ends_all_the_same() -> None:
    caller = Caller().runs_out("speech").runs_out("key")
    assert caller.hears == AGAIN
    assert Caller().presses("1").is_kept().runs_out("speech").hung_up
    assert Caller().presses("000").runs_out("speech").back


def test_the_end_of_speech_that_was_cut_short_is_nothing() -> None:
    caller = Caller()
    before = caller.utterance
    assert before is not None
    caller.presses("9").happens(Spoken(before))
    assert "key" not in caller.timers


HAPPENINGS: st.SearchStrategy[Happening] = st.one_of(
    st.builds(Pressed, st.sampled_from("0123456789*#")),
    st.builds(Spoken, st.integers(0, 30)),
    st.sampled_from([TimeUp("key"), TimeUp("speech"), TimeUp("whole"), TimeUp("other")]),
    st.sampled_from([NumberRefused(), Unavailable(), Kept(True, 1, None), Kept(False, None, None)]),
    st.sampled_from([HandBack(), HandBack(now=True), Gone()]),
)


@given(own=st.sampled_from([None, OWN]), happenings=st.lists(HAPPENINGS, max_size=60))
def test_whatever_happens(own: str | None, happenings: list[Happening]) -> None:
    """Nobody is stuck: a timer runs or a request is made. Nobody is hung up without a call-back, or asked for twice."""
    caller = Caller(own)
    kept = 0
    for happening in happenings:
        was_deciding = isinstance(caller.state, Deciding)
        asked = len(caller.asked)
        caller.happens(happening)
        kept += was_deciding and isinstance(happening, Kept)
        assert len(caller.asked) == asked or happening == Pressed("1")
        assert not caller.hung_up or kept == 1
        assert kept <= 1
        if isinstance(caller.state, Over):
            break
        assert isinstance(caller.state, Deciding) or {"key", "speech"} & caller.timers.keys()
    else:
        assert not caller.hung_up

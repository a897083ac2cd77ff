"""The client offer, rule by rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbackd.domain.callback import EventType, OfferOutcome, Outcome
from callbackd.domain.telephony import (
    OFFER,
    CancelAsked,
    DialClient,
    DigitPressed,
    Finish,
    HangUp,
    Happening,
    Interrupted,
    LegAnswered,
    LegEnded,
    LegProgress,
    LegRinging,
    Save,
    SpeechEnded,
    TimeUp,
)
from tests.domain.call_driver import OfferCall, agent_leg

ANSWERS = [
    ("1", OfferOutcome.ANOTHER_TRY, "offer-again"),
    ("2", OfferOutcome.DECLINED, "offer-declined"),
    ("3", OfferOutcome.NEVER_AGAIN, "offer-never"),
]


def test_the_dial_is_written_down_before_it_is_made_and_rings_nobody_else() -> None:
    call = OfferCall()
    assert call.asked[0] == Save(EventType.CLIENT_DIALLED, dialled=True)
    dial = call.asked[-1]
    assert isinstance(dial, DialClient)
    assert dial.agent is None


def test_it_says_who_calls_and_why() -> None:
    call = OfferCall().answered()
    assert call.hears(OFFER) == "offer-intro offer-choices"
    assert call.record.answered_at == call.now
    assert call.record.client_outcome is Outcome.ANSWERED


@pytest.mark.parametrize("while_speaking", [True, False])
@pytest.mark.parametrize(("key", "outcome", "words"), ANSWERS)
def test_keys(key: str, outcome: OfferOutcome, words: str, while_speaking: bool) -> None:
    call = OfferCall().answered()
    if not while_speaking:
        call.hears_it_out(OFFER)
    call.presses(key)
    assert Save(EventType.KEY_PRESSED, {"key": key}) in call.latest
    assert call.hears(OFFER) == words
    call.hears_it_out(OFFER)
    assert call.record.outcome is outcome
    assert call.record.key == key
    assert call.hung_up == [OFFER]


def test_silence_repeats_three_plays_in_all() -> None:
    call = OfferCall().answered()
    for _ in range(3):
        call.hears_it_out(OFFER)
        call.waits(8)
    assert call.hears(OFFER) == "offer-goodbye"
    call.hears_it_out(OFFER)
    assert call.heard == ["offer-intro offer-choices", "offer-choices", "offer-choices", "offer-goodbye"]
    assert call.record.outcome is OfferOutcome.NO_KEY
    assert call.record.key is None


def test_any_other_key_repeats_too() -> None:
    call = OfferCall().answered()
    call.presses("9")
    assert call.hears(OFFER) == "offer-choices"
    call.presses("0")
    call.presses("1")
    assert call.hears(OFFER) == "offer-again"


def test_other_keys_three_times_are_silence() -> None:
    call = OfferCall().answered()
    for key in "*#0":
        call.presses(key)
    assert call.hears(OFFER) == "offer-goodbye"
    call.hears_it_out(OFFER)
    assert call.record.outcome is OfferOutcome.NO_KEY


def test_hanging_up_without_a_key() -> None:
    call = OfferCall().answered()
    call.hangs_up()
    assert call.record.outcome is OfferOutcome.NO_KEY
    assert call.hung_up == []


def test_hanging_up_after_a_key_keeps_it() -> None:
    call = OfferCall().answered()
    call.presses("1")
    call.hangs_up()
    assert call.record.outcome is OfferOutcome.ANOTHER_TRY


@pytest.mark.parametrize(
    "verdict", [Outcome.CLIENT_BUSY, Outcome.CLIENT_NO_ANSWER, Outcome.CLIENT_REJECTED, Outcome.CLIENT_INVALID]
)
def test_not_answered(verdict: Outcome) -> None:
    call = OfferCall()
    call.fails(verdict)
    assert call.record.outcome is OfferOutcome.NOT_ANSWERED
    assert call.record.client_outcome is verdict


def test_our_route_failed() -> None:
    call = OfferCall()
    call.fails(Outcome.ROUTE_FAILED)
    assert call.record.outcome is OfferOutcome.ROUTE_FAILED


@pytest.mark.parametrize(
    ("rang", "outcome"), [(True, OfferOutcome.NOT_ANSWERED), (False, OfferOutcome.ROUTE_FAILED)]
)
def test_ring_time_out(rang: bool, outcome: OfferOutcome) -> None:
    call = OfferCall()
    if rang:
        call.happens(LegRinging(OFFER))
    call.waits(30)
    assert call.record.outcome is outcome
    assert call.hung_up == [OFFER]


@pytest.mark.parametrize("answered", [True, False])
def test_cancel(answered: bool) -> None:
    call = OfferCall(prompt=False)
    if answered:
        call.answered()
    call.cancelled()
    assert call.hung_up == [OFFER]
    call.waits(5)
    assert call.record.outcome is OfferOutcome.CANCELLED


@pytest.mark.parametrize(
    ("key", "outcome"),
    [("1", OfferOutcome.CANCELLED), ("2", OfferOutcome.DECLINED), ("3", OfferOutcome.NEVER_AGAIN)],
)
def test_a_cancel_does_not_unsay_a_no(key: str, outcome: OfferOutcome) -> None:
    call = OfferCall(prompt=False).answered()
    call.presses(key)
    call.cancelled()
    call.hears_it_out(OFFER)
    call.cancelled()
    call.waits(5)
    assert call.record.outcome is outcome


@pytest.mark.parametrize("up", [True, False])
def test_interrupted(up: bool) -> None:
    call = OfferCall().answered()
    call.interrupted(*([OFFER] if up else []))
    assert call.record.outcome is OfferOutcome.INTERRUPTED
    assert call.hung_up == ([OFFER] if up else [])


def test_interrupted_after_a_key_keeps_it() -> None:
    call = OfferCall().answered()
    call.presses("3")
    call.interrupted()
    assert call.record.outcome is OfferOutcome.NEVER_AGAIN


def test_a_dial_that_was_never_written_was_never_made() -> None:
    call = OfferCall()
    call.happens(Interrupted(undialled=True))
    assert call.record.outcome is OfferOutcome.INTERRUPTED
    assert call.record.dialled_at is None


def test_what_another_leg_does_is_nothing_to_it() -> None:
    call = OfferCall()
    for happening in (LegAnswered(agent_leg()), LegEnded(agent_leg(), Outcome.AGENT_BUSY)):
        state = call.state
        call.happens(happening)
        assert call.state == state


LEGS = st.sampled_from([OFFER, OFFER, OFFER, agent_leg()])
HAPPENINGS: st.SearchStrategy[Happening] = st.one_of(
    st.builds(LegAnswered, LEGS),
    st.builds(DigitPressed, LEGS, st.sampled_from("0123456789*#")),
    st.builds(SpeechEnded, LEGS, st.integers(0, 5)),
    st.builds(LegRinging, LEGS),
    st.builds(LegProgress, LEGS),
    st.builds(LegEnded, LEGS, st.sampled_from([Outcome.CLIENT_BUSY, Outcome.ROUTE_FAILED])),
    st.builds(TimeUp, st.sampled_from(["client", "key", "speech", "teardown"])),
    st.just(CancelAsked()),
    st.builds(Interrupted, st.frozensets(LEGS)),
)


@given(st.lists(st.tuples(HAPPENINGS, st.sampled_from([0.0, 1.0, 20.0])), max_size=25))
def test_whatever_happens_it_ends_once_and_leaves_nobody_on_the_line(story: list[tuple[Happening, float]]) -> None:
    call = OfferCall(prompt=False)
    ended = False
    for happening, pause in story:
        if not call.over:
            ended |= isinstance(happening, LegEnded) and happening.leg == OFFER
            ended |= isinstance(happening, Interrupted) and OFFER not in happening.legs
        call.happens(happening)
        call.waits(pause)
    call.waits(1200)
    assert call.record.outcome is not None
    assert call.count(Finish) == 1
    assert call.count(DialClient) == 1
    assert ended or call.count(HangUp) > 0

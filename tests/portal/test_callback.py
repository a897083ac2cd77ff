"""One call-back: its story in words, and what can be done with it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from callbackd.domain.callback import Attempt, EventType, Kind, Offer, OfferOutcome, Outcome, State, TimelineEvent
from callbackd.domain.profile import Keys
from callbackd.engine.desk import Story
from callbackd.portal import words
from callbackd.portal.story import Teller
from callbackd.store.interface import Change
from tests.http.house import NOON, SUPPORT
from tests.portal.office import Office, Visitor, text_of, words_of
from tests.portal.test_guard import asked_by
from tests.portal.test_now import TORONTO, added


async def test_a_story_is_told_chapter_by_chapter(office: Office, visitor: Visitor) -> None:
    callback = await added(office, 1, name="Ann Lee")
    second = NOON + timedelta(seconds=1)

    def at(seconds: int) -> datetime:
        return NOON + timedelta(seconds=seconds)

    why = ["the attempt ended as client_busy and auto rescheduling is on: kind auto", "0 of 2 reschedules used"]
    events = (
        TimelineEvent(EventType.ATTEMPT_STARTED, second, {"attempt": 1, "kind": "request"}),
        TimelineEvent(EventType.AGENT_ANSWERED, at(4), {"attempt": 1, "endpoint": "PJSIP/1001"}),
        TimelineEvent(EventType.KEY_PRESSED, at(6), {"key": "5"}),
        TimelineEvent(EventType.KEY_PRESSED, at(9), {"key": "1"}),
        TimelineEvent(EventType.CLIENT_DIALLED, at(9), {"attempt": 1}),
        TimelineEvent(EventType.CLIENT_ENDED, at(12), {"client_outcome": "client_busy", "cause": 17}),
        TimelineEvent(EventType.ATTEMPT_ENDED, at(15), {"outcome": "client_busy", "cause": 17, "counted": True}),
        TimelineEvent(EventType.RESCHEDULED, at(15), {"kind": "auto", "due_at": "2026-11-02T17:10:15Z", "why": why}),
        TimelineEvent(EventType.RESTING, at(700), {"why": ["number_limit"], "until": "2026-11-02T18:00:00Z"}),
    )
    attempt = Attempt(
        callback.id, 1, Kind.REQUEST, second, at(4), at(9), None, at(15), Outcome.CLIENT_BUSY, Outcome.CLIENT_BUSY, 17,
        False, True,
    )  # fmt: skip
    await office.store.commit(Change(replace(callback, attempts_made=1, counted=1), events, attempt=attempt))
    told = words_of(await visitor.get(f"/callbacks/{callback.id}"))
    for sentence in (
        "+14165550001 Ann Lee",
        "Attempt 1 Mon 2 Nov as requested client busy 14 s",
        "12:00:04 An agent answered (PJSIP/1001)",
        "12:00:06 The agent pressed 5: the choices are repeated",
        "12:00:09 The agent pressed 1: start",
        "12:00:12 The client's leg ended: client busy: user busy (cause 17)",
        "The client's line was busy: user busy (cause 17). It counts: the client's phone was called.",
        f"To be tried again from 12:10 (auto reschedule) {why[0]} {why[1]}",
        "In between Mon 2 Nov 12:11:40 Waits until 13:00 the number's dials of 24 hours are used up",
        "Why it is not being dialled next",
    ):
        assert sentence in told, sentence


def test_every_word_of_the_engine_has_one_here() -> None:
    """A new state, outcome, kind or event can't be forgotten."""
    assert set(words.STATES) == set(words.STATES_EXPLAINED) == set(words.TONES) == set(State)
    assert set(words.OUTCOMES) == set(words.OUTCOMES_EXPLAINED) == set(words.OUTCOME_TONES) == set(Outcome)
    assert set(words.OFFER_OUTCOMES) == set(OfferOutcome)
    assert set(words.KINDS) == set(Kind)
    callback = TimelineEvent(EventType.REQUESTED, NOON, {})
    story = Story(None, (), (), tuple(replace(callback, type=type_) for type_ in EventType))  # type: ignore[arg-type]
    told = [entry.text for chapter in Teller(TORONTO, NOON, Keys()).chapters(story) for entry in chapter.entries]
    assert len(told) == len(EventType)
    assert all(text and "_" not in text for text in told), told


async def test_an_offer_is_a_chapter_too(office: Office, visitor: Visitor) -> None:
    callback = await added(office, 1)
    offer = Offer(
        callback.id, 1, NOON, NOON, NOON + timedelta(seconds=3), NOON + timedelta(seconds=9), OfferOutcome.ANOTHER_TRY,
        None, None, "1",
    )  # fmt: skip
    events = (
        TimelineEvent(EventType.OFFER_STARTED, NOON, {"offer": 1}),
        TimelineEvent(EventType.OFFER_ANSWERED, NOON + timedelta(seconds=3), {"offer": 1}),
        TimelineEvent(EventType.KEY_PRESSED, NOON + timedelta(seconds=7), {"key": "1"}),
        TimelineEvent(EventType.OFFER_ENDED, NOON + timedelta(seconds=9), {"offer": 1, "outcome": "another_try"}),
    )
    await office.store.commit(Change(replace(callback, offers_made=1), events, offer=offer))
    told = words_of(await visitor.get(f"/callbacks/{callback.id}"))
    assert "Offer 1 Mon 2 Nov the client is asked for one more try client asked for another try 9 s" in told
    assert "The client pressed 1: one more try" in told


async def test_cancel(office: Office, visitor: Visitor) -> None:
    asked = await asked_by(office, "Ann Lee")
    answer = await visitor.submit(f"/callbacks/{asked}/cancel")
    assert (answer.status, answer.headers["location"]) == (303, f"/callbacks/{asked}?done=cancelled")
    told = words_of(await visitor.get(answer.headers["location"]))
    assert "Cancelled." in told
    assert "Ended: cancelled by an operator" in told
    assert "Do something" not in told
    again = await visitor.submit(f"/callbacks/{asked}/cancel")
    assert again.status == 409
    assert "Not done: it has ended already: cancelled." in words_of(again)


async def test_try_now(office: Office, visitor: Visitor) -> None:
    callback = await added(office, 1, due_at=NOON + timedelta(hours=3))
    answer = await visitor.submit(f"/callbacks/{callback.id}/reschedule", when="now")
    assert answer.status == 303
    kept = await office.store.get(callback.id)
    assert kept is not None
    assert kept.due_at == NOON
    assert "Why it is not being dialled next" in words_of(await visitor.get(answer.headers["location"]))


@pytest.mark.parametrize(
    ("typed", "due"),
    [
        ("2026-11-02T15:30", NOON.replace(hour=20, minute=30)),
        ("15:30", NOON.replace(hour=20, minute=30)),
        ("2026-11-03 09:00", NOON + timedelta(hours=21)),
        ("2026-11-02T19:00:00Z", NOON + timedelta(hours=2)),
    ],
)
async def test_reschedule_at_a_time_on_the_wall_of_the_target(
    office: Office, visitor: Visitor, typed: str, due: datetime
) -> None:
    asked = await asked_by(office, "Ann Lee")
    assert (await visitor.submit(f"/callbacks/{asked}/reschedule", at=typed)).status == 303
    kept = await office.store.get(asked)
    assert kept is not None
    assert kept.due_at == due


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "expected [YYYY-MM-DD] HH:MM"),
        ("soon", "expected [YYYY-MM-DD] HH:MM"),
        ("11:00", "11:00 has passed today in America/Toronto: say which day"),
        ("2027-03-14 02:30", "the clocks jump over it"),
        ("2026-11-20 10:00", "it expires at"),
        ("2026-99-99T10:00", "there is no such time"),
    ],
)
async def test_a_time_that_is_none_is_told_and_kept_to_be_mended(
    office: Office, visitor: Visitor, typed: str, said: str
) -> None:
    asked = await asked_by(office, "Ann Lee")
    answer = await visitor.submit(f"/callbacks/{asked}/reschedule", at=typed)
    assert answer.status == 422
    assert said in words_of(answer)
    kept = await office.store.get(asked)
    assert kept is not None
    assert kept.version == 1


async def test_what_its_state_forbids_is_not_offered(office: Office, visitor: Visitor) -> None:
    asked = await asked_by(office, "Ann Lee")
    assert {"cancel", "reschedule"} == await _offered(visitor, asked)
    await office.put(asked, State.AGENT)
    assert {"cancel"} == await _offered(visitor, asked)
    await office.put(asked, State.CONNECTED)
    assert set() == await _offered(visitor, asked)
    answer = await visitor.submit(f"/callbacks/{asked}/reschedule", when="now")
    assert answer.status == 409
    assert "only scheduled and queued ones can be moved" in words_of(answer)


async def _offered(visitor: Visitor, asked: str) -> set[str]:
    page = text_of(await visitor.get(f"/callbacks/{asked}"))
    return set(re.findall(rf'action="/callbacks/{asked}/(\w+)"', page))


async def test_why_has_the_numbers_own_checks(office: Office, visitor: Visitor) -> None:
    asked = await asked_by(office, "Ann Lee")
    await office.store.block("+14165550101", NOON, "asked")
    told = words_of(await visitor.get(f"/callbacks/{asked}"))
    assert "Why it is not being dialled the number is on the block-list" in told


async def test_other_call_backs_of_the_number(office: Office, visitor: Visitor) -> None:
    first = await asked_by(office, "Ann Lee")
    await office.desk.cancel(first)
    second = await asked_by(office, "Ann Lee")
    page = text_of(await visitor.get(f"/callbacks/{second}"))
    assert f'href="/callbacks/{first}"' in page
    assert "Other call-backs of this number" in page


async def test_the_call_back_of_a_profile_that_is_gone(office: Office, visitor: Visitor) -> None:
    asked = await asked_by(office, "Ann Lee")
    office.rules.profiles = {"sales": replace(SUPPORT, id="sales")}
    answer = await visitor.get(f"/callbacks/{asked}")
    assert answer.status == 200
    assert "support (gone)" in words_of(answer)
    assert "its profile is gone from the configuration" in words_of(answer)


async def test_the_moving_part_carries_the_forms_of_who_asks(office: Office, visitor: Visitor) -> None:
    asked = await asked_by(office, "Ann Lee")
    piece = text_of(await visitor.get(f"/live/callbacks/{asked}"))
    assert await visitor.form_token() in piece
    assert (await visitor.get("/live/callbacks/nothing")).status == 404

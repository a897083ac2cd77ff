"""When nothing else will be tried, the client may be called once more and asked: 1 another try, 2 no, 3 never."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rig.behaviours import answers, busy, hears, in_turn, presses, rings_for_ever, talks
from rig.daemon import Json, RefusedError
from rig.phones import PhoneCall
from tests.pbx.company import (
    AGENT,
    CLIENT,
    COMPANY_NUMBER,
    MARK_SECONDS,
    Company,
    events,
    heard,
    instant,
    marks,
    profile,
    reschedules,
)

pytestmark = pytest.mark.pbx

PLAYED_ONCE = ["offer-intro", "offer-choices"]


def offering(**changes: Any) -> Json:
    """A profile that offers at once: no reschedule by itself, Client Rescheduling on."""
    rules = {"client": True, "max_reschedules": 0, "delay": "1s", **changes.pop("rescheduling", {})}
    offer = {"delay": "0s", "reschedule_delay": "1s", **changes.pop("offer", {})}
    agent = {"after_failure": "0s", **changes.pop("agent", {})}
    return profile(rescheduling=rules, offer=offer, agent=agent, **changes)


async def open_with_a_busy_client(company: Company, *later_calls: Any, **changes: Any) -> str:
    """The agent presses 1; the client is busy at first, and then does as said. The id of the call-back."""
    settings = changes.pop("settings", None)
    await company.opens(offering(**changes), settings=settings)
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, in_turn(busy(), *later_calls))
    return await company.asks()


async def the_offer(company: Company, nth: int = 2) -> PhoneCall:
    """The client's phone as it is rung for the nth time."""
    return await company.phones.call(CLIENT, nth, timeout=15.0)


def offers(shown: Json) -> list[tuple[str, str | None]]:
    """Outcome and key of each offer."""
    return [(offer["outcome"], offer["key"]) for offer in shown["offers"]]


def prompts_heard(call: PhoneCall) -> list[str]:
    """As `heard`, but a prompt in which a late packet left a gap is still one."""
    found: list[tuple[str, float]] = []
    for name, at in marks(call):
        if not (found and found[-1][0] == name and at - found[-1][1] < 2 * MARK_SECONDS):
            found.append((name, at))
    return [name for name, _ in found]


def kinds(shown: Json) -> list[str]:
    return [attempt["kind"] for attempt in shown["attempts"]]


@pytest.mark.oldest
async def test_1_brings_one_more_attempt_after_a_while_and_the_agent_is_rung_first(company: Company) -> None:
    asked = await open_with_a_busy_client(
        company, hears(presses("1")), talks(0.5), offer={"delay": "1s", "reschedule_delay": "2s"}
    )
    failed = (await company.phones.call(CLIENT)).ended
    await failed()
    offer = await the_offer(company)
    assert company.phones.times_rung(AGENT) == 1, "an offer needs no agent"
    assert offer.caller_number == COMPANY_NUMBER
    await offer.ended()
    assert heard(offer)[0] == "offer-intro"
    assert heard(offer)[-1] == "offer-again"
    shown = await company.ended(asked)
    assert shown["state"] == "completed"
    assert (kinds(shown), reschedules(shown)) == (["request", "client"], (0, 0, 1))
    assert offers(shown) == [("another_try", "1")]
    agent, client = company.phones.calls(AGENT)[1], company.phones.calls(CLIENT)[2]
    assert offer.ended_at is not None
    assert 1.9 <= agent.arrived_at - offer.ended_at <= 3.0, "after offer.reschedule_delay"
    assert agent.answered_at is not None
    assert agent.answered_at < client.arrived_at, "the agent first"
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (2, 3)


async def test_2_declines(company: Company) -> None:
    asked = await open_with_a_busy_client(company, hears(presses("2")))
    shown = await company.ended(asked)
    assert (shown["state"], offers(shown)) == ("declined", [("declined", "2")])
    assert heard(company.phones.calls(CLIENT)[1])[-1] == "offer-declined"
    assert await company.asks(not_before=tomorrow()) != asked, "they may ask anew"


async def test_3_never_again(company: Company) -> None:
    asked = await open_with_a_busy_client(company, hears(presses("3")))
    shown = await company.ended(asked)
    assert (shown["state"], offers(shown)) == ("declined", [("never_again", "3")])
    assert heard(company.phones.calls(CLIENT)[1])[-1] == "offer-never"
    with pytest.raises(RefusedError) as refused:
        await company.asks()
    assert (refused.value.status, refused.value.code) == (403, "number_blocked")
    assert company.phones.times_rung(CLIENT) == 2


async def test_silence_is_asked_three_times_and_then_it_is_over(company: Company) -> None:
    asked = await open_with_a_busy_client(company, hears(answers()))
    shown = await company.ended(asked)
    assert (shown["state"], offers(shown)) == ("exhausted", [("no_key", None)])
    offer = company.phones.calls(CLIENT)[1]
    assert prompts_heard(offer) == [*PLAYED_ONCE, "offer-choices", "offer-choices", "offer-goodbye"]
    assert company.phones.times_rung(CLIENT) == 2


async def test_any_other_key_repeats_the_choices_and_never_hangs_up(company: Company) -> None:
    asked = await open_with_a_busy_client(company, hears(presses("5", after=1.0, then="1", later=1.0)), talks(0.3))
    offer = await the_offer(company)
    shown = await company.ended(asked)
    assert prompts_heard(offer) == [*PLAYED_ONCE, "offer-choices", "offer-again"]
    assert (shown["state"], offers(shown)) == ("completed", [("another_try", "1")])


async def test_an_offer_that_is_not_answered_uses_up_its_attempts(company: Company) -> None:
    asked = await open_with_a_busy_client(
        company,
        rings_for_ever(),
        client={"ring": "1s"},
        offer={"attempts": 2},
        rescheduling={"delay": "2s"},
    )
    shown = await company.ended(asked)
    assert (shown["state"], offers(shown)) == ("exhausted", [("not_answered", None)] * 2)
    _, first, second = company.phones.calls(CLIENT)
    assert first.ended_at is not None
    assert first.rang_for == pytest.approx(1.0, abs=0.4), "the client's ring time-out"
    assert 1.9 <= second.arrived_at - first.ended_at <= 3.0, "spaced by the Reschedule Delay"


async def test_one_offer_unless_more_are_set(company: Company) -> None:
    asked = await open_with_a_busy_client(company, rings_for_ever(), client={"ring": "1s"})
    shown = await company.ended(asked)
    assert (shown["state"], offers(shown)) == ("exhausted", [("not_answered", None)])
    assert company.phones.times_rung(CLIENT) == 2


async def test_a_client_who_hangs_up_during_the_offer_is_not_called_again(company: Company) -> None:
    asked = await open_with_a_busy_client(company, answers(hang_up_after=0.5))
    shown = await company.ended(asked)
    assert (shown["state"], offers(shown)) == ("exhausted", [("no_key", None)])
    assert company.phones.times_rung(CLIENT) == 2


async def test_client_reschedules_are_not_limited_and_reset_nothing(company: Company) -> None:
    asked = await open_with_a_busy_client(
        company,
        busy(),  # the one auto reschedule
        presses("1"),
        busy(),
        presses("1"),
        busy(),
        presses("2"),
        rescheduling={"max_reschedules": 1, "delay": "0s"},
        offer={"reschedule_delay": "0s"},
    )
    shown = await company.ended(asked)
    assert shown["state"] == "declined"
    assert kinds(shown) == ["request", "auto", "client", "client"]
    assert reschedules(shown) == (1, 0, 2)
    assert offers(shown) == [("another_try", "1"), ("another_try", "1"), ("declined", "2")]
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (4, 7)


async def test_each_round_has_all_its_offers_again(company: Company) -> None:
    asked = await open_with_a_busy_client(
        company,
        answers(hang_up_after=0.1),
        presses("1"),
        busy(),
        answers(hang_up_after=0.1),
        answers(hang_up_after=0.1),
        rescheduling={"delay": "0s"},
        offer={"attempts": 2, "reschedule_delay": "0s"},
    )
    shown = await company.ended(asked)
    assert shown["state"] == "exhausted"
    assert [outcome for outcome, _ in offers(shown)] == ["no_key", "another_try", "no_key", "no_key"]


async def test_an_offer_that_would_fall_outside_hours_waits_for_the_next_opening(company: Company) -> None:
    asked = await open_with_a_busy_client(
        company,
        target={"timezone": zone_where_it_is_noon(), "hours": {"mon-sun": "00:00-14:00"}},
        offer={"delay": "3h"},
    )
    shown = await company.attempt_over(asked)
    assert shown["state"] == "scheduled"
    due, ended = instant(shown["due_at"]), instant(shown["attempts"][0]["ended_at"])
    assert timedelta(hours=10) <= due - ended <= timedelta(hours=12), "midnight over there, where it is noon"
    assert (due.minute, due.second, due.microsecond) == (0, 0, 0)
    assert shown["next"]["step"] == "offer"


async def test_the_offer_speaks_as_soon_as_it_is_answered(company: Company) -> None:
    asked = await open_with_a_busy_client(company, hears(presses("2", after=6.0)), prompts={})
    offer = await the_offer(company)
    await offer.answered()
    assert offer.answered_at is not None
    sound = await offer.heard_sound()
    assert sound - offer.answered_at <= 1.0
    shown = await company.ended(asked)
    assert shown["state"] == "declined"
    assert company.daemon.log.read_text().count("sound missing") == 0


async def test_cancel_while_the_offer_rings_stops_the_phone(company: Company) -> None:
    asked = await open_with_a_busy_client(company, rings_for_ever())
    offer = await the_offer(company)
    await company.state(asked, "offering")
    shown = await company.cancels(asked)
    assert shown["state"] == "cancelled"
    await offer.ended(1.0)
    await company.rig.no_channels_left()
    assert company.phones.times_rung(CLIENT) == 2


async def test_cancel_while_the_offer_is_heard_hangs_up(company: Company) -> None:
    asked = await open_with_a_busy_client(company, answers())
    offer = await the_offer(company)
    await offer.answered()
    shown = await company.cancels(asked)
    assert shown["state"] == "cancelled"
    await offer.ended(1.0)
    await company.rig.no_channels_left()


async def test_offers_count_for_the_limit_of_dials(company: Company) -> None:
    asked = await open_with_a_busy_client(
        company, presses("2"), settings={"limits": {"dials_per_number": 2, "max_concurrent": 10}}
    )
    assert (await company.ended(asked))["state"] == "declined"
    with pytest.raises(RefusedError) as refused:
        await company.asks()
    assert (refused.value.status, refused.value.code) == (429, "number_limit")


async def test_an_offer_waits_while_the_number_has_been_dialled_as_often_as_it_may(company: Company) -> None:
    asked = await open_with_a_busy_client(
        company, presses("2"), settings={"limits": {"dials_per_number": 1, "max_concurrent": 10}}
    )
    shown = await company.daemon.until(asked, lambda shown: events(shown)[-1] == "resting")
    assert shown["state"] == "queued"
    assert company.phones.times_rung(CLIENT) == 1


async def test_an_offer_that_our_route_failed_to_place_uses_up_nothing(company: Company) -> None:
    trunk = await company.rig.add_responder("offertrunk", 486)
    await company.opens(offering(client={"endpoint": "PJSIP/{number}@offertrunk"}, offer={"delay": "1s"}))
    company.phones.set(AGENT, presses("1", after=0.2))
    asked = await company.asks()
    await company.phones.call(AGENT)
    await company.attempt_over(asked, clean=False)
    trunk.status = 503
    shown = await company.daemon.until(asked, lambda shown: shown["offers"] and shown["offers"][0]["ended_at"])
    assert offers(shown) == [("route_failed", None)]
    assert shown["ended_at"] is None
    rest = instant(shown["due_at"]) - instant(shown["offers"][0]["ended_at"])
    assert rest == pytest.approx(timedelta(seconds=30), abs=timedelta(milliseconds=2))
    assert len(trunk.invites) == 2


def zone_where_it_is_noon() -> str:
    """Its clock says 12 something now: no test runs at midnight. (The signs of these zones are the wrong way round.)"""
    return f"Etc/GMT{datetime.now(UTC).hour - 12:+d}"


def tomorrow() -> str:
    return (datetime.now(UTC) + timedelta(days=1)).isoformat()

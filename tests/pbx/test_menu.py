"""The intake menu on a real Asterisk: phones call in over SIP and press keys (RFC 4733); what they heard judges."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from rig.behaviours import FOR_EVER, hears, rings_for_ever
from rig.daemon import Json
from rig.pbx import QUEUE_MEMBERS
from rig.phones import PhoneCall
from tests.pbx.company import AGENT, CLIENT, Company, agent, client, heard, hears_mark, profile

pytestmark = pytest.mark.pbx

OTHER = "+14165550188"
OFFER = ["menu-offer", "menu-number-is", *"14165550123", "menu-choices"]
AGAIN = ["menu-number-is", *"14165550123", "menu-choices"]
MEMBER = QUEUE_MEMBERS[0]
STAYS = "502"
"""An extension whose callers wait in the queue; 501 is the menu at once."""


class House:
    """The company, and callers who wait in its queue."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.phones = company.phones

    async def opens(self, support: Json | None = None, **more: Any) -> None:
        """With agents who are there, and queue members whose phones ring."""
        await self.company.opens(support, **more)
        for member in QUEUE_MEMBERS:
            self.phones.set(member, rings_for_ever())
        self.phones.set(AGENT, agent("1"))
        self.phones.set(CLIENT, client(0.5))
        self.phones.set(OTHER, client(0.5))

    async def call(self, extension: str = "501", number: str = CLIENT) -> PhoneCall:
        """Somebody calls in; their call is up, and recorded."""

        async def stays(call: PhoneCall) -> None:
            await call.ended(FOR_EVER)

        return await self.phones.dial(self.company.rig.pbx.sip_uri(extension), f"<{number}>", hears(stays))

    async def callbacks(self) -> list[Json]:
        """All there are."""
        found = await self.company.daemon.call("GET", "/callbacks")
        items: list[Json] = found["items"]
        return items

    async def the_only_one(self) -> Json:
        """The one call-back that there is."""
        [only] = await self.callbacks()
        return only

    async def waits_in_the_queue(self, call: PhoneCall) -> None:
        """They are back: a member's phone rings, and they were not hung up."""
        await self.phones.call(MEMBER, timeout=5.0)
        assert call.ended_at is None


@pytest_asyncio.fixture(loop_scope="session")
async def house(company: Company) -> AsyncIterator[House]:
    pbx = company.rig.pbx
    pbx.inbound = (
        f"exten => {STAYS},1,Answer()\n same => n,Queue(support)\n same => n,Hangup()\n"
        "exten => 503,1,Answer()\n same => n,Set(CALLBACKD_PROFILE=nobody)\n same => n,Set(CALLBACKD_QUEUE=support)\n"
        " same => n,Goto(callbackd-intake,s,1)\n"
    )
    await pbx.reload()
    try:
        yield House(company)
    finally:
        pbx.inbound = ""
        await pbx.reload()


async def test_a_caller_leaves_the_queue_and_is_called_back_at_their_number(house: House) -> None:
    await house.opens()
    call = await house.call(STAYS)
    await house.phones.call(MEMBER)
    await call.press("1")
    await hears_mark(call, "menu-choices")
    await house.phones.calls(MEMBER)[0].ended(2.0)
    assert await house.callbacks() == []
    await call.press("1")
    await call.ended()
    assert heard(call)[-len(OFFER) - 3 :] == [*OFFER, "menu-accepted", "menu-next", "menu-goodbye"]
    desk = await house.phones.call(AGENT)
    assert desk.caller_number == CLIENT
    mine = await house.phones.call(CLIENT)
    assert call.ended_at is not None
    assert mine.arrived_at > call.ended_at, "not dialled while they were still on the line"
    shown = await house.company.ended((await house.the_only_one())["id"])
    assert (shown["state"], shown["number"]) == ("completed", CLIENT)
    assert house.phones.times_rung(CLIENT) == 1


async def test_barge_in_1_in_the_midst_of_the_digits(house: House) -> None:
    await house.opens()
    call = await house.call()
    await hears_mark(call, "menu-number-is")
    await call.press("1")
    await call.ended()
    assert "menu-choices" not in heard(call)
    assert heard(call)[-3:] == ["menu-accepted", "menu-next", "menu-goodbye"]
    assert (await house.the_only_one())["number"] == CLIENT


@pytest.mark.oldest
async def test_another_number_keyed_with_a_correction(house: House) -> None:
    await house.opens()
    call = await house.call()
    await hears_mark(call, "menu-choices")
    await call.press("2")
    await hears_mark(call, "menu-enter")
    await call.press("41699*")
    await hears_mark(call, "menu-enter")
    await call.press("4165550177#")
    await hears_mark(call, "menu-confirm")
    await call.press("2")
    await hears_mark(call, "menu-enter")
    await call.press("4165550188#")
    await hears_mark(call, "menu-confirm")
    assert await house.callbacks() == []
    await call.press("1")
    await call.ended()
    read_back = ["menu-number-is", *"4165550188", "menu-confirm"]
    assert heard(call)[-len(read_back) - 3 : -3] == read_back
    shown = await house.company.ended((await house.the_only_one())["id"])
    assert (shown["state"], shown["number"]) == ("completed", OTHER)
    assert (house.phones.times_rung(OTHER), house.phones.times_rung(CLIENT)) == (1, 0)


async def test_without_a_caller_id_the_number_is_asked_for_at_once(house: House) -> None:
    await house.opens()
    call = await house.call(number="anonymous")
    await hears_mark(call, "menu-enter")
    assert heard(call)[:2] == ["menu-offer", "menu-enter"]
    await call.press("4165550188#", pause=0.3)
    await hears_mark(call, "menu-confirm")
    await call.press("1")
    await call.ended()
    assert (await house.the_only_one())["number"] == OTHER


async def test_a_number_that_may_not_be_called_is_refused_and_another_asked_for(house: House) -> None:
    await house.opens()
    call = await house.call(number="+493012345678")
    await hears_mark(call, "menu-enter")
    for refused in ("911#", "19005550123#"):
        await call.press(refused)
        await hears_mark(call, "menu-confirm")
        await call.press("1")
        await hears_mark(call, "menu-enter")
        assert heard(call)[-2:] == ["menu-refused", "menu-enter"]
    await call.press("4165550188#")
    await hears_mark(call, "menu-confirm")
    await call.press("1")
    await call.ended()
    assert (await house.the_only_one())["number"] == OTHER


async def test_three_silences_lead_back_to_the_queue(house: House) -> None:
    await house.opens()
    call = await house.call()
    member = await house.phones.call(MEMBER, timeout=40.0)
    assert heard(call, until=member.arrived_at + 0.5)[:] == [*OFFER, *AGAIN, *AGAIN, "menu-back"]
    assert call.ended_at is None
    assert await house.callbacks() == []


async def test_star_leads_back_to_the_queue_at_once(house: House) -> None:
    await house.opens()
    call = await house.call()
    await hears_mark(call, "menu-offer")
    await call.press("*")
    await house.waits_in_the_queue(call)
    assert await house.callbacks() == []


async def test_hanging_up_before_1_leaves_nothing_and_after_it_a_call_back(house: House) -> None:
    await house.opens()
    first = await house.call()
    await hears_mark(first, "menu-choices")
    await first.hangup()
    await house.company.rig.no_channels_left()
    assert await house.callbacks() == []
    second = await house.call()
    await hears_mark(second, "menu-choices")
    await second.press("1")
    await second.hangup()
    await second.ended()
    shown = await house.company.ended((await house.the_only_one())["id"])
    assert shown["state"] == "completed"


async def test_one_who_asks_again_hears_so_and_the_second_in_line_hears_who_is_before(house: House) -> None:
    await house.opens(profile(target={"max_concurrent": 0}))
    for number, told in ((CLIENT, ["menu-accepted", "menu-next"]), (CLIENT, ["menu-duplicate", "menu-next"]),
                         (OTHER, ["menu-accepted", "menu-before", "1"])):  # fmt: skip
        call = await house.call(number=number)
        await hears_mark(call, "menu-choices")
        await call.press("1")
        await call.ended()
        assert heard(call)[-len(told) - 1 :] == [*told, "menu-goodbye"]
    assert len(await house.callbacks()) == 2


async def test_a_closed_line_says_when_it_opens(house: House) -> None:
    there = datetime.now(ZoneInfo("America/Toronto")) + timedelta(days=2)
    day = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")[there.weekday()]
    await house.opens(profile(target={"hours": {day: ["09:00-17:00"]}}))
    call = await house.call()
    await hears_mark(call, "menu-choices")
    await call.press("1")
    await hears_mark(call, "menu-closed", within=5.0)
    await call.ended(20.0)
    told = heard(call)
    after = told[told.index("menu-closed") :]
    assert [word for word in after if word] == ["menu-closed", "9", "menu-goodbye"], "the rest is Asterisk's own voice"
    shown = await house.the_only_one()
    assert shown["state"] in ("scheduled", "queued")
    assert house.phones.times_rung(AGENT) == 0
    assert "sound missing" not in house.company.daemon.log.read_text()


async def test_the_real_prompts_are_all_there(house: House) -> None:
    await house.opens(profile(prompts={}))
    call = await house.call()
    await hears_mark(call, "3")  # the last digit of their number
    await call.press("2")
    await call.heard_silence(0.8, limit=15.0)
    await call.press("4165550188#")
    await hears_mark(call, "8")
    await call.press("1")
    await call.ended(20.0)
    assert (await house.the_only_one())["number"] == OTHER
    assert "sound missing" not in house.company.daemon.log.read_text()


async def test_no_requests_are_taken_now(house: House) -> None:
    await house.opens()
    await house.company.daemon.call("POST", "/profiles/support/pause", {"intake": True})
    call = await house.call()
    await hears_mark(call, "menu-choices")
    await call.press("1")
    await hears_mark(call, "menu-sorry")
    await house.waits_in_the_queue(call)
    assert await house.callbacks() == []


async def test_callbackd_is_away(house: House) -> None:
    for member in QUEUE_MEMBERS:
        house.phones.set(member, rings_for_ever())
    call = await house.call()
    await house.waits_in_the_queue(call)


async def test_a_profile_that_there_is_not(house: House) -> None:
    await house.opens()
    call = await house.call("503")
    await house.waits_in_the_queue(call)
    assert heard(call) == []
    assert "a profile that there is not" in house.company.daemon.log.read_text()


# ---- callbackd stops, dies, or loses the PBX ----------------------------------------------------------------------


async def test_a_stop_hands_the_caller_back(house: House) -> None:
    await house.opens()
    call = await house.call()
    await hears_mark(call, "menu-number-is")
    assert await house.company.daemon.stop() == 0
    await house.waits_in_the_queue(call)


async def test_a_stop_in_the_midst_of_the_goodbye_lets_it_end(house: House) -> None:
    await house.opens(settings={"drain": "20s"})
    call = await house.call()
    await hears_mark(call, "menu-choices")
    await call.press("1")
    await hears_mark(call, "menu-accepted")
    await house.company.daemon.signal(signal.SIGTERM)
    await call.ended()
    assert heard(call)[-1] == "menu-goodbye"
    assert house.phones.times_rung(MEMBER) == 0
    assert await house.company.daemon.ended() == 0


async def test_a_stop_at_once_leaves_one_with_a_call_back_to_the_dialplan_which_ends_the_call(house: House) -> None:
    await house.opens(profile(target={"max_concurrent": 0}), settings={"drain": "0s"})
    call = await house.call()
    await hears_mark(call, "menu-choices")
    await call.press("1")
    await hears_mark(call, "menu-accepted")
    assert await house.company.daemon.stop() == 0
    await call.ended()
    assert house.phones.times_rung(MEMBER) == 0
    await house.company.daemon.start()
    assert (await house.the_only_one())["number"] == CLIENT


async def test_killed_in_the_midst_of_it_the_next_start_hands_the_caller_back(house: House) -> None:
    await house.opens()
    call = await house.call()
    await hears_mark(call, "menu-number-is")
    await house.company.daemon.kill()
    assert call.ended_at is None
    await house.company.daemon.start()
    await house.waits_in_the_queue(call)
    again = await house.call(number=OTHER)
    await hears_mark(again, "menu-choices")
    await again.press("1")
    await again.ended()
    assert (await house.the_only_one())["number"] == OTHER


async def test_another_program_that_takes_the_application_does_not_strand_the_caller(house: House) -> None:
    await house.opens()
    call = await house.call()
    await hears_mark(call, "menu-number-is")
    thief = await house.company.rig.pbx.events("callbackd", lambda _: None)
    try:
        assert await house.company.daemon.ended(10.0) == 4
        await house.waits_in_the_queue(call)
    finally:
        await thief.close()


async def test_many_callers_at_once(house: House) -> None:
    await house.opens(profile(target={"max_concurrent": 0}))

    async def one(last: int) -> PhoneCall:
        call = await house.call(number=f"+1416555{last:04d}")
        await hears_mark(call, "menu-choices", within=20.0)
        await call.press("1")
        await call.ended(20.0)
        return call

    calls = await asyncio.gather(*(one(last) for last in range(200, 206)))
    assert all("menu-goodbye" in heard(call) for call in calls)
    assert len(await house.callbacks()) == len(calls)

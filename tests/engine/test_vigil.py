"""Two who talk, and whose end nobody tells of: it is seen all the same, and seldom looked for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from callbackd.domain.callback import Outcome, State
from callbackd.domain.telephony import CLIENT, DigitPressed, Leg, Role
from callbackd.engine.vigil import EVERY, Vigil
from tests.engine.company import Company, Stores, company
from tests.engine.fake_phones import Person
from tests.engine.virtual_time import in_virtual_time

AGENT = Leg(Role.AGENT)


@asynccontextmanager
async def watched(stores: Stores) -> AsyncIterator[Company]:
    """A company whose clients talk for hours, and a vigil."""
    async with company(stores) as house:
        house.phones.clients = lambda _line: Person(after=1.0)
        watching = asyncio.create_task(Vigil(house.calls, house.phones, lambda: house.ready).run())
        yield house
        assert not watching.done()
        watching.cancel()


@in_virtual_time
async def test_a_talk_that_ended_unheard_makes_room(memory: Stores) -> None:
    async with watched(memory) as house:
        first = await house.ask(1)
        await house.passes(seconds=1)
        second = await house.ask(2)
        await house.passes(minutes=5)
        assert (await house.get(first)).state is State.CONNECTED
        house.phones.gone_unheard(first, AGENT, CLIENT)
        await house.passes(seconds=2 * EVERY + 30)
        assert await house.outcomes(first) == [Outcome.ANSWERED]
        assert (await house.get(first)).state is State.COMPLETED
        assert (await house.get(second)).state is State.CONNECTED


@in_virtual_time
async def test_an_agent_who_was_left_in_silence_is_let_go(memory: Stores) -> None:
    async with watched(memory) as house:
        name = await house.ask(1)
        await house.passes(minutes=5)
        house.phones.gone_unheard(name, CLIENT)
        await house.passes(seconds=2 * EVERY)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_two_who_talk_for_hours_are_not_cut_off(memory: Stores) -> None:
    async with watched(memory) as house:
        name = await house.ask(1)
        await house.passes(hours=3)
        assert (await house.get(name)).state is State.CONNECTED
        assert house.phones.looks > 100


@in_virtual_time
async def test_what_can_not_be_seen_has_not_ended(memory: Stores) -> None:
    async with watched(memory) as house:
        name = await house.ask(1)
        await house.passes(minutes=5)
        looks = house.phones.looks
        house.ready = False
        house.phones.gone_unheard(name, AGENT, CLIENT)
        await house.passes(minutes=10)
        assert house.phones.looks == looks
        house.ready, house.phones.unseen = True, True
        await house.passes(minutes=10)
        assert (await house.get(name)).state is State.CONNECTED
        house.phones.unseen = False
        await house.passes(minutes=2)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_nobody_is_asked_for_a_talk_of_which_something_is_heard(memory: Stores) -> None:
    async with watched(memory) as house:
        house.phones.clients = lambda _line: Person(after=1.0, leaves=50.0)
        await house.ask(1)
        await house.passes(minutes=5)
        assert house.phones.looks == 0, "a short one"
        house.phones.clients = lambda _line: Person(after=1.0)
        name = await house.ask(2)
        for _ in range(20):
            await house.passes(seconds=EVERY / 2)
            house.phones.happens(name, DigitPressed(AGENT, "5"))
        assert house.phones.looks == 0

"""Why a call-back is not being dialled: told by the scheduler's own reasons, so never untrue."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from callbackd.domain.callback import Outcome, State
from callbackd.engine.outlook import Live, Outlook
from callbackd.engine.profiles import Limits
from callbackd.engine.room import Obstacle, Reason
from callbackd.store.interface import Pause, ProfileCondition
from tests.domain.office import at, profile
from tests.engine.company import Company, Stores, always_open, company, number, with_target
from tests.engine.fake_phones import NO_AGENT, fails
from tests.engine.virtual_time import in_virtual_time


def outlook(house: Company) -> Outlook:
    """What people at that company are told."""
    return Outlook(house.store, house.rules, house.clock, house.admission, house.scheduler.room)


async def reasons(house: Company, name: str) -> list[Reason]:
    """Why that call-back is not being dialled."""
    (waiting,) = await outlook(house).why([await house.get(name)])
    return [obstacle.reason for obstacle in waiting.obstacles]


@in_virtual_time
async def test_a_link_that_is_away(stores: Stores) -> None:
    async with company(stores) as house:
        house.ready = False
        name = await house.ask(1)
        await house.passes(seconds=1)
        assert await reasons(house, name) == [Reason.NO_LINK]
        house.scheduler.stop()
        assert await reasons(house, name) == [Reason.STOPPING]


@in_virtual_time
async def test_paused_and_closed_and_why_both(stores: Stores) -> None:
    async with company(stores, profile(), start=at("Mon 12:10")) as house:
        name = await house.ask(1)
        await house.store.set_pause("*", Pause(dialling=True))
        await house.passes(seconds=1)
        assert await reasons(house, name) == [Reason.PAUSED]
        await house.store.set_pause("*", Pause())
        (waiting,) = await outlook(house).why([await house.get(name)])
        assert waiting.obstacles == (Obstacle(Reason.CLOSED, at("Mon 13:00")),)


@in_virtual_time
async def test_not_due_comes_before_all_else(stores: Stores) -> None:
    async with company(stores) as house:
        house.ready = False
        due = house.clock.now() + timedelta(hours=1)
        name = await house.ask(1, not_before=due)
        (waiting,) = await outlook(house).why([await house.get(name)])
        assert waiting.obstacles == (Obstacle(Reason.NOT_DUE, due), Obstacle(Reason.NO_LINK))


@in_virtual_time
async def test_agents_and_lines_in_use(stores: Stores) -> None:
    async with company(stores, limits=Limits(max_concurrent=2)) as house:
        names = [await house.ask(1), await house.ask(2)]
        await house.passes(seconds=1)
        (second,) = [name for name in names if (await house.get(name)).state is not State.AGENT]
        (waiting,) = await outlook(house).why([await house.get(second)])
        assert waiting.obstacles == (Obstacle(Reason.TARGET_BUSY, limit=1),)
        house.rules.limits = Limits(max_concurrent=1)
        assert await reasons(house, second) == [Reason.ALL_BUSY, Reason.TARGET_BUSY]


@in_virtual_time
async def test_a_number_that_is_on_the_phone_already(stores: Stores) -> None:
    sales = replace(always_open(), id="sales")
    async with company(stores, always_open(), sales) as house:
        await house.ask(1)
        await house.passes(seconds=1)
        second = await house.ask(1, "sales")
        await house.passes(seconds=1)
        assert await reasons(house, second) == [Reason.NUMBER_BUSY]


@in_virtual_time
async def test_a_client_who_calls_in(stores: Stores) -> None:
    async with company(stores) as house:
        house.admission.holds.hold("support", number(1), "call")
        name = await house.ask(1)
        await house.passes(seconds=1)
        assert await reasons(house, name) == [Reason.CALLING_IN]


@in_virtual_time
async def test_nobody_at_the_target(stores: Stores) -> None:
    async with company(stores) as house:
        house.phones.agents = lambda _line, _ring: NO_AGENT
        name = await house.ask(1)
        await house.passes(seconds=25)
        (waiting,) = await outlook(house).why([await house.get(name)])
        until = (await house.store.condition("support")).target_rests_until
        assert waiting.obstacles == (Obstacle(Reason.TARGET_RESTS, until),)


@in_virtual_time
async def test_a_queue_without_agents(stores: Stores) -> None:
    async with company(stores, with_target(always_open(), queue="support")) as house:
        name = await house.ask(1)
        await house.passes(seconds=2)
        assert await reasons(house, name) == [Reason.NO_AGENT]


@in_virtual_time
async def test_a_route_that_is_paused(stores: Stores) -> None:
    async with company(stores, with_target(always_open(), max_concurrent=3)) as house:
        house.phones.clients = lambda _line: fails(Outcome.ROUTE_FAILED)
        for last in (1, 2, 3):
            await house.ask(last)
        await house.passes(seconds=20)
        fourth = await house.ask(4)
        await house.passes(seconds=1)
        assert Reason.ROUTE_PAUSED in await reasons(house, fourth)


@in_virtual_time
async def test_a_profile_that_is_gone(stores: Stores) -> None:
    async with company(stores) as house:
        house.ready = False
        name = await house.ask(1)
        house.rules.profiles = {}
        assert await reasons(house, name) == [Reason.NO_PROFILE]


@in_virtual_time
async def test_what_its_numbers_own_checks_say(stores: Stores) -> None:
    async with company(stores) as house:
        house.ready = False
        name = await house.ask(1)
        waiting = await outlook(house).why_one(await house.get(name))
        assert [each.reason for each in waiting.obstacles] == [Reason.NO_LINK]
        await house.store.block(number(1), house.clock.now(), "asked")
        waiting = await outlook(house).why_one(await house.get(name))
        assert waiting.obstacles[0] == Obstacle(Reason.REFUSED, detail="number_blocked")


@in_virtual_time
async def test_the_line_goes_from_those_that_are_due_to_those_to_come(stores: Stores) -> None:
    async with company(stores) as house:
        house.ready = False
        now = house.clock.now()
        late = await house.ask(5, not_before=now + timedelta(hours=2))
        soon = await house.ask(4, not_before=now + timedelta(hours=1))
        first = await house.ask(1, priority=9)
        second, third = await house.ask(2), await house.ask(3)
        everything = [each.callback.id for each in await outlook(house).waiting("support", 10)]
        assert everything == [first, *sorted((second, third)), soon, late]
        for offset in range(6):
            piece = await outlook(house).waiting("support", 2, offset)
            assert [each.callback.id for each in piece] == everything[offset : offset + 2]


@in_virtual_time
async def test_what_is_on_the_phone(stores: Stores) -> None:
    async with company(stores, with_target(always_open(), max_concurrent=2)) as house:
        first = await house.ask(1)
        await house.passes(seconds=5)
        second = await house.ask(2)
        await house.passes(seconds=1)
        live = await outlook(house).live()
        assert [each.callback.id for each in live] == [first, second]
        assert all(isinstance(each, Live) and each.run.number == 1 for each in live)
        assert live[0].run.started_at < live[1].run.started_at


@pytest.mark.parametrize("in_the_way", range(32))
@in_virtual_time
async def test_it_is_next_if_and_only_if_it_is_dialled(memory: Stores, in_the_way: int) -> None:
    """Whatever stands in the way: the one that is told to have its turn is the one that is claimed at once."""
    paused, all_paused, rests, no_agents, on_the_phone = (bool(in_the_way >> way & 1) for way in range(5))
    sales = replace(always_open(), id="sales")
    async with company(memory, with_target(always_open(), queue="support"), sales) as house:
        house.phones.queues["support"] = not no_agents
        if on_the_phone:
            await house.ask(1, "sales")
            await house.passes(seconds=1)
        house.ready = False
        await house.store.set_pause("support", Pause(dialling=paused))
        await house.store.set_pause("*", Pause(dialling=all_paused))
        if rests:
            until = house.clock.now() + timedelta(minutes=5)
            await house.store.set_condition("support", ProfileCondition(target_rests_until=until))
        name = await house.ask(1)
        house.ready = True
        is_next = await reasons(house, name) == [Reason.TURN]
        house.scheduler.wake()
        await house.passes(seconds=1)
        assert is_next == ((await house.get(name)).state is State.AGENT) == (not in_the_way)

"""What people do with call-backs that exist."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from callbackd.domain.callback import Attempt, Kind, Outcome, Reschedules, State
from callbackd.domain.telephony import CLIENT, LegAnswered
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import Change
from tests.domain.office import at, profile, wall
from tests.engine.company import Stores, always_open, company
from tests.engine.fake_phones import NO_AGENT, Person, agent, fails
from tests.engine.virtual_time import in_virtual_time


@pytest.mark.parametrize("seconds", [1, 3, 6, 8])
@in_virtual_time
async def test_cancel_takes_down_what_is_ringing(stores: Stores, seconds: float) -> None:
    async with company(stores) as house:
        house.phones.clients = lambda _line: Person(after=None)
        name = await house.ask(1)
        await house.passes(seconds=seconds)
        assert (await house.desk.cancel(name)).state is State.CANCELLED
        assert await house.outcomes(name) == [Outcome.CANCELLED]
        assert len(house.calls) == 0


@in_virtual_time
async def test_cancel_of_one_that_waits_and_of_one_that_has_ended(stores: Stores) -> None:
    async with company(stores, scheduling=False) as house:
        name = await house.ask(1)
        assert (await house.desk.cancel(name)).state is State.CANCELLED
        with pytest.raises(Refused) as caught:
            await house.desk.cancel(name)
        assert caught.value.code is Code.STATE_FORBIDS
        with pytest.raises(Refused) as caught:
            await house.desk.cancel("01" + "0" * 24)
        assert caught.value.code is Code.NOT_FOUND


@in_virtual_time
async def test_cancel_of_an_offer(memory: Stores) -> None:
    async with company(memory, always_open(client=True, max_reschedules=0)) as house:
        people = [fails(Outcome.CLIENT_BUSY), Person(after=None)]
        house.phones.clients = lambda _line: people.pop(0)
        name = await house.ask(1)
        while (await house.get(name)).state is not State.OFFERING:
            await house.passes(seconds=1)
        assert (await house.desk.cancel(name)).state is State.CANCELLED


@in_virtual_time
async def test_two_who_talk_are_not_cancelled(stores: Stores) -> None:
    async with company(stores) as house:
        name = await house.ask(1)
        await house.passes(seconds=30)
        with pytest.raises(Refused) as caught:
            await house.desk.cancel(name)
        assert caught.value.code is Code.STATE_FORBIDS
        await house.passes(minutes=5)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_a_cancel_that_crosses_the_answer_is_refused_and_does_not_wait_for_the_talk(stores: Stores) -> None:
    async with company(stores) as house:
        name = await house.ask(1)
        while (await house.get(name)).state is not State.CLIENT:
            await house.passes(seconds=0.5)
        call = house.calls.find(name)
        assert call is not None
        call.put(LegAnswered(CLIENT))
        before = house.clock.now()
        with pytest.raises(Refused) as caught:
            await house.desk.cancel(name)
        assert caught.value.code is Code.STATE_FORBIDS
        assert house.clock.now() - before < timedelta(seconds=1)
        await house.passes(minutes=5)


@in_virtual_time
async def test_a_call_that_nobody_follows_yet_is_not_said_to_be_cancelled(stores: Stores) -> None:
    async with company(stores, scheduling=False) as house:
        callback = (await house.accepted(1)).callback
        claimed = replace(callback, state=State.AGENT, attempts_made=1)
        await house.store.commit(Change(claimed, attempt=Attempt(callback.id, 1, Kind.REQUEST, house.clock.now())))
        with pytest.raises(Refused) as caught:
            await house.desk.cancel(callback.id)
        assert caught.value.code is Code.UNAVAILABLE


@in_virtual_time
async def test_a_manual_reschedule_moves_due_by_hours_and_uses_nothing(memory: Stores) -> None:
    rules = profile(cut_off=timedelta(hours=2))
    async with company(memory, rules, scheduling=False) as house:
        name = await house.ask(1)
        for asked, due in (("Mon 12:30", "Mon 13:00"), ("Mon 16:30", "Mon 16:30"), ("Sat 12:00", "2026-11-09 09:00")):
            moved = await house.desk.reschedule(name, at(asked))
            assert wall(moved.due_at) == wall(at(due))
            assert moved.reschedules == Reschedules()
        assert (await house.desk.reschedule(name, None)).due_at == house.clock.now()


@in_virtual_time
async def test_only_those_that_wait_are_moved(stores: Stores) -> None:
    async with company(stores) as house:
        house.phones.agents = lambda _line, _ring: agent((3, "1"))
        name = await house.ask(1)
        await house.passes(seconds=3)
        for _ in range(2):
            with pytest.raises(Refused) as caught:
                await house.desk.reschedule(name, at("Mon 15:00"))
            assert caught.value.code is Code.STATE_FORBIDS
            await house.passes(minutes=5)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_a_manual_reschedule_ends_its_rest(memory: Stores) -> None:
    async with company(memory) as house:
        people = [agent((1, "2")), NO_AGENT]
        house.phones.agents = lambda _line, _ring: people.pop(0)
        name = await house.ask(1)
        await house.passes(seconds=10)
        assert (await house.get(name)).rest_until is not None
        await house.desk.reschedule(name, None)
        await house.passes(seconds=1)
        assert len(house.phones.rings) == 2

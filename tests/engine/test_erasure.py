"""Forgetting a number at work: what has not ended, what is cancelled, what is told."""

from __future__ import annotations

import asyncio

import pytest

from callbackd.domain.callback import CallBack, EventType, Outcome, State
from callbackd.engine.erasure import Eraser
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import Change, Forgotten, ProfileCondition, StoreUnavailable
from callbackd.store.memory import MemoryStore
from tests.engine.company import Stores, company, number
from tests.engine.fake_phones import fails
from tests.engine.virtual_time import in_virtual_time


@in_virtual_time
async def test_what_has_not_ended_is_refused_and_named(stores: Stores) -> None:
    async with company(stores, scheduling=False) as house:
        waiting = await house.ask()
        with pytest.raises(Refused, match=waiting) as refused:
            await Eraser(house.store, house.desk, house.settlement).forget(number(1))
        assert refused.value.code is Code.STATE_FORBIDS
        assert (await house.get(waiting)).state is State.SCHEDULED


@in_virtual_time
async def test_what_rings_is_taken_down_and_then_all_is_forgotten(stores: Stores) -> None:
    async with company(stores) as house:
        ringing = await house.ask()
        await house.passes(seconds=1)
        other = await house.ask(2)
        assert (await house.get(ringing)).state is State.AGENT
        forgotten, washed = await Eraser(house.store, house.desk, house.settlement).forget(number(1), cancel=True)
        assert (forgotten.callbacks, forgotten.attempts, washed) == (1, 1, True)
        assert forgotten.undelivered == 0
        assert await house.store.get(ringing) is None
        assert await house.store.get(other) is not None
        await house.passes(minutes=10)
        assert {event.callback_id for event in await house.store.events_after(0)} == {other}


@in_virtual_time
async def test_two_who_talk_are_not_cut_off(stores: Stores) -> None:
    async with company(stores) as house:
        talking = await house.ask()
        await house.passes(seconds=30)
        assert (await house.get(talking)).state is State.CONNECTED
        with pytest.raises(Refused, match=f"{talking}: the two are talking"):
            await Eraser(house.store, house.desk, house.settlement).forget(number(1), cancel=True)
        assert (await house.get(talking)).state is State.CONNECTED


@in_virtual_time
async def test_what_was_not_delivered_goes_too_and_is_counted(stores: Stores) -> None:
    async with company(stores, scheduling=False) as house:
        callback = await house.ask()

        async def delivered() -> int:
            return 1

        forgotten, _ = await Eraser(house.store, house.desk, house.settlement, delivered).forget(number(1), cancel=True)
        assert (forgotten.events, forgotten.undelivered) == (2, 1)
        assert await house.store.get(callback) is None


@in_virtual_time
async def test_one_who_asks_anew_all_the_time_is_told_of() -> None:
    class Insisting(MemoryStore):
        again = 0

        async def forget(self, number: str, *, unblock: bool = False, delivered: int | None = None) -> Forgotten:
            self.again += 1
            await house.ask()
            return await super().forget(number, unblock=unblock, delivered=delivered)

    store = Insisting()
    async with company(store, scheduling=False) as house:
        with pytest.raises(Refused, match="asked for anew all the time"):
            await Eraser(house.store, house.desk, house.settlement).forget(number(1), cancel=True)
        assert store.again == 3


@in_virtual_time
async def test_who_reads_is_waited_for_a_while() -> None:
    class Read(MemoryStore):
        until = 3

        async def wash(self) -> bool:
            self.until -= 1
            return self.until <= 0

    store = Read()
    async with company(store, scheduling=False) as house:
        assert (await Eraser(house.store, house.desk, house.settlement).forget(number(1)))[1]
        store.until = 1000
        assert not (await Eraser(house.store, house.desk, house.settlement).forget(number(1)))[1]


@in_virtual_time
async def test_a_disk_that_fails_afterwards_takes_nothing_back(
    memory: Stores, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails() -> bool:
        raise StoreUnavailable("the disk is full")

    async with company(memory, scheduling=False) as house:
        callback = await house.ask()
        monkeypatch.setattr(house.store, "wash", fails)
        forgotten, washed = await Eraser(house.store, house.desk, house.settlement).forget(number(1), cancel=True)
        assert (forgotten.callbacks, washed) == (1, False)
        assert await house.store.get(callback) is None


class Hesitating(MemoryStore):
    """Writes the end of an attempt only when it may; `reached` when one is to be written."""

    def __init__(self) -> None:
        super().__init__()
        self.reached, self.may = asyncio.Event(), asyncio.Event()

    async def commit(self, change: Change) -> CallBack:
        """Write, in its time."""
        if any(event.type is EventType.ATTEMPT_ENDED for event in change.events):
            self.reached.set()
            await self.may.wait()
        return await super().commit(change)


@in_virtual_time
async def test_what_another_calls_end_has_read_before_does_not_bring_the_number_back() -> None:
    store = Hesitating()
    async with company(store) as house:
        suspects = ((number(1), "of-long-ago", Outcome.CLIENT_REJECTED.value),)
        await store.set_condition("support", ProfileCondition(suspects=suspects))
        house.phones.clients = lambda _line: fails(Outcome.CLIENT_REJECTED)
        await house.ask(2)
        await store.reached.wait()
        forgetting = asyncio.ensure_future(Eraser(house.store, house.desk, house.settlement).forget(number(1)))
        await house.passes(seconds=0.1)
        store.may.set()
        await forgetting
        await house.passes(seconds=1)
        assert [each for each, _, _ in (await store.condition("support")).suspects] == [number(2)]


@in_virtual_time
async def test_a_call_that_ends_while_a_number_is_forgotten_waits_for_it() -> None:
    class Slow(MemoryStore):
        async def forget(self, number: str, *, unblock: bool = False, delivered: int | None = None) -> Forgotten:
            await asyncio.sleep(30)
            return await super().forget(number, unblock=unblock, delivered=delivered)

    async with company(Slow()) as house:
        suspects = ((number(1), "of-long-ago", Outcome.CLIENT_REJECTED.value),)
        await house.store.set_condition("support", ProfileCondition(suspects=suspects))
        house.phones.clients = lambda _line: fails(Outcome.CLIENT_REJECTED)
        name = await house.ask(2)
        await house.passes(seconds=6)
        forgetting = asyncio.ensure_future(Eraser(house.store, house.desk, house.settlement).forget(number(1)))
        await house.passes(seconds=25)
        assert await house.outcomes(name) == [None]
        await forgetting
        await house.passes(seconds=1)
        assert await house.outcomes(name) == [Outcome.CLIENT_REJECTED]
        assert [each for each, _, _ in (await house.store.condition("support")).suspects] == [number(2)]

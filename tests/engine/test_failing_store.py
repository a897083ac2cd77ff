"""A store that fails: the client is not dialled unwritten, and nobody who talks is cut off. One that has a bug."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callbackd.domain.callback import CallBack, EventType, OfferOutcome, Outcome, State
from callbackd.engine import calls as calls_module
from callbackd.store.interface import Change, StoreUnavailable
from callbackd.store.memory import MemoryStore
from tests.engine.company import always_open, company, number
from tests.engine.fake_phones import TALKER, Person, agent, fails
from tests.engine.faulty import Faulty
from tests.engine.test_recovery import FakeWreckage
from tests.engine.virtual_time import in_virtual_time


class FullDisk(MemoryStore):
    """Refuses changes with these events, until `full_of` is emptied."""

    def __init__(self, *full_of: EventType) -> None:
        super().__init__()
        self.full_of: set[EventType] = set(full_of)

    async def commit(self, change: Change) -> CallBack:
        """Write, or not."""
        if any(event.type in self.full_of for event in change.events):
            raise StoreUnavailable("the disk is full")
        return await super().commit(change)


@in_virtual_time
async def test_an_attempt_that_cannot_be_claimed_rings_nobody() -> None:
    store = FullDisk(EventType.ATTEMPT_STARTED)
    async with company(store) as house:
        name = await house.ask(1)
        await house.passes(minutes=2)
        assert house.phones.rings == []
        store.full_of.clear()
        await house.passes(minutes=5)
        assert (await house.get(name)).state is State.COMPLETED


@pytest.mark.parametrize("full_of", [EventType.AGENT_ANSWERED, EventType.CLIENT_DIALLED])
@in_virtual_time
async def test_a_client_whose_dial_cannot_be_written_is_not_dialled(full_of: EventType) -> None:
    store = FullDisk(full_of)
    async with company(store) as house:
        name = await house.ask(1)
        await house.passes(seconds=20)
        assert house.phones.dials == []
        (attempt,) = await house.attempts(name)
        assert attempt.outcome is Outcome.INTERRUPTED
        assert attempt.client_dialled_at is None
        assert attempt.counted is False
        assert (await house.get(name)).counted == 0
        store.full_of.clear()
        await house.passes(minutes=5)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_an_offer_whose_dial_cannot_be_written_uses_none_up() -> None:
    store = FullDisk()
    async with company(store, always_open(client=True, max_reschedules=0)) as house:
        people = [fails(Outcome.CLIENT_BUSY), Person(after=2, keys=((1, "2"),))]
        house.phones.clients = lambda _line: people.pop(0)
        name = await house.ask(1)
        await house.passes(minutes=1)
        store.full_of = {EventType.CLIENT_DIALLED}
        await house.passes(minutes=29, seconds=20)
        (offer,) = await house.offers(name)
        assert (offer.outcome, offer.dialled_at) == (OfferOutcome.INTERRUPTED, None)
        assert len(house.phones.dials) == 1
        store.full_of.clear()
        await house.passes(minutes=5)
        assert (await house.get(name)).state is State.DECLINED


@in_virtual_time
async def test_two_who_talk_are_not_cut_off_for_want_of_a_disk() -> None:
    store = FullDisk(EventType.CLIENT_ANSWERED)
    async with company(store) as house:
        name = await house.ask(1)
        await house.passes(seconds=60)
        call: Any = house.calls.find(name)
        assert call is not None
        assert call.callback.state is State.CONNECTED
        store.full_of.clear()
        await house.passes(minutes=3)
        assert (await house.get(name)).state is State.COMPLETED
        assert EventType.CLIENT_ANSWERED in await house.told(name)


@in_virtual_time
async def test_how_it_ended_is_written_when_it_can_be() -> None:
    store = FullDisk(EventType.ATTEMPT_ENDED)
    async with company(store) as house:
        name = await house.ask(1)
        await house.passes(minutes=10)
        assert (await house.get(name)).state is State.CONNECTED
        store.full_of.clear()
        await house.passes(seconds=3)
        assert (await house.get(name)).state is State.COMPLETED
        assert await house.outcomes(name) == [Outcome.ANSWERED]


@in_virtual_time
async def test_those_of_a_run_that_was_the_routes_doing_are_put_back_when_it_can_be_written() -> None:
    store = FullDisk(EventType.PUT_BACK)
    async with company(store) as house:
        verdicts = [Outcome.CLIENT_INVALID] * 3
        house.phones.clients = lambda _line: fails(verdicts.pop(0), after=0.1) if verdicts else TALKER
        names = [await house.ask(last) for last in range(3)]
        await house.passes(seconds=50)
        assert len(house.phones.dials) == 3
        states = [(await house.get(name)).state for name in names]
        assert states.count(State.UNREACHABLE_NUMBER) == 2
        store.full_of.clear()
        await house.passes(seconds=5)
        assert {(await house.get(name)).state for name in names} == {State.SCHEDULED}
        await house.passes(hours=1)
        assert {(await house.get(name)).state for name in names} == {State.COMPLETED}


class TestAFaultOfOurs:
    @in_virtual_time
    async def test_the_end_is_written_later_and_others_go_first(self) -> None:
        store = Faulty()
        async with company(store) as house:
            house.phones.clients = lambda _line: fails(Outcome.CLIENT_BUSY)
            store.faults = 2
            first = store.of = await house.ask(1)
            second = await house.ask(2)
            await house.passes(seconds=25)
            assert await house.outcomes(first) == [None]
            assert (await house.get(first)).state is State.CLIENT
            assert await house.outcomes(second) == [Outcome.CLIENT_BUSY]
            await house.passes(seconds=85)
            assert store.faults == 0
            assert await house.outcomes(first) == [Outcome.CLIENT_BUSY], "not as interrupted"
            assert (await house.told(first)).count(EventType.ATTEMPT_ENDED) == 1
            assert len(house.calls) == 0

    @in_virtual_time
    async def test_it_is_not_written_over_a_later_attempt(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(calls_module, "FAULT_AGAIN", 40.0)
        store = Faulty()
        async with company(store) as house:
            people = [agent((1.0, "2")), Person(after=100.0)]
            house.phones.agents = lambda _line, _ring: people.pop(0)
            store.faults = 1
            name = await house.ask(1)
            await house.passes(seconds=10)
            assert (await house.get(name)).state is State.AGENT
            await house.recovery.after_contact(FakeWreckage())
            await house.passes(seconds=35)
            assert await house.outcomes(name) == [Outcome.INTERRUPTED, None]
            await house.passes(seconds=10)
            assert await house.outcomes(name) == [Outcome.INTERRUPTED, None]
            assert (await house.get(name)).state is State.AGENT

    @in_virtual_time
    async def test_who_cancels_does_not_wait_for_it(self) -> None:
        store = Faulty()
        async with company(store) as house:
            store.faults = 1
            name = await house.ask(1)
            await house.passes(seconds=1)
            async with asyncio.timeout(10):
                await house.calls.cancel(name)
            await house.passes(minutes=1)
            assert (await house.get(name)).state is State.CANCELLED

    @pytest.mark.parametrize("claimed", [True, False])
    @in_virtual_time
    async def test_one_that_can_not_be_started_keeps_no_other_from_it(
        self, monkeypatch: pytest.MonkeyPatch, claimed: bool
    ) -> None:
        async with company(MemoryStore()) as house:
            whole: Any = house.calls.begin_attempt if claimed else house.admission.of_number

            def bug(what: Any, *more: Any) -> Any:
                if number(1) in (what, getattr(what, "number", None)):
                    raise RuntimeError("a bug")
                return whole(what, *more)

            owner, name = (house.calls, "begin_attempt") if claimed else (house.admission, "of_number")
            monkeypatch.setattr(owner, name, bug)
            first = await house.ask(1)
            await house.passes(seconds=1)
            second = await house.ask(2)
            await house.passes(minutes=5)
            assert (await house.get(second)).state is State.COMPLETED
            assert (await house.get(first)).state is State.SCHEDULED
            assert await house.outcomes(first) == ([Outcome.INTERRUPTED] if claimed else [])
            monkeypatch.setattr(owner, name, whole)
            await house.passes(minutes=10)
            assert (await house.get(first)).state is State.COMPLETED

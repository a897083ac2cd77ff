"""What is started, when, in which order, how many at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from callbackd.domain.callback import EventType, Outcome, State
from callbackd.engine.profiles import Limits
from callbackd.store.interface import Pause
from tests.domain.office import at, profile, wall
from tests.engine.company import Stores, always_open, company, number, with_target
from tests.engine.fake_phones import NO_AGENT, TALKER, Person, fails, ready_agent
from tests.engine.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_callback_is_made_agent_first_and_completes(stores: Stores) -> None:
    async with company(stores) as house:
        name = await house.ask(1)
        await house.passes(minutes=5)
        assert (await house.get(name)).state is State.COMPLETED
        (attempt,) = await house.attempts(name)
        assert attempt.outcome is Outcome.ANSWERED
        assert attempt.agent_answered_at is not None
        assert attempt.client_dialled_at is not None
        assert attempt.client_dialled_at > attempt.agent_answered_at
        assert await house.told(name) == [
            EventType.REQUESTED,
            EventType.ATTEMPT_STARTED,
            EventType.AGENT_ANSWERED,
            EventType.KEY_PRESSED,
            EventType.CLIENT_DIALLED,
            EventType.CLIENT_RINGING,
            EventType.CLIENT_ANSWERED,
            EventType.ATTEMPT_ENDED,
            EventType.ENDED,
        ]


@in_virtual_time
async def test_the_state_follows_the_call(stores: Stores) -> None:
    async with company(stores) as house:
        name = await house.ask(1)
        seen = []
        for _ in range(16):
            await house.passes(seconds=1)
            state = (await house.get(name)).state
            if state not in seen:
                seen.append(state)
        assert seen == [State.AGENT, State.CLIENT, State.CONNECTED]


@in_virtual_time
async def test_priority_first_then_due_then_id(memory: Stores) -> None:
    async with company(memory) as house:
        house.ready = False
        await house.ask(1)
        await house.ask(2)
        await house.passes(seconds=1)
        await house.ask(3)
        await house.ask(4, priority=5)
        await house.ask(5, priority=-5)
        house.ready = True
        await house.passes(hours=1)
        assert house.phones.numbers[0] == number(4)
        assert sorted(house.phones.numbers[1:3]) == [number(1), number(2)]
        assert house.phones.numbers[3:] == [number(3), number(5)]


@pytest.mark.parametrize(("per_target", "in_all", "live"), [(1, 20, 1), (3, 20, 3), (10, 2, 2), (0, 20, 0), (3, 0, 0)])
@in_virtual_time
async def test_as_many_at_once_as_the_limits_allow(stores: Stores, per_target: int, in_all: int, live: int) -> None:
    limits = Limits(max_concurrent=in_all)
    async with company(stores, with_target(always_open(), max_concurrent=per_target), limits=limits) as house:
        for last in range(6):
            await house.ask(last)
        await house.passes(seconds=60)
        assert len(house.calls) == live


@in_virtual_time
async def test_due_while_closed_waits_for_the_opening(memory: Stores) -> None:
    async with company(memory, profile(), start=at("2026-11-01 22:00")) as house:
        name = await house.ask(1)
        await house.until(at("Mon 08:59"))
        assert house.phones.rings == []
        assert (await house.get(name)).state_at(house.clock.now()) is State.QUEUED
        await house.until(at("Mon 09:05"))
        (attempt,) = await house.attempts(name)
        assert wall(attempt.started_at) == "2026-11-02 09:00 EST"
        assert (await house.get(name)).reschedules.limited == 0


@in_virtual_time
async def test_nothing_starts_over_lunch(memory: Stores) -> None:
    async with company(memory, profile(), start=at("Mon 11:59")) as house:
        await house.passes(seconds=61)
        name = await house.ask(1)
        await house.until(at("Mon 13:10"))
        (attempt,) = await house.attempts(name)
        assert wall(attempt.started_at) == "2026-11-02 13:00 EST"


@in_virtual_time
async def test_not_before(memory: Stores) -> None:
    async with company(memory, profile()) as house:
        name = await house.ask(1, not_before=at("Tue 11:00"))
        await house.until(at("Tue 11:10"))
        (attempt,) = await house.attempts(name)
        assert wall(attempt.started_at) == "2026-11-03 11:00 EST"


@in_virtual_time
async def test_a_queue_without_agents_waits(memory: Stores) -> None:
    async with company(memory, with_target(always_open(), queue="desk")) as house:
        name = await house.ask(1)
        await house.passes(hours=2)
        assert house.phones.rings == []
        house.phones.queues["desk"] = True
        house.scheduler.wake()
        await house.passes(minutes=4)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_a_number_that_is_live_in_another_profile_waits(stores: Stores) -> None:
    async with company(stores, always_open(), replace(always_open(), id="sales")) as house:
        one = await house.ask(1)
        other = await house.ask(1, "sales")
        await house.passes(seconds=60)
        assert (await house.get(one)).state is State.CONNECTED
        assert (await house.get(other)).state is State.SCHEDULED
        await house.passes(minutes=10)
        assert (await house.get(other)).state is State.COMPLETED


@in_virtual_time
async def test_one_that_waits_too_long_expires(memory: Stores) -> None:
    async with company(memory, always_open(expire_after=timedelta(hours=2))) as house:
        house.phones.agents = lambda _line, _ring: NO_AGENT
        name = await house.ask(1)
        await house.passes(hours=3)
        callback = await house.get(name)
        assert callback.state is State.EXPIRED
        assert callback.ended_at is not None
        assert callback.ended_at - callback.requested_at < timedelta(hours=2, minutes=1)


@in_virtual_time
async def test_the_limit_of_dials_puts_it_aside_until_it_frees(memory: Stores) -> None:
    rules = always_open(delay=timedelta(minutes=1), cut_off=timedelta(0), max_reschedules=10)
    async with company(memory, rules, limits=Limits(dials_per_number=3)) as house:
        house.phones.clients = lambda _line: fails(Outcome.CLIENT_BUSY)
        name = await house.ask(1)
        await house.passes(hours=23)
        assert len(house.phones.dials) == 3
        callback = await house.get(name)
        assert callback.rest_until is not None
        assert EventType.RESTING in await house.told(name)
        await house.passes(hours=2)
        assert len(house.phones.dials) == 6
        first, *_ = house.phones.dials
        assert house.phones.dials[3][0] - first[0] >= 86_400


@in_virtual_time
async def test_a_number_that_is_blocked_meanwhile_ends_as_blocked(memory: Stores) -> None:
    async with company(memory) as house:
        name = await house.ask(1, not_before=at("Mon 11:00"))
        await house.store.block(number(1), house.clock.now(), "asked us to")
        await house.passes(hours=2)
        assert (await house.get(name)).state is State.BLOCKED
        assert house.phones.rings == []


@pytest.mark.parametrize("which", ["support", "*"])
@in_virtual_time
async def test_paused_starts_nothing(memory: Stores, which: str) -> None:
    async with company(memory) as house:
        await house.store.set_pause(which, Pause(dialling=True))
        name = await house.ask(1)
        await house.passes(hours=1)
        assert house.phones.rings == []
        await house.store.set_pause(which, Pause())
        house.scheduler.wake()
        await house.passes(minutes=5)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_a_pbx_that_is_away_waits(memory: Stores) -> None:
    async with company(memory) as house:
        house.ready = False
        name = await house.ask(1)
        await house.passes(hours=1)
        assert (await house.attempts(name)) == []
        house.ready = True
        await house.passes(minutes=5)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_every_endpoint_rings_and_one_answers(stores: Stores) -> None:
    endpoints = ("PJSIP/1001", "PJSIP/1002")
    async with company(stores, with_target(always_open(), endpoints=endpoints)) as house:
        house.phones.agents = lambda _line, ring: (
            fails(Outcome.AGENT_BUSY) if ring.endpoint == endpoints[0] else ready_agent(4)
        )
        house.phones.clients = lambda _line: TALKER
        name = await house.ask(1)
        await house.passes(minutes=5)
        assert [endpoint for _, _, endpoint in house.phones.rings] == list(endpoints)
        assert (await house.get(name)).state is State.COMPLETED


@in_virtual_time
async def test_a_reload_changes_no_attempt_that_runs(stores: Stores) -> None:
    async with company(stores) as house:
        house.phones.agents = lambda _line, _ring: Person(after=2, keys=((30, "1"),))
        name = await house.ask(1)
        await house.passes(seconds=10)
        house.change(with_target(always_open(max_reschedules=0), endpoints=("PJSIP/9999",)))
        await house.passes(minutes=5)
        assert (await house.get(name)).state is State.COMPLETED
        assert [endpoint for _, _, endpoint in house.phones.rings] == ["PJSIP/1001"]

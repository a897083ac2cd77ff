"""What follows each outcome: due, counts, kind, who rests; and the route breaker."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from callbackd.domain.callback import Attempt, EventType, Kind, OfferOutcome, Outcome, Reschedules, State, Step
from callbackd.domain.profile import OfferRules
from tests.engine.company import MONDAY, Stores, always_open, company, number, with_target
from tests.engine.fake_phones import NO_AGENT, TALKER, Person, agent, fails, ready_agent
from tests.engine.virtual_time import in_virtual_time

COUNTED = [
    Outcome.CLIENT_BUSY,
    Outcome.CLIENT_NO_ANSWER,
    Outcome.CLIENT_REJECTED,
    Outcome.CLIENT_UNREACHABLE,
]


@pytest.mark.parametrize("outcome", COUNTED)
@in_virtual_time
async def test_a_counted_failure_is_rescheduled_by_auto(stores: Stores, outcome: Outcome) -> None:
    async with company(stores) as house:
        house.phones.clients = lambda _line: fails(outcome)
        name = await house.ask(1)
        await house.passes(minutes=1)
        callback = await house.get(name)
        (attempt,) = await house.attempts(name)
        assert attempt.outcome is outcome
        assert attempt.ended_at is not None
        assert callback.state is State.SCHEDULED
        assert callback.due_at == attempt.ended_at + timedelta(minutes=30)
        assert callback.reschedules == Reschedules(auto=1)
        assert callback.next_kind is Kind.AUTO
        assert callback.counted == 1


@in_virtual_time
async def test_after_the_last_reschedule_it_is_exhausted(memory: Stores) -> None:
    async with company(memory) as house:
        house.phones.clients = lambda _line: fails(Outcome.CLIENT_BUSY)
        name = await house.ask(1)
        await house.passes(hours=3)
        assert [attempt.kind for attempt in await house.attempts(name)] == [Kind.REQUEST, Kind.AUTO, Kind.AUTO]
        assert (await house.get(name)).state is State.EXHAUSTED


@in_virtual_time
async def test_a_number_that_does_not_exist_is_over_at_once(stores: Stores) -> None:
    async with company(stores) as house:
        house.phones.clients = lambda _line: fails(Outcome.CLIENT_INVALID)
        name = await house.ask(1)
        await house.passes(minutes=2)
        assert (await house.get(name)).state is State.UNREACHABLE_NUMBER
        assert len(house.phones.dials) == 1


@in_virtual_time
async def test_9_is_one_reschedule_of_kind_agent(stores: Stores) -> None:
    async with company(stores) as house:
        house.phones.agents = lambda _line, _ring: agent((3, "1"), (20, "9"), leaves=60)
        name = await house.ask(1)
        await house.passes(minutes=3)
        callback = await house.get(name)
        assert await house.outcomes(name) == [Outcome.AGENT_RESCHEDULED]
        assert callback.reschedules == Reschedules(agent=1)
        assert callback.next_kind is Kind.AGENT


@in_virtual_time
async def test_an_empty_desk_rests_longer_and_longer(memory: Stores) -> None:
    async with company(memory) as house:
        house.phones.agents = lambda _line, _ring: NO_AGENT
        name = await house.ask(1)
        due = (await house.get(name)).due_at
        await house.passes(hours=1)
        rings = [second for second, _, _ in house.phones.rings]
        gaps = [later - earlier for earlier, later in itertools.pairwise(rings)]
        assert [round(gap) for gap in gaps[:6]] == [50, 80, 140, 260, 500, 620]
        assert len(rings) <= 10
        callback = await house.get(name)
        assert callback.due_at == due
        assert callback.counted == 0
        assert callback.reschedules == Reschedules()
        assert {attempt.kind for attempt in await house.attempts(name)} == {Kind.REQUEST}


@in_virtual_time
async def test_the_whole_target_rests_not_one_call(memory: Stores) -> None:
    async with company(memory) as house:
        house.phones.agents = lambda _line, _ring: NO_AGENT
        for last in range(20):
            await house.ask(last)
        await house.passes(hours=1)
        assert len(house.phones.rings) <= 10


@in_virtual_time
async def test_a_key_1_ends_the_targets_rest(memory: Stores) -> None:
    async with company(memory) as house:
        house.phones.agents = lambda _line, _ring: NO_AGENT
        await house.ask(1)
        await house.passes(minutes=3)
        assert (await house.store.condition("support")).target_rests > 1
        house.phones.agents = lambda _line, _ring: ready_agent()
        await house.passes(minutes=10)
        condition = await house.store.condition("support")
        assert (condition.target_rests, condition.target_rests_until) == (0, None)


@in_virtual_time
async def test_a_declined_one_rests_and_others_go_first(memory: Stores) -> None:
    async with company(memory) as house:
        people = [agent((1, "2")), ready_agent(), ready_agent()]
        house.phones.agents = lambda _line, _ring: people.pop(0)
        one = await house.ask(1)
        await house.passes(seconds=1)
        other = await house.ask(2)
        due = (await house.get(one)).due_at
        await house.passes(minutes=10)
        assert await house.outcomes(one) == [Outcome.AGENT_DECLINED, Outcome.ANSWERED]
        assert await house.outcomes(other) == [Outcome.ANSWERED]
        assert house.phones.numbers == [number(2), number(1)]
        assert (await house.get(one)).due_at == due


@in_virtual_time
async def test_a_decline_does_not_end_the_rest_of_the_target(memory: Stores) -> None:
    async with company(memory, with_target(always_open(), max_concurrent=2)) as house:
        people = [fails(Outcome.AGENT_BUSY, after=1), agent((4, "2"))]
        house.phones.agents = lambda _line, _ring: people.pop(0) if people else NO_AGENT
        await house.ask(1)
        await house.ask(2)
        await house.passes(seconds=15)
        condition = await house.store.condition("support")
        assert condition.target_rests == 1
        assert condition.target_rests_until is not None
        assert len(house.phones.rings) == 2


@in_virtual_time
async def test_a_route_failure_rests_30_seconds_doubling_to_10_minutes(memory: Stores) -> None:
    async with company(memory, always_open(), limits=None) as house:
        house.rules.limits = replace(house.rules.limits, dials_per_number=100)
        house.phones.clients = lambda _line: fails(Outcome.ROUTE_FAILED, after=0.1)
        name = await house.ask(1)
        await house.passes(hours=1)
        attempts = await house.attempts(name)
        gaps = [
            later.started_at - earlier.ended_at
            for earlier, later in itertools.pairwise(attempts)
            if earlier.ended_at is not None
        ]
        assert [round(gap.total_seconds()) for gap in gaps[:6]] == [30, 60, 120, 240, 480, 600]
        assert (await house.get(name)).counted == 0


@in_virtual_time
async def test_refused_at_key_1_waits_until_the_reason_is_gone(memory: Stores) -> None:
    async with company(memory) as house:
        house.phones.agents = lambda _line, _ring: agent((60, "1"))
        house.change(replace(always_open(), agent=replace(always_open().agent, key_wait=timedelta(minutes=2))))
        name = await house.ask(1)
        await house.passes(seconds=20)
        await house.store.block(number(1), house.clock.now(), "asked us to")
        await house.passes(minutes=2)
        assert await house.outcomes(name) == [Outcome.WITHHELD]
        assert (await house.get(name)).state is State.BLOCKED
        assert house.phones.dials == []


@in_virtual_time
async def test_an_agent_who_vanishes_at_the_answer_costs_nothing_and_is_repeated_at_once(stores: Stores) -> None:
    async with company(stores, always_open(max_reschedules=0)) as house:
        people = [agent((3, "1"), leaves=8.5), ready_agent()]
        house.phones.agents = lambda _line, _ring: people.pop(0)
        name = await house.ask(1)
        await house.passes(minutes=5)
        first, second = await house.attempts(name)
        assert first.outcome is Outcome.AGENT_LEFT
        assert not first.counted
        assert second.kind is Kind.REQUEST
        assert first.ended_at is not None
        assert second.started_at - first.ended_at < timedelta(seconds=1)
        assert second.outcome is Outcome.ANSWERED
        assert any(prompt == "client-apology" for _, prompt in house.phones.said)


@pytest.mark.parametrize("gone", [True, False])
@in_virtual_time
async def test_a_talk_whose_profile_is_gone_is_completed_all_the_same(stores: Stores, gone: bool) -> None:
    async with company(stores) as house:
        name = await house.ask(1)
        await house.passes(seconds=30)
        if gone:
            house.rules.profiles = {}
        await house.passes(minutes=4)
        assert (await house.get(name)).state is State.COMPLETED


@pytest.mark.parametrize("most", [0, 1])
@in_virtual_time
async def test_what_counted_while_the_profile_was_gone_is_decided_when_it_is_back(stores: Stores, most: int) -> None:
    rules = always_open(max_reschedules=most)
    async with company(stores, rules) as house:
        house.phones.clients = lambda _line: fails(Outcome.CLIENT_BUSY, after=20)
        name = await house.ask(1)
        while (await house.get(name)).state is not State.CLIENT:
            await house.passes(seconds=1)
        house.rules.profiles = {}
        await house.passes(minutes=15)
        waiting = await house.get(name)
        assert (waiting.state, waiting.counted) == (State.SCHEDULED, 1)
        house.change(rules)
        await house.passes(hours=3)
        assert len(house.phones.dials) == 1 + most
        callback = await house.get(name)
        assert callback.state is State.EXHAUSTED
        assert callback.reschedules == Reschedules(auto=most)


class TestTheRouteBreaker:
    @in_virtual_time
    async def test_three_on_different_numbers_pause_it_and_put_back_those_of_the_run(self, memory: Stores) -> None:
        async with company(memory) as house:
            verdicts = [Outcome.CLIENT_INVALID, Outcome.CLIENT_REJECTED, Outcome.CLIENT_INVALID]
            house.phones.clients = lambda _line: fails(verdicts.pop(0), after=0.1) if verdicts else TALKER
            names = [await house.ask(last) for last in range(3)]
            await house.passes(seconds=50)
            condition = await house.store.condition("support")
            assert condition.route_open_until is not None
            states = {(await house.get(name)).state for name in names}
            assert states == {State.SCHEDULED}
            told = [await house.told(name) for name in names]
            assert sum(EventType.PUT_BACK in each for each in told) == 2
            assert len(house.phones.dials) == 3
            await house.passes(hours=1)
            assert {(await house.get(name)).state for name in names} == {State.COMPLETED}
            assert (await house.store.condition("support")).route_open_until is None

    @in_virtual_time
    async def test_one_of_the_run_that_is_forgotten_this_instant_holds_up_no_other(
        self, memory: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async with company(memory) as house:
            house.phones.clients = lambda _line: fails(Outcome.CLIENT_INVALID, after=0.1)
            attempts = house.store.attempts
            forgotten: list[str] = []

            async def forgotten_before(callback_id: str) -> Sequence[Attempt]:
                callback = await house.get(callback_id)
                if callback.state is State.UNREACHABLE_NUMBER and not forgotten:
                    forgotten.append(callback_id)
                    await house.store.forget(callback.number)
                return await attempts(callback_id)

            names = [await house.ask(last) for last in range(3)]
            monkeypatch.setattr(house.store, "attempts", forgotten_before)
            await house.passes(seconds=50)
            assert await house.store.get(forgotten[0]) is None
            assert {(await house.get(name)).state for name in names if name not in forgotten} == {State.SCHEDULED}
            assert len(house.calls) == 0

    @in_virtual_time
    async def test_two_do_not(self, memory: Stores) -> None:
        async with company(memory) as house:
            house.phones.clients = lambda _line: fails(Outcome.CLIENT_INVALID, after=0.1)
            names = [await house.ask(last) for last in range(2)]
            await house.passes(minutes=5)
            assert [(await house.get(name)).state for name in names] == [State.UNREACHABLE_NUMBER] * 2

    @in_virtual_time
    async def test_it_probes_after_a_minute_doubling_to_15_with_another_number_each_time(self, memory: Stores) -> None:
        async with company(memory) as house:
            house.phones.clients = lambda _line: fails(Outcome.CLIENT_INVALID, after=0.1)
            for last in range(8):
                await house.ask(last, priority=-last)
            await house.passes(hours=2)
            assert house.phones.numbers[:5] == [number(last) for last in range(5)]
            assert house.phones.numbers[4] != house.phones.numbers[3]
            probes = [second for second, *_ in house.phones.dials[2:]]
            gaps = [later - earlier for earlier, later in itertools.pairwise(probes)]
            for gap, pause in zip(gaps, (60, 120, 240, 480, 900, 900, 900), strict=False):
                assert pause <= gap < pause + 40

    @in_virtual_time
    async def test_an_answer_closes_it_while_the_two_still_talk(self, memory: Stores) -> None:
        async with company(memory, with_target(always_open(), max_concurrent=2)) as house:
            house.phones.clients = lambda _line: (
                fails(Outcome.CLIENT_INVALID, after=0.1)
                if len(house.phones.dials) <= 3
                else Person(after=5, leaves=1800)
            )
            for last in range(3):
                await house.ask(last)
            await house.passes(minutes=1)
            for last in (3, 4):
                await house.ask(last)
            await house.passes(minutes=5)
            assert (await house.store.condition("support")).route_open_until is None
            assert len(house.calls) == 2
            await house.passes(hours=1)

    @in_virtual_time
    async def test_who_listens_when_the_route_is_paused_is_withheld_at_key_1(self, memory: Stores) -> None:
        async with company(memory) as house:
            house.phones.agents = lambda _line, _ring: agent((6, "1"))
            name = await house.ask(1)
            await house.passes(seconds=3)
            condition = await house.store.condition("support")
            until = house.clock.now() + timedelta(minutes=1)
            await house.store.set_condition("support", replace(condition, route_open_until=until))
            await house.passes(seconds=20)
            assert await house.outcomes(name) == [Outcome.WITHHELD]
            assert house.phones.dials == []
            await house.passes(minutes=5)
            assert (await house.get(name)).state is State.COMPLETED


class TestOffers:
    RULES = always_open(
        client=True,
        max_reschedules=0,
        offer=OfferRules(delay=timedelta(minutes=5), attempts=2, reschedule_delay=timedelta(seconds=60)),
    )

    @in_virtual_time
    async def test_1_asks_for_another_try(self, memory: Stores) -> None:
        async with company(memory, self.RULES) as house:
            people = [fails(Outcome.CLIENT_BUSY), Person(after=3, keys=((2, "1"),)), TALKER]
            house.phones.clients = lambda _line: people.pop(0)
            name = await house.ask(1)
            await house.passes(minutes=1)
            waiting = await house.get(name)
            assert waiting.next_step is Step.OFFER
            await house.passes(minutes=20)
            (offer,) = await house.offers(name)
            assert offer.outcome is OfferOutcome.ANOTHER_TRY
            first, second = await house.attempts(name)
            assert first.ended_at is not None
            assert offer.started_at == first.ended_at + timedelta(minutes=5)
            assert offer.ended_at is not None
            assert second.started_at == offer.ended_at + timedelta(seconds=60)
            assert second.kind is Kind.CLIENT
            callback = await house.get(name)
            assert callback.state is State.COMPLETED
            assert callback.reschedules == Reschedules(client=1)

    @pytest.mark.parametrize(("key", "blocked"), [("2", False), ("3", True)])
    @in_virtual_time
    async def test_no_and_never_again(self, memory: Stores, key: str, blocked: bool) -> None:
        async with company(memory, self.RULES) as house:
            people = [fails(Outcome.CLIENT_BUSY), Person(after=3, keys=((2, key),))]
            house.phones.clients = lambda _line: people.pop(0)
            name = await house.ask(1)
            await house.passes(minutes=20)
            assert (await house.get(name)).state is State.DECLINED
            assert await house.store.is_blocked(number(1)) is blocked

    @in_virtual_time
    async def test_a_no_stands_though_the_profile_is_gone(self, memory: Stores) -> None:
        async with company(memory, self.RULES) as house:
            people = [fails(Outcome.CLIENT_BUSY), Person(after=3, keys=((2, "3"),))]
            house.phones.clients = lambda _line: people.pop(0)
            name = await house.ask(1)
            while (await house.get(name)).state is not State.OFFERING:
                await house.passes(seconds=1)
            house.rules.profiles = {}
            await house.passes(minutes=1)
            assert (await house.get(name)).state is State.DECLINED
            assert await house.store.is_blocked(number(1))

    @in_virtual_time
    async def test_another_try_is_made_though_the_profile_was_gone(self, memory: Stores) -> None:
        async with company(memory, self.RULES) as house:
            people = [fails(Outcome.CLIENT_BUSY), Person(after=3, keys=((2, "1"),)), TALKER]
            house.phones.clients = lambda _line: people.pop(0)
            name = await house.ask(1)
            while (await house.get(name)).state is not State.OFFERING:
                await house.passes(seconds=1)
            house.rules.profiles = {}
            await house.passes(minutes=1)
            house.change(self.RULES)
            await house.passes(hours=1)
            assert [attempt.kind for attempt in await house.attempts(name)] == [Kind.REQUEST, Kind.CLIENT]
            assert (await house.get(name)).state is State.COMPLETED

    @in_virtual_time
    async def test_no_offer_is_made_beyond_the_last_though_the_profile_was_gone(self, memory: Stores) -> None:
        async with company(memory, self.RULES) as house:
            people = [fails(Outcome.CLIENT_BUSY), fails(Outcome.CLIENT_BUSY), fails(Outcome.CLIENT_BUSY, after=20)]
            house.phones.clients = lambda _line: people.pop(0)
            name = await house.ask(1)
            while (await house.get(name)).offers_made < 2:
                await house.passes(seconds=1)
            house.rules.profiles = {}
            await house.passes(minutes=15)
            house.change(self.RULES)
            await house.passes(hours=1)
            assert len(await house.offers(name)) == 2
            assert (await house.get(name)).state is State.EXHAUSTED

    @in_virtual_time
    async def test_offers_that_are_not_answered_are_used_up(self, memory: Stores) -> None:
        async with company(memory, self.RULES) as house:
            people = [fails(Outcome.CLIENT_BUSY), fails(Outcome.CLIENT_BUSY), Person(after=3)]
            house.phones.clients = lambda _line: people.pop(0)
            name = await house.ask(1)
            await house.passes(hours=2)
            outcomes = [offer.outcome for offer in await house.offers(name)]
            assert outcomes == [OfferOutcome.NOT_ANSWERED, OfferOutcome.NO_KEY]
            assert (await house.get(name)).state is State.EXHAUSTED
            assert len(await house.store.dials(number(1), MONDAY)) == 3

    @in_virtual_time
    async def test_a_route_that_failed_uses_up_none(self, memory: Stores) -> None:
        async with company(memory, self.RULES) as house:
            people = [fails(Outcome.CLIENT_BUSY), fails(Outcome.ROUTE_FAILED), Person(after=3, keys=((1, "2"),))]
            house.phones.clients = lambda _line: people.pop(0)
            name = await house.ask(1)
            await house.passes(minutes=10)
            outcomes = [offer.outcome for offer in await house.offers(name)]
            assert outcomes == [OfferOutcome.ROUTE_FAILED, OfferOutcome.DECLINED]

    @in_virtual_time
    async def test_an_offer_whose_number_belongs_to_a_run_is_made_again(self, memory: Stores) -> None:
        async with company(memory, self.RULES) as house:
            people = [
                fails(Outcome.CLIENT_BUSY),
                fails(Outcome.CLIENT_INVALID),
                fails(Outcome.CLIENT_INVALID),
                fails(Outcome.CLIENT_INVALID),
            ]
            house.phones.clients = lambda _line: people.pop(0) if people else Person(3, keys=((1, "2"),), leaves=9)
            name = await house.ask(1)
            await house.passes(minutes=3)
            others = [await house.ask(2), await house.ask(3)]
            await house.passes(minutes=4)
            for other in others:
                assert (await house.get(other)).state is not State.UNREACHABLE_NUMBER
            await house.passes(hours=1)
            outcomes = [offer.outcome for offer in await house.offers(name)]
            assert outcomes == [OfferOutcome.NOT_ANSWERED, OfferOutcome.DECLINED]
            assert EventType.PUT_BACK in await house.told(name)
            callback = await house.get(name)
            assert callback.state is State.DECLINED
            assert callback.offers_used == 1

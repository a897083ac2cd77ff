"""After a start, or a lost link: who is adopted, who is interrupted, what counts."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from callbackd.domain.callback import (
    Attempt,
    CallBack,
    Kind,
    Offer,
    OfferOutcome,
    Outcome,
    Reschedules,
    State,
    Step,
)
from callbackd.domain.telephony import CLIENT, Leg, LegAnswered, LegEnded, Role
from callbackd.store.interface import Change, StoreError
from tests.engine.company import Company, Stores, always_open, company, number
from tests.engine.fake_phones import Person
from tests.engine.faulty import Faulty
from tests.engine.virtual_time import in_virtual_time

AGENT = Leg(Role.AGENT)


@dataclass
class FakeWreckage:
    """What is up on the PBX: `legs` of each call, `bridged` the ids of those whose legs are together."""

    legs: dict[str, frozenset[Leg]] = field(default_factory=dict)
    bridged: set[str] = field(default_factory=set)
    swept: list[tuple[str, Step, int]] = field(default_factory=list)
    known: Mapping[str, tuple[Step, int]] | None = None
    pbx_started_at: datetime | None = None
    beside: frozenset[Leg] = frozenset()
    put_down: frozenset[Leg] = frozenset()

    def legs_of(self, callback_id: str, step: Step, sequence: int) -> frozenset[Leg]:
        """The legs of one call that are still up."""
        return self.legs.get(callback_id, frozenset())

    def joined(self, callback_id: str, step: Step, sequence: int) -> frozenset[Leg]:
        """All of them, but those that stand beside."""
        legs = self.legs.get(callback_id, frozenset())
        return legs - self.beside if callback_id in self.bridged else frozenset()

    async def sweep_beside(self, callback_id: str, step: Step, sequence: int, talking: Collection[Leg]) -> None:
        """Take down what stands beside."""
        self.put_down |= self.legs[callback_id] - set(talking)

    async def sweep(self, callback_id: str, step: Step, sequence: int) -> None:
        """Take down one call."""
        self.swept.append((callback_id, step, sequence))

    async def sweep_strangers(self, known: Mapping[str, tuple[Step, int]]) -> None:
        """Take down the others."""
        self.known = dict(known)


async def left_behind(house: Company, state: State, last: int = 1, **attempt: object) -> CallBack:
    """A call-back that a daemon which is no more had on the phone."""
    callback = (await house.accepted(last)).callback
    made = Attempt(callback.id, 1, Kind.REQUEST, house.clock.now())
    claimed = replace(callback, state=state, attempts_made=1)
    return await house.store.commit(Change(claimed, attempt=replace(made, **attempt)))  # type: ignore[arg-type]


@in_virtual_time
async def test_an_agent_who_was_ringing_is_interrupted_and_nothing_counts(stores: Stores) -> None:
    async with company(stores, scheduling=False) as house:
        callback = await left_behind(house, State.AGENT)
        wreckage = FakeWreckage({callback.id: frozenset({AGENT})})
        await house.recovery.after_contact(wreckage)
        after = await house.get(callback.id)
        assert wreckage.swept == [(callback.id, Step.ATTEMPT, 1)]
        assert await house.outcomes(callback.id) == [Outcome.INTERRUPTED]
        assert after.state is State.SCHEDULED
        assert after.due_at == callback.due_at
        assert after.rest_until == house.clock.now() + timedelta(seconds=30)
        assert (after.counted, after.reschedules) == (0, Reschedules())


@pytest.mark.parametrize("armed", [True, False])
@in_virtual_time
async def test_after_the_dial_it_counts(stores: Stores, armed: bool) -> None:
    async with company(stores, scheduling=False) as house:
        now = house.clock.now()
        callback = await left_behind(house, State.CLIENT, client_dialled_at=now, armed=armed)
        await house.recovery.after_contact(FakeWreckage())
        after = await house.get(callback.id)
        assert after.counted == 1
        assert after.next_kind is (Kind.AGENT if armed else Kind.AUTO)
        assert after.due_at == now + timedelta(minutes=30)


@in_virtual_time
async def test_two_who_talk_are_adopted(stores: Stores) -> None:
    async with company(stores) as house:
        house.ready = False
        now = house.clock.now()
        callback = await left_behind(house, State.CONNECTED, client_dialled_at=now, client_answered_at=now)
        wreckage = FakeWreckage({callback.id: frozenset({AGENT, CLIENT})}, {callback.id})
        await house.recovery.after_contact(wreckage)
        assert wreckage.swept == []
        assert wreckage.known == {callback.id: (Step.ATTEMPT, 1)}
        assert house.phones.adopted == [frozenset({AGENT, CLIENT})]
        await house.passes(minutes=10)
        assert house.phones.hushed == [AGENT], "what the daemon before may have left them to hear keeps them apart"
        assert (await house.get(callback.id)).state is State.CONNECTED
        house.phones.happens(callback.id, LegEnded(CLIENT, Outcome.ANSWERED, 16))
        await house.passes(seconds=1)
        assert (await house.get(callback.id)).state is State.COMPLETED
        assert await house.outcomes(callback.id) == [Outcome.ANSWERED]


@in_virtual_time
async def test_two_who_talk_are_adopted_though_another_agents_phone_was_left_ringing(stores: Stores) -> None:
    """It lost to the one who answered first, and the request that should have ended it was lost too."""
    other, talks = Leg(Role.AGENT), Leg(Role.AGENT, 1)
    async with company(stores) as house:
        house.ready = False
        now = house.clock.now()
        callback = await left_behind(house, State.CONNECTED, client_dialled_at=now, client_answered_at=now)
        legs = {callback.id: frozenset({other, talks, CLIENT})}
        wreckage = FakeWreckage(legs, {callback.id}, beside=frozenset({other}))
        await house.recovery.after_contact(wreckage)
        assert wreckage.swept == []
        assert wreckage.put_down == {other}
        assert house.phones.adopted == [frozenset({talks, CLIENT})]


@in_virtual_time
async def test_two_who_talk_are_adopted_though_their_profile_is_gone(stores: Stores) -> None:
    async with company(stores) as house:
        house.ready = False
        now = house.clock.now()
        callback = await left_behind(house, State.CONNECTED, client_dialled_at=now, client_answered_at=now)
        house.rules.profiles = {}
        wreckage = FakeWreckage({callback.id: frozenset({AGENT, CLIENT})}, {callback.id})
        await house.recovery.after_contact(wreckage)
        assert (wreckage.swept, house.phones.adopted) == ([], [frozenset({AGENT, CLIENT})])
        await house.passes(minutes=1)
        house.phones.happens(callback.id, LegEnded(CLIENT, Outcome.ANSWERED, 16))
        await house.passes(seconds=1)
        assert (await house.get(callback.id)).state is State.COMPLETED


@pytest.mark.parametrize(("seconds", "state"), [(5, State.SCHEDULED), (10, State.COMPLETED)])
@in_virtual_time
async def test_two_who_are_gone_had_talked_if_it_was_10_seconds(stores: Stores, seconds: int, state: State) -> None:
    async with company(stores, scheduling=False) as house:
        now = house.clock.now()
        callback = await left_behind(house, State.CONNECTED, client_dialled_at=now, client_answered_at=now)
        await house.passes(seconds=seconds)
        await house.recovery.after_contact(FakeWreckage())
        assert (await house.get(callback.id)).state is state


@pytest.mark.parametrize(
    ("key", "outcome", "state"),
    [
        ("1", OfferOutcome.ANOTHER_TRY, State.SCHEDULED),
        ("2", OfferOutcome.DECLINED, State.DECLINED),
        ("3", OfferOutcome.NEVER_AGAIN, State.DECLINED),
        (None, OfferOutcome.INTERRUPTED, State.EXHAUSTED),
    ],
)
@in_virtual_time
async def test_an_offers_key_outlives_the_daemon(
    stores: Stores, key: str | None, outcome: OfferOutcome, state: State
) -> None:
    async with company(stores, always_open(client=True), scheduling=False) as house:
        now = house.clock.now()
        callback = (await house.accepted(1)).callback
        offer = Offer(callback.id, 1, now, dialled_at=now, answered_at=now, key=key)
        claimed = replace(callback, state=State.OFFERING, next_step=Step.OFFER, offers_made=1)
        await house.store.commit(Change(claimed, offer=offer))
        await house.recovery.after_contact(FakeWreckage())
        (offer,) = await house.offers(callback.id)
        assert offer.outcome is outcome
        assert (await house.get(callback.id)).state is state
        assert await house.store.is_blocked(number(1)) is (key == "3")


@in_virtual_time
async def test_an_offer_that_was_not_dialled_uses_none_up(stores: Stores) -> None:
    async with company(stores, always_open(client=True), scheduling=False) as house:
        callback = (await house.accepted(1)).callback
        claimed = replace(callback, state=State.OFFERING, next_step=Step.OFFER, offers_made=1)
        await house.store.commit(Change(claimed, offer=Offer(callback.id, 1, house.clock.now())))
        await house.recovery.after_contact(FakeWreckage())
        after = await house.get(callback.id)
        assert (after.state, after.next_step, after.offers_used) == (State.SCHEDULED, Step.OFFER, 0)


class TestALostLink:
    @in_virtual_time
    async def test_two_who_talk_go_on(self, stores: Stores) -> None:
        async with company(stores) as house:
            name = await house.ask(1)
            await house.passes(seconds=30)
            await house.recovery.after_contact(FakeWreckage({name: frozenset({AGENT, CLIENT})}, {name}))
            await house.passes(seconds=10)
            assert (await house.get(name)).state is State.CONNECTED
            await house.passes(minutes=5)
            assert (await house.get(name)).state is State.COMPLETED

    @in_virtual_time
    async def test_two_of_whom_one_hung_up_meanwhile_have_ended(self, stores: Stores) -> None:
        async with company(stores) as house:
            name = await house.ask(1)
            await house.passes(seconds=60)
            await house.recovery.after_contact(FakeWreckage({name: frozenset({AGENT})}))
            await house.passes(seconds=1)
            assert (await house.get(name)).state is State.COMPLETED

    @in_virtual_time
    async def test_a_client_who_still_rings_is_not_cut_off(self, stores: Stores) -> None:
        async with company(stores) as house:
            name = await house.ask(1)
            while (await house.get(name)).state is not State.CLIENT:
                await house.passes(seconds=0.5)
            await house.recovery.after_contact(FakeWreckage({name: frozenset({AGENT, CLIENT})}))
            await house.passes(seconds=1)
            assert (await house.get(name)).state in (State.CLIENT, State.CONNECTED)
            assert len(house.calls) == 1

    @in_virtual_time
    async def test_a_client_who_rings_no_more_is_interrupted(self, stores: Stores) -> None:
        async with company(stores) as house:
            name = await house.ask(1)
            while (await house.get(name)).state is not State.CLIENT:
                await house.passes(seconds=0.5)
            await house.recovery.after_contact(FakeWreckage({name: frozenset({AGENT})}))
            await house.passes(seconds=1)
            (attempt,) = await house.attempts(name)
            assert attempt.outcome is Outcome.INTERRUPTED
            assert attempt.counted
            assert len(house.calls) == 0

    @in_virtual_time
    async def test_a_time_out_that_strikes_meanwhile_decides_nothing(self, stores: Stores) -> None:
        async with company(stores) as house:
            house.phones.clients = lambda _line: Person(after=None)
            name = await house.ask(1)
            while (await house.get(name)).state is not State.CLIENT:
                await house.passes(seconds=0.5)
            house.recovery.contact_lost()
            await house.passes(minutes=10)
            assert (await house.get(name)).state is State.CLIENT
            wreckage = FakeWreckage({name: frozenset({AGENT, CLIENT})}, {name})  # they have been talking all the time
            await house.recovery.after_contact(wreckage)
            await house.passes(seconds=5)
            assert (await house.get(name)).state is State.CONNECTED

    @in_virtual_time
    async def test_a_time_out_that_struck_meanwhile_is_not_forgotten(self, stores: Stores) -> None:
        async with company(stores) as house:
            house.phones.clients = lambda _line: Person(after=None)
            name = await house.ask(1)
            while (await house.get(name)).state is not State.CLIENT:
                await house.passes(seconds=0.5)
            house.recovery.contact_lost()
            await house.passes(minutes=1)
            await house.recovery.after_contact(FakeWreckage({name: frozenset({AGENT, CLIENT})}))
            await house.passes(minutes=1)
            assert await house.outcomes(name) == [None], "the link may be lost again before it is ready"
            house.recovery.in_contact()
            await house.passes(seconds=30)
            assert await house.outcomes(name) == [Outcome.CLIENT_NO_ANSWER]

    @in_virtual_time
    async def test_two_who_were_cut_off_early_have_not_talked_however_often_the_link_was_lost(
        self, stores: Stores
    ) -> None:
        """It is lost again while it is resynchronised; when it comes back the PBX has been started anew."""
        async with company(stores) as house:
            name = await house.ask(1)
            while (await house.get(name)).state is not State.CONNECTED:
                await house.passes(seconds=0.5)
            house.recovery.contact_lost()
            await house.recovery.after_contact(FakeWreckage({name: frozenset({AGENT, CLIENT})}, {name}))
            await house.passes(minutes=1)
            await house.recovery.after_contact(FakeWreckage())
            house.recovery.in_contact()
            await house.passes(seconds=1)
            assert (await house.outcomes(name))[0] is Outcome.INTERRUPTED
            assert (await house.get(name)).state is not State.COMPLETED

    @in_virtual_time
    async def test_an_answer_that_nobody_was_told_of_beats_the_time_out(
        self, stores: Stores, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def answered(_line: object, leg: Leg) -> Sequence[LegAnswered]:
            return (LegAnswered(leg),)

        async with company(stores) as house:
            house.phones.clients = lambda _line: Person(after=None)
            monkeypatch.setattr(house.phones, "unseen_answer", answered)
            name = await house.ask(1)
            await house.passes(minutes=2)
            assert (await house.get(name)).state is State.CONNECTED


class TestAFaultOfOurs:
    @in_virtual_time
    async def test_it_is_tried_again_without_a_new_contact(self) -> None:
        store = Faulty()
        async with company(store, scheduling=False) as house:
            callback, other = await left_behind(house, State.AGENT), await left_behind(house, State.AGENT, last=2)
            store.faults = 2
            await house.recovery.after_contact(FakeWreckage())
            assert house.recovery.incomplete
            store.faults = 1
            await house.recovery.again(FakeWreckage())
            assert house.recovery.incomplete
            await house.recovery.again(FakeWreckage())
            assert not house.recovery.incomplete
            for name in (callback.id, other.id):
                assert await house.outcomes(name) == [Outcome.INTERRUPTED]
                assert (await house.get(name)).state is State.SCHEDULED

    @in_virtual_time
    async def test_a_store_that_fails_meanwhile_does_not_make_it_forgotten(self) -> None:
        store = Faulty()
        async with company(store, scheduling=False) as house:
            callback = await left_behind(house, State.AGENT)
            store.faults = 1
            await house.recovery.after_contact(FakeWreckage())
            store.failing = True
            with pytest.raises(StoreError):
                await house.recovery.again(FakeWreckage())
            assert house.recovery.incomplete
            store.failing = False
            await house.recovery.again(FakeWreckage())
            assert not house.recovery.incomplete
            assert await house.outcomes(callback.id) == [Outcome.INTERRUPTED]

    @in_virtual_time
    async def test_one_that_was_settled_meanwhile_and_rings_again_is_left_alone(self) -> None:
        store = Faulty()
        async with company(store, scheduling=False) as house:
            callback = await left_behind(house, State.AGENT)
            store.faults = 1
            await house.recovery.after_contact(FakeWreckage())
            (attempt,) = await house.attempts(callback.id)
            attempt = replace(attempt, ended_at=house.clock.now(), outcome=Outcome.AGENT_DECLINED)
            waiting = await house.settlement.attempt(callback, attempt)
            claimed = replace(waiting, state=State.AGENT, attempts_made=2)
            await store.commit(
                Change(claimed, attempt=Attempt(callback.id, 2, Kind.REQUEST, house.clock.now()))
            )
            wreckage = FakeWreckage()
            await house.recovery.again(wreckage)
            assert (wreckage.swept, house.recovery.incomplete) == ([], False)
            assert (await house.get(callback.id)).state is State.AGENT

"""What is remembered of numbers, profiles and the consumers of the outbox: what both stores promise."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callbackd.domain.callback import Attempt, EventType, Kind, Offer, State
from callbackd.store.interface import AlreadyWaiting, Change, Idempotency, Pause, ProfileCondition, Stale, Store

from .samples import T0, added, callback, claimed, ended, event, minutes, moved

NUMBER = "+14165550101"


async def test_dials_are_those_later_than_asked_oldest_first(store: Store) -> None:
    made = await added(store)
    for offset in (3, 1, 2, 2):
        made = await store.commit(Change(made, dialled=T0 + minutes(offset)))
    assert list(await store.dials(NUMBER, T0)) == [T0 + minutes(offset) for offset in (1, 2, 2, 3)]
    assert list(await store.dials(NUMBER, T0 + minutes(2))) == [T0 + minutes(3)]
    assert list(await store.dials("+14165550102", T0)) == []


async def test_requests_are_counted_over_all_profiles_and_states(store: Store) -> None:
    await ended(store, await added(store))
    await added(store, "b", requested_at=T0 + minutes(1))
    await added(store, "c", profile="sales", requested_at=T0 + minutes(2))
    await added(store, "d", "+14165550102")
    assert await store.requests(NUMBER, T0 - minutes(1)) == 3
    assert await store.requests(NUMBER, T0) == 2
    assert await store.requests(NUMBER, T0 + minutes(2)) == 0


async def test_the_block_list(store: Store) -> None:
    assert not await store.is_blocked(NUMBER)
    assert not await store.unblock(NUMBER)
    await store.block(NUMBER, T0, "asked for it")
    await store.block(NUMBER, T0, "asked again")
    assert await store.is_blocked(NUMBER)
    assert not await store.is_blocked("+1416555010")
    assert await store.unblock(NUMBER)
    assert not await store.is_blocked(NUMBER)


async def test_a_change_may_block_the_number(store: Store) -> None:
    made = await added(store)
    await store.commit(Change(made, [event(EventType.OFFER_ENDED)], block="pressed 3"))
    assert await store.is_blocked(NUMBER)


async def test_a_condition_is_remembered_whole(store: Store) -> None:
    assert await store.condition("support") == ProfileCondition()
    condition = ProfileCondition(
        target_rests_until=T0 + minutes(1),
        target_rests=3,
        suspects=((NUMBER, "cb-a", "client_busy"), ("+14165550102", "cb-b", "route_failed")),
        route_open_until=T0 + minutes(2),
        route_probes=2,
    )
    await store.set_condition("support", condition)
    assert await store.condition("support") == condition
    assert await store.condition("sales") == ProfileCondition()
    await store.set_condition("support", ProfileCondition())
    assert await store.condition("support") == ProfileCondition()


async def test_pauses_are_remembered_until_nothing_is_paused(store: Store) -> None:
    assert await store.pauses() == {}
    await store.set_pause("*", Pause(dialling=True))
    await store.set_pause("support", Pause(intake=True))
    assert await store.pauses() == {"*": Pause(dialling=True), "support": Pause(intake=True)}
    await store.set_pause("*", Pause())
    await store.set_pause("support", Pause(intake=True, dialling=True))
    assert await store.pauses() == {"support": Pause(intake=True, dialling=True)}


async def test_the_outbox_is_read_from_a_place_on(store: Store) -> None:
    made = await added(store)
    for _ in range(4):
        made = await moved(store, made, event(EventType.MOVED))
    ids = [found.id for found in await store.events_after(0)]
    assert len(ids) == 5
    assert [found.id for found in await store.events_after(ids[1], limit=2)] == ids[2:4]
    assert list(await store.events_after(ids[-1])) == []


async def test_listeners_are_told_after_each_write_that_added_events(store: Store) -> None:
    told: list[str] = []
    store.on_events(lambda: told.append("first"))
    store.on_events(lambda: told.append("second"))
    made = await added(store)
    assert told == ["first", "second"]
    made = await moved(store, made, event(EventType.MOVED), event(EventType.RESTING))
    assert len(told) == 4
    made = await moved(store, made)
    await store.set_pause("support", Pause(intake=True))
    with pytest.raises(Stale):
        await moved(store, callback(), event(EventType.MOVED))
    with pytest.raises(AlreadyWaiting):
        await added(store, "b")
    assert len(told) == 4


async def test_what_a_consumer_has_confirmed_never_goes_back(store: Store) -> None:
    assert await store.delivered_up_to("mqtt") == 0
    await store.set_delivered("mqtt", 7)
    await store.set_delivered("mqtt", 5)
    assert await store.delivered_up_to("mqtt") == 7
    assert await store.delivered_up_to("webhook") == 0


# Erasing


async def test_erasing_takes_what_ended_before_with_all_that_belongs_to_it(store: Store) -> None:
    made = await store.add(callback(), event(), Idempotency("key", "print"))
    made = await store.commit(Change(made, attempt=Attempt(made.id, 1, Kind.REQUEST, T0), offer=Offer(made.id, 1, T0)))
    await ended(store, made, T0)
    kept = await ended(store, await added(store, "b"), T0 + minutes(1))
    waiting = await added(store, "c")
    assert await store.erase_ended_before(T0) == 0
    assert await store.erase_ended_before(T0 + minutes(1)) == 1
    assert await store.get(made.id) is None
    assert list(await store.attempts(made.id)) == []
    assert list(await store.offers(made.id)) == []
    assert list(await store.timeline(made.id)) == []
    assert await store.find_idempotent("key", T0 - minutes(1)) is None
    assert await store.get(kept.id) == kept
    assert await store.get(waiting.id) == waiting
    assert {found.callback_id for found in await store.events_after(0)} == {kept.id, waiting.id}


async def test_erasing_is_done_in_pieces_the_oldest_first(store: Store) -> None:
    for i in range(5):
        await ended(store, await added(store, f"{i}"), T0 - minutes(i))
    later = T0 + minutes(1)
    assert [await store.erase_ended_before(later, limit=2) for _ in range(4)] == [2, 2, 1, 0]


async def test_erasing_never_takes_one_that_has_not_ended(store: Store) -> None:
    await claimed(store, await added(store, ended_at=T0))
    await added(store, "b", "+14165550102", ended_at=T0)
    assert await store.erase_ended_before(T0 + minutes(1)) == 0


async def test_dials_go_when_no_limit_looks_at_them_any_more(store: Store) -> None:
    made = await added(store)
    await store.commit(Change(made, dialled=T0))
    day = timedelta(days=1)
    await store.erase_ended_before(T0 + day)
    assert list(await store.dials(NUMBER, T0 - day)) == [T0]
    await store.erase_ended_before(T0 + day + minutes(1))
    assert list(await store.dials(NUMBER, T0 - day)) == []


async def test_event_ids_are_not_used_again_after_erasing(store: Store) -> None:
    made = await ended(store, await added(store))
    last = (await store.events_after(0))[-1].id
    assert await store.erase_ended_before(T0 + minutes(1)) == 1
    await added(store, "b")
    assert [found.id > last for found in await store.events_after(0)] == [True]
    assert await store.get(made.id) is None


async def test_the_heartbeat_is_the_last_one(store: Store) -> None:
    assert await store.alive_at() is None
    for at in (T0, T0 + minutes(2), T0 + minutes(1)):
        await store.beat(at)
        assert await store.alive_at() == at


async def test_writable(store: Store) -> None:
    await store.check_writable()
    await store.check_writable()


@pytest.mark.parametrize("state", [State.COMPLETED, State.BLOCKED])
async def test_a_call_back_that_ended_leaves_no_trace_in_what_waits(store: Store, state: State) -> None:
    await ended(store, await added(store), state=state)
    assert await store.counts(T0) == {}
    assert await store.next_expiry() is None
    assert await store.next_startable_at("support", T0 - minutes(1)) is None

"""Which call-back comes next, and when: what both stores promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from callbackd.domain.callback import CallBack, Kind, State, Step
from callbackd.store.interface import Store

from .samples import T0, added, callback, claimed, ended, minutes, moved


async def starts_in_turn(store: Store, step: Step = Step.ATTEMPT) -> list[str]:
    """The ids in the order in which the profile `support` would start them now, each ended when it was started."""
    started = []
    while (found := await store.next_startable("support", step, T0)) is not None:
        started.append(found.id.removeprefix("cb-"))
        await ended(store, found)
    return started


async def test_priority_then_due_then_id(store: Store) -> None:
    for number, (name, priority, due) in enumerate(
        [("d", 0, 0), ("c", 0, 0), ("b", 0, -1), ("e", -100, -9), ("a", 100, 0), ("f", 1, 0)]
    ):
        await added(store, name, f"+1416555010{number}", priority=priority, due_at=T0 + minutes(due))
    assert await starts_in_turn(store) == ["a", "f", "b", "c", "d", "e"]


async def test_one_may_start_from_its_due_instant_on(store: Store) -> None:
    made = await added(store, due_at=T0 + minutes(1))
    almost = T0 + minutes(1) - timedelta(milliseconds=1)
    assert await store.next_startable("support", Step.ATTEMPT, almost) is None
    assert await store.next_startable("support", Step.ATTEMPT, T0 + minutes(1)) == made


async def test_a_higher_priority_that_is_not_due_holds_nobody_up(store: Store) -> None:
    await added(store, "a", priority=100, due_at=T0 + minutes(1))
    waiting = await added(store, "b", "+14165550102", priority=-100)
    assert await store.next_startable("support", Step.ATTEMPT, T0) == waiting


async def test_a_rest_holds_one_back_and_keeps_its_place(store: Store) -> None:
    first = await added(store, "a", due_at=T0 - minutes(9), rest_until=T0 + minutes(1))
    second = await added(store, "b", "+14165550102", due_at=T0 - minutes(5))
    assert await store.next_startable("support", Step.ATTEMPT, T0) == second
    almost = T0 + minutes(1) - timedelta(milliseconds=1)
    assert await store.next_startable("support", Step.ATTEMPT, almost) == second
    assert await store.next_startable("support", Step.ATTEMPT, T0 + minutes(1)) == first
    assert await store.next_startable("support", Step.ATTEMPT, T0 + timedelta(days=900)) == first
    assert await store.next_startable("support", Step.ATTEMPT, T0) == second


async def test_those_that_have_rested_come_in_the_order_of_all(store: Store) -> None:
    for number in range(9):
        rest_until = T0 - timedelta(milliseconds=7**number) if number % 3 else None
        await added(
            store,
            f"{number}",
            f"+1416555010{number}",
            priority=number % 2,
            due_at=T0 - timedelta(days=200, minutes=number),
            rest_until=rest_until,
        )
    assert await starts_in_turn(store) == ["7", "5", "3", "1", "8", "6", "4", "2", "0"]


async def test_a_rest_that_ends_before_the_due_instant_holds_nothing_back(store: Store) -> None:
    made = await added(store, rest_until=T0 - minutes(1))
    assert await store.next_startable("support", Step.ATTEMPT, T0 - timedelta(seconds=1)) is None
    assert await store.next_startable("support", Step.ATTEMPT, T0) == made


async def test_a_rest_that_is_taken_away_no_longer_holds_back(store: Store) -> None:
    resting = await added(store, rest_until=T0 + minutes(9))
    free = await moved(store, resting, rest_until=None)
    assert await store.next_startable("support", Step.ATTEMPT, T0) == free
    again = await moved(store, free, rest_until=T0 + minutes(9))
    assert await store.next_startable("support", Step.ATTEMPT, T0) is None
    assert await store.next_startable("support", Step.ATTEMPT, T0 + minutes(9)) == again


async def test_attempts_and_offers_are_asked_for_apart(store: Store) -> None:
    attempt = await added(store, "a")
    offer = await added(store, "b", "+14165550102", next_step=Step.OFFER)
    assert await store.next_startable("support", Step.ATTEMPT, T0) == attempt
    assert await store.next_startable("support", Step.OFFER, T0) == offer
    assert await store.next_startable("sales", Step.ATTEMPT, T0) is None


async def test_a_number_that_is_live_in_any_profile_is_passed_over(store: Store) -> None:
    live = await claimed(store, await added(store, "a", profile="sales"))
    first = await added(store, "b")
    second = await added(store, "c", "+14165550102", priority=-1)
    assert await store.next_startable("support", Step.ATTEMPT, T0) == second
    await ended(store, live)
    assert await store.next_startable("support", Step.ATTEMPT, T0) == first


async def test_a_number_that_is_live_is_passed_over_after_its_rest_too(store: Store) -> None:
    await claimed(store, await added(store, "a", profile="sales"))
    await added(store, "b", due_at=T0 - minutes(2), rest_until=T0 - minutes(1))
    second = await added(store, "c", "+14165550102", due_at=T0 - minutes(2), rest_until=T0 - minutes(1), priority=-1)
    assert await store.next_startable("support", Step.ATTEMPT, T0) == second


async def test_numbers_to_avoid_are_passed_over(store: Store) -> None:
    first = await added(store, "a", priority=3)
    second = await added(store, "b", "+14165550102", due_at=T0 - minutes(9), rest_until=T0)
    third = await added(store, "c", "+14165550103")
    assert await store.next_startable("support", Step.ATTEMPT, T0, {first.number}) == second
    assert await store.next_startable("support", Step.ATTEMPT, T0, [second.number, first.number]) == third
    assert await store.next_startable("support", Step.ATTEMPT, T0, {"'", "x\x00", third.number}) == first


async def test_one_that_is_not_waiting_is_not_started(store: Store) -> None:
    claim = await claimed(store, await added(store))
    assert await store.next_startable("support", Step.ATTEMPT, T0) is None
    await ended(store, claim)
    assert await store.next_startable("support", Step.ATTEMPT, T0) is None


async def test_a_call_back_that_was_moved_has_its_new_place(store: Store) -> None:
    first = await added(store, "a")
    second = await added(store, "b", "+14165550102", due_at=T0 + minutes(1))
    first = await moved(store, first, due_at=T0 + minutes(2))
    assert await store.next_startable("support", Step.ATTEMPT, T0 + minutes(2)) == second
    second = await moved(store, second, next_step=Step.OFFER, next_kind=Kind.CLIENT)
    assert await store.next_startable("support", Step.ATTEMPT, T0 + minutes(2)) == first
    first = await moved(store, first, profile="sales")
    assert await store.next_startable("support", Step.ATTEMPT, T0 + minutes(2)) is None
    assert await store.next_startable("sales", Step.ATTEMPT, T0 + minutes(2)) == first


# When


async def test_the_next_startable_instant_is_later_than_asked(store: Store) -> None:
    await added(store, "a", due_at=T0)
    await added(store, "b", "+14165550102", due_at=T0 + minutes(1), rest_until=T0 + minutes(4), next_step=Step.OFFER)
    await added(store, "c", "+14165550103", due_at=T0 + minutes(9))
    await added(store, "d", "+14165550104", due_at=T0 + minutes(2), profile="sales")
    instants = [T0 - minutes(1), T0, T0 + minutes(4), T0 + minutes(9)]
    assert [await store.next_startable_at("support", after) for after in instants] == [
        T0,
        T0 + minutes(4),
        T0 + minutes(9),
        None,
    ]


async def test_only_waiting_ones_expire_the_longest_expired_first(store: Store) -> None:
    assert await store.next_expiry() is None
    late = await added(store, "a", expires_at=T0 + minutes(2))
    early = await added(store, "b", "+14165550102", expires_at=T0 + minutes(1))
    live = await added(store, "c", "+14165550103", expires_at=T0)
    live = await claimed(store, live)
    assert await store.next_expiry() == T0 + minutes(1)
    assert list(await store.expired(T0)) == []
    assert list(await store.expired(T0 + minutes(1))) == [early]
    assert list(await store.expired(T0 + minutes(2))) == [early, late]
    assert list(await store.expired(T0 + minutes(2), limit=1)) == [early]
    await ended(store, early, state=State.EXPIRED)
    assert await store.next_expiry() == T0 + minutes(2)


async def test_live_ones_are_those_on_the_phone(store: Store) -> None:
    states = [State.AGENT, State.CLIENT, State.CONNECTED, State.OFFERING, State.SCHEDULED]
    made = [await added(store, f"{i}", f"+1416555010{i}") for i in range(5)]
    made = [await moved(store, before, state=state) for before, state in zip(made, states, strict=True)]
    assert list(await store.live()) == made[:4]


# Counting


async def test_counts_tell_queued_from_scheduled_by_the_clock(store: Store) -> None:
    assert await store.counts(T0) == {}
    await added(store, "a", due_at=T0)
    await added(store, "b", "+14165550102", due_at=T0 + timedelta(milliseconds=1), priority=7)
    await added(store, "c", "+14165550103", profile="sales", rest_until=T0 + minutes(1))
    live = await claimed(store, await added(store, "d", "+14165550104"))
    none = dict.fromkeys((State.SCHEDULED, State.QUEUED, State.AGENT, State.CLIENT, State.CONNECTED, State.OFFERING), 0)
    assert await store.counts(T0) == {
        "support": none | {State.SCHEDULED: 1, State.QUEUED: 1, State.AGENT: 1},
        "sales": none | {State.QUEUED: 1},
    }
    await ended(store, live)
    assert (await store.counts(T0 + minutes(1)))["support"] == none | {State.QUEUED: 2}


async def test_a_profile_with_only_a_live_one_is_counted(store: Store) -> None:
    live = await claimed(store, await added(store))
    assert (await store.counts(T0))["support"][State.AGENT] == 1
    await ended(store, live)
    assert await store.counts(T0) == {}


SPREAD = [timedelta(milliseconds=step * 13**power) for power in range(9) for step in (-1, 0, 1)]


async def test_counts_are_exact_whatever_lies_between_the_due_instants(store: Store) -> None:
    due = [T0 + offset for offset in SPREAD]
    for i, instant in enumerate(due):
        await added(store, f"{i:02}", f"+141655501{i:02}", due_at=instant, priority=i % 3)
    for now in (*due, T0 - timedelta(days=365 * 30), T0 + timedelta(days=365 * 200)):
        counted = (await store.counts(now))["support"]
        assert counted[State.QUEUED] == sum(instant <= now for instant in due)
        assert counted[State.SCHEDULED] == sum(instant > now for instant in due)


async def test_waiting_before_counts_those_ahead_in_the_order(store: Store) -> None:
    made: list[CallBack] = []
    for i, offset in enumerate(SPREAD):
        made.append(await added(store, f"{i:02}", f"+141655501{i:02}", due_at=T0 + offset, priority=i % 3))
    await added(store, "other", "+14165550199", profile="sales", priority=100)
    await claimed(store, await added(store, "live", "+14165550198", priority=100))
    in_order = sorted(made, key=lambda each: (-each.priority, each.due_at, each.id))
    assert [await store.waiting_before(each) for each in in_order] == list(range(len(made)))
    newcomer = callback("zz", due_at=T0 + timedelta(days=365 * 50), priority=-1)
    assert await store.waiting_before(newcomer) == len(made)


@pytest.mark.parametrize("change", [{"priority": 5}, {"due_at": T0 + minutes(9)}, {"profile": "sales"}])
async def test_what_is_counted_follows_every_change(store: Store, change: dict[str, object]) -> None:
    first = await added(store, "a")
    second = await added(store, "b", "+14165550102")
    assert await store.waiting_before(second) == 1
    changed = await moved(store, first, **change)
    assert await store.waiting_before(second) == (1 if "priority" in change else 0)
    assert await store.waiting_before(replace(changed, id="cb-zz", priority=-9)) == (1 if "profile" in change else 2)
    await ended(store, changed)
    await ended(store, second)
    assert await store.counts(T0) == {}

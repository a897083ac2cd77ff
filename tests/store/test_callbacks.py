"""Keeping, changing and finding call-backs: what both stores promise."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from callbackd.domain.callback import (
    Attempt,
    EventType,
    Kind,
    Offer,
    OfferOutcome,
    Outcome,
    Reschedules,
    State,
    Step,
)
from callbackd.store.interface import (
    AlreadyWaiting,
    Change,
    Idempotency,
    NumberLive,
    Stale,
    Store,
    StoreError,
)

from .samples import T0, added, callback, claimed, ended, event, minutes, moved


async def test_nothing_is_lost_between_what_is_given_and_what_is_kept(store: Store) -> None:
    given = callback(
        name="Ann 'O; -- Neil",
        reason="\x00 \u2028 ünïcode",
        language="fr",
        priority=-100,
        not_before=T0 + minutes(3),
        rest_until=T0 + minutes(4),
        next_step=Step.OFFER,
        next_kind=Kind.CLIENT,
        reschedules=Reschedules(1, 2, 3),
        attempts_made=4,
        counted=3,
        offers_made=2,
        offers_used=1,
        route_failures=7,
    )
    made = await store.add(given, event())
    assert made == replace(given, version=1)
    assert await store.get(made.id) == made


async def test_an_unknown_call_back_is_none(store: Store) -> None:
    assert await store.get("cb-unknown") is None
    assert list(await store.attempts("cb-unknown")) == []
    assert list(await store.offers("cb-unknown")) == []
    assert list(await store.timeline("cb-unknown")) == []


async def test_an_id_is_used_once(store: Store) -> None:
    await added(store)
    with pytest.raises(StoreError):
        await added(store, number="+14165550102")


async def test_instants_are_kept_to_the_millisecond_in_utc(store: Store) -> None:
    east = timezone(timedelta(hours=2))
    at = datetime(2026, 11, 2, 17, 0, 0, 123_999, tzinfo=east)
    kept = datetime(2026, 11, 2, 15, 0, 0, 123_000, tzinfo=UTC)
    made = await added(store, due_at=at, expires_at=at)
    assert made.due_at == made.expires_at == kept
    assert made.due_at.tzinfo is UTC
    claim = Change(
        replace(made, state=State.AGENT, asked_at=at),
        [event(EventType.ATTEMPT_STARTED, at)],
        Attempt(made.id, 1, Kind.REQUEST, at),
        dialled=at,
    )
    committed = await store.commit(claim)
    assert committed == await store.get(made.id)
    assert committed.asked_at == kept
    assert [attempt.started_at for attempt in await store.attempts(made.id)] == [kept]
    assert [found.at for found in await store.timeline(made.id)][1:] == [kept]
    assert list(await store.dials(made.number, T0)) == [kept]


async def test_a_naive_instant_is_refused_everywhere_and_changes_nothing(store: Store) -> None:
    naive = datetime(2026, 11, 2, 15, 0)  # noqa: DTZ001
    made = await added(store)
    for refused in (
        store.add(callback("b", "+14165550102", due_at=naive), event()),
        store.add(callback("b", "+14165550102"), event(at=naive)),
        store.commit(Change(replace(made, rest_until=naive))),
        store.commit(Change(made, [event(at=naive)])),
        store.commit(Change(made, attempt=Attempt(made.id, 1, Kind.REQUEST, naive))),
        store.commit(Change(made, offer=Offer(made.id, 1, naive))),
        store.commit(Change(made, dialled=naive)),
        store.next_startable("support", Step.ATTEMPT, naive),
        store.next_startable_at("support", naive),
        store.expired(naive),
        store.counts(naive),
        store.dials(made.number, naive),
        store.requests(made.number, naive),
        store.find_idempotent("key", naive),
        store.erase_ended_before(naive),
        store.block(made.number, naive, "asked"),
        store.beat(naive),
    ):
        with pytest.raises((ValueError, TypeError)):
            await refused
    assert await store.get(made.id) == made
    assert len(await store.timeline(made.id)) == 1
    assert await store.get("cb-b") is None


# One un-ended call-back per profile and number, one live leg per number


async def test_a_profile_has_one_call_back_of_a_number_that_has_not_ended(store: Store) -> None:
    first = await added(store)
    with pytest.raises(AlreadyWaiting):
        await added(store, "b")
    await claimed(store, first)
    with pytest.raises(AlreadyWaiting):
        await added(store, "b")
    assert await store.get("cb-b") is None
    assert [found.callback_id for found in await store.events_after(0)] == [first.id, first.id]


async def test_another_profile_may_have_the_number_too_and_the_same_again_after_the_end(store: Store) -> None:
    first = await added(store)
    other = await added(store, "b", profile="sales")
    await ended(store, first)
    again = await added(store, "c")
    assert list(await store.find_waiting_or_live(first.number)) == [other, again]
    assert list(await store.find_waiting_or_live(first.number, "sales")) == [other]
    assert list(await store.find_waiting_or_live("+14165550199")) == []


async def test_those_of_a_number_come_oldest_first(store: Store) -> None:
    late = await added(store, "a", requested_at=T0 + minutes(1))
    early = await added(store, "b", profile="sales")
    assert list(await store.find_waiting_or_live(late.number)) == [early, late]


@pytest.mark.parametrize("state", [State.AGENT, State.CLIENT, State.CONNECTED, State.OFFERING])
async def test_a_number_is_on_the_phone_once_over_all_profiles(store: Store, state: State) -> None:
    first = await added(store)
    other = await added(store, "b", profile="sales")
    live = await moved(store, first, state=state)
    with pytest.raises(NumberLive):
        await claimed(store, other)
    assert await store.get(other.id) == other
    assert list(await store.attempts(other.id)) == []
    assert len(await store.timeline(other.id)) == 1
    await moved(store, live, state=State.SCHEDULED)
    assert (await claimed(store, other)).state is State.AGENT


async def test_a_live_call_back_may_go_from_one_live_state_to_the_next(store: Store) -> None:
    live = await claimed(store, await added(store))
    for state in (State.CLIENT, State.CONNECTED):
        live = await moved(store, live, state=state)
    assert list(await store.live()) == [live]


async def test_reopening_is_refused_while_another_waits(store: Store) -> None:
    first = await ended(store, await added(store))
    await added(store, "b")
    with pytest.raises(AlreadyWaiting):
        await moved(store, first, state=State.SCHEDULED, ended_at=None)
    assert await store.get(first.id) == first


async def test_one_that_ended_may_be_reopened(store: Store) -> None:
    first = await ended(store, await added(store))
    again = await moved(store, first, state=State.SCHEDULED, ended_at=None)
    assert list(await store.find_waiting_or_live(first.number)) == [again]


# Compare and set


async def test_a_commit_returns_the_next_version(store: Store) -> None:
    made = await added(store)
    claim = await claimed(store, made)
    assert claim.version == made.version + 1
    assert await store.get(made.id) == claim


async def test_a_change_of_an_old_version_is_stale_and_writes_nothing(store: Store) -> None:
    made = await added(store)
    claim = await claimed(store, made)
    with pytest.raises(Stale):
        await store.commit(
            Change(
                replace(made, state=State.CANCELLED, ended_at=T0),
                [event(EventType.ENDED)],
                Attempt(made.id, 9, Kind.AUTO, T0),
                Offer(made.id, 9, T0),
                dialled=T0 + minutes(1),
                block="asked",
            )
        )
    assert await store.get(made.id) == claim
    assert len(await store.timeline(made.id)) == 2
    assert len(await store.attempts(made.id)) == 1
    assert list(await store.offers(made.id)) == []
    assert list(await store.dials(made.number, T0)) == []
    assert not await store.is_blocked(made.number)


async def test_a_change_of_an_unknown_call_back_is_stale(store: Store) -> None:
    with pytest.raises(Stale):
        await store.commit(Change(replace(callback(), version=1)))


async def test_stale_is_told_before_any_conflict(store: Store) -> None:
    first = await added(store)
    other = await added(store, "b", profile="sales")
    await claimed(store, first)
    await moved(store, other, due_at=T0 + minutes(1))
    with pytest.raises(Stale):
        await claimed(store, other)


async def test_a_change_with_another_call_backs_attempt_or_offer_is_refused(store: Store) -> None:
    made = await added(store)
    with pytest.raises(ValueError, match="cb-other"):
        await store.commit(Change(made, attempt=Attempt("cb-other", 1, Kind.REQUEST, T0)))
    with pytest.raises(ValueError, match="cb-other"):
        await store.commit(Change(made, offer=Offer("cb-other", 1, T0)))


async def test_queued_is_kept_as_scheduled(store: Store) -> None:
    made = await added(store, state=State.QUEUED)
    assert made.state is State.SCHEDULED
    assert await store.get(made.id) == made


# Attempts, offers, the timeline


async def test_attempts_and_offers_are_replaced_by_number_and_read_in_order(store: Store) -> None:
    made = await added(store)
    second = Attempt(made.id, 2, Kind.AUTO, T0 + minutes(10))
    first = Attempt(made.id, 1, Kind.REQUEST, T0)
    whole = replace(
        first,
        agent_answered_at=T0 + minutes(1),
        client_dialled_at=T0 + minutes(2),
        client_answered_at=T0 + minutes(3),
        ended_at=T0 + minutes(4),
        outcome=Outcome.AGENT_RESCHEDULED,
        client_outcome=Outcome.ANSWERED,
        cause=16,
        armed=True,
        counted=True,
    )
    offers = [
        Offer(made.id, 2, T0),
        Offer(made.id, 1, T0),
        Offer(
            made.id, 2, T0, T0, T0 + minutes(1), T0 + minutes(2), OfferOutcome.NEVER_AGAIN, Outcome.ANSWERED, 16, "3"
        ),
    ]
    for attempt in (second, first, whole):
        made = await store.commit(Change(made, attempt=attempt))
    for offer in offers:
        made = await store.commit(Change(made, offer=offer))
    assert list(await store.attempts(made.id)) == [whole, second]
    assert list(await store.offers(made.id)) == offers[1:]


async def test_a_timeline_counts_from_one_without_gaps_and_ids_grow(store: Store) -> None:
    first = await added(store)
    other = await added(store, "b", "+14165550102")
    first = await moved(store, first, event(EventType.MOVED, was=1), event(EventType.RESTING, was=2))
    await claimed(store, other)
    with pytest.raises(Stale):
        await moved(store, replace(first, version=1), event(EventType.ENDED))
    await claimed(store, first)
    timeline = await store.timeline(first.id)
    assert [(found.seq, found.type) for found in timeline] == [
        (1, EventType.REQUESTED),
        (2, EventType.MOVED),
        (3, EventType.RESTING),
        (4, EventType.ATTEMPT_STARTED),
    ]
    assert [found.seq for found in await store.timeline(other.id)] == [1, 2]
    outbox = await store.events_after(0)
    assert [found.id for found in outbox] == sorted({found.id for found in outbox})
    assert len(outbox) == 6
    assert {found.profile for found in outbox} == {"support"}
    assert [found for found in outbox if found.callback_id == first.id] == list(timeline)


async def test_event_data_is_what_json_makes_of_it(store: Store) -> None:
    made = await store.add(callback(), event(keys=("1", "9"), text="😀 '\"", nested={"a": [None, 1.5, True]}))
    (found,) = await store.timeline(made.id)
    assert found.data == {"keys": ["1", "9"], "text": "😀 '\"", "nested": {"a": [None, 1.5, True]}}


@pytest.mark.parametrize("data", [{"when": T0}, {"ratio": float("nan")}])
async def test_event_data_that_is_not_json_ready_is_refused_before_anything_is_written(
    store: Store, data: dict[str, Any]
) -> None:
    with pytest.raises((TypeError, ValueError)):
        await store.add(callback(), event(**data))
    assert await store.get("cb-a") is None


# Idempotency


async def test_a_key_finds_the_call_back_that_it_made(store: Store) -> None:
    made = await store.add(callback(), event(), Idempotency("key", "print"))
    assert await store.find_idempotent("key", T0 - minutes(1)) == (made, "print")
    assert await store.find_idempotent("other", T0 - minutes(1)) is None
    assert await store.find_idempotent("key", T0) is None
    claim = await claimed(store, made)
    assert await store.find_idempotent("key", T0 - minutes(1)) == (claim, "print")


async def test_a_key_of_a_request_that_was_refused_is_not_kept(store: Store) -> None:
    await added(store)
    with pytest.raises(AlreadyWaiting):
        await store.add(callback("b"), event(), Idempotency("key", "print"))
    assert await store.find_idempotent("key", T0 - minutes(1)) is None


async def test_a_key_used_again_is_the_newer_requests(store: Store) -> None:
    await store.add(callback(), event(), Idempotency("key", "old"))
    newer = callback("b", "+14165550102", requested_at=T0 + timedelta(days=2))
    made = await store.add(newer, event(), Idempotency("key", "new"))
    assert await store.find_idempotent("key", T0) == (made, "new")

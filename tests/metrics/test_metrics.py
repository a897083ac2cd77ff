"""What is counted and looked up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import pytest

from callbackd.domain.callback import Attempt, EventType, Kind, Outcome, State, TimelineEvent
from callbackd.store.interface import Change, Pause, StoreUnavailable
from tests.http.asgi import Caller
from tests.http.house import NOON, House

CALLBACKS = "/api/v1/callbacks"


async def sample(house: House, name: str, **labels: str) -> float | None:
    """A sample once everything that happened has been counted; None if there is none."""
    async with asyncio.timeout(5):
        while house.metrics._counting is None or house.metrics._counting.seen < await house.metrics.last_event():  # noqa: ASYNC110
            await asyncio.sleep(0)
    await house.metrics.exposition()
    return house.instruments.registry.get_sample_value(name, labels)


async def _asked(api: Caller, number: str = "+14165550123", profile: str = "support") -> str:
    return str((await api.post(CALLBACKS, {"profile": profile, "number": number})).json["id"])


async def _happens(
    house: House, callback_id: str, type_: EventType, attempt: Attempt | None = None, **data: object
) -> None:
    callback = await house.store.get(callback_id)
    assert callback is not None
    event = TimelineEvent(type_, house.clock.now(), dict(data))
    await house.store.commit(Change(callback, (event,), attempt=attempt))


@pytest.mark.usefixtures("counting")
async def test_requests_by_result(api: Caller, house: House) -> None:
    for _ in range(3):
        await _asked(api)
    await api.post(CALLBACKS, {"profile": "support", "number": "911"})
    await api.post(CALLBACKS, {"profile": "stranger\n{}", "number": "+14165550123"})
    assert await sample(house, "callbackd_requests_total", profile="support", result="accepted") == 1
    assert await sample(house, "callbackd_requests_total", profile="support", result="duplicate") == 2
    assert await sample(house, "callbackd_requests_total", profile="support", result="number_emergency") == 1
    assert await sample(house, "callbackd_requests_total", profile="", result="unknown_profile") == 1
    assert await sample(house, "callbackd_request_seconds_count") == 5
    assert b"stranger" not in await house.metrics.exposition()


@pytest.mark.usefixtures("counting")
async def test_what_happens_to_call_backs(api: Caller, house: House) -> None:
    asked = await _asked(api)
    await _happens(house, asked, EventType.ATTEMPT_ENDED, kind="request", outcome="client_busy")
    await _happens(house, asked, EventType.RESCHEDULED, kind="auto")
    await _happens(house, asked, EventType.ATTEMPT_ENDED, kind="auto", outcome="client_busy")
    await _happens(house, asked, EventType.OFFER_ENDED, outcome="no_key")
    await _happens(house, asked, EventType.ENDED, disposition="exhausted")
    support = {"profile": "support"}
    assert await sample(house, "callbackd_attempts_total", **support, kind="request", outcome="client_busy") == 1
    assert await sample(house, "callbackd_attempts_total", **support, kind="auto", outcome="client_busy") == 1
    assert await sample(house, "callbackd_reschedules_total", **support, kind="auto") == 1
    assert await sample(house, "callbackd_offers_total", **support, outcome="no_key") == 1
    assert await sample(house, "callbackd_dispositions_total", **support, disposition="exhausted") == 1


@pytest.mark.usefixtures("counting")
async def test_the_wait_for_the_first_attempt(api: Caller, house: House) -> None:
    asked = await _asked(api)
    later = {"profile": "sales", "number": "+14165550123", "not_before": "2026-11-02T17:01:00Z"}
    booked = (await api.post(CALLBACKS, later)).json["id"]
    house.clock.move(timedelta(seconds=90))
    for callback_id in (asked, booked):
        callback = await house.store.get(callback_id)
        assert callback is not None
        for number in (1, 2):
            event = TimelineEvent(EventType.ATTEMPT_STARTED, house.clock.now(), {"attempt": number})
            callback = await house.store.commit(Change(callback, (event,)))
    assert await sample(house, "callbackd_wait_seconds_sum", profile="support") == 90
    assert await sample(house, "callbackd_wait_seconds_count", profile="support") == 1
    assert await sample(house, "callbackd_wait_seconds_sum", profile="sales") == 30


@pytest.mark.usefixtures("counting")
async def test_how_soon_an_answer_is_bridged(api: Caller, house: House) -> None:
    asked = await _asked(api)
    await _happens(house, asked, EventType.CLIENT_ANSWERED, bridged_after_ms=20)
    assert await sample(house, "callbackd_answer_to_bridge_seconds_sum", profile="support") == 0.02
    assert await sample(house, "callbackd_answer_to_bridge_seconds_count", profile="support") == 1


@pytest.mark.usefixtures("counting")
async def test_the_agents_time_for_a_completed_one(api: Caller, house: House) -> None:
    asked = await _asked(api)
    for number, seconds in ((1, 20), (2, 100)):
        started = NOON + timedelta(minutes=5 * number)
        attempt = Attempt(
            asked,
            number,
            Kind.REQUEST,
            started,
            agent_answered_at=started + timedelta(seconds=5),
            ended_at=started + timedelta(seconds=5 + seconds),
            outcome=Outcome.ANSWERED,
        )
        await _happens(house, asked, EventType.ATTEMPT_ENDED, attempt, kind="request", outcome="answered")
    rung_only = Attempt(asked, 3, Kind.AUTO, NOON, ended_at=NOON + timedelta(seconds=20))
    await _happens(house, asked, EventType.ATTEMPT_ENDED, rung_only, kind="auto", outcome="agent_no_answer")
    await _happens(house, asked, EventType.ENDED, disposition="completed")
    assert await sample(house, "callbackd_agent_seconds_per_completed_sum", profile="support") == 120
    assert await sample(house, "callbackd_agent_seconds_per_completed_count", profile="support") == 1


@pytest.mark.usefixtures("counting")
async def test_who_waits_and_who_talks(api: Caller, house: House) -> None:
    await house.put(await _asked(api), State.CONNECTED)
    await _asked(api, "+14165550124")
    assert await sample(house, "callbackd_callbacks", profile="support", state="connected") == 1
    assert await sample(house, "callbackd_callbacks", profile="support", state="queued") == 1
    assert await sample(house, "callbackd_callbacks", profile="sales", state="queued") == 0
    house.rules.profiles = {name: each for name, each in house.rules.profiles.items() if name == "support"}
    assert await sample(house, "callbackd_callbacks", profile="sales", state="queued") is None
    assert await sample(house, "callbackd_profile_open", profile="support") == 1
    assert await sample(house, "callbackd_profile_open", profile="sales") is None


@pytest.mark.usefixtures("counting")
async def test_pauses_and_the_link(house: House) -> None:
    await house.store.set_pause("support", Pause(intake=True))
    assert await sample(house, "callbackd_profile_paused", profile="support", part="intake") == 1
    assert await sample(house, "callbackd_profile_paused", profile="support", part="dialling") == 0
    assert await sample(house, "callbackd_ari_state", state="ready") == 1
    house.health.checks["ari"] = "gone"
    assert await sample(house, "callbackd_ari_state", state="ready") == 0
    assert await sample(house, "callbackd_ari_state", state="lost") == 1


async def test_the_lag_of_a_consumer(api: Caller, house: House) -> None:
    """One that is new begins at the start of the daemon; one that was away owes what it missed."""
    await _asked(api, "+14165550120")
    await house.store.set_delivered("webhook:1:known", 1)
    await house.metrics._lags.note_start()
    assert await house.metrics.lag() == {"mqtt": 0, "webhook:1": 1}
    await _asked(api, "+14165550121")
    assert await house.metrics.lag() == {"mqtt": 1, "webhook:1": 2}
    await house.store.set_delivered("mqtt:known", 1)
    await house.store.set_delivered("mqtt", 2)
    await house.store.set_delivered("webhook:1", 1)
    assert await house.metrics.lag() == {"mqtt": 0, "webhook:1": 1}


async def test_the_end_of_the_outbox_is_found_over_gaps(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    """The retention leaves holes; the end is the last event all the same, in a few looks."""
    looks = 0
    ids = [3, 4, 90, 91, 5_000, 1_000_003]

    async def events_after(event_id: int, limit: int = 500) -> Sequence[TimelineEvent]:
        nonlocal looks
        looks += 1
        later = [each for each in ids if each > event_id][:limit]
        return [TimelineEvent(EventType.MOVED, NOON, id=each) for each in later]

    monkeypatch.setattr(house.store, "events_after", events_after)
    assert await house.metrics.last_event() == 1_000_003
    assert looks < 60
    looks = 0
    assert await house.metrics.last_event() == 1_000_003
    assert looks == 1
    ids.append(1_000_004)
    assert await house.metrics.last_event() == 1_000_004
    ids.clear()
    assert await house.metrics.last_event() == 1_000_004


@pytest.mark.usefixtures("counting")
async def test_what_happened_before_the_start_is_not_counted_and_a_fault_misses_nothing(
    house: House, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callbackd.metrics.counting.AGAIN", 0.0)
    asked = await _asked(api)
    found = house.store.events_after
    failures = 3

    async def fails(event_id: int, limit: int = 500) -> Sequence[TimelineEvent]:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreUnavailable("disk full")
        return await found(event_id, limit)

    monkeypatch.setattr(house.store, "events_after", fails)
    await _happens(house, asked, EventType.RESCHEDULED, kind="agent")
    async with asyncio.timeout(5):
        while failures:  # noqa: ASYNC110 it is the store that fails
            await asyncio.sleep(0)
    assert await sample(house, "callbackd_reschedules_total", profile="support", kind="agent") == 1


async def test_metrics_while_the_store_is_away(
    house: House, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _asked(api)

    async def fails(*_: object) -> dict[str, dict[State, int]]:
        raise StoreUnavailable("disk full")

    assert b'callbackd_callbacks{profile="support"' in (await api.get("/metrics")).body
    monkeypatch.setattr(house.store, "counts", fails)
    answer = await api.without_token().get("/metrics")
    assert answer.status == 200
    assert b"callbackd_requests_total" in answer.body
    assert b'callbackd_callbacks{profile="support"' not in answer.body
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"


async def test_two_daemons_share_no_metric(house: House) -> None:
    other = House()
    await _asked(Caller(other.app()))
    text = (await house.metrics.exposition()).decode()
    assert 'result="accepted"' not in text

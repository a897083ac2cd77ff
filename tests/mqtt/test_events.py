"""Events by MQTT: in order, at least once, over every kind of interruption."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from callbackd.mqtt.events import CONSUMER
from callbackd.store.interface import StoreUnavailable
from callbackd.store.memory import MemoryStore
from rig.mosquitto import Listener, Mosquitto
from tests.mqtt.journal import Journal
from tests.mqtt.shop import PREFIX, TOPICS, Shop


def firsts(payloads: list[Any]) -> list[int]:
    """The ids, without repetitions."""
    return list(dict.fromkeys(payload["id"] for payload in payloads))


async def all_of(listener: Listener, last: int) -> list[Any]:
    """Wait for the event with that id; all that came."""
    messages = await listener.until(lambda all_: any(json.loads(each["payload"])["id"] == last for each in all_))
    return [json.loads(message["payload"]) for message in messages]


async def test_an_event_is_told_with_all_that_belongs_to_it(mosquitto: Mosquitto, shop: Shop) -> None:
    async with mosquitto.listening(f"{PREFIX}/event/#") as listener, shop.open_to(mosquitto.url):
        callback = await shop.asks(profile="sales")
        (payload,) = await listener.payloads(1)
    (event,) = await shop.store.timeline(callback.id)
    assert payload == {
        "id": event.id,
        "seq": 1,
        "at": payload["at"],
        "type": "requested",
        "callback_id": callback.id,
        "profile": "sales",
        "due_at": payload["at"],
        "priority": 0,
    }
    message = listener.messages[0]
    assert (message["topic"], message["qos"], message["retain"]) == (TOPICS.event("sales"), 1, 0)


async def test_the_cursor_follows_the_broker_s_confirmations(mosquitto: Mosquitto, shop: Shop) -> None:
    async with shop.open_to(mosquitto.url):
        await shop.happen(await shop.asks(), 9)
        await shop.delivered(CONSUMER, 10)
        await mosquitto.kill()
        await shop.asks(1)
        assert await shop.store.delivered_up_to(CONSUMER) == 10
        async with asyncio.timeout(20):
            await mosquitto.start()
            await shop.delivered(CONSUMER, 11)


async def test_every_event_comes_in_order_over_a_broker_that_is_killed_mid_stream(
    installed: None, shop: Shop, journal: Journal
) -> None:
    callbacks, each = 150, 4
    async with (
        Mosquitto(persistent=True) as mosquitto,
        mosquitto.listening(f"{PREFIX}/event/#", kept=True) as listener,
        shop.open_to(mosquitto.url),
    ):
        await journal.says("MQTT connected")

        async def stream() -> None:
            for number in range(callbacks):
                await shop.happen(await shop.asks(number, "support" if number % 2 else "sales"), each - 1)
                await asyncio.sleep(0)

        async def power_cuts() -> None:
            for heard in (100, 300):
                await listener.until(lambda all_, heard=heard: len(all_) >= heard)  # type: ignore[misc]
                await mosquitto.kill()
                await mosquitto.start()

        async with asyncio.TaskGroup() as group:
            group.create_task(stream())
            group.create_task(power_cuts())
        payloads = await all_of(listener, callbacks * each)

    assert firsts(payloads) == list(range(1, callbacks * each + 1))
    seqs: dict[str, list[int]] = {}
    for payload in payloads:
        seen = seqs.setdefault(payload["callback_id"], [])
        if payload["seq"] not in seen:
            seen.append(payload["seq"])
    assert len(seqs) == callbacks
    assert all(seen == list(range(1, each + 1)) for seen in seqs.values())
    assert len(journal.with_("no MQTT broker")) <= 3
    assert len(journal.with_("MQTT connected")) <= 3
    assert len(payloads) < 3 * callbacks * each


async def test_what_happens_while_the_broker_is_away_comes_later(
    mosquitto: Mosquitto, shop: Shop, journal: Journal
) -> None:
    await mosquitto.stop()
    async with shop.open_to(mosquitto.url):
        await journal.says("no MQTT broker")
        for number in range(50):
            await shop.happen(await shop.asks(number), 4)
        await mosquitto.start()
        async with mosquitto.listening(f"{PREFIX}/event/#") as listener:
            last = await shop.asks(50)
            payloads = await all_of(listener, (await shop.store.timeline(last.id))[0].id)
        ids = firsts(payloads)
        assert ids == list(range(ids[0], 252))
        await shop.delivered(CONSUMER, 251)
    assert len(journal.with_("no MQTT broker")) == 1


async def test_a_restart_goes_on_where_it_stood(mosquitto: Mosquitto, shop: Shop) -> None:
    async with mosquitto.listening(f"{PREFIX}/event/#") as listener:
        async with shop.open_to(mosquitto.url):
            await shop.happen(await shop.asks(), 4)
            await shop.delivered(CONSUMER, 5)
        await shop.happen(await shop.asks(1), 4)
        async with Shop(shop.store).open_to(mosquitto.url):
            payloads = await all_of(listener, 10)
    assert [payload["id"] for payload in payloads] == list(range(1, 11))


@pytest.mark.parametrize("history", [0, 1, 2, 3, 4, 7, 8, 9, 100])
async def test_a_new_broker_begins_with_what_happens_from_the_start_of_the_daemon(
    mosquitto: Mosquitto, history: int
) -> None:
    store = MemoryStore()
    await Shop(store).past(history)
    shop = Shop(store)
    await shop.asks()
    async with mosquitto.listening(f"{PREFIX}/event/#") as listener, shop.open_to(mosquitto.url):
        await shop.asks(1)
        payloads = await all_of(listener, history + 2)
    assert [payload["id"] for payload in payloads] == [history + 1, history + 2]


async def test_events_that_the_broker_refuses_wait_until_it_takes_them(installed: None, journal: Journal) -> None:
    """aiomqtt would have taken the refusal for a confirmation."""
    closed = f"topic readwrite {PREFIX}/status\ntopic read {PREFIX}/command/#\ntopic readwrite x/#\n"
    shop = Shop()
    async with Mosquitto(acl=closed) as mosquitto, shop.open_to(mosquitto.url):
        for number in range(30):
            await shop.asks(number)
        await journal.says("the broker refuses an event")
        await mosquitto.logs("Denied PUBLISH", 5)
        assert await shop.store.delivered_up_to(CONSUMER) == 0
        await mosquitto.allow(f"topic readwrite {PREFIX}/#\n")
        async with mosquitto.listening(f"{PREFIX}/event/#") as listener:
            last = await shop.asks(30)
            await all_of(listener, (await shop.store.timeline(last.id))[0].id)
        await shop.delivered(CONSUMER, 31)
    assert len(journal.with_("the broker refuses an event")) == 1
    assert len(journal.with_("MQTT connected")) <= 3  # Mosquitto hangs up on whom it refuses
    assert len(journal.with_("events can't be published by MQTT: works again")) == 1


async def test_a_store_that_fails_for_a_while_loses_nothing(mosquitto: Mosquitto, journal: Journal) -> None:
    class Sick(MemoryStore):
        sick = True

        async def set_delivered(self, consumer: str, event_id: int) -> None:
            if self.sick:
                raise StoreUnavailable("the disk is full")
            await super().set_delivered(consumer, event_id)

    store = Sick()
    shop = Shop(store)
    async with mosquitto.listening(f"{PREFIX}/event/#") as listener, shop.open_to(mosquitto.url):
        await shop.asks()
        await journal.says("the disk is full")
        store.sick = False
        await shop.asks(1)
        assert firsts(await all_of(listener, 2)) == [1, 2]
        await shop.delivered(CONSUMER, 2)
    assert len(journal.with_("the disk is full")) == 1

"""Webhooks: signed, in order, each event until it is taken, and each URL by itself."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from aiohttp import web

from callbackd.config.secret import Secret
from callbackd.config.settings import Webhook
from callbackd.store.sqlite import SqliteStore
from callbackd.webhooks.courier import Courier, consumers
from callbackd.webhooks.delivery import Poster
from callbackd.webhooks.signature import sign
from rig.ports import free_tcp_port
from tests.mqtt.journal import Journal
from tests.mqtt.shop import IMPATIENT, Shop
from tests.webhooks.receiver import Receiver

SECRET = "a secret of the tests: é"


@contextlib.asynccontextmanager
async def posting(shop: Shop, *urls: str, events: tuple[str, ...] = ()) -> AsyncIterator[None]:
    """Couriers to these URLs run until the end of the block."""
    webhooks = [Webhook(url, Secret(SECRET), events) for url in urls]
    tasks = [
        asyncio.create_task(
            Courier(webhook, consumer, shop.store, shop.feed, shop.clock, shop.started, Random(5), IMPATIENT).run()  # noqa: S311
        )
        for webhook, consumer in zip(webhooks, consumers(webhooks), strict=True)
    ]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


def consumer_of(receiver: Receiver) -> str:
    """The name of its cursor, if it is the only one."""
    return consumers([Webhook(receiver.url, Secret(""))])[0]


async def test_an_event_is_posted_and_signed(shop: Shop, receiver: Receiver) -> None:
    async with posting(shop, receiver.url):
        callback = await shop.asks()
        (received,) = await receiver.count(1)
    headers = received.headers
    assert received.path == "/hook"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("callbackd/")
    assert headers["Callbackd-Event-Id"] == str(received.event["id"])
    assert abs(int(headers["Callbackd-Timestamp"]) - shop.clock.now().timestamp()) < 60
    signed = headers["Callbackd-Timestamp"].encode() + b"." + received.body
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Callbackd-Signature"] == f"v1={expected}"
    assert received.event | {"at": "", "due_at": ""} == {
        "id": 1,
        "seq": 1,
        "at": "",
        "type": "requested",
        "callback_id": callback.id,
        "profile": "support",
        "due_at": "",
        "priority": 0,
    }


def test_the_signature_is_what_is_documented() -> None:
    """``printf '1700000000.{}' | openssl dgst -sha256 -hmac key``."""
    assert sign("key", "1700000000", b"{}") == ("v1=" + hmac.digest(b"key", b"1700000000.{}", "sha256").hex())
    assert sign("key", "1700000000", b"{}") != sign("key", "1700000001", b"{}")


async def test_all_events_come_in_order(shop: Shop, receiver: Receiver) -> None:
    async with posting(shop, receiver.url):
        for number in range(20):
            await shop.happen(await shop.asks(number), 4)
        assert await receiver.until(100) == list(range(1, 101))


async def test_only_the_wanted_events_come_and_the_cursor_passes_the_others(shop: Shop, receiver: Receiver) -> None:
    async with posting(shop, receiver.url, events=("requested",)):
        for number in range(5):
            await shop.happen(await shop.asks(number), 2)
        await receiver.count(5)
        await shop.delivered(consumer_of(receiver), 15)
    assert {received.event["type"] for received in receiver.received} == {"requested"}


@pytest.mark.parametrize("status", [500, 503, 404, 400, 410, 302])
async def test_what_is_not_taken_is_posted_again_before_all_later_ones(
    shop: Shop, receiver: Receiver, journal: Journal, status: int
) -> None:
    refused = 3

    async def refuse(_: web.Request) -> web.StreamResponse:
        nonlocal refused
        refused -= 1
        if refused < 0:
            return web.Response(status=204)
        return web.Response(status=status, headers={"Location": "/elsewhere"}, body=b"x" * 100_000)

    receiver.answers = refuse
    async with posting(shop, receiver.url):
        await shop.happen(await shop.asks(), 2)
        assert await receiver.until(3) == [1, 1, 1, 1, 2, 3]
        await journal.says("works again")
    assert {received.path for received in receiver.received} == {"/hook"}
    (line, _) = journal.lines
    assert f"HTTP {status}" in line
    assert f"webhook=http://127.0.0.1:{receiver.port} " in line


async def test_a_signature_is_made_anew_for_every_try(shop: Shop, receiver: Receiver) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500 if len(receiver.received) == 1 else 200)

    receiver.answers = refuse
    async with posting(shop, receiver.url):
        await shop.asks()
        for received in await receiver.count(2):
            timestamp = received.headers["Callbackd-Timestamp"]
            assert received.headers["Callbackd-Signature"] == sign(SECRET, timestamp, received.body)


async def test_a_dead_url_delays_nobody_else(shop: Shop, receiver: Receiver, journal: Journal) -> None:
    never = asyncio.Event()

    async def hang(_: web.Request) -> web.StreamResponse:
        await never.wait()
        return web.Response()

    hanging = Receiver()
    hanging.answers = hang
    dead = f"http://127.0.0.1:{free_tcp_port()}/"
    async with hanging.up(), posting(shop, dead, hanging.url, receiver.url, "http://nowhere.invalid/"):
        for number in range(20):
            await shop.asks(number)
        assert await receiver.until(20, within=5.0) == list(range(1, 21))
        await journal.says("can't be reached", 2)
        assert hanging.ids() == [1]
    assert len(journal.with_(dead[:-1])) == 1


async def test_one_that_comes_back_gets_everything(shop: Shop, journal: Journal) -> None:
    receiver = Receiver()
    async with posting(shop, receiver.url):
        for number in range(30):
            await shop.asks(number)
        await journal.says("can't be reached")
        async with receiver.up():
            assert await receiver.until(30) == list(range(1, 31))
            await journal.says("works again")
    assert len(journal.lines) == 2


async def test_a_restart_goes_on_where_it_stood(receiver: Receiver, tmp_path: Path) -> None:
    """The cursor is in the database: what was taken is not posted again, what was not is."""
    store = await SqliteStore.open(tmp_path / "callbackd.sqlite3")
    try:
        shop = Shop(store)
        async with posting(shop, receiver.url):
            for number in range(5):
                await shop.asks(number)
            await receiver.until(5)
            await shop.delivered(consumer_of(receiver), 5)
        await shop.asks(5)
    finally:
        await store.close()
    store = await SqliteStore.open(tmp_path / "callbackd.sqlite3")
    try:
        async with posting(Shop(store), receiver.url):
            assert await receiver.until(6) == [1, 2, 3, 4, 5, 6]
    finally:
        await store.close()


async def test_history_is_not_poured_out(shop: Shop, receiver: Receiver) -> None:
    await shop.past(40)
    async with posting(shop, receiver.url):
        await shop.asks()
        assert await receiver.until(41) == [41]


async def test_a_receiver_that_breaks_every_rule_of_http_is_survived(
    shop: Shop, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = [b"", b"\0" * 100, b"HTTP/1.1 200", b"HTTP/1.1 999 x\r\n\r\n", b"HTTP/1.1 200 OK\r\nA: " + b"x" * 100_000]
    answers += [b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 100 Continue\r\n\r\n" * 50]
    came = 0
    taken = asyncio.Event()

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal came
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await reader.readuntil(b"}")
            answer = answers[came] if came < len(answers) else b"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\nx"
            came += 1
            writer.write(answer)
            await writer.drain()
            if came > len(answers):
                taken.set()
        writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with posting(shop, f"http://127.0.0.1:{port}/"):
            await shop.asks()
            async with asyncio.timeout(20):
                await taken.wait()
            await journal.says("works again")


async def test_an_answer_that_never_comes_is_waited_for_so_long(
    shop: Shop, receiver: Receiver, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(_: web.Request) -> web.StreamResponse:
        if len(receiver.received) == 1:
            await asyncio.Event().wait()
        return web.Response()

    receiver.answers = hang
    monkeypatch.setattr("callbackd.webhooks.courier.Poster", lambda hook, clock: Poster(hook, clock, time_limit=0.2))
    async with posting(shop, receiver.url):
        await shop.asks()
        assert "no answer within" in await journal.says("trying again")
        await receiver.count(2)


async def test_secrets_are_not_logged(shop: Shop, receiver: Receiver, journal: Journal) -> None:
    async def refuse(_: web.Request) -> web.StreamResponse:
        return web.Response(status=500)

    receiver.answers = refuse
    async with posting(shop, receiver.url, events=("requested", "no_such_event")):
        await shop.asks()
        await journal.says("HTTP 500")
        assert "events=no_such_event" in await journal.says("events that there are not")
    assert not journal.with_("secret")


def test_the_names_of_consumers() -> None:
    webhooks = [Webhook(url, Secret("")) for url in ("https://a/", "https://b/", "https://a/", "https://a/")]
    names = consumers(webhooks)
    assert len(set(names)) == 4
    assert names[2] == f"{names[0]}:2"
    assert names[3] == f"{names[0]}:3"
    assert names[0] == consumers(webhooks[:1])[0]
    assert not any("a/" in name for name in names)

"""Server-sent events: each once, in order, resumed exactly, at the reader's pace."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from typing import Any

import pytest

from callbackd.domain.callback import EventType, TimelineEvent
from callbackd.http.event_stream import PORTION, EventStream, Filter
from callbackd.http.server import serve
from callbackd.store.interface import Change, StoreUnavailable
from tests.http.asgi import Caller
from tests.http.house import NOON, House
from tests.http.serving import serving
from tests.http.sse import Seen, reading


async def _happens(api: Caller, house: House, digits: int, profile: str = "support") -> list[str]:
    """A call-back is asked for and moved: two events; their types."""
    made = await api.post("/api/v1/callbacks", {"profile": profile, "number": f"+1416555{digits:04d}"})
    assert made.status == 201
    assert (await api.post(f"/api/v1/callbacks/{made.json['id']}/reschedule", {})).status == 200
    return ["requested", "moved"]


async def test_what_happens_from_now_on(api: Caller, house: House) -> None:
    await _happens(api, house, 1)
    async with serving(house.app()) as port, reading(port) as reader:
        await _happens(api, house, 2)
        seen = await reader.some(2)
    assert [event.event for event in seen] == ["requested", "moved"]
    assert [event.id for event in seen] == [3, 4]
    for event in seen:
        assert event.data["id"] == event.id
        assert event.data["type"] == event.event
        assert event.data["profile"] == "support"
        assert len(event.data["callback_id"]) == 26


async def test_from_the_beginning(api: Caller, house: House) -> None:
    await _happens(api, house, 1)
    async with serving(house.app()) as port, reading(port, last_id=0) as reader:
        assert [event.id for event in await reader.some(2)] == [1, 2]


@pytest.mark.parametrize("seed", range(3))
async def test_every_event_exactly_once_over_many_connections(api: Caller, house: House, seed: int) -> None:
    """A reader that comes and goes, while things happen, has seen everything once and in order."""
    chance = random.Random(seed)  # noqa: S311
    seen: list[Seen] = []
    last_id = 0
    happened = 60
    ready = asyncio.Event()

    async def happen() -> None:
        for digits in range(happened // 2):
            await _happens(api, house, digits)
            if digits == 5:
                ready.set()
            await asyncio.sleep(0)

    async with serving(house.app()) as port, asyncio.TaskGroup() as group:
        group.create_task(happen())
        await ready.wait()
        while len(seen) < happened:
            async with reading(port, last_id=last_id) as reader:
                for _ in range(min(chance.randint(1, 9), happened - len(seen))):
                    seen.append(await reader.next())
                    last_id = seen[-1].id
    assert [event.id for event in seen] == list(range(1, happened + 1))


async def test_filters(api: Caller, house: House) -> None:
    await _happens(api, house, 1)
    await _happens(api, house, 2, "sales")
    await _happens(api, house, 3)
    async with serving(house.app()) as port:
        async with reading(port, "?profile=sales", last_id=0) as reader:
            assert [(each.event, each.data["profile"]) for each in await reader.some(2)] == [
                ("requested", "sales"),
                ("moved", "sales"),
            ]
        async with reading(port, "?type=moved", last_id=0) as reader:
            assert [each.id for each in await reader.some(3)] == [2, 4, 6]
        async with reading(port, "?type=moved,ended&type=requested&profile=support", last_id=0) as reader:
            assert [each.id for each in await reader.some(4)] == [1, 2, 5, 6]


@pytest.mark.parametrize("value", ["", "x", "-1", "1.5", "1e3", "٣", "9" * 19, " 7 8"])
async def test_an_id_that_is_none(api: Caller, value: str) -> None:
    headers = [("Last-Event-ID", value)] if value.isascii() else [("Last-Event-ID", value.encode().decode("latin-1"))]
    assert (await api.send("GET", "/api/v1/events", headers=headers)).error == (422, "invalid")


@pytest.mark.parametrize("query", ["?type=no_such", "?profile=NO", "?profile=a&profile=b", "?since=3"])
async def test_a_filter_that_is_none(api: Caller, query: str) -> None:
    assert (await api.send("GET", f"/api/v1/events{query}")).error == (422, "invalid")


async def test_it_needs_the_token(api: Caller) -> None:
    assert (await api.without_token().get("/api/v1/events")).error == (401, "unauthorized")


async def test_a_heartbeat_says_how_far_it_looked(house: House, api: Caller) -> None:
    """So a reader who wants few events has the others looked through once."""
    await _happens(api, house, 1)
    sent: list[dict[str, Any]] = []
    enough = asyncio.Event()

    async def send(message: Any) -> None:
        sent.append(message)
        if b"alive" in message.get("body", b""):
            enough.set()

    async def receive() -> dict[str, Any]:
        await enough.wait()
        return {"type": "http.disconnect"}

    stream = EventStream(house.feed, 0, Filter("sales"), heartbeat=0.01)
    await stream({}, receive, send)
    assert b": alive\nid: 2\n\n" in [message["body"] for message in sent[1:]]
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}


class Plenty:
    """A feed without an end, that counts what is taken of it."""

    def __init__(self) -> None:
        self.portions = 0

    async def follow(self, after: int, at_once: int = 500) -> AsyncGenerator[Sequence[TimelineEvent], None]:
        while True:
            self.portions += 1
            yield [TimelineEvent(EventType.MOVED, NOON, {}, "x", "support", after + n, n) for n in range(1, at_once)]
            after += at_once


async def test_a_slow_reader_costs_one_portion() -> None:
    """Nothing is read from the outbox while the reader has not taken what was sent."""
    feed, stuck, hang_up = Plenty(), asyncio.Event(), asyncio.Event()
    sizes: list[int] = []

    async def send(message: Any) -> None:
        sizes.append(len(message.get("body", b"")))
        if len(sizes) == 4:
            stuck.set()
            await hang_up.wait()

    async def receive() -> dict[str, Any]:
        await hang_up.wait()
        return {"type": "http.disconnect"}

    task = asyncio.create_task(EventStream(feed, 0, Filter())({}, receive, send))
    await stuck.wait()
    for _ in range(200):
        await asyncio.sleep(0)
    assert feed.portions == 2
    assert max(sizes) < PORTION * 300
    hang_up.set()
    await task


async def test_a_slow_reader_of_the_real_server_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """Megabytes are not read into memory for somebody who takes nothing: the socket's buffers fill, and that is all."""
    feed = Plenty()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await EventStream(feed, 0, Filter(), scope["callbackd.closing"])(scope, receive, send)

    async with serving(app) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1024)
        writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        before = -1
        while before != feed.portions:  # until nothing moves any more
            before = feed.portions
            for _ in range(50):
                await asyncio.sleep(0.002)
        assert 1 <= before < 2000
    # Nor does it hold up the end: what it has not taken is dropped with its connection.
    assert not [record for record in caplog.records if record.levelname == "ERROR"], caplog.text
    writer.transport.abort()
    assert reader is not None


async def test_shutdown_ends_the_streams_at_once(house: House, api: Caller) -> None:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(house.app(), "127.0.0.1", 0, port.set_result))
    async with reading(await port, last_id=0) as reader:
        await _happens(api, house, 1)
        await reader.some(2)
        task.cancel()
        async with asyncio.timeout(1):
            with pytest.raises(EOFError):
                await reader.block()
            with pytest.raises(asyncio.CancelledError):
                await task


async def test_a_reader_that_hangs_up_is_forgotten(house: House, api: Caller) -> None:
    async with serving(house.app()) as port:
        async with reading(port):
            assert len(house.feed._grown) == 1
        async with asyncio.timeout(5):
            while house.feed._grown:  # noqa: ASYNC110 a feed tells nobody who follows it
                await asyncio.sleep(0.005)


async def test_a_store_that_fails_ends_the_stream_in_good_order(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fails(*_: object) -> Sequence[TimelineEvent]:
        raise StoreUnavailable("the disk is full")

    async with serving(house.app()) as port, reading(port, last_id=0) as reader:
        monkeypatch.setattr(house.store, "events_after", fails)
        house.feed._tell()
        async with asyncio.timeout(5):
            with pytest.raises(EOFError):
                await reader.block()
    assert "Traceback" not in caplog.text
    assert [record.levelname for record in caplog.records] == ["ERROR"]


async def test_an_event_of_a_transition(house: House, api: Caller) -> None:
    made = (await api.post("/api/v1/callbacks", {"profile": "support", "number": "+14165550123"})).json
    event = TimelineEvent(EventType.ATTEMPT_ENDED, NOON, {"attempt": 1, "outcome": "client_busy", "why": ["a\nb"]})
    async with serving(house.app()) as port, reading(port) as reader:
        callback = await house.store.get(made["id"])
        assert callback is not None
        await house.store.commit(Change(callback, (event,)))
        seen = await reader.next()
    assert (seen.event, seen.data["outcome"], seen.data["why"]) == ("attempt_ended", "client_busy", ["a\nb"])

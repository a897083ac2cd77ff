"""The server in the caller's event loop, over real sockets."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import socket
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from callbackd.http.server import CannotListen, serve
from tests.http.asgi import TOKEN
from tests.http.house import House
from tests.http.serving import serving


async def _talk(port: int, request: bytes) -> tuple[int, Any]:
    """Send raw bytes; the status and the JSON of the answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"content-type: application/json" in head.lower()
    return int(head.split()[1]), json.loads(body)


async def test_a_request_over_the_wire(house: House) -> None:
    async with serving(house.app()) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        async with client.get("/api/v1/callbacks") as refused:
            assert refused.status == 401
        headers = {"Authorization": f"Bearer {TOKEN}"}
        asked = {"profile": "support", "number": "4165550123"}
        async with client.post("/api/v1/callbacks", json=asked, headers=headers) as made:
            assert made.status == 201
            assert "server" not in made.headers
        async with client.get("/api/v1/callbacks/%00/", headers=headers) as missing:
            assert (await missing.json())["error"]["code"] == "not_found"


async def test_a_huge_body_is_answered_not_cut_off(house: House) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"}

    async def endless() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield b" " * 64 * 1024

    async with serving(house.app()) as port, aiohttp.ClientSession(f"http://127.0.0.1:{port}") as client:
        for body in (io.BytesIO(b" " * 4 * 1024 * 1024), endless()):
            async with client.post("/api/v1/callbacks", data=body, headers=headers) as answer:
                assert answer.status == 413
                assert (await answer.json())["error"]["code"] == "too_large"


@pytest.mark.parametrize(
    "request_text",
    [
        b"no http at all\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"x" * 20_000,
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"GET /\0 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_400_in_the_one_shape(house: House, request_text: bytes) -> None:
    async with serving(house.app()) as port:
        status, body = await _talk(port, request_text)
    assert status == 400
    assert body["error"]["code"] == "invalid"


async def test_signals_stay_the_callers(house: House) -> None:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    async with serving(house.app()):
        assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


async def test_cancelled_it_closes_its_port_and_finishes_what_runs() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(scope: Any, receive: Any, send: Any) -> None:
        entered.set()
        await release.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(slow, "127.0.0.1", 0, port.set_result))
    async with aiohttp.ClientSession() as client:
        asking = asyncio.create_task(client.get(f"http://127.0.0.1:{await port}/"))
        await entered.wait()
        task.cancel()
        await asyncio.sleep(0)
        release.set()
        assert (await asking).status == 204
    with pytest.raises(asyncio.CancelledError):
        await task
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port.result())


async def test_a_second_cancellation_does_not_wait_for_what_runs() -> None:
    entered = asyncio.Event()

    async def stuck(scope: Any, receive: Any, send: Any) -> None:
        entered.set()
        await asyncio.Event().wait()

    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(stuck, "127.0.0.1", 0, port.set_result))
    reader, writer = await asyncio.open_connection("127.0.0.1", await port)
    writer.write(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    await entered.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    writer.close()
    async with asyncio.timeout(2):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert not await reader.read()


async def test_it_ends_with_its_task_group(house: House) -> None:
    port: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def fail_once_ready() -> None:
        await port
        raise LookupError

    async def both() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(serve(house.app(), "127.0.0.1", 0, port.set_result))
            group.create_task(fail_once_ready())

    with pytest.raises(ExceptionGroup) as caught:
        await both()
    assert [type(error) for error in caught.value.exceptions] == [LookupError]


async def test_an_address_in_use_is_told_with_its_mend(house: House) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(CannotListen, match=rf"127\.0\.0\.1:{port}: it is in use.*http\.listen"):
            await serve(house.app(), "127.0.0.1", port, lambda _: None)


@pytest.mark.parametrize(("host", "told"), [("192.0.2.1", "does not have that address"), ("no-such-host.invalid", "")])
async def test_an_address_that_is_not_ours_is_told(house: House, host: str, told: str) -> None:
    with pytest.raises(CannotListen, match=f"{told}.*correct http.listen"):
        await serve(house.app(), host, 8780, lambda _: None)

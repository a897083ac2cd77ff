"""Kept connections, against a server that does what it is told with each request."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import uvloop

from callbackd.ari.connections import Answer, Connections, Progress

REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"


def said(body: bytes, *headers: bytes) -> bytes:
    lines = [b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


@dataclass
class Server:
    """Answers the n-th request with the n-th of `answers`, and with `said(b"n")` beyond; None ends the connection."""

    answers: list[bytes | None] = field(default_factory=list)
    connections: int = 0
    requests: int = 0
    held: asyncio.Event | None = None
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                self.requests += 1
                if self.held is not None:
                    await self.held.wait()
                answer = self.answers.pop(0) if self.answers else said(b"%d" % self.requests)
                if answer is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def connected(server: Server, limit: int = 2, keepalive: float = 10.0) -> AsyncIterator[Connections]:
    listening = await asyncio.start_server(server.serve, "127.0.0.1")
    port = listening.sockets[0].getsockname()[1]
    connections = Connections("127.0.0.1", port, None, limit, keepalive)
    try:
        yield connections
    finally:
        connections.close()
        for writer in server.writers:
            writer.close()
        listening.close()


Run = Callable[[Coroutine[Any, Any, None]], None]


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a scenario on either loop."""

    def runs(scenario: Coroutine[Any, Any, None]) -> None:
        factory = uvloop.new_event_loop if request.param == "uvloop" else None
        with asyncio.Runner(loop_factory=factory) as runner:
            runner.run(asyncio.wait_for(scenario, 20))

    return runs


def test_one_after_another_share_a_connection(run: Run) -> None:
    async def scenario() -> None:
        server = Server()
        async with connected(server) as connections:
            assert [(await connections.ask(REQUEST, Progress())).body for _ in range(3)] == [b"1", b"2", b"3"]
        assert server.connections == 1

    run(scenario())


def test_no_more_than_the_limit_at_once(run: Run) -> None:
    async def scenario() -> None:
        server = Server()
        async with connected(server, limit=3) as connections:
            await asyncio.gather(*(connections.ask(REQUEST, Progress()) for _ in range(40)))
        assert (server.requests, server.connections) == (40, 3)

    run(scenario())


def test_one_that_was_idle_for_too_long_is_not_used_again(run: Run) -> None:
    async def scenario() -> None:
        server = Server()
        async with connected(server, keepalive=0.0) as connections:
            await connections.ask(REQUEST, Progress())
            await asyncio.sleep(0.001)
            await connections.ask(REQUEST, Progress())
        assert server.connections == 2

    run(scenario())


def test_who_gives_up_waiting_leaves_no_answer_to_another(run: Run) -> None:
    async def scenario() -> None:
        server = Server(held=asyncio.Event())
        async with connected(server, limit=1) as connections:
            progress = Progress()
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await connections.ask(REQUEST, progress)
            assert progress.sent
            assert server.held is not None
            server.held.set()
            answer = await connections.ask(REQUEST, Progress())
        assert answer.body == b"%d" % server.requests
        assert server.connections == 2

    run(scenario())


@pytest.mark.parametrize("harmless_twice", [True, False])
def test_a_kept_connection_that_ends_before_the_answer(run: Run, harmless_twice: bool) -> None:
    async def scenario() -> None:
        server = Server(answers=[said(b"first"), None])
        async with connected(server) as connections:
            await connections.ask(REQUEST, Progress())
            progress = Progress()
            if harmless_twice:
                assert (await connections.ask(REQUEST, progress, harmless_twice=True)).body == b"3"
            else:
                with pytest.raises(ConnectionError):
                    await connections.ask(REQUEST, progress)
                assert server.requests == 2, "it is not sent twice"
            assert progress.sent

    run(scenario())


def test_a_new_connection_that_ends_before_the_answer_is_an_error(run: Run) -> None:
    async def scenario() -> None:
        server = Server(answers=[None])
        async with connected(server) as connections:
            with pytest.raises(ConnectionError):
                await connections.ask(REQUEST, Progress(), harmless_twice=True)
        assert server.requests == 1

    run(scenario())


@pytest.mark.parametrize(
    ("written", "body", "kept"),
    [
        (said(b"x", b"Connection: close"), b"x", False),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", b"abc", True),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", b"", True),
    ],
)
def test_the_ways_in_which_an_answer_ends(run: Run, written: bytes, body: bytes, kept: bool) -> None:
    async def scenario() -> None:
        server = Server(answers=[written])
        async with connected(server) as connections:
            assert (await connections.ask(REQUEST, Progress())).body == body
            assert (await connections.ask(REQUEST, Progress())).body == b"2"
        assert server.connections == (1 if kept else 2)

    run(scenario())


def test_an_answer_that_ends_with_its_connection(run: Run) -> None:
    async def scenario() -> None:
        server = Server(answers=[b"HTTP/1.1 200 OK\r\n\r\nall of it"])

        async def serve_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\n\r\nall of it")
            writer.close()

        server.serve = serve_once  # type: ignore[method-assign]
        async with connected(server) as connections:
            assert await connections.ask(REQUEST, Progress()) == Answer(200, b"all of it")

    run(scenario())


@pytest.mark.parametrize("written", [b"SIP/2.0 200 OK\r\n\r\n", b"\x16\x03\x01\x00\x00", b"HTTP/1.1 nonsense\r\n\r\n"])
def test_what_is_not_http_is_an_error(run: Run, written: bytes) -> None:
    async def scenario() -> None:
        async with connected(Server(answers=[written])) as connections:
            with pytest.raises(ConnectionError, match="not HTTP"):
                await connections.ask(REQUEST, Progress())

    run(scenario())


@pytest.mark.parametrize(
    "begun",
    [b"HTTP/1.1 2", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nServer: Ast", b"HTTP/1.1 200 OK\r\nContent-Len"],
)
def test_an_answer_whose_head_is_cut_off_is_none(run: Run, begun: bytes) -> None:
    """An empty 200 would mean to a look at the PBX that nobody is on the phone."""

    async def scenario() -> None:
        server = Server()

        async def serve_a_piece(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(begun)
            writer.close()

        server.serve = serve_a_piece  # type: ignore[method-assign]
        async with connected(server) as connections:
            with pytest.raises(ConnectionError, match="ended before its answer"):
                await connections.ask(REQUEST, Progress())

    run(scenario())

"""Kept-alive HTTP/1.1 connections to one server, for very many small requests.

A call-back takes some fourteen requests, each answered within milliseconds: what a request costs in Python is what a
call-back costs. So there is nothing here but what ARI needs: no redirects, no cookies, no proxies, no streaming.
"""

from __future__ import annotations

import asyncio
import ssl
from collections import deque
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import httptools


class Answer(NamedTuple):
    """Status and body, as they came."""

    status: int
    body: bytes


class BrokenAnswer(ConnectionError):
    """What came is not HTTP, or its end never came."""


@dataclass(slots=True)
class Progress:
    """`sent`: the server may have acted on the request."""

    sent: bool = False


class Connections:
    """At most `limit` at once. One that was idle for `keepalive` seconds is not used again: the server may just be
    closing it."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, limit: int, keepalive: float) -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._keepalive = keepalive
        self._places = asyncio.Semaphore(limit)
        self._idle: deque[tuple[float, _Connection]] = deque()
        self._closed = False

    async def ask(self, request: bytes, progress: Progress, *, harmless_twice: bool = False) -> Answer:
        """Send a whole request, head and body, and wait for its answer. Raises `OSError`, `ssl.SSLError` among them.

        Who gives up waiting closes the connection: an answer never reaches another request. A request that is
        `harmless_twice` is sent again, over a new connection, if one that had been kept ended before its answer.
        """
        async with self._places:
            if (kept := self._kept()) is not None:
                try:
                    return await self._over(kept, request, progress)
                except ConnectionError:
                    if not harmless_twice:
                        raise
            return await self._over(await self._opened(), request, progress)

    async def _over(self, connection: _Connection, request: bytes, progress: Progress) -> Answer:
        try:
            progress.sent = True
            answer = await connection.ask(request)
        except BaseException:
            connection.close()
            raise
        if connection.reusable and not self._closed:
            self._idle.append((asyncio.get_running_loop().time(), connection))
        else:
            connection.close()
        return answer

    def close(self) -> None:
        """Close those that are idle now, and the others when they have their answer."""
        self._closed = True
        while self._idle:
            self._idle.pop()[1].close()

    def _kept(self) -> _Connection | None:
        """The connection that was used last, if it still can be; the oldest go first when they are too old."""
        oldest = asyncio.get_running_loop().time() - self._keepalive
        while self._idle and (self._idle[0][0] < oldest or not self._idle[0][1].reusable):
            self._idle.popleft()[1].close()
        while self._idle:
            connection = self._idle.pop()[1]
            if connection.reusable:
                return connection
            connection.close()
        return None

    async def _opened(self) -> _Connection:
        _, connection = await asyncio.get_running_loop().create_connection(
            _Connection, self._host, self._port, ssl=self._tls
        )
        return connection


class _Connection(asyncio.Protocol):
    """One connection, and the answer that it waits for. The parser calls the methods that begin with `on_`."""

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser: Any = httptools.HttpResponseParser(self)
        self._answer: asyncio.Future[Answer] | None = None
        self._body: list[bytes] = []
        self._says_its_length = False
        self._ends_with_connection = False
        self._open = False

    @property
    def reusable(self) -> bool:
        """Whether another request can be sent over it."""
        return self._open and self._transport is not None and not self._transport.is_closing()

    async def ask(self, request: bytes) -> Answer:
        """Send it and wait."""
        if self._transport is None or not self.reusable:
            raise BrokenAnswer("the connection has ended")
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """At once."""
        self._open = False
        if self._transport is not None:
            self._transport.abort()

    # The loop's.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # not an instance of it in every loop
        self._open = True

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(BrokenAnswer(f"the answer is not HTTP ({type(error).__name__})"))
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._open = False
        if exc is None and self._ends_with_connection:
            self._complete()
        self._fail(exc if isinstance(exc, OSError) else BrokenAnswer("the connection ended before its answer"))

    # The parser's.

    def on_message_begin(self) -> None:
        """An answer begins."""
        self._body.clear()
        self._says_its_length = False
        if self._answer is None or self._answer.done():
            self._open = False  # nobody asked

    def on_header(self, name: bytes, _value: bytes) -> None:
        """A header came."""
        if name.lower() in (b"content-length", b"transfer-encoding"):
            self._says_its_length = True

    def on_headers_complete(self) -> None:
        """The head came, all of it: one that was cut off is no answer."""
        self._ends_with_connection = not self._says_its_length

    def on_body(self, body: bytes) -> None:
        """A piece of the body came."""
        self._body.append(body)

    def on_message_complete(self) -> None:
        """All of it came."""
        self._ends_with_connection = False
        self._open = self._open and bool(self._parser.should_keep_alive())
        self._complete()

    def _complete(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(Answer(self._parser.get_status_code(), b"".join(self._body)))

    def _fail(self, error: Exception) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(error)

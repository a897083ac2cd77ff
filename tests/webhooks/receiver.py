"""A web server that receives webhooks, and judges nothing by itself."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from rig.ports import free_tcp_port

Answers = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Received:
    """One POST."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Any:
        return json.loads(self.body)


class Receiver:
    """At a port of its own, which it keeps; answers 200 unless `answers` is set."""

    def __init__(self) -> None:
        self.port = free_tcp_port()
        self.received: list[Received] = []
        self.answers: Answers | None = None
        self._changed = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/hook?key=a-secret-in-the-url"

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator[None]:
        """It serves until the end of the block."""
        app = web.Application(client_max_size=2**20)
        app.router.add_route("*", "/{path:.*}", self._receive)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", self.port).start()
        try:
            yield
        finally:
            await runner.cleanup()

    async def count(self, count: int, within: float = 20.0) -> list[Received]:
        """Wait for that many; all."""
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(lambda: len(self.received) >= count)
        except TimeoutError:
            raise AssertionError(f"{len(self.received)} of {count} within {within} s") from None
        return self.received

    async def until(self, event_id: int, within: float = 20.0) -> list[int]:
        """Wait for an event; the ids of all that came."""
        try:
            async with asyncio.timeout(within), self._changed:
                await self._changed.wait_for(lambda: event_id in self.ids())
        except TimeoutError:
            raise AssertionError(f"no event {event_id} within {within} s: {self.ids()}") from None
        return self.ids()

    def ids(self) -> list[int]:
        return [received.event["id"] for received in self.received]

    async def _receive(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        async with self._changed:
            self.received.append(Received(request.path, dict(request.headers), body))
            self._changed.notify_all()
        return web.Response() if self.answers is None else await self.answers(request)

"""The word that something has happened: pages then ask for what they show. Nothing of a call-back is in it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callbackd.engine.feed import Feed

HEARTBEAT = 15.0
"""Seconds without news after which a comment is sent, so that a dead connection is noticed at both ends."""

APART = 0.25
"""Seconds between two words at least: what happens meanwhile is told as one."""

COME_BACK = 1000
"""Milliseconds after which a browser whose connection ended comes back."""


class Signals(Response):
    """``event: changed`` each time events were added, until the reader hangs up, `over` returns (their session is),
    or `closing` is set."""

    def __init__(self, feed: Feed, over: Callable[[], Awaitable[None]], closing: asyncio.Event | None) -> None:
        super().__init__(headers={"Content-Type": "text/event-stream", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed
        self._over = over
        self._closing = closing or asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        ends = {
            asyncio.create_task(self._send_all(send)),
            asyncio.create_task(_hung_up(receive)),
            asyncio.ensure_future(self._over()),
            asyncio.create_task(self._closing.wait()),
        }
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            await asyncio.gather(*ends, return_exceptions=True)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        async with aclosing(self._feed.growths()) as growths:
            coming: asyncio.Future[None] = asyncio.ensure_future(anext(growths))
            try:
                await _write(send, f"retry: {COME_BACK}\n\nevent: changed\ndata: \n\n")
                while True:
                    coming = await self._next(growths, coming, send)
                    await _write(send, "event: changed\ndata: \n\n")
                    await asyncio.sleep(APART)
            finally:
                coming.cancel()
                await asyncio.wait({coming})

    async def _next(
        self, growths: AsyncGenerator[None, None], coming: asyncio.Future[None], send: Send
    ) -> asyncio.Future[None]:
        """Wait for the growth that is coming; the one after it."""
        while not (await asyncio.wait({coming}, timeout=HEARTBEAT))[0]:
            await _write(send, ": alive\n\n")
        coming.result()
        return asyncio.ensure_future(anext(growths))


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})

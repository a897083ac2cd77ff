"""The answer that does not end: events as they happen, at the reader's pace."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callbackd.domain.callback import EventType, TimelineEvent
from callbackd.http.services import Follows
from callbackd.store.interface import StoreError
from callbackd.wire.told import ToldNews

log = logging.getLogger(__name__)

STREAM = "text/event-stream"

HEARTBEAT = 15.0
"""Seconds without an event after which a comment is sent, so that a dead connection is noticed at both ends."""

PORTION = 100
"""Events held in memory at most, for each reader."""

COME_BACK = 2000
"""Milliseconds after which a reader whose connection ended is told to come back."""


@dataclass(frozen=True, slots=True)
class Filter:
    """The events that are wanted: of a profile, or of all; of these types, or of all."""

    profile: str | None = None
    types: frozenset[EventType] = frozenset()

    def wants(self, event: TimelineEvent) -> bool:
        """Whether it passes."""
        return self.profile in (None, event.profile) and (not self.types or event.type in self.types)


class EventStream(Response):
    """Events after the id `after`, each once and in order, until the reader hangs up or `closing` is set.

    The next portion is read from the outbox only once the reader has taken the last one: a slow reader costs memory
    for one portion. A heartbeat carries the id of the last event looked at, so that a reader who wants few events does
    not have the others looked through again when it comes back.
    """

    def __init__(
        self,
        feed: Follows,
        after: int,
        wanted: Filter,
        closing: asyncio.Event | None = None,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        super().__init__(headers={"Content-Type": STREAM, "Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        del self.headers["content-length"]
        self._feed = feed
        self._seen = after
        self._wanted = wanted
        self._closing = closing or asyncio.Event()
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send until it ends; nothing that goes wrong gets out of here but a cancellation."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        sending = asyncio.create_task(self._send_all(send))
        ends = {
            sending,
            asyncio.create_task(_hung_up(receive)),
            asyncio.create_task(self._closing.wait()),
        }
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in ends:
                task.cancel()
            outcomes = await asyncio.gather(*ends, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, StoreError):
                log.error("the outbox can't be read for a reader of events", extra={"error": str(outcome)})
            elif isinstance(outcome, Exception) and not isinstance(outcome, OSError):
                log.error("a reader of events was cut off: a fault of ours", exc_info=outcome)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_all(self, send: Send) -> None:
        await _write(send, f"retry: {COME_BACK}\n\n")
        async with aclosing(self._feed.follow(self._seen, PORTION)) as portions:
            while True:
                events = await self._next(portions, send)
                text = "".join(_told(event) for event in events if self._wanted.wants(event))
                if text:
                    await _write(send, text)
                self._seen = events[-1].id

    async def _next(
        self, portions: AsyncGenerator[Sequence[TimelineEvent], None], send: Send
    ) -> Sequence[TimelineEvent]:
        """The next portion; heartbeats while there is none."""
        coming = asyncio.ensure_future(anext(portions))
        try:
            while not (await asyncio.wait({coming}, timeout=self._heartbeat))[0]:
                await _write(send, f": alive\nid: {self._seen}\n\n")
            return coming.result()
        finally:
            if not coming.done():
                coming.cancel()
                await asyncio.wait({coming})


async def _hung_up(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _write(send: Send, text: str) -> None:
    await send({"type": "http.response.body", "body": text.encode(), "more_body": True})


def _told(event: TimelineEvent) -> str:
    """One event; its JSON has no line breaks."""
    return f"id: {event.id}\nevent: {event.type.value}\ndata: {ToldNews.of(event).model_dump_json()}\n\n"

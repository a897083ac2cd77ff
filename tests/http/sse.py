"""A reader of server-sent events, as strict as one can be."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.http.asgi import TOKEN


@dataclass(frozen=True, slots=True)
class Seen:
    """One event as it was sent."""

    id: int
    event: str
    data: dict[str, Any]


class Reader:
    """Reads one stream. `last_id` is what a browser would send when it comes back."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.answer = answer
        self.last_id: int | None = None
        self.comments = 0

    async def block(self) -> dict[str, str]:
        """The fields up to the next empty line. Raises `EOFError` at the end."""
        fields: dict[str, str] = {}
        while True:
            line = (await self.answer.content.readline()).decode()
            if not line:
                raise EOFError
            assert line.endswith("\n")
            text = line.removesuffix("\n")
            if not text:
                return fields
            name, _, value = text.partition(":")
            if not name:
                self.comments += 1
                continue
            assert name in {"id", "event", "data", "retry"}
            assert name not in fields
            fields[name] = value.removeprefix(" ")

    async def next(self) -> Seen:
        """The next event, within 10 s."""
        async with asyncio.timeout(10):
            while True:
                fields = await self.block()
                if "id" in fields:
                    self.last_id = int(fields["id"])
                if "data" in fields:
                    return Seen(int(fields["id"]), fields["event"], json.loads(fields["data"]))

    async def some(self, count: int) -> list[Seen]:
        """So many."""
        return [await self.next() for _ in range(count)]


@contextlib.asynccontextmanager
async def reading(port: int, query: str = "", last_id: int | str | None = None) -> AsyncIterator[Reader]:
    """A stream that is open: its greeting has been read."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    if last_id is not None:
        headers["Last-Event-ID"] = str(last_id)
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session,
        session.get(f"http://127.0.0.1:{port}/api/v1/events{query}", headers=headers) as answer,
    ):
        assert answer.status == 200, await answer.text()
        assert answer.headers["Content-Type"] == "text/event-stream"
        reader = Reader(answer)
        assert set(await reader.block()) == {"retry"}
        yield reader

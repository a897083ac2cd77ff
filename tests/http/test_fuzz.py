"""Whatever is sent: a clear refusal, nothing in the log but warnings, and nothing has changed."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from typing import Any

import pytest

from callbackd.domain.callback import DISPOSITIONS
from callbackd.store.interface import Query
from tests.http.asgi import TOKEN, Answer, Caller
from tests.http.house import House
from tests.http.serving import serving

ROUNDS = 20_000
SECONDS = 40.0
WIRES = 1_500

PATHS = [
    *("/callbacks", "/callbacks/x", "/callbacks/x/cancel", "/callbacks/x/reschedule", "/profiles", "/profiles/support"),
    *("/profiles/support/pause", "/profiles/x/resume", "/pause", "/resume", "/reload", "/status", "/events", "/"),
]
TEXTS = ["", "x", "support", "+14165550123", "911", "\x00", "\ud800", "é" * 300, "null", "-1", "1e309", "../.."]
JUNK: list[object] = [*TEXTS, None, True, 0, -1, 10**400, 1.5, [], {}, [[]], {"a": {"b": []}}]
KEYS = ["profile", "number", "name", "reason", "not_before", "priority", "language", "at", "intake", "dialling", "x"]


class Malformed:
    """Requests none of which may be obeyed: a number that may be dialled never meets a profile that may dial it."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311

    def body(self) -> bytes:
        """Something like JSON, or not; never what a route takes."""
        chance = self._chance
        kind = chance.randrange(6)
        if kind == 0:
            return chance.randbytes(chance.randrange(1, 200))
        if kind == 1:
            return b"[" * chance.randrange(1, 5000)
        document = {chance.choice(KEYS): chance.choice(JUNK) for _ in range(chance.randrange(1, 6))}
        document[chance.choice(["extra", "\x00", "intake2", ""])] = chance.choice(JUNK)
        text = json.dumps(document).encode()
        if kind == 2:
            return text[: chance.randrange(1, len(text))]
        if kind == 3:
            position = chance.randrange(len(text))
            return text[:position] + chance.randbytes(3) + text[position:]
        return text

    def path(self) -> str:
        """A route, with a query that may be anything."""
        chance = self._chance
        path = "/api/v1" + chance.choice(PATHS)
        if chance.random() < 0.2:
            path += chance.choice(["/", "/%00", "//", "/..", "/x" * 200, "/é"])
        if chance.random() < 0.5:
            names = ["state", "profile", "number", "limit", "cursor", "type", "x", ""]
            values = ["", "%", "%00", "%ff", "-1", "9" * 50, "a,b", "support", "x" * 2000]
            pairs = (f"{chance.choice(names)}={chance.choice(values)}" for _ in range(chance.randrange(1, 4)))
            path += "?" + "&".join(pairs)
        return path

    def headers(self) -> list[tuple[str, str]]:
        """Those that routes read, and others."""
        chance = self._chance
        found = []
        if chance.random() < 0.8:
            kinds = ["application/json", "application/json; charset=utf-16", "text/plain", "", "\x00", "a/b" * 100]
            found.append(("Content-Type", chance.choice(kinds)))
        if chance.random() < 0.3:
            found.append(("Idempotency-Key", chance.choice(["", "k", "k" * 300, "\xff", "a\tb"])))
        if chance.random() < 0.1:
            found.append(("Content-Length", chance.choice(["-1", "x", "9" * 30, "0"])))
        if chance.random() < 0.3:
            name = chance.choice(["Last-Event-ID", "X-A", "Accept", "Cookie"])
            found.append((name, chance.choice(["", "x", "\xe9"])))
        return found

    async def send(self, api: Caller) -> tuple[str, Answer]:
        """One of them. What would be obeyed without a body has one that can't be."""
        chance = self._chance
        path = self.path()
        method = chance.choice(["GET", "POST", "POST", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "BREW", ""])
        headers = self.headers()
        if "/events" in path:
            headers.append(("Last-Event-ID", "no number"))
        if method == "POST" and path.partition("?")[0] == "/api/v1/reload":
            method = "GET"
        return f"{method} {path}", await api.send(method, path, [self.body()], headers)


async def _state(house: House) -> tuple[Any, ...]:
    store = house.store
    page = await store.list(Query(now=house.clock.now(), states=[*DISPOSITIONS]))
    return page, await store.events_after(0), await store.pauses(), await store.counts(house.clock.now())


async def test_anything_at_the_routes(house: House, api: Caller, caplog: pytest.LogCaptureFixture) -> None:
    made = await api.post("/api/v1/callbacks", {"profile": "sales", "number": "+14165550199"})
    assert made.status == 201
    before = await _state(house)
    malformed = Malformed(11)
    seen: Counter[int] = Counter()
    until = time.monotonic() + SECONDS
    for _ in range(ROUNDS):
        asked, answer = await malformed.send(api)
        seen[answer.status] += 1
        assert answer.status < 500, asked
        if answer.status >= 400:
            assert answer.error, asked
        else:
            assert asked.startswith(("GET", "HEAD")), asked
        if time.monotonic() > until:
            break
    assert seen.total() >= ROUNDS // 4
    assert {404, 405, 415, 422} <= set(seen)
    assert await _state(house) == before
    assert not caplog.records


async def test_anything_on_the_wire(house: House, caplog: pytest.LogCaptureFixture) -> None:
    """Bytes that are no HTTP, or nearly: an answer or a closed connection, and the server lives."""
    chance = random.Random(5)  # noqa: S311
    whole = (
        b"POST /api/v1/callbacks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + TOKEN.encode() + b"\r\n"
        b'Content-Type: application/json\r\nContent-Length: 44\r\n\r\n{"profile":"nobody","number":"+14165550123"}'
    )
    before = await _state(house)
    async with serving(house.app()) as port:

        async def talk(text: bytes) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(text)
            if chance.random() < 0.9:
                writer.write_eof()
                async with asyncio.timeout(30):
                    answer = await reader.read()
                assert answer == b"" or answer.startswith(b"HTTP/1.1 ")
                assert not answer.startswith(b"HTTP/1.1 5")
                assert b"Traceback" not in answer
            writer.transport.abort()

        for _ in range(WIRES // 50):
            texts = []
            for _ in range(50):
                text = bytearray(whole)
                for _ in range(chance.randrange(1, 8)):
                    position = chance.randrange(len(text))
                    match chance.randrange(4):
                        case 0:
                            text[position] = chance.randrange(256)
                        case 1:
                            del text[position:]
                            text += b"\r\n"
                        case 2:
                            text[position:position] = chance.randbytes(8)
                        case _:
                            text[position:position] = text[:position]
                texts.append(bytes(text[:70_000]))
            await asyncio.gather(*(talk(text) for text in texts))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert (await reader.read()).startswith(b"HTTP/1.1 200")
        writer.close()
    assert await _state(house) == before
    assert not [record for record in caplog.records if record.exc_info or record.levelname == "ERROR"]

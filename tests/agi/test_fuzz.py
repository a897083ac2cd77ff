"""Whatever is sent: a refusal, no traceback, nothing changed, and the next one is served."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Iterator
from random import Random

import pytest

from callbackd.agi.answers import Answer
from callbackd.agi.conversation import Patience
from callbackd.agi.environment import LINE_LIMIT, LINES_LIMIT, Malformed, read_environment
from callbackd.agi.scripts import Scripts
from callbackd.agi.server import Visitors
from callbackd.agi.services import Services
from tests.agi.house import HERE, NUMBER, House, ask, environment, serving, uri

READ = 60_000
"""Inputs to the reader and the scripts."""

CONNECTED = 8_000
"""Inputs over a socket of their own."""

AT_ONCE = 20

_PIECES = (
    b"\n", b"\r\n", b"\n\n", b"\0", b": ", b"?", b"&", b"=", b"%", b"%2B", b"%00", b"%0A", b"%ff", b"+", b"/", b"..",
    b"agi_network_script: ", b"agi_request: ", b"agi_uniqueid: ", b"agi_arg_1: ", b"HANGUP\n", b"200 result=1\n",
    b"request", b"cancel", b"status", b"inbound", b"released", b"number=", b"profile=", b"priority=", b"not_before=",
    b"${CALLERID(num)}", b"$[1+1]", b'"', b"'", b";", b"`id`", b"' OR 1=1 --", b"\xf0\x9f\x98\x80", b"\xff\xfe",
    b"9" * 30, b"x" * 5000, b"GET / HTTP/1.1\r\n", b"SET VARIABLE X 1\n",
)  # fmt: skip

_SCRIPTS = (
    uri("request", profile="support", number="+14165550199", name="Jane"),
    uri("request", profile="sales", number="4165550199", reason="x", priority="1", not_before="2026-11-03T10:00:00Z"),
    uri("cancel", number="4165550199"),
    uri("status", number="+14165550199", profile="support"),
    uri("inbound", number="+14165550199"),
    uri("released", number="+14165550199"),
)


def inputs(count: int) -> Iterator[bytes]:
    """Random bytes, random pieces, and whole requests with something broken. The same at every run."""
    chance = Random(4573)  # noqa: S311
    for number in range(count):
        match number % 4:
            case 0:
                yield chance.randbytes(chance.randrange(0, 200))
            case 1:
                yield b"".join(chance.choices(_PIECES, k=chance.randrange(0, 30)))
            case 2:
                yield _mutated(environment(chance.choice(_SCRIPTS)), chance)
            case _:
                script = _mutated(chance.choice(_SCRIPTS).encode(), chance)
                yield environment("@").replace(b"@", script)


def _mutated(whole: bytes, chance: Random) -> bytes:
    for _ in range(chance.randrange(1, 5)):
        at = chance.randrange(len(whole) + 1)
        match chance.randrange(4):
            case 0:
                whole = whole[:at] + chance.choice(_PIECES) + whole[at:]
            case 1:
                whole = whole[:at] + whole[at + chance.randrange(1, 20) :]
            case 2:
                whole = whole[:at] + chance.randbytes(1) + whole[at + 1 :]
            case _:
                whole = whole[:at] + whole[chance.randrange(len(whole) + 1) :]
    return whole


class Closed:
    """An engine that takes nothing, so that even what is well formed by chance changes nothing."""

    def __init__(self) -> None:
        self.house = House()
        self.house.rules.profiles = {}
        self.scripts = Scripts(Services(self.house.intake, self.house.callers))

    async def changed(self) -> bool:
        """Whether anything was written or held."""
        return bool(await self.house.store.events_after(0) or self.house.holds.held("support"))


def _faults(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.exc_info or record.levelno >= logging.ERROR]


async def test_nothing_that_can_be_read_does_harm(caplog: pytest.LogCaptureFixture) -> None:
    closed = Closed()
    refused = answered = 0
    reasons: set[str] = set()
    for sent in inputs(READ):
        reader = asyncio.StreamReader(limit=LINE_LIMIT)
        reader.feed_data(sent)
        reader.feed_eof()
        try:
            found = await read_environment(reader)
        except Malformed as malformed:
            refused += 1
            reasons.add(str(malformed))
            continue
        answered += 1
        answer: Answer = await closed.scripts.answer(found)
        assert len(answer.commands()) == 4
    assert refused > READ / 10
    assert len(reasons) < 15  # they are sentences of ours, with nothing of what came in them
    assert answered > READ / 10
    assert not _faults(caplog)
    assert not await closed.changed()


async def test_nothing_that_a_socket_sends_does_harm(caplog: pytest.LogCaptureFixture) -> None:
    closed = Closed()
    visitors = Visitors(HERE, closed.scripts.answer, patience=Patience(hear=0.1, tell=0.1))
    queue = inputs(CONNECTED)

    async def visit(port: int) -> None:
        for sent in queue:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                writer.write(sent)
                writer.write_eof()
                async with asyncio.timeout(10):
                    while await reader.read(1000):
                        pass
            except ConnectionError:
                pass
            finally:
                writer.transport.abort()

    async with serving(visitors) as port:
        await asyncio.gather(*(visit(port) for _ in range(AT_ONCE)))
        told = await ask(port, environment(uri("status", number=NUMBER)))
        assert told["CALLBACKD_STATUS"] == "NONE"
    assert not _faults(caplog)
    assert not await closed.changed()


async def test_with_profiles_only_what_is_well_formed_changes_something(caplog: pytest.LogCaptureFixture) -> None:
    """The engine is open. What was mutated into nonsense leaves no trace; what still makes sense is a call-back."""
    house = House()
    for sent in inputs(4_000):
        reader = asyncio.StreamReader(limit=LINE_LIMIT)
        reader.feed_data(sent)
        reader.feed_eof()
        before = len(await house.store.events_after(0, 100_000))
        try:
            found = await read_environment(reader)
        except Malformed:
            continue
        answer = await house.scripts.answer(found)
        changed = len(await house.store.events_after(0, 100_000)) != before
        assert not changed or answer.status in ("ACCEPTED", "CANCELLED", "HELD"), (sent, answer)
    assert not _faults(caplog)


async def test_an_endless_stream_ends(house: House) -> None:
    """Nobody reads more than the limits, however fast it comes."""
    async with serving(Visitors(HERE, house.scripts.answer)) as port:
        for piece in (b"x" * 65536, b"agi_arg_1: x\n" * 5000, b"\0" * 65536):
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            sent = 0
            began = time.monotonic()
            try:
                while time.monotonic() - began < 10:
                    writer.write(piece)
                    await asyncio.wait_for(writer.drain(), 10)
                    sent += len(piece)
            except ConnectionError:
                pass
            finally:
                writer.transport.abort()
            assert time.monotonic() - began < 8
            assert sent < 64 * LINES_LIMIT * LINE_LIMIT
        assert (await ask(port, environment(uri("status", number=NUMBER))))["CALLBACKD_STATUS"] == "NONE"

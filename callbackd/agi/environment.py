"""What Asterisk sends when it connects: lines ``agi_name: value``, ended by an empty one.

Read here, and not by a library, for the sake of what else a socket may send: panoramisk's reader has no bound in bytes
or time and spins for ever when the other side closes early, aioagi is an aiohttp application around as much again.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass

LINE_LIMIT = 4096
"""Bytes of a line, its end included."""

LINES_LIMIT = 200
"""Lines in all: Asterisk sends 22, and one for each of up to 128 arguments."""

REQUEST_LIMIT = 2046
"""Characters of ``agi_request``. Asterisk cuts what is longer without a word: it may be the number that is cut."""

_LINE = re.compile(rb"(agi_[a-z0-9_]{1,40}):(?: ([^\0]*))?")
_NEEDED = frozenset({b"agi_network_script", b"agi_request", b"agi_uniqueid"})


class Malformed(Exception):
    """What came is not Asterisk's. The text says why, and repeats nothing of it."""


@dataclass(frozen=True, slots=True)
class Environment:
    """`script` is what stands behind the address in ``agi://address/``; `call` the channel's unique id."""

    script: str
    call: str


async def read_environment(reader: asyncio.StreamReader) -> Environment:
    """Read to the empty line. Raises `Malformed`, then too all that fits into the limits has been read.

    The reader's own limit must be `LINE_LIMIT`. It takes as long as the other side does: the caller bounds the time.
    """
    found: dict[bytes, bytes] = {}
    fault: str | None = None
    for _ in range(LINES_LIMIT):
        try:
            line = await reader.readline()
        except ValueError:
            fault = fault or f"a line is longer than {LINE_LIMIT} bytes"
            continue
        if not line.endswith(b"\n"):
            raise Malformed(fault or "it ended before the empty line")
        line = line.rstrip(b"\r\n")
        if not line:
            if fault is not None:
                raise Malformed(fault)
            return _environment(found)
        fault = fault or _keep(line, found)
    raise Malformed(fault or f"more than {LINES_LIMIT} lines")


def _keep(line: bytes, found: dict[bytes, bytes]) -> str | None:
    """Keep the line if it is needed; what is wrong with it."""
    match = _LINE.fullmatch(line)
    if match is None:
        return "a line is not of the form agi_name: value"
    name, value = match[1], match[2] or b""
    if name not in _NEEDED:
        return None
    if name in found:
        return f"{name.decode()} comes twice"
    if not value.isascii():
        return f"{name.decode()} is not ASCII; encode values with URIENCODE()"
    found[name] = value
    return None


def _environment(found: dict[bytes, bytes]) -> Environment:
    if b"agi_network_script" not in found:
        raise Malformed("no script is named: AGI(agi://ADDRESS/SCRIPT?...)")
    if len(found.get(b"agi_request", b"")) > REQUEST_LIMIT:
        raise Malformed(f"the request is longer than {REQUEST_LIMIT} characters, so Asterisk may have cut it")
    return Environment(found[b"agi_network_script"].decode(), found.get(b"agi_uniqueid", b"")[:200].decode())

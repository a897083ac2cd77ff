"""A TCP proxy that misbehaves on demand: it stands between callbackd and Asterisk, or a broker, as a bad network does.

    async with Proxy(pbx_port) as proxy:
        ...                      # a client connects to proxy.port
        proxy.stall()            # bytes stop, in both directions, and nobody is told: half-open
        proxy.passes()           # what was held goes on
        proxy.reset()            # every connection ends with an RST
        proxy.refuses()          # the same, and new ones are refused until it passes again
        proxy.deafens()          # websockets' events stop; requests go on
        proxy.cuts(b"POST /ari/channels ", Cut.AFTER)    # the next such request has no answer, though it was heard
        proxy.stalls_at(b"POST /ari/channels ")          # all stops with the next such request in its midst
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from enum import StrEnum
from types import TracebackType
from typing import Self

CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)


class Cut(StrEnum):
    """When the connection dies under a request: before the far end sees any of it, in its midst, or once it has it."""

    BEFORE = "before"
    IN = "in"
    AFTER = "after"


class Proxy:
    """From `port`, one of its own on 127.0.0.1, to that `target` port there."""

    def __init__(self, target: int) -> None:
        self.port = 0
        self.cut = asyncio.Event()
        """Set once the request that `cuts` named has been cut."""
        self._target = target
        self._server: asyncio.Server | None = None
        self._open = asyncio.Event()
        self._open.set()
        self._heard = asyncio.Event()
        self._heard.set()
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._next_cut: tuple[bytes, Cut] | None = None
        self._next_stall = b""

    @property
    def url(self) -> str:
        """Of the Asterisk behind it."""
        return f"http://127.0.0.1:{self.port}/ari"

    async def __aenter__(self) -> Self:
        await self._listen()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.refuses()
        self._open.set()
        self._heard.set()
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    # ---- how it behaves ---------------------------------------------------------------------------------------

    async def passes(self) -> None:
        """All goes through from now on; what was held, first."""
        self._open.set()
        self._heard.set()
        if self._server is None:
            await self._listen()

    def stall(self) -> None:
        """Hold every byte and tell nobody. New connections are taken, and as silent."""
        self._open.clear()

    def deafens(self) -> None:
        """Hold what comes back on websockets only."""
        self._heard.clear()

    def reset(self) -> None:
        """End every connection that there is, with an RST; what was held is lost."""
        for pair in tuple(self._pairs):
            pair.reset()

    def refuses(self) -> None:
        """End every connection, and take no new ones."""
        self._close()
        self.reset()

    def cuts(self, request: bytes, when: Cut) -> None:
        """The connection of the next request with these bytes in its first line dies under it."""
        self._next_cut = (request, when)
        self.cut.clear()

    def stalls_at(self, request: bytes) -> None:
        """`stall` when the next such request comes: it is the first that is held."""
        self._next_stall = request

    # ---- inside -----------------------------------------------------------------------------------------------

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            _abort(writer)
            return
        pair = _Pair(writer, far_writer)
        self._pairs.add(pair)
        await asyncio.gather(self._there(reader, pair), self._back(far_reader, pair))
        self._pairs.discard(pair)
        pair.reset()

    async def _there(self, reader: asyncio.StreamReader, pair: _Pair) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                await self._open.wait()
                if self._next_stall and self._next_stall in chunk:
                    self._next_stall = b""
                    self.stall()
                    await self._open.wait()
                if self._next_cut is not None and self._next_cut[0] in chunk:
                    when, self._next_cut = self._next_cut[1], None
                    if when is Cut.AFTER:
                        pair.ends_with_the_answer = True
                    else:
                        if when is Cut.IN:
                            pair.far.write(chunk[: len(chunk) // 2])
                            await pair.far.drain()
                        pair.reset()
                        self.cut.set()
                        return
                pair.websocket |= b"Upgrade: websocket" in chunk
                pair.far.write(chunk)
                await pair.far.drain()
        with contextlib.suppress(OSError, RuntimeError):  # it may have been reset
            pair.far.write_eof()

    async def _back(self, reader: asyncio.StreamReader, pair: _Pair) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await reader.read(CHUNK):
                await self._open.wait()
                if pair.websocket:
                    await self._heard.wait()
                if pair.ends_with_the_answer:
                    self.cut.set()
                    break
                pair.near.write(chunk)
                await pair.near.drain()
        pair.reset() if pair.ends_with_the_answer else pair.near.close()


class _Pair:
    """A connection and the one behind it."""

    def __init__(self, near: asyncio.StreamWriter, far: asyncio.StreamWriter) -> None:
        self.near = near
        self.far = far
        self.websocket = False
        self.ends_with_the_answer = False

    def reset(self) -> None:
        _abort(self.near)
        _abort(self.far)


def _abort(writer: asyncio.StreamWriter) -> None:
    """RST, whatever waits to be sent."""
    with contextlib.suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()

"""A tap on the wire: the RTP that arrives at one port, with the kernel's own time stamps.

Recording inside Asterisk would lose exactly what is to be measured: while no packet comes its recorders stand still, so
a gap vanishes. Here a gap is a gap, however busy the event loop is.
"""

from __future__ import annotations

import asyncio
import ctypes
import math
import socket
import struct
import time
from array import array

from rig.audio import FRAME, QUIET, RATE, Sound, from_ulaw, rms
from rig.playout import JITTER, Playout

_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_ULAW_PAYLOAD = 0
_MARKER = 0x80


class Recording:
    """Everything that arrived at a UDP port of 127.0.0.1 since `started_at` (`time.monotonic`), as a phone plays it.

    It listens on all `ports` (first, last) until `bind` says which one is meant, for before the answer nobody knows.
    """

    def __init__(self, ports: tuple[int, int]) -> None:
        self.started_at = time.monotonic()
        self._loop = asyncio.get_running_loop()
        self._played = Playout.strict()
        self._said = Playout.patient()
        self._arrivals: list[tuple[float, float]] = []
        self._stopped_at: float | None = None
        self._waiting: set[asyncio.Event] = set()
        self._port: int | None = None
        self._unbound: list[tuple[int, bytes, float]] = []
        self._socket = self._open(ports)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        self._loop.add_reader(self._socket, self._read)

    def _open(self, ports: tuple[int, int]) -> socket.socket:
        tap = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        _only_ports(tap, *ports)
        return tap

    def _opened(self, packet: bytes) -> tuple[int, bytes]:
        """The port that an IP packet was for, and the RTP in it."""
        header = (packet[0] & 0x0F) * 4
        port: int = struct.unpack_from("!H", packet, header + 2)[0]
        return port, packet[header + 8 :]

    def bind(self, port: int) -> None:
        """From the beginning on, only this port is meant."""
        if self._port is None:
            self._read()
            self._port = port
            if self._stopped_at is None:
                _only_ports(self._socket, port, port)
            unbound, self._unbound = self._unbound, []
            for at, packet, arrived in unbound:
                if at == port:
                    self._packet(packet, arrived)

    def stop(self) -> Sound:
        """Ends it and returns what was heard."""
        if self._stopped_at is None:
            self._read()
            self._stopped_at = time.monotonic()
            self._loop.remove_reader(self._socket)
            self._socket.close()
        return self.sound

    @property
    def sound(self) -> Sound:
        """What was heard until now, silence included."""
        if self._stopped_at is None:
            self._read()
        return self._so_far(self._played)

    @property
    def said(self) -> Sound:
        """The same without what a late packet spoils: what was said and in which order, not how it sounded."""
        if self._stopped_at is None:
            self._read()
        return self._so_far(self._said)

    def _so_far(self, playout: Playout) -> Sound:
        now = self._stopped_at or time.monotonic()
        missing = round((now - self.started_at - JITTER) * RATE) - len(playout.samples)
        return Sound(self.started_at, playout.samples + array("h", bytes(2 * max(0, missing))))

    async def heard_sound(self, limit: float = 5.0, threshold: float = QUIET, since: float | None = None) -> float:
        """Waits until something audible comes after `since` (default now); its instant. TimeoutError after `limit`."""
        since = time.monotonic() if since is None else since
        until = time.monotonic() + limit
        seen = 0
        while True:
            for at, level in self._arrivals[seen:]:
                if at >= since and level >= threshold:
                    return at
            seen = len(self._arrivals)
            await self._next(until, f"heard nothing for {limit} s")

    async def heard_silence(self, seconds: float = 0.5, limit: float = 10.0, threshold: float = QUIET) -> float:
        """Waits until nothing audible has arrived for `seconds`; the instant at which that silence began."""
        until = time.monotonic() + limit
        began = time.monotonic()
        seen = len(self._arrivals)
        while True:
            for at, level in self._arrivals[seen:]:
                if level >= threshold:
                    began = at + FRAME / RATE
            seen = len(self._arrivals)
            now = time.monotonic()
            if now - began >= seconds:
                return began
            if now > until:
                raise TimeoutError(f"no silence of {seconds} s within {limit} s")
            await asyncio.sleep(min(0.02, began + seconds - now))

    async def _next(self, until: float, complaint: str) -> None:
        event = asyncio.Event()
        self._waiting.add(event)
        try:
            async with asyncio.timeout(max(0.0, until - time.monotonic())):
                await event.wait()
        except TimeoutError:
            raise TimeoutError(complaint) from None
        finally:
            self._waiting.discard(event)

    def _read(self) -> None:
        while True:
            try:
                packet, extra, _, _ = self._socket.recvmsg(4096, 128)
            except (BlockingIOError, ValueError, OSError):
                break
            arrived = time.monotonic()
            for level, kind, data in extra:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("ll", data[:16])
                    arrived -= time.time() - (seconds + nanoseconds / 1e9)
            port, rtp = self._opened(packet)
            if self._port is None:
                self._unbound.append((port, rtp, arrived))
            elif port == self._port:
                self._packet(rtp, arrived)
        for event in self._waiting:
            event.set()

    def _packet(self, rtp: bytes, arrived: float) -> None:
        if len(rtp) <= 12 or rtp[0] >> 6 != 2 or rtp[1] & 0x7F != _ULAW_PAYLOAD:
            return
        gap = arrived - self._arrivals[-1][0] if self._arrivals else math.inf
        stamp: int = struct.unpack_from("!I", rtp, 4)[0]
        heard = from_ulaw(rtp[12 + 4 * (rtp[0] & 0x0F) :])
        self._arrivals.append((arrived, rms(heard)))
        for playout in (self._played, self._said):
            playout.play(heard, arrived - self.started_at, stamp, gap, begins=bool(rtp[1] & _MARKER))


def _only_ports(tap: socket.socket, first: int, last: int) -> None:
    """Lets the kernel drop the rest: x = IP header length; load [x + 2]; below first or above last? nothing : all."""
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0xB1, 0, 0, 0),
            (0x48, 0, 0, 2),
            (0x35, 0, 2, first),
            (0x25, 1, 0, last),
            (0x06, 0, 0, 0x40000),
            (0x06, 0, 0, 0),
        )
    )
    buffer = ctypes.create_string_buffer(program)
    tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 6, ctypes.addressof(buffer)))

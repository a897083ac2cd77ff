"""A tap on the wire for what is asked and pressed: SIP requests to one port, keys in RTP to a range of ports.

Every packet has the kernel's own time stamp, so that a busy event loop delays what is written down, not when it was.
"""

from __future__ import annotations

import asyncio
import ctypes
import re
import socket
import struct
from dataclasses import dataclass

_SO_ATTACH_FILTER = 26
_SO_TIMESTAMPNS = 35
_TELEPHONE_EVENT = 101
"""The RTP payload type of RFC 4733 events, as Asterisk offers it."""
_END_OF_EVENT = 0x80

_REQUEST = re.compile(rb"INVITE sip:([^@;> ]+)@")
_FROM = re.compile(rb"(?im)^(?:From|f):[^\r\n]*<sip:([^@>]+)@")
_MEDIA = re.compile(rb"(?m)^m=audio (\d+) ")


@dataclass(frozen=True, slots=True)
class Invite:
    """An INVITE: who is called, by whom, and the port at which the caller waits for RTP. `at`: epoch seconds."""

    at: float
    called: str
    caller: str
    media_port: int


@dataclass(frozen=True, slots=True)
class KeyPress:
    """The first packet that says that a key was let go, to that port. `at`: epoch seconds."""

    at: float
    port: int
    digit: str


class Tap:
    """Listens from its making until `close`, in the running event loop. An INVITE sent again is written down once."""

    def __init__(self, sip_port: int, rtp_ports: tuple[int, int]) -> None:
        self.invites: list[Invite] = []
        self.presses: list[KeyPress] = []
        self._sip_port = sip_port
        self._asked: set[tuple[str, str]] = set()
        self._pressed: set[tuple[int, int]] = set()
        self._loop = asyncio.get_running_loop()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        self._socket.setblocking(False)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
        _only(self._socket, sip_port, *rtp_ports)
        self._loop.add_reader(self._socket, self._read)

    def close(self) -> None:
        """Ends it; what was written down stays."""
        self._read()
        self._loop.remove_reader(self._socket)
        self._socket.close()

    def _read(self) -> None:
        while True:
            try:
                packet, extra, _, _ = self._socket.recvmsg(65536, 128)
            except BlockingIOError:
                return
            at = 0.0
            for level, kind, data in extra:
                if level == socket.SOL_SOCKET and kind == _SO_TIMESTAMPNS:
                    seconds, nanoseconds = struct.unpack("ll", data[:16])
                    at = seconds + nanoseconds / 1e9
            header = (packet[0] & 0x0F) * 4
            port: int = struct.unpack_from("!H", packet, header + 2)[0]
            if port == self._sip_port:
                self._sip(packet[header + 8 :], at)
            else:
                self._rtp(packet[header + 8 :], at, port)

    def _sip(self, message: bytes, at: float) -> None:
        called, caller, media = _REQUEST.match(message), _FROM.search(message), _MEDIA.search(message)
        if called is None or caller is None or media is None:
            return
        who = (called[1].decode(errors="replace"), caller[1].decode(errors="replace"))
        if who not in self._asked:
            self._asked.add(who)
            self.invites.append(Invite(at, *who, int(media[1])))

    def _rtp(self, packet: bytes, at: float, port: int) -> None:
        if len(packet) < 16 or not packet[13] & _END_OF_EVENT:
            return
        event = (port, struct.unpack_from("!I", packet, 4)[0])
        if event not in self._pressed:
            self._pressed.add(event)
            self.presses.append(KeyPress(at, port, "0123456789*#"[packet[12] % 12]))


def _only(tap: socket.socket, sip_port: int, first: int, last: int) -> None:
    """Lets the kernel drop the rest. x = IP header length, then: to the SIP port? all. Out of the range? nothing.
    Not an RTP packet of telephone events? nothing."""
    program = b"".join(
        struct.pack("HBBI", *instruction)
        for instruction in (
            (0xB1, 0, 0, 0),  # x = length of the IP header
            (0x48, 0, 0, 2),  # a = port
            (0x15, 5, 0, sip_port),
            (0x35, 0, 5, first),
            (0x25, 4, 0, last),
            (0x50, 0, 0, 9),  # a = RTP's second byte
            (0x54, 0, 0, 0x7F),
            (0x15, 0, 1, _TELEPHONE_EVENT),
            (0x06, 0, 0, 0x40000),
            (0x06, 0, 0, 0),
        )
    )
    buffer = ctypes.create_string_buffer(program)
    tap.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", 10, ctypes.addressof(buffer)))

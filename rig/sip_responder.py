"""The networks that refuse: a UDP port that gives one final SIP response to every INVITE, or none at all."""

from __future__ import annotations

import asyncio
import itertools
import time
from dataclasses import dataclass, field

REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    407: "Proxy Authentication Required",
    408: "Request Timeout",
    410: "Gone",
    480: "Temporarily Unavailable",
    484: "Address Incomplete",
    486: "Busy Here",
    487: "Request Terminated",
    488: "Not Acceptable Here",
    500: "Server Internal Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
    504: "Server Time-out",
    600: "Busy Everywhere",
    603: "Decline",
    604: "Does Not Exist Anywhere",
    607: "Unwanted",
    608: "Rejected",
}
"""The responses that the rig has a responder for from the start."""

_COPIED = ("via", "from", "call-id", "cseq")
_LONG = {"v": "via", "f": "from", "t": "to", "i": "call-id", "m": "contact", "l": "content-length"}


@dataclass(slots=True)
class Invite:
    """A call that arrived: where to, from whom, when (`time.monotonic`)."""

    call_id: str
    uri: str
    sender: str
    arrived_at: float
    cancelled_at: float | None = None
    acknowledged_at: float | None = None
    cancelled: asyncio.Event = field(default_factory=asyncio.Event, repr=False)


@dataclass(slots=True)
class _Call:
    invite: Invite
    headers: dict[str, list[str]]
    address: tuple[str, int]
    tag: str
    answer: bytes | None = None
    task: asyncio.Task[None] | None = field(default=None)


class SipResponder(asyncio.DatagramProtocol):
    """Answers every INVITE with `status`, after a 180 if `ringing`, and `delay` seconds later.

    `status` None never answers finally: it rings (or says nothing after 100) until it is cancelled. OPTIONS gets 200.
    """

    def __init__(self, status: int | None, *, ringing: bool = False, delay: float = 0.0) -> None:
        self.status = status
        self.ringing = ringing
        self.delay = delay
        self.port = 0
        self._calls: dict[str, _Call] = {}
        self._tags = itertools.count(1)
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def invites(self) -> list[Invite]:
        """The distinct calls it saw, oldest first; retransmissions and authenticated repeats are not counted."""
        return [call.invite for call in self._calls.values()]

    async def start(self) -> None:
        """Opens a free port."""
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        """Closes it."""
        self.reset()
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def reset(self) -> None:
        """Forgets every call it saw."""
        for call in self._calls.values():
            if call.task is not None:
                call.task.cancel()
        self._calls.clear()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One SIP message."""
        head = data.decode(errors="replace").split("\r\n\r\n", 1)[0].split("\r\n")
        first = head[0].split(" ")
        if len(first) < 3 or first[0].startswith("SIP/"):
            return
        headers: dict[str, list[str]] = {}
        for line in head[1:]:
            name, _, value = line.partition(":")
            name = name.strip().lower()
            headers.setdefault(_LONG.get(name, name), []).append(value.strip())
        call_id = headers.get("call-id", [""])[0]
        match first[0]:
            case "INVITE":
                self._invited(call_id, first[1], headers, addr)
            case "ACK":
                if call := self._calls.get(call_id):
                    call.invite.acknowledged_at = time.monotonic()
            case "CANCEL":
                self._send(self._response(200, "OK", headers, "cancel"), addr)
                if (call := self._calls.get(call_id)) and call.invite.cancelled_at is None:
                    call.invite.cancelled_at = time.monotonic()
                    call.invite.cancelled.set()
                    self._finish(call, 487)
            case _:
                self._send(self._response(200, "OK", headers, "any"), addr)

    def _invited(self, call_id: str, uri: str, headers: dict[str, list[str]], addr: tuple[str, int]) -> None:
        call = self._calls.get(call_id)
        if call is not None:
            if call.headers.get("cseq") == headers.get("cseq"):
                if call.answer is not None:
                    self._send(call.answer, addr)  # a retransmission
                return
            call.headers, call.answer = headers, None  # the same call again, now with credentials
            call.invite.acknowledged_at = None
        else:
            invite = Invite(call_id, uri, headers.get("from", [""])[0], time.monotonic())
            call = self._calls[call_id] = _Call(invite, headers, addr, f"r{next(self._tags)}")
        self._send(self._response(100, "Trying", headers, None), addr)
        if self.ringing:
            call.answer = self._response(180, "Ringing", headers, call.tag)
            self._send(call.answer, addr)
        if self.status is not None:
            if self.delay:
                call.task = asyncio.create_task(self._later(call, self.status))
            else:
                self._finish(call, self.status)

    async def _later(self, call: _Call, status: int) -> None:
        await asyncio.sleep(self.delay)
        if call.invite.cancelled_at is None:
            self._finish(call, status)

    def _finish(self, call: _Call, status: int) -> None:
        call.answer = self._response(status, REASONS.get(status, "Refused"), call.headers, call.tag)
        call.task = asyncio.create_task(self._until_acknowledged(call))

    async def _until_acknowledged(self, call: _Call) -> None:
        wait = 0.5
        for _ in range(7):
            if call.invite.acknowledged_at is not None or call.answer is None:
                return
            self._send(call.answer, call.address)
            await asyncio.sleep(wait)
            wait = min(wait * 2, 4.0)

    def _response(self, status: int, reason: str, headers: dict[str, list[str]], tag: str | None) -> bytes:
        lines = [f"SIP/2.0 {status} {reason}"]
        for name in _COPIED:
            lines += [f"{name.title()}: {value}" for value in headers.get(name, [])]
        to = headers.get("to", [""])[0]
        lines.append(f"To: {to}" + (f";tag={tag}" if tag and ";tag=" not in to else ""))
        if status in (401, 407):
            name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
            lines.append(f'{name}: Digest realm="rig", nonce="{tag}", algorithm=MD5')
        if status == 180:
            lines.append(f"Contact: <sip:responder@127.0.0.1:{self.port}>")
        lines += ["Content-Length: 0", "", ""]
        return "\r\n".join(lines).encode()

    def _send(self, message: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(message, addr)


class Silent(asyncio.DatagramProtocol):
    """A port that swallows everything: a dead trunk."""

    def __init__(self) -> None:
        self.port = 0
        self._transport: asyncio.DatagramTransport | None = None
        self._seen: dict[str, float] = {}

    @property
    def calls(self) -> dict[str, float]:
        """Call-ID of each distinct INVITE -> when it first came (`time.monotonic`)."""
        return dict(self._seen)

    async def start(self) -> None:
        """Opens a free port."""
        self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", 0)
        )
        self.port = self._transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        """Closes it."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def reset(self) -> None:
        """Forgets what it saw."""
        self._seen.clear()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Counts, and says nothing."""
        del addr
        if data.startswith(b"INVITE "):
            for line in data.decode(errors="replace").split("\r\n"):
                name, _, value = line.partition(":")
                if name.strip().lower() in ("call-id", "i"):
                    self._seen.setdefault(value.strip(), time.monotonic())

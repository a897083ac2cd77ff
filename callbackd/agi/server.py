"""Listens for Asterisk in the caller's event loop; its life time belongs to the caller."""

from __future__ import annotations

import asyncio
import errno
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address

from callbackd.agi.conversation import AnswerScript, Patience, converse
from callbackd.agi.environment import LINE_LIMIT
from callbackd.agi.seldom import Seldom

log = logging.getLogger(__name__)

MOST_AT_ONCE = 200
"""Connections; each lives for a few seconds at most."""

PATIENCE_AT_END = 3.0
"""Seconds that running scripts have to finish when the server stops."""

Networks = Collection[IPv4Network | IPv6Network]


class CannotListen(Exception):
    """The address can't be listened at; the text names the cause and the mend."""


@dataclass(slots=True)
class Visitors:
    """Who may come, and who is there."""

    allow_from: Networks
    answer_script: AnswerScript
    most: int = MOST_AT_ONCE
    patience: Patience = field(default_factory=Patience)
    seldom: Seldom = field(default_factory=lambda: Seldom(log))
    _there: set[asyncio.Task[None]] = field(default_factory=set, init=False)

    def come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Somebody has connected: talk with them, or close at once without having read a byte."""
        peername = writer.get_extra_info("peername")
        address = str(peername[0]) if peername else ""
        if not is_allowed(address, self.allow_from):
            self.seldom.warning("refused a connection: not in agi.allow_from", peer=address)
            writer.transport.abort()
        elif len(self._there) >= self.most:
            self.seldom.warning("refused a connection: too many at once", peer=address, limit=self.most)
            writer.transport.abort()
        else:
            talk = converse(reader, writer, self.answer_script, self.patience, self.seldom)
            task = asyncio.get_running_loop().create_task(talk, name="agi connection")
            self._there.add(task)
            task.add_done_callback(self._gone)

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._there.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a conversation failed: a fault of ours", exc_info=error)

    async def leave(self, seconds: float) -> None:
        """Let those who are there finish, for so long; then they are cut off."""
        if self._there:
            await asyncio.wait(tuple(self._there), timeout=seconds)
        for task in tuple(self._there):
            task.cancel()
        await asyncio.gather(*self._there, return_exceptions=True)


async def serve(host: str, port: int, visitors: Visitors, ready: Callable[[int], None]) -> None:
    """Serve until cancelled; then take nobody any more, let running scripts finish, and close every socket.

    `ready` is called with the port (which is chosen if `port` is 0) once connections are accepted. Raises
    `CannotListen`.
    """
    try:
        server = await asyncio.start_server(visitors.come, host, port, limit=LINE_LIMIT)
    except OSError as error:
        raise _cannot(host, port, error) from None
    try:
        ready(server.sockets[0].getsockname()[1])
        await asyncio.get_running_loop().create_future()
    finally:
        server.close()
        await visitors.leave(PATIENCE_AT_END)


def is_allowed(address: str, networks: Networks) -> bool:
    """Whether an address is in one of the networks; an IPv4 one in IPv6 clothes counts as what it is."""
    try:
        peer = ip_address(address)
    except ValueError:
        return False
    if isinstance(peer, IPv6Address) and peer.ipv4_mapped is not None:
        peer = peer.ipv4_mapped
    return any(peer in network for network in networks)


_MENDS = {
    errno.EADDRINUSE: "it is in use, perhaps by another callbackd; stop that, or choose another port in agi.listen",
    errno.EACCES: "permission denied; choose a port from 1024 on in agi.listen",
    errno.EADDRNOTAVAIL: "this machine does not have that address; correct agi.listen",
}


def _cannot(host: str, port: int, error: OSError) -> CannotListen:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    mend = _MENDS.get(error.errno or 0) or f"{(error.strerror or 'unknown error').lower()}; correct agi.listen"
    return CannotListen(f"AGI can't listen at {where}: {mend}")

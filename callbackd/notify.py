"""What the service manager is told: ready, reloading, stopping, a line of status, and that nothing hangs.

The protocol is systemd's `sd_notify`: lines in a datagram to the socket that ``NOTIFY_SOCKET`` names. Without that
variable nothing is told, and nothing else changes.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import time
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import timedelta

log = logging.getLogger(__name__)

LINK_PATIENCE = 10.0
"""Seconds that readiness waits for the link to Asterisk once the doors listen. A PBX that is down must not make the
service fail to start: requests are taken and kept meanwhile."""

SILENCE = 45.0
"""Seconds of silence after which the link hangs. Proven, it is never silent for longer than 20 s (15 s until the next
proof, 5 s for it); being mended, never for longer than 25 s (10 s for a try, 15 s between tries)."""

_TICK = 0.2
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Standing:
    """How the daemon is at one instant.

    `listening`: every door takes connections; `proven`: the link to Asterisk is; `silent_for`: seconds since the link
    was last heard or seen at work, connected or not; `status`: the same for people, in a line.
    """

    listening: bool
    proven: bool
    silent_for: float
    status: str


class ServiceManager:
    """Who has started us and wants to know. `address` is a socket's path, or ``@NAME`` for an abstract one; None:
    nobody. `watchdog`: seconds within which it wants to hear that nothing hangs; None: it does not."""

    def __init__(self, address: str | None, watchdog: float | None = None) -> None:
        self._address = _decoded(address)
        self.watchdog = watchdog
        self.told_ready = False

    @classmethod
    def from_environment(cls, environ: MutableMapping[str, str]) -> ServiceManager:
        """As ``NOTIFY_SOCKET``, ``WATCHDOG_USEC`` and ``WATCHDOG_PID`` have it; nobody else needs them: removed."""
        address = environ.pop("NOTIFY_SOCKET", None)
        microseconds, pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", "")
        meant = pid in {"", str(os.getpid())}
        watched = meant and microseconds.isascii() and microseconds.isdecimal() and int(microseconds) > 0
        return cls(address, int(microseconds) / 1_000_000 if watched else None)

    @property
    def listens(self) -> bool:
        """Whether there is anybody to tell."""
        return self._address is not None

    def ready(self, status: str) -> None:
        """The work can begin."""
        self.told_ready = True
        self._tell("READY=1", _status(status))

    def reloading(self) -> None:
        """The configuration is being read; `reloaded` must follow. Nothing is told before the first `ready`."""
        if self.told_ready:
            self._tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def reloaded(self, status: str) -> None:
        """The end of `reloading`, however it went."""
        if self.told_ready:
            self._tell("READY=1", _status(status))

    def stopping(self, within: timedelta, status: str) -> None:
        """The end has begun, and may take as long as `within`."""
        microseconds = within // timedelta(microseconds=1)
        self._tell("STOPPING=1", f"EXTEND_TIMEOUT_USEC={microseconds}", _status(status))

    def status(self, text: str) -> None:
        """A line for people."""
        self._tell(_status(text))

    def alive(self) -> None:
        """Nothing hangs."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        """Best effort: a manager that is gone keeps nobody from their work."""
        if self._address is None:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK) as out:
                out.sendto("\n".join(lines).encode(), self._address)
        except OSError as error:
            log.debug("the service manager was not told", extra={"error": error.strerror})


async def attend(
    manager: ServiceManager,
    standing: Callable[[], Standing],
    *,
    link_patience: float = LINK_PATIENCE,
    silence: float = SILENCE,
) -> None:
    """Tell `manager` how things stand until cancelled; at once over if nobody listens.

    It is told to be alive only from this event loop, four times per period, and only while the link is proven or being
    mended: a loop that is stuck or a link that hangs is a reason to start again, a PBX that is down is none.
    """
    if not manager.listens:
        return
    clock = asyncio.get_running_loop().time
    listening_since: float | None = None
    told: str | None = None
    alive_at = float("-inf")
    while True:
        now, how = clock(), standing()
        if how.listening and listening_since is None:
            listening_since = now
        waited = listening_since is not None and (how.proven or now - listening_since >= link_patience)
        if waited and not manager.told_ready:
            manager.ready(how.status)
            told = how.status
        elif how.status != told:
            manager.status(how.status)
            told = how.status
        if manager.watchdog is not None and how.silent_for < silence and now - alive_at >= manager.watchdog / 4:
            manager.alive()
            alive_at = now
        await asyncio.sleep(_TICK)


def _decoded(address: str | None) -> str | None:
    """None for what is no Unix socket's address."""
    if not address or address[0] not in "/@" or "\0" in address:
        return None
    return f"\0{address[1:]}" if address.startswith("@") else address


def _status(text: str) -> str:
    printable = "".join(character if character.isprintable() else " " for character in text)
    return f"STATUS={printable[:_LONGEST]}"

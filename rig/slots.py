"""Ports and directories for instances that run side by side, in this process and in any other."""

from __future__ import annotations

import fcntl
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

FIRST_PORT = 11_000
"""Below the ephemeral range, so that no outgoing connection takes one of ours."""
PORTS_PER_SLOT = 500
SLOTS = 40


class NoSlotError(Exception):
    """Every slot is taken (or its ports are)."""


@dataclass(slots=True)
class Slot:
    """A range of ports that is ours while the lock files stay open; the kernel frees them if we are killed."""

    number: int
    width: int
    locks: list[IO[str]] = field(repr=False)

    @property
    def http_port(self) -> int:
        """TCP."""
        return FIRST_PORT + self.number * PORTS_PER_SLOT

    @property
    def sip_port(self) -> int:
        """UDP."""
        return self.http_port + 1

    @property
    def rtp_ports(self) -> tuple[int, int]:
        """First and last port, both included; two for each call leg."""
        return self.http_port + 10, self.http_port + self.width * PORTS_PER_SLOT - 1

    def release(self) -> None:
        """Gives it back."""
        for lock in self.locks:
            lock.close()
        self.locks.clear()


def take(folder: Path, width: int = 1, limit: float = 60.0) -> Slot:
    """Takes `width` adjoining slots whose ports are free, waiting up to `limit` seconds for one."""
    folder.mkdir(parents=True, exist_ok=True)
    until = time.monotonic() + limit
    while True:
        for number in range(SLOTS - width + 1):
            if slot := _try(folder, number, width):
                return slot
        if time.monotonic() > until:
            raise NoSlotError(f"all {SLOTS} port ranges from {FIRST_PORT} on are taken (locks in {folder})")
        time.sleep(0.2)


def _try(folder: Path, number: int, width: int) -> Slot | None:
    slot = Slot(number, width, [])
    for wanted in range(number, number + width):
        lock = (folder / f"{wanted:02d}.lock").open("w")
        slot.locks.append(lock)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            slot.release()
            return None
    if _bindable(socket.SOCK_STREAM, slot.http_port) and _bindable(socket.SOCK_DGRAM, slot.sip_port):
        return slot
    slot.release()
    return None


def _bindable(kind: socket.SocketKind, port: int) -> bool:
    with socket.socket(socket.AF_INET, kind) as probe:
        if kind is socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

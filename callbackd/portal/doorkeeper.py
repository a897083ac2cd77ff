"""How often an address may get the token wrong: each further failure costs a longer wait."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

FREE = 3
"""Failures that cost nothing: people mistype."""

FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=5)

FORGOTTEN_AFTER = timedelta(minutes=30)
"""An address that has not failed for so long begins anew."""

MOST_ADDRESSES = 10_000
"""Addresses that are remembered; the one that failed longest ago makes room."""


class _Failures(NamedTuple):
    times: int
    last: datetime


class Doorkeeper:
    """Counts failed logins per address (per /64 of IPv6, which one party holds as a whole). In memory only."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._failed: dict[str, _Failures] = {}

    def wait(self, address: str) -> timedelta:
        """How long this address must still wait before its next try is looked at; zero if it need not."""
        failures = self._of(_party(address))
        if failures is None or failures.times < FREE:
            return timedelta(0)
        wait = min(FIRST_WAIT * (1 << min(failures.times - FREE, 20)), LONGEST_WAIT)
        return max(timedelta(0), failures.last + wait - self._now())

    def failed(self, address: str) -> None:
        """It got the token wrong."""
        party = _party(address)
        failures = self._of(party)
        self._failed.pop(party, None)
        while len(self._failed) >= MOST_ADDRESSES:
            del self._failed[next(iter(self._failed))]
        self._failed[party] = _Failures(1 if failures is None else failures.times + 1, self._now())

    def succeeded(self, address: str) -> None:
        """It got it right."""
        self._failed.pop(_party(address), None)

    def _of(self, party: str) -> _Failures | None:
        failures = self._failed.get(party)
        return None if failures is None or self._now() - failures.last > FORGOTTEN_AFTER else failures


def _party(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, ipaddress.IPv4Address):
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, 64), strict=False))

"""The one clock and the one source of chance, both passed in."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random
from typing import Protocol

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS = 80
_ID_LENGTH = 26


class Clock(Protocol):
    """What time it is."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC, in whole milliseconds."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC, in whole milliseconds."""
        now = datetime.now(UTC)
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def new_id(clock: Clock, random: Random) -> str:
    """A new call-back id: 26 characters of Crockford's base 32 in lower case, in order of time (a ULID)."""
    value = int(clock.now().timestamp() * 1000) << _RANDOM_BITS | random.getrandbits(_RANDOM_BITS)
    characters = []
    for _ in range(_ID_LENGTH):
        value, digit = divmod(value, len(_ALPHABET))
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))

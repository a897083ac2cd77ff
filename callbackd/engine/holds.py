"""Numbers that are on a call to us at this moment, and are not dialled until it ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from callbackd.engine.clock import Clock

LONGEST = timedelta(hours=2)
"""How long one call holds a number at most: its end may never be told, and no call-back is lost for that."""

MOST_CALLS = 32
"""Calls that hold one number at a time; the oldest makes room."""


class Holds:
    """Which numbers are held, per profile. A number is held while any call holds it.

    In memory only: a restart forgets it all, and at worst a client who is on the line to us is called.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._held: dict[str, dict[str, dict[str, datetime]]] = {}

    def hold(self, profile: str, number: str, call: str) -> None:
        """`call` (any text that names it) holds the number from now on; the same call twice is one."""
        calls = self._held.setdefault(profile, {}).setdefault(number, {})
        calls.pop(call, None)
        while len(calls) >= MOST_CALLS:
            del calls[next(iter(calls))]
        calls[call] = self._clock.now() + LONGEST

    def release(self, numbers: Collection[str], call: str) -> bool:
        """The call is over: it holds none of these numbers any more. True if it held one, in any profile."""
        found = False
        for held in self._held.values():
            for number in numbers:
                calls = held.get(number, {})
                found = calls.pop(call, None) is not None or found
        self._forget()
        return found

    def held(self, profile: str) -> frozenset[str]:
        """The numbers that the profile may not dial now."""
        self._forget()
        return frozenset(self._held.get(profile, ()))

    def _forget(self) -> None:
        """Drop what has run out and what nobody holds."""
        now = self._clock.now()
        for profile, numbers in tuple(self._held.items()):
            for number, calls in tuple(numbers.items()):
                for call in [call for call, until in calls.items() if until <= now]:
                    del calls[call]
                if not calls:
                    del numbers[number]
            if not numbers:
                del self._held[profile]

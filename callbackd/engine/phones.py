"""What the engine asks of the telephone side; `callbackd.ari.switchboard` keeps it, and so does a simulated PBX."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from callbackd.domain.telephony import Effect, Happening, Leg, Line


class Phones(Protocol):
    """Legs and bridges, told in the domain's words."""

    def open(self, line: Line) -> None:
        """Follow the events of a call from now on: before anything is asked for it."""

    def adopt(self, line: Line, legs: frozenset[Leg]) -> None:
        """Follow a call that was up before we were; the first `Hush` of a leg ends the tones it may hear."""

    async def close(self, line: Line) -> None:
        """The call is over: its bridge goes, and whatever is left of its legs."""

    async def perform(self, line: Line, effect: Effect) -> Sequence[Happening]:
        """Carry out one effect on the phones. What failed at once is returned as what it means for the call."""

    async def interpret(self, line: Line, signal: object) -> Sequence[Happening]:
        """What an event that was handed to the call means for it."""

    async def unseen_answer(self, line: Line, leg: Leg) -> Sequence[Happening] | None:
        """What a leg's answer means for the call, if it was answered and nobody was told; None if that can't be known.

        To be asked before a ring time-out is believed: two people may be talking.
        """

    async def still_up(self, lines: Sequence[Line]) -> Sequence[frozenset[Leg]] | None:
        """The legs of each of these calls that are up, by one look for all; None if that can't be known."""

    def agents_available(self, queue: str) -> bool:
        """Whether an Asterisk queue has a member that could be rung."""

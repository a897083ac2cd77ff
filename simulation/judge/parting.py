"""How calls end: two who talk part by themselves, and a caller in the menu is handed back."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from simulation.asterisk.phones import Call, Side, Talk
from simulation.judge.evidence import Evidence, calls_in, leg_of, must

RACE = 8.0
"""Seconds of talk within which whoever ended the call may not have known of the answer yet."""

QUIET_RACE = 1.0
"""The same, where nothing had gone wrong from a while before the talk."""

LONG_BEFORE = 60.0


class Parting:
    """`over` is told of each call that ends."""

    def __init__(self, evidence: Evidence, look: Callable[[], None]) -> None:
        self._evidence = evidence
        self._look = look
        self.crashed_at: set[float] = set()
        """When Asterisk died, and took all calls with it."""
        self._untold: set[tuple[str, str, int]] = set()

    def lost(self, event: Mapping[str, object]) -> None:
        """An event was lost for good: of its call we may not know that two talk."""
        self._untold.update(calls_in(repr(event)))

    def over(self, leg: str, number: str) -> None:
        """A call is over. Two who talk are parted by themselves, never by us; a caller in the menu is handed back."""
        both = (*self._evidence.calls, *self._evidence.callers)
        call = next((each for each in reversed(both) if each.leg == leg and each.number == number), None)
        if call is None or call.ended_at is None:
            return
        self._evidence.story.tell(f"   {number} is over, by {call.ended_by}")
        if call.ended_by is not Side.ASTERISK or call.ended_at in self.crashed_at:
            return
        if call.incoming:
            self._caller_over(call)
            return
        found = leg_of(call.leg)
        if found is None or found.call in self._untold:
            return
        for talk in call.talked:
            length = (call.ended_at if talk.until is None else talk.until) - talk.at
            other = next(
                (each for each in self._evidence.calls if each.leg == talk.leg and each.answered_at is not None), None
            )
            if (talk.until is None or talk.until >= call.ended_at) and length >= self._race(talk) and other is not None:
                must(
                    other.ended_at is not None and other.ended_at < call.ended_at,
                    f"{call.number} ({call.leg}) talked with {other.number} for {length:.1f} s and was cut off",
                )

    def _race(self, talk: Talk) -> float:
        return QUIET_RACE if self._evidence.quiet_since(talk.at - LONG_BEFORE) else RACE

    def _caller_over(self, call: Call) -> None:
        """We end a caller's call after the goodbye only: then a call-back is kept."""
        if call.continued_at is not None:
            return
        self._look()
        rung_at = self._said_at(call.rung_at)
        keyed = "".join(digit for _, digit in call.pressed)
        kept = self._evidence.one(
            "SELECT 1 FROM callbacks WHERE requested_at >= ? OR number = ?"
            " OR instr(?, substr(number, -10)) AND coalesce(ended_at, ?) >= ?",
            *(rung_at, call.number, keyed, rung_at, rung_at),
        )
        must(kept is not None, f"{call.number} was in the menu, has no call-back, and was hung up")

    def _said_at(self, time: float) -> int:
        """What the daemon's clock said then, or a moment before."""
        said = min(self._evidence.clock.said_within(self._evidence.world.time - time + 1))
        return int(said.timestamp() * 1000)

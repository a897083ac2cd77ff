"""A phone and Asterisk on one call: what the phone does, as its behaviour says, and what it gets to hear."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from simulation.asterisk.phones import BUSY, Call, Heard, Press, Refusal, Side, Signal
from simulation.world import Happening, World

WIRE = (0.001, 0.01)
"""Seconds that SIP takes each way."""

KEY = (0.08, 0.2)
"""Seconds for which a key is held: Asterisk reports it when it is let go."""

Record = Callable[[str, Call, str], None]


class Party(Protocol):
    """What a channel has at its far end: one phone, or those behind a Local channel."""

    speaker: Line | None
    """The one that hears what is played to the channel."""

    def dial(self) -> None:
        """Ring."""

    def end(self, cause: int) -> None:
        """The channel is gone."""

    def rang(self, line: Line) -> None:
        """180 has arrived."""

    def progressed(self, line: Line) -> None:
        """183 has arrived."""

    def answered(self, line: Line) -> None:
        """200 has arrived."""

    def refused(self, line: Line, refusal: Refusal) -> None:
        """A final refusal has arrived."""

    def hung_up(self, line: Line) -> None:
        """A BYE has arrived."""

    def pressed(self, line: Line, digit: str) -> None:
        """A key was let go."""


class Line:
    """One call between a phone and Asterisk. The phone's side does as its behaviour says, until the call is over."""

    def __init__(self, world: World, call: Call, party: Party, record: Record, changed: Callable[[], None]) -> None:
        self.call = call
        self.party = party
        self._world = world
        self._record = record
        self._changed = changed
        self._planned: list[Happening] = []
        self._counted: list[Press] = []
        self._media_heard = 0
        self._over = False
        self.begun = False
        """The phone knows of it."""
        call.line = self

    # What Asterisk does.

    def ring(self) -> None:
        """The call arrives at the phone."""
        call = self.call
        self.begun = True
        call.rung_at = self._world.time
        call.phone.calls.append(call)
        call.phone.live += 1
        self._record("rung", call, call.caller_number)
        self._changed()
        call.behaviour = behaviour = call.phone.owner(call)
        if self._over:
            return
        if behaviour.vanish_after is not None:
            self._later(behaviour.vanish_after, self.vanish)
        if behaviour.signal is Signal.RINGING:
            self._later(behaviour.signal_after, self.signal_ringing)
        elif behaviour.signal is Signal.PROGRESS:
            self._later(behaviour.signal_after, self.signal_progress)
        if behaviour.refuse_after is not None:
            self._later(behaviour.refuse_after, lambda: self.refuse(behaviour.refusal))
        if behaviour.answer_after is not None:
            self._later(behaviour.answer_after, self.answer)

    def arrive(self) -> None:
        """The phone has called Asterisk, and is up or soon will be; the behaviour counts from now."""
        call = self.call
        self.begun = True
        call.phone.calls.append(call)
        call.phone.live += 1
        self._record("calls", call, "")
        self._changed()
        call.behaviour = call.phone.owner(call)
        if call.behaviour.vanish_after is not None:
            self._later(call.behaviour.vanish_after, self.vanish)

    def pick_up(self) -> None:
        """Asterisk answers the phone's call."""
        self._up()

    def end(self, cause: int, detail: str = "") -> None:
        """Asterisk ends the call: a CANCEL or a BYE."""
        self._finish(Side.ASTERISK, cause, None, detail)

    def hear(self, medium: str, playback: str) -> None:
        """A medium begins to play to it."""
        call = self.call
        if not call.up or call.vanished_at is not None:
            return
        call.heard.append(Heard(medium, playback, self._world.time))
        self._media_heard += 1
        for press in list(self._counted):
            if press.playback == self._media_heard or (press.media is not None and press.media in medium):
                self._counted.remove(press)
                self._press_all(press)
        hang_up_on = call.behaviour.hang_up_on
        if hang_up_on is not None and hang_up_on in medium:
            self._later(call.behaviour.hang_up_after or 0.2, self.hang_up)

    def hear_no_more(self, playback: str) -> None:
        """What that playback played is over."""
        for heard in reversed(self.call.heard):
            if heard.playback == playback:
                if heard.until is None:
                    heard.until = self._world.time
                return

    # What the phone does.

    def signal_ringing(self) -> None:
        """180."""
        call = self.call
        if self._can() and call.answered_at is None and call.rang_at is None:
            call.rang_at = self._world.time
            self._record("rings", call, "")
            self._tell(lambda: self.party.rang(self))

    def signal_progress(self) -> None:
        """183."""
        call = self.call
        if self._can() and call.answered_at is None and call.progress_at is None:
            call.progress_at = self._world.time
            self._record("progress", call, "")
            self._tell(lambda: self.party.progressed(self))

    def answer(self) -> None:
        """Pick up."""
        if self._can() and self.call.answered_at is None and not self.call.incoming:
            self._up()
            self._tell(lambda: self.party.answered(self))

    def refuse(self, refusal: Refusal = BUSY) -> None:
        """Say no."""
        if self._can() and self.call.answered_at is None:
            self._finish(Side.PHONE, refusal.cause, refusal.tech_cause, "refused")
            self._tell(lambda: self.party.refused(self, refusal), even_over=True)

    def press(self, digit: str) -> None:
        """Press a key."""
        if self._can() and self.call.answered_at is not None:
            self.call.pressed.append((self._world.time, digit))
            self._record("pressed", self.call, digit)
            self._world.after(
                self._world.chance.uniform(*KEY), lambda: None if self._over else self.party.pressed(self, digit)
            )

    def hang_up(self) -> None:
        """Put down."""
        if self._can() and (self.call.answered_at is not None or self.call.incoming):
            self._finish(Side.PHONE, 16, None, "")
            self._tell(lambda: self.party.hung_up(self), even_over=True)

    def vanish(self) -> None:
        """Gone without a word."""
        if self._can():
            self.call.vanished_at = self._world.time
            self._record("vanished", self.call, "")
            self._call_off()

    # How.

    def _can(self) -> bool:
        return not self._over and self.call.vanished_at is None

    def _later(self, seconds: float, action: Callable[[], None]) -> None:
        self._planned.append(self._world.after(seconds, action))

    def _tell(self, what: Callable[[], None], *, even_over: bool = False) -> None:
        """Asterisk learns of it a moment later, unless the call is over by then."""
        self._world.after(
            self._world.chance.uniform(*WIRE), lambda: what() if even_over or not self._over else None
        )

    def _up(self) -> None:
        call = self.call
        call.answered_at = self._world.time
        self._record("answered", call, "")
        behaviour = call.behaviour
        for press in behaviour.presses:
            if press.playback is None and press.media is None:
                self._press_all(press)
            else:
                self._counted.append(press)
        if behaviour.hang_up_after is not None and behaviour.hang_up_on is None:
            self._later(behaviour.hang_up_after, self.hang_up)

    def _press_all(self, press: Press) -> None:
        for index, digit in enumerate(press.digits):
            self._later(press.after + index * press.gap, lambda digit=digit: self.press(digit))  # type: ignore[misc]

    def _finish(self, by: Side, cause: int, tech_cause: int | None, detail: str) -> None:
        if self._over:
            return
        self._over = True
        self._call_off()
        call = self.call
        now = self._world.time
        call.ended_at, call.ended_by, call.cause = now, by, cause
        for heard in call.heard:
            if heard.until is None:
                heard.until = now
        call.phone.live -= 1
        self._record("ended", call, f"by {by} cause {cause}" + (f" sip {tech_cause}" if tech_cause else "") + detail)
        self._changed()

    def _call_off(self) -> None:
        for happening in self._planned:
            happening.call_off()
        self._planned.clear()
        self._counted.clear()

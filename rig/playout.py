"""When what arrived is played: packets of RTP, put one after the other as a phone's jitter buffer would."""

from __future__ import annotations

import math
from array import array

from rig.audio import RATE

JITTER = 0.06
"""A packet within this of where its RTP time stamp puts it is played there; the first of a talk spurt, and the first
after a gap of more than this, is played when it arrives."""

BUFFER = 1.0
"""Seconds that a patient listener keeps of what comes all at once, each packet following on the last."""

LATE = 0.25
"""After a gap that leaves the sender no later than this, a patient listener has heard none. (Asterisk's time stamps do
not count the silence between two sounds: more is one.)"""


class Playout:
    """What packets make up: `samples`, from the instant 0 of whoever says when they arrived.

    `strict` is for how it sounded, gaps and all. `patient` is for what was said: a busy machine sends late, and then
    all at once, and none of it must be lost.
    """

    def __init__(self, ahead: float, late: float) -> None:
        self.samples = array("h")
        self._ahead = ahead
        self._late = late
        self._base: tuple[int, int] | None = None  # RTP time stamp, sample position
        self._length = 0
        self._behind = 0.0

    @classmethod
    def strict(cls) -> Playout:
        """As a phone that buffers nearly nothing."""
        return cls(JITTER, -math.inf)

    @classmethod
    def patient(cls) -> Playout:
        """As somebody who writes down what was said."""
        return cls(BUFFER, LATE)

    def play(self, heard: array[int], arrived: float, stamp: int, gap: float, *, begins: bool) -> None:
        """A packet that arrived at that instant, `gap` seconds after the one before; `begins`: a talk spurt."""
        place = max(0, round(arrived * RATE))
        behind = 0.0
        if self._base is not None and not begins:
            step = (stamp - self._base[0] + (1 << 31)) % (1 << 32) - (1 << 31)
            late = (place - self._base[1] - step) / RATE
            ahead = self._ahead if step == self._length else JITTER
            still = max(JITTER, min(self._late, JITTER + self._behind))
            if -ahead <= late <= (still if gap <= JITTER else self._late):
                place = self._base[1] + step
                behind = late
        self._base, self._length, self._behind = (stamp, place), len(heard), max(0.0, behind)
        if place < 0:
            return
        end = place + len(heard)
        if end > len(self.samples):
            self.samples.extend(array("h", bytes(2 * (end - len(self.samples)))))
        self.samples[place:end] = heard

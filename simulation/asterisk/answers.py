"""Asterisk's answers, in its own words as they were measured, and those that come later."""

from __future__ import annotations

from collections.abc import Callable

from callbackd.ari.transport import Response

DONE = Response(204)
ALLOCATION_FAILED = Response(500, {"error": "Allocation failed"})
TAKEN = Response(409, {"message": "Channel with given unique ID already exists"})
NO_CHANNEL = Response(404, {"message": "Channel not found"})
NO_BRIDGE = Response(404, {"message": "Bridge not found"})
NO_PLAYBACK = Response(404, {"message": "Playback not found"})
NO_APPLICATION = Response(404, {"message": "Application not found"})
NOT_IN_STASIS = Response(409, {"message": "Channel not in Stasis application"})


class Unsimulated(AssertionError):
    """callbackd asked for something that the simulated Asterisk does not know: it must learn it first."""


class Waiting:
    """An answer that comes later. `then` says who gets it."""

    def __init__(self) -> None:
        self._answer: Callable[[Response], None] | None = None
        self._broken: Callable[[], None] | None = None

    @property
    def waits(self) -> bool:
        """It has not come yet."""
        return self._answer is not None

    def then(self, answer: Callable[[Response], None], broken: Callable[[], None] = lambda: None) -> None:
        """`answer` gets it; `broken` is called instead if Asterisk dies before."""
        self._answer, self._broken = answer, broken

    def give(self, found: Response) -> None:
        """Here it is."""
        if self._answer is not None:
            answer, self._answer = self._answer, None
            answer(found)

    def break_off(self) -> None:
        """It will never come."""
        if self._answer is not None and self._broken is not None:
            self._answer = None
            self._broken()

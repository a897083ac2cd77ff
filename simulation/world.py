"""What happens outside the daemon: virtual time, and a queue of what is to happen in it."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random


@dataclass(order=True, slots=True)
class Happening:
    """Something that will happen, unless it is called off."""

    at: float
    order: int
    action: Callable[[], None] = field(compare=False)
    off: bool = field(default=False, compare=False)

    def call_off(self) -> None:
        """It will not happen."""
        self.off = True


class World:
    """Time in seconds since `start`, the only source of chance, and what is still to happen.

    Whoever runs the simulation moves time on: everything else only reads it and asks for something to happen later.
    """

    def __init__(self, start: datetime, seed: int) -> None:
        self.chance = Random(seed)
        self.time = 0.0
        self._start = start.astimezone(UTC)
        self._queue: list[Happening] = []
        self._order = itertools.count()

    def instant(self) -> datetime:
        """The true time, aware, in UTC. The daemon's clock may stray from it."""
        return self._start + timedelta(seconds=self.time)

    def after(self, seconds: float, action: Callable[[], None]) -> Happening:
        """`action` happens in `seconds`; what is asked for at one instant happens in the order of asking."""
        happening = Happening(self.time + max(seconds, 0.0), next(self._order), action)
        heapq.heappush(self._queue, happening)
        return happening

    def next_at(self) -> float | None:
        """When something happens next; None if nothing ever does."""
        while self._queue and self._queue[0].off:
            heapq.heappop(self._queue)
        return self._queue[0].at if self._queue else None

    def happen(self) -> bool:
        """Let the next thing that is due by now happen. False if there is none."""
        at = self.next_at()
        if at is None or at > self.time:
            return False
        heapq.heappop(self._queue).action()
        return True

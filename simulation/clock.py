"""The daemon's wall clock, which may be wrong: it is set, and it runs fast or slow. True is the world's time."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from simulation.world import World


class StrayClock:
    """A `callbackd.engine.clock.Clock`. `drift` is in seconds per second."""

    def __init__(self, world: World, drift: float = 0.0) -> None:
        self._world = world
        self._drift = drift
        self._steps: list[tuple[float, float]] = [(0.0, 0.0)]

    def now(self) -> datetime:
        """What the clock says: aware, in UTC, in whole milliseconds."""
        return self._said(self._world.time, self._steps[-1][1])

    def step(self, seconds: float) -> None:
        """Somebody sets it, forward or back."""
        self._steps.append((self._world.time, self._steps[-1][1] + seconds))

    @property
    def stepped_at(self) -> float:
        """When it was set last, by the world's time."""
        return self._steps[-1][0]

    def said_within(self, seconds: float) -> Iterator[datetime]:
        """What it said in so many seconds up to now, the latest first: every second, and around each setting."""
        now = self._world.time
        since = max(now - seconds, 0.0)
        until = now
        for at, offset in reversed(self._steps):
            time = until
            while time > max(at, since):
                yield self._said(time, offset)
                time -= 1.0
            yield self._said(max(at, since), offset)
            until = at
            if at <= since:
                return

    def _said(self, time: float, offset: float) -> datetime:
        wrong_by = offset + self._drift * time
        said = self._world.instant() + timedelta(seconds=time - self._world.time + wrong_by)
        return said.replace(microsecond=said.microsecond // 1000 * 1000)

"""An event loop whose clock jumps to the next timer: minutes take microseconds.

It does not jump while somebody works outside of it (a database's thread): `elsewhere` counts such work.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, ParamSpec

P = ParamSpec("P")

LONGEST = timedelta(days=400)
"""Of virtual time: a scenario that goes on for longer hangs."""


class Stuck(AssertionError):
    """Nothing will ever happen any more, or for too long."""


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop whose `time` begins at 0."""

    def __init__(self) -> None:
        super().__init__()
        self._virtual = 0.0
        self.elsewhere = 0

    def time(self) -> float:
        """Virtual seconds since the loop was made."""
        return self._virtual

    def _run_once(self) -> None:
        if not self._ready and not self.elsewhere:  # type: ignore[attr-defined]
            timers = [timer.when() for timer in self._scheduled if not timer.cancelled()]  # type: ignore[attr-defined]
            if not timers:
                raise Stuck("everybody waits, and no timer runs")
            self._virtual = max(self._virtual, min(timers))
            if self._virtual > LONGEST.total_seconds():
                raise Stuck("more than a year has gone by")
        super()._run_once()  # type: ignore[misc]


class VirtualClock:
    """The loop's time as the clock on the wall; `start` is when the loop began."""

    def __init__(self, start: datetime) -> None:
        self._start = start.astimezone(UTC)

    def now(self) -> datetime:
        """The present instant, aware, in UTC, in whole milliseconds."""
        now = self._start + timedelta(seconds=asyncio.get_running_loop().time())
        return now.replace(microsecond=now.microsecond // 1000 * 1000)


def run(main: Coroutine[Any, Any, None]) -> None:
    """Run a scenario to its end."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        runner.run(main)


def in_virtual_time(scenario: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a test of a scenario."""

    @functools.wraps(scenario)
    def test(*args: P.args, **kwargs: P.kwargs) -> None:
        run(scenario(*args, **kwargs))

    return test

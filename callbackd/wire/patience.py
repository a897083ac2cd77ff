"""How long to wait before trying again, and how often to complain about it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: waits are random between half of a bound and the bound, which doubles from `first` to `longest`."""

    first: float = 0.5
    longest: float = 60.0


class Backoff:
    """The waits between tries of one thing."""

    def __init__(self, patience: Patience, chance: Random) -> None:
        self._patience = patience
        self._chance = chance
        self._bound = patience.first

    def next(self) -> float:
        """How long to wait now; the next wait is about twice as long."""
        bound = self._bound
        self._bound = min(self._patience.longest, bound * 2)
        return self._chance.uniform(bound / 2, bound)

    def reset(self) -> None:
        """It worked: the next wait is a short one."""
        self._bound = self._patience.first


class Trouble:
    """What is wrong with one thing, told once per change: one line when it goes wrong, one when it is over.

    While it lasts a further line comes only for a reason that has not been told yet.
    """

    def __init__(self, log: logging.Logger, what: str, **fields: object) -> None:
        self._log = log
        self._what = what
        self._fields = fields
        self._told: set[str] = set()

    def tell(self, reason: str) -> bool:
        """It does not work, for that reason; it is tried again. Whether that was news."""
        if reason in self._told:
            return False
        self._told.add(reason)
        self._log.warning("%s: trying again", self._what, extra={**self._fields, "reason": reason})
        return True

    def over(self) -> None:
        """It works."""
        if self._told:
            self._told.clear()
            self._log.info("%s: works again", self._what, extra=self._fields)

    def forget(self) -> None:
        """It works, and that has been said otherwise."""
        self._told.clear()


async def failure_of(work: Coroutine[None, None, None]) -> BaseException | None:
    """Do some work to its end; what it failed of, if it did. Of several failures at once, the first.

    If this is cancelled the work is too; `CancelledError` is raised once it has ended, whatever it raised meanwhile.
    """
    task = asyncio.create_task(work)
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.exception()
        raise
    failure = task.exception()
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure

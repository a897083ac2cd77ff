"""How long to wait before trying again, and how often to complain about it."""

from __future__ import annotations

import asyncio
import logging
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

    def tell(self, reason: str) -> None:
        """It does not work, for that reason; it is tried again."""
        if reason not in self._told:
            self._told.add(reason)
            self._log.warning("%s: trying again", self._what, extra={**self._fields, "reason": reason})

    def over(self) -> None:
        """It works."""
        if self._told:
            self._told.clear()
            self._log.info("%s: works again", self._what, extra=self._fields)

    def forget(self) -> None:
        """It works, and that has been said otherwise."""
        self._told.clear()


def leave_if_cancelled() -> None:
    """For a loop that outlives every failure: a failure while it was being cancelled must not keep it going.

    Raises `asyncio.CancelledError` if the present task was cancelled.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError

"""Reports in the making: one is counted at a time, whoever waits sees how far it is, and each is kept a while."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import date

from callbackd.engine.reports import Reports
from callbackd.portal.report import Told, told

FRESH = 30.0
"""Seconds for which a report is kept: days past do not change much."""

MOST_KEPT = 20

PATIENCE = 0.7
"""Seconds after which a page shows how far the count is, instead of the report."""

ABANDONED = 30.0
"""Seconds after which a count that nobody asks about any more is given up."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which report: of these profiles together, from day to day."""

    profiles: tuple[str, ...]
    first: date
    last: date

    @property
    def days(self) -> int:
        """How many days are to be counted, over all profiles."""
        return ((self.last - self.first).days + 1) * len(self.profiles)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a count is: so many of all `days`. None are counted while another report is."""

    counted: int
    days: int

    @property
    def percent(self) -> int:
        """How much is done."""
        return 100 * self.counted // self.days


class _Count:
    """One report being counted."""

    def __init__(self, asked: Asked, reports: Reports, turn: asyncio.Lock) -> None:
        self._asked = asked
        self._reports = reports
        self._turn = turn
        self.counted = 0
        self.wanted_at = time.monotonic()
        self.task = asyncio.create_task(self._count(), name="report")
        self.task.add_done_callback(_look_at)

    async def _count(self) -> tuple[float, Told]:
        asked = self._asked
        async with self._turn:
            self._go_on()
            found = [await self._reports.of(name, asked.first, asked.last, self._done) for name in asked.profiles]
        answer = await asyncio.to_thread(told, found)
        return time.monotonic(), answer

    def _done(self, days: int) -> None:
        self.counted += days
        self._go_on()

    def _go_on(self) -> None:
        """Raises `CancelledError` if nobody wants it any more."""
        if time.monotonic() - self.wanted_at >= ABANDONED:
            raise asyncio.CancelledError


class Counting:
    """Answers with reports, or with how far they are."""

    def __init__(self, reports: Reports) -> None:
        self._reports = reports
        self._turn = asyncio.Lock()
        self._counts: dict[Asked, _Count] = {}

    async def report(self, asked: Asked) -> Told | Progress:
        """The report, if it is there within `PATIENCE`; else it is being counted. Raises `StoreError`."""
        count = self._counts.get(asked)
        if count is None or _is_old(count):
            self._make_room()
            count = self._counts[asked] = _Count(asked, self._reports, self._turn)
        count.wanted_at = time.monotonic()
        await asyncio.wait({count.task}, timeout=PATIENCE)
        if not count.task.done() or count.task.cancelled():
            return Progress(count.counted, asked.days)
        if count.task.exception() is not None:
            self._counts.pop(asked, None)
        return count.task.result()[1]

    def progress(self, asked: Asked) -> Progress | None:
        """How far it is; None if it is not being counted: then the report is there, or must be asked for."""
        count = self._counts.get(asked)
        if count is None or count.task.done():
            return None
        count.wanted_at = time.monotonic()
        return Progress(count.counted, asked.days)

    def _make_room(self) -> None:
        for asked, count in list(self._counts.items()):
            if _is_old(count) or (len(self._counts) >= MOST_KEPT and count.task.done()):
                del self._counts[asked]


def _is_old(count: _Count) -> bool:
    if not count.task.done():
        return False
    if count.task.cancelled():
        return True
    return count.task.exception() is None and time.monotonic() - count.task.result()[0] >= FRESH


def _look_at(task: asyncio.Task[tuple[float, Told]]) -> None:
    """Whoever asks again is told of an error; if nobody does it is nobody's."""
    if not task.cancelled():
        task.exception()


"""A disk in virtual time: the real SQLite does what it is asked in an instant, which can be late; statements can fail.

`Disk.connect` stands in for `aiosqlite.connect`: a connection whose work is done by the loop and not by a thread. As
there, a visit that has been asked for is carried out even if nobody waits for it any more, one after another. A kill
hits before a visit or after it: in the midst of a transaction it leaves what it left before.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import aiosqlite

from simulation.world import World

WRITING = (0.0005, 0.004)
"""Seconds, from and to, that a healthy disk takes to make a transaction durable."""

UNDONE = 0.5
"""How often a statement that fails takes its whole transaction with it: SQLite may do either."""


class Trouble(StrEnum):
    """What a disk can have."""

    NONE = "none"
    FULL = "full"
    BROKEN = "broken"
    SLOW = "slow"
    LASTING = "lasting"
    """What it says had failed to be committed is there all the same."""


_CODES = {
    Trouble.FULL: (sqlite3.SQLITE_FULL, "database or disk is full"),
    Trouble.BROKEN: (sqlite3.SQLITE_IOERR, "disk I/O error"),
}
_WRITES = frozenset({"INSERT", "UPDATE", "DELETE", "COMMIT"})


@dataclass(slots=True)
class _Visit:
    """One call of the database, and who waits for it."""

    function: Callable[[], Any]
    waits: asyncio.Future[Any]


class Disk:
    """`trouble` is what it has now; `odds` is how likely a statement is hit by it. `failures` counts the hits, `acts`
    the visits of connections that may write: while it stays, so does what is written."""

    def __init__(self, world: World, chance: Random) -> None:
        self._world = world
        self._chance = chance
        self.trouble = Trouble.NONE
        self.odds = 1.0
        self.failures = 0
        self.acts = 0
        self._open: list[Connection] = []

    def connect(self, path: Path, *, isolation_level: None = None) -> Connection:
        """As `aiosqlite.connect`."""

        def open_it() -> sqlite3.Connection:
            opened = sqlite3.connect(str(path), isolation_level=isolation_level, factory=_Failing)
            opened.disk = self
            return opened

        connection = Connection(self, open_it)
        self._open.append(connection)
        return connection

    def cut(self) -> None:
        """The process that had it open is no more: what was not committed is undone, as at any kill."""
        for connection in self._open:
            connection.cut()
        self._open.clear()

    def takes(self, *, writes: bool) -> float:
        """Seconds that a visit takes."""
        if self.trouble is Trouble.SLOW and self._chance.random() < self.odds:
            return self._chance.uniform(0.05, 3.0)
        if writes:
            return self._chance.uniform(*WRITING)
        return 0.0

    def check(self, connection: sqlite3.Connection, statement: str) -> None:
        """Fail, if the disk does. A full one can be read; a broken one can't. Giving up is always possible."""
        if self.trouble not in _CODES:
            return
        word = statement.lstrip()[:6].upper()
        if word == "ROLLBA" or (self.trouble is Trouble.FULL and word not in _WRITES):
            return
        if self._chance.random() >= self.odds:
            return
        self.failures += 1
        if connection.in_transaction and self._chance.random() < UNDONE:
            connection.rollback()
        code, text = _CODES[self.trouble]
        raise _error(code, text)

    def check_done(self, statement: str) -> None:
        """Fail although it is done."""
        if self.trouble is not Trouble.LASTING or statement.lstrip()[:6].upper() != "COMMIT":
            return
        if self._chance.random() < self.odds:
            self.failures += 1
            raise _error(sqlite3.SQLITE_IOERR, "disk I/O error")


def _error(code: int, text: str) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError(text)
    error.sqlite_errorcode = code
    return error


class _Failing(sqlite3.Connection):
    """Asks the disk before each statement."""

    disk: Disk

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        self.disk.check(self, sql)
        done = super().execute(sql, parameters)
        self.disk.check_done(sql)
        return done

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        self.disk.check(self, sql)
        return super().executemany(sql, parameters)


class Connection(aiosqlite.Connection):
    """Its statements are run by the loop, one after another."""

    def __init__(self, disk: Disk, connector: Callable[[], sqlite3.Connection]) -> None:
        super().__init__(connector, iter_chunk_size=64)
        self._disk = disk
        self._writes = True
        self._visits: deque[_Visit] = deque()
        self.written = False

    def __await__(self) -> Generator[Any, None, aiosqlite.Connection]:
        return self._connect().__await__()

    async def _connect(self) -> aiosqlite.Connection:
        await asyncio.sleep(0)
        if self._connection is None:
            self._connection = self._connector()
        return self

    async def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            await asyncio.sleep(0)
            self.cut()

    def stop(self) -> None:
        """There is no thread."""
        self.cut()

    def cut(self) -> None:
        """Close it in the middle of whatever it does: SQLite rolls back what was not committed."""
        self._running = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    async def executescript(self, sql_script: str) -> Any:  # type: ignore[override]
        """As in aiosqlite, without a cursor."""
        if "query_only" in sql_script:
            self._writes = False
        return await self._execute(self._conn.executescript, sql_script)

    async def _execute(self, fn: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if not self._running or self._connection is None:
            raise ValueError("Connection closed")
        visit = _Visit(partial(fn, *args, **kwargs), asyncio.get_running_loop().create_future())
        self._visits.append(visit)
        if len(self._visits) == 1:
            self._begin()
        return await visit.waits

    def _begin(self) -> None:
        loop = self._visits[0].waits.get_loop()
        seconds = self._disk.takes(writes=self._writes)
        if seconds > 0:
            loop.call_later(seconds, self._act)
        else:
            loop.call_soon(self._act)

    def _act(self) -> None:
        """The instant at which it is carried out; its asker learns of it later."""
        visit = self._visits[0]
        loop = visit.waits.get_loop()
        if self._writes:
            self._disk.acts += 1
        try:
            result = visit.function()
        except Exception as error:
            loop.call_soon(self._answer, visit, None, error)
        else:
            loop.call_soon(self._answer, visit, result, None)

    def _answer(self, visit: _Visit, result: Any, error: Exception | None) -> None:
        self._visits.popleft()
        if self._visits:
            self._begin()
        if visit.waits.done():
            return
        if error is not None:
            visit.waits.set_exception(error)
        else:
            visit.waits.set_result(result)

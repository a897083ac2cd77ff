"""One writer, many callers: writes that wait at the same time share one transaction, and one wait for the disk."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite

from callbackd.store.faults import told
from callbackd.store.interface import StoreUnavailable
from callbackd.store.queries import Queries
from callbackd.store.visits import visit

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
"""What a write does; it is run in the connection's thread, and may only use the connection it is given."""


@dataclass(slots=True, eq=False)
class _Write:
    """A caller's work, where its answer goes, and whom to tell that it is durable."""

    work: Work[Any]
    answer: asyncio.Future[Any]
    tell: Callable[[], None] | None = None
    result: Any = None
    error: Exception | None = None

    def give(self, failed: Exception | None = None) -> None:
        """Answer the caller, unless it no longer waits."""
        if self.error is None and self.tell is not None:
            self.tell()
        if self.answer.done():
            return
        if failed is not None:
            self.answer.set_exception(copy(failed))
        elif self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


class Writer:
    """Runs writes in the order in which they came, a whole transaction of them in one visit to the connection's thread.

    A write is answered when the transaction that holds it is on the disk, never before. One that raises is undone
    alone; the others of its transaction stand. If the transaction itself fails, all of it is undone and every caller
    in it is told. A caller that is cancelled before its write was begun has not written; one that is cancelled later
    may have, and harms nobody.
    """

    def __init__(self, connection: aiosqlite.Connection, queries: Queries, path: Path, together: int) -> None:
        """`connection` is the writer's own, in autocommit mode; at most `together` writes share a transaction."""
        self._connection = connection
        self._queries = queries
        self._path = path
        self._together = together
        self._waiting: deque[_Write] = deque()
        self._wake = asyncio.Event()
        self._closing = False
        self._task = asyncio.create_task(self._run(), name="callbackd-store-writer")

    async def write(self, work: Work[T], tell: Callable[[], None] | None = None) -> T:
        """Run `work` inside a transaction and answer what it returned, or raise what it raised, once that is durable.

        `tell`, which must not raise, is called then too, unless it raised: also if the caller was cancelled meanwhile,
        and if the transaction failed, for a disk that says so may have kept it.
        Raises `StoreUnavailable` if the transaction could not be written.
        """
        if self._closing:
            raise StoreUnavailable(f"the database {self._path} has been closed: callbackd is stopping")
        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Write(work, answer, tell))
        self._wake.set()
        return await answer

    async def close(self) -> None:
        """Finish the writes that wait, and take no more."""
        self._closing = True
        self._wake.set()
        await asyncio.wait([self._task])
        if not self._task.cancelled():
            self._task.result()

    async def _run(self) -> None:
        batch: list[_Write] = []
        try:
            while True:
                await self._wake.wait()
                while batch := self._next_batch():
                    await self._transaction(batch)
                if self._closing:
                    return
                self._wake.clear()
        finally:
            self._closing = True
            for write in (*batch, *self._waiting):
                write.give(StoreUnavailable(f"the database {self._path} is no longer written: callbackd is stopping"))

    def _next_batch(self) -> list[_Write]:
        batch: list[_Write] = []
        while self._waiting and len(batch) < self._together:
            write = self._waiting.popleft()
            if not write.answer.done():
                batch.append(write)
        return batch

    async def _transaction(self, batch: list[_Write]) -> None:
        failed: Exception | None
        try:
            failed = await visit(self._connection, lambda connection: self._run_all(connection, batch))
        except ValueError:
            failed = StoreUnavailable(f"the database {self._path} has been closed: callbackd is stopping")
        for write in batch:
            write.give(failed)

    # In the connection's thread.

    def _run_all(self, connection: sqlite3.Connection, batch: Sequence[_Write]) -> Exception | None:
        """The whole transaction; what made it fail, if anything did."""
        try:
            connection.execute(self._queries["begin"])
            for write in batch:
                self._run_one(connection, write, alone=len(batch) == 1)
            connection.execute(self._queries["commit"])
        except sqlite3.Error as error:
            self._undo(connection)
            return told(error, self._path)
        except _Undone as undone:
            self._undo(connection)
            return undone.cause
        return None

    def _run_one(self, connection: sqlite3.Connection, write: _Write, *, alone: bool) -> None:
        """Run one write; what it raises is kept for its caller, and its own changes are undone."""
        if not alone:
            connection.execute(self._queries["savepoint"])
        try:
            write.result = write.work(connection)
        except Exception as error:
            write.error = told(error, self._path) if isinstance(error, sqlite3.Error) else error
            if alone or not connection.in_transaction:
                raise _Undone(write.error) from error
            connection.execute(self._queries["rollback_to_savepoint"])
        if not alone:
            connection.execute(self._queries["release"])

    def _undo(self, connection: sqlite3.Connection) -> None:
        with contextlib.suppress(sqlite3.Error):
            if connection.in_transaction:
                connection.execute(self._queries["rollback"])


class _Undone(Exception):
    """The whole transaction is to be undone, because of `cause`."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(str(cause))
        self.cause = cause

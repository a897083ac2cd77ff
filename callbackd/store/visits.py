"""Many statements in one visit to a connection's thread: each visit costs more than the statements do."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import aiosqlite

T = TypeVar("T")

TOGETHER = 64
"""Questions that share a visit at most, so that none waits for very many others."""


async def visit(connection: aiosqlite.Connection, work: Callable[[sqlite3.Connection], T]) -> T:
    """Run `work` in the connection's own thread, after what was asked of it before; what it returns or raises.

    `work` goes on even if nobody waits for it any more. Raises `ValueError` if the connection is closed.
    """

    def inside() -> T:
        return work(connection._conn)  # noqa: SLF001

    done: T = await connection._execute(inside)  # type: ignore[no-untyped-call]  # noqa: SLF001
    return done


@dataclass(slots=True, eq=False)
class _Question:
    statement: str
    parameters: Mapping[str, Any]
    answer: asyncio.Future[Sequence[sqlite3.Row]]
    rows: Sequence[sqlite3.Row] = ()
    error: Exception | None = None

    def give(self) -> None:
        """Answer whoever asked, unless they no longer wait."""
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.rows)


class Reader:
    """Questions that wait at the same time share a visit. Each is answered by itself, and sees what was committed
    before it was asked."""

    def __init__(self, connection: aiosqlite.Connection) -> None:
        self._connection = connection
        self._waiting: list[_Question] = []
        self._visiting: asyncio.Task[None] | None = None

    async def fetch(self, statement: str, parameters: Mapping[str, Any]) -> Sequence[sqlite3.Row]:
        """All rows. Raises `sqlite3.Error`, and `ValueError` if the connection is closed."""
        answer: asyncio.Future[Sequence[sqlite3.Row]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Question(statement, parameters, answer))
        if self._visiting is None:
            self._visiting = asyncio.create_task(self._visit(), name="callbackd-store-reader")
        return await answer

    async def close(self) -> None:
        """Answer those that wait."""
        if self._visiting is not None:
            with suppress(asyncio.CancelledError):
                await asyncio.wait([self._visiting])

    async def _visit(self) -> None:
        batch: list[_Question] = []
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                batch = [question for question in batch if not question.answer.done()]
                try:
                    await visit(self._connection, lambda connection, batch=batch: _ask(connection, batch))  # type: ignore[misc]
                except ValueError as error:
                    for question in batch:
                        question.error = error
                for question in batch:
                    question.give()
        finally:
            self._visiting = None
            for question in (*batch, *self._waiting):
                question.answer.cancel()
            self._waiting = []


def _ask(connection: sqlite3.Connection, batch: Sequence[_Question]) -> None:
    for question in batch:
        try:
            question.rows = connection.execute(question.statement, question.parameters).fetchall()
        except Exception as error:
            question.error = error

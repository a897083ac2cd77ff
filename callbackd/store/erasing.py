"""How personal data leave the SQLite file for good, and the long look at all of it.

The writer overwrites what it deletes (`secure_delete`). What was erased is then still in the write-ahead log, until
that is emptied into the database.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from callbackd.store import rows
from callbackd.store.faults import told
from callbackd.store.instants import to_ms
from callbackd.store.interface import Forgotten, NotEnded
from callbackd.store.opening import remove_copies
from callbackd.store.queries import Queries
from callbackd.store.soundness import damage, reading
from callbackd.store.threads import apart
from callbackd.store.writer import Writer

DIALS_KEPT = timedelta(hours=24)
"""How much longer than the call-backs of its time a dial is kept: the limit looks that far back."""

DIALS_PER_CALLBACK = 20
"""Dials are erased together with call-backs, so many for each: they may not become more from year to year."""

ALL_DELIVERED = (1 << 63) - 1


class Erasing(Protocol):
    """Those parts of a store's promises; whoever is one has a writer for them."""

    _path: Path
    _queries: Queries
    _writer: Writer

    async def _survey(self, name: str, parameters: Mapping[str, Any]) -> Sequence[sqlite3.Row]:
        """Ask at leisure."""

    async def erase_ended_before(self, instant: datetime, limit: int = 500, delivered: int | None = None) -> int:
        """See `Erases.erase_ended_before`. Dials go too, a day later, when no limit looks at them any more; and a copy
        that was made before a migration, once it is as old."""
        ended = {"instant": to_ms(instant), "limit": limit, "delivered": _or_all(delivered)}
        dialled = {"instant": to_ms(instant - DIALS_KEPT), "limit": limit * DIALS_PER_CALLBACK}

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(self._queries["erase_dials"], dialled)
            return connection.execute(self._queries["erase_ended"], ended).rowcount

        erased = await self._writer.write(work)
        await apart(remove_copies, self._path, instant)
        return erased

    async def count_ended_before(self, instant: datetime) -> int:
        """See `Erases.count_ended_before`."""
        (found,) = await self._survey("count_ended_before", {"instant": to_ms(instant)})
        return int(found["n"])

    async def forget(self, number: str, *, unblock: bool = False, delivered: int | None = None) -> Forgotten:
        """See `Erases.forget`."""
        of_number = {"number": number}

        def work(connection: sqlite3.Connection) -> Forgotten:
            if waiting := connection.execute(self._queries["find_not_ended"], of_number).fetchall():
                waiting.sort(key=lambda row: (row["requested_at"], row["id"]))
                raise NotEnded([row["id"] for row in waiting])
            counted = {**of_number, "delivered": _or_all(delivered)}
            found = connection.execute(self._queries["count_of_number"], counted).fetchone()
            connection.execute(self._queries["forget_callbacks"], of_number)
            dials = connection.execute(self._queries["forget_dials"], of_number).rowcount
            suspects = self._forget_suspects(connection, number)
            blocked = connection.execute(self._queries["is_blocked"], of_number).fetchone() is not None
            if unblock:
                connection.execute(self._queries["unblock"], of_number)
            return Forgotten(
                **dict(found),
                dials=dials,
                suspects=suspects,
                unblocked=blocked and unblock,
                blocked=blocked and not unblock,
            )

        return await self._writer.write(work)

    def _forget_suspects(self, connection: sqlite3.Connection, number: str) -> int:
        """Route breakers remember the numbers that made them suspicious."""
        forgotten = 0
        for row in connection.execute(self._queries["conditions"]).fetchall():
            condition = rows.condition_from_row(row)
            others = tuple(suspect for suspect in condition.suspects if suspect[0] != number)
            if len(others) < len(condition.suspects):
                forgotten += len(condition.suspects) - len(others)
                kept = rows.condition_to_row(row["profile"], replace(condition, suspects=others))
                connection.execute(self._queries["put_condition"], kept)
        return forgotten

    async def wash(self) -> bool:
        """See `Erases.wash`. Never waits inside SQLite, where it would keep the writer waiting."""
        return await apart(self._empty_log)

    def _empty_log(self) -> bool:
        try:
            with closing(sqlite3.connect(self._path, isolation_level=None, timeout=0)) as connection:
                busy, _, _ = connection.execute(self._queries["empty_log"]).fetchone()
                return not busy
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                return False
            raise told(error, self._path) from error
        except sqlite3.Error as error:
            raise told(error, self._path) from error

    async def examine(self) -> Sequence[str]:
        """See `Erases.examine`. Over a connection of its own; who is cancelled stops it."""
        with closing(reading(self._path)) as connection:
            looking = asyncio.ensure_future(apart(damage, connection))
            try:
                return await asyncio.shield(looking)
            except asyncio.CancelledError:
                connection.interrupt()
                await asyncio.wait([looking])
                looking.exception()
                raise
            except sqlite3.Error as error:
                raise told(error, self._path) from error


def _or_all(delivered: int | None) -> int:
    return ALL_DELIVERED if delivered is None else delivered

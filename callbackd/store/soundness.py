"""Whether a database is whole: what is looked at before it is used, and the long look at all of it.

SQLite's `quick_check` reads every page. Of a database of a million waiting call-backs (some 800 MB) that took four to
five seconds, three and a half of them of a core: too long to keep calls waiting at every start. So a database up to
`SMALL` is examined wholly before it is used, which takes a quarter of a second or less. Of a larger one the start looks
at its head, its schema and those who are on the phone; all of it is read afterwards, in the background.

No check finds a letter that was changed within a text: SQLite keeps no checksums.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from callbackd.store.faults import UNREADABLE, told, told_of_damage
from callbackd.store.interface import StoreUnavailable
from callbackd.store.queries import Queries

SMALL = 64 * 1024 * 1024
"""Bytes up to which a database is examined wholly at every start."""

PATIENCE = 5.0
"""Seconds for which a lock is waited for."""


def refuse_without_its_log(path: Path) -> None:
    """Raises `StoreUnavailable` if the write-ahead log was taken from a database that was not closed.

    SQLite itself does not notice: it would go on with what was there before, and the latest calls would be made again.
    """
    log, index = (path.with_name(path.name + ending) for ending in ("-wal", "-shm"))
    if index.exists() and not log.exists() and path.stat().st_size:
        raise StoreUnavailable(
            f"the database {path} was not closed, and its write-ahead log {log} is missing: put that file back;"
            f" if it is lost, the latest changes are: restore a copy, or remove {index} to go on without them"
        )


def examine_at_opening(path: Path, migrations: Sequence[str], small: int = SMALL) -> None:
    """Look at a database that has a schema, before it is used. Only reads. Blocks.

    Raises `StoreUnavailable` with what is damaged, and the mend.
    """
    with closing(reading(path)) as connection:
        try:
            connection.execute(Queries.load()["begin_reading"])
            found = _schema_damage(connection, migrations) or _first_damage(connection, path, small)
        except sqlite3.Error as error:
            raise told(error, path) from error
        except UnicodeDecodeError as error:
            raise told_of_damage(UNREADABLE, path) from error
    if found:
        raise told_of_damage(found[0], path)


def damage(connection: sqlite3.Connection) -> list[str]:
    """Read the whole database: what is damaged in it, at most a few lines; empty if it is sound. Blocks.

    Raises `sqlite3.OperationalError` if the connection was interrupted.
    """
    queries = Queries.load()
    try:
        found = [str(line) for (line,) in connection.execute(queries["quick_check"]) if line != "ok"]
        if not found:
            strays = connection.execute(queries["foreign_key_check"]).fetchmany(3)
            found = [f"a row of {table} belongs to no call-back" for table, *_ in strays]
    except sqlite3.DatabaseError as error:
        if getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT) & 0xFF not in (
            sqlite3.SQLITE_CORRUPT,
            sqlite3.SQLITE_NOTADB,
        ):
            raise
        found = [str(error) if hasattr(error, "sqlite_errorcode") else UNREADABLE]
    except UnicodeDecodeError:
        found = [UNREADABLE]
    return [_first_line(line) for line in found]


def reading(path: Path) -> sqlite3.Connection:
    """A connection that only reads, for any thread. Raises `StoreUnavailable`."""
    try:
        return sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode=ro",
            uri=True,
            isolation_level=None,
            timeout=PATIENCE,
            check_same_thread=False,
        )
    except sqlite3.Error as error:
        raise told(error, path) from error


def _first_damage(connection: sqlite3.Connection, path: Path, small: int) -> list[str]:
    if path.stat().st_size <= small:
        return damage(connection)
    connection.execute(Queries.load()["read_live"]).fetchall()
    return []


def _schema_damage(connection: sqlite3.Connection, migrations: Sequence[str]) -> list[str]:
    """What lacks of the schema that the migrations so far make, or is not as they make it."""
    queries = Queries.load()
    (version,) = connection.execute(queries["version"]).fetchone()
    if version > len(migrations):
        return []  # a newer callbackd's: that is refused elsewhere
    with closing(sqlite3.connect(":memory:")) as fresh:
        for migration in migrations[:version]:
            fresh.executescript(migration)
        wanted = _schema(fresh)
    there = _schema(connection)
    return [f"its {name} is missing or changed" for name, sql in wanted.items() if there.get(name) != sql]


def _schema(connection: sqlite3.Connection) -> Mapping[str, str]:
    return {
        f"{kind} {name}": " ".join(str(sql).split()) for kind, name, sql in connection.execute(Queries.load()["schema"])
    }


def _first_line(text: str) -> str:
    """SQLite begins with a line that only names the database."""
    lines = [line for line in text.splitlines() if not line.startswith("***")]
    return (lines or [text])[0][:200]

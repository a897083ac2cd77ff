"""Brings a database to the schema that this callbackd knows, by the numbered files of `migrations/`."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path

import aiosqlite

from callbackd.store.interface import StoreUnavailable
from callbackd.store.queries import Queries

APPLICATION_ID = 1667392611
"""Marks a database as callbackd's: the letters ``cbdc`` in SQLite's application id."""

_FILE = re.compile(r"(?P<number>\d{4})_[a-z0-9_]+\.sql")


@cache
def load_migrations() -> tuple[str, ...]:
    """The scripts in order; the first makes version 1. Raises `ValueError` if a number is missing or given twice."""
    folder = files(__package__).joinpath("migrations")
    found = sorted((named["number"], entry) for entry in folder.iterdir() if (named := _FILE.fullmatch(entry.name)))
    numbers = [int(number) for number, _ in found]
    if numbers != list(range(1, len(numbers) + 1)):
        raise ValueError(f"migrations are not numbered 1, 2, 3...: {numbers}")
    return tuple(entry.read_text(encoding="utf-8") for _, entry in found)


async def migrate(connection: aiosqlite.Connection, queries: Queries, migrations: Sequence[str], path: Path) -> None:
    """Run the migrations that the database lacks, each in one transaction.

    Raises `StoreUnavailable` for a database of another program or of a newer callbackd, and `sqlite3.Error`. A
    migration that fails changes nothing. Two processes may do this at once: each migration is done by one of them.
    """
    while (version := await schema_version(connection, queries, path)) < len(migrations):
        script = "\n".join((queries["begin"], migrations[version], queries["commit"]))
        try:
            await connection.executescript(script)
        except sqlite3.Error:
            if connection.in_transaction:
                await connection.rollback()
            if await schema_version(connection, queries, path) == version:
                raise
    if version > len(migrations):
        raise StoreUnavailable(
            f"the database {path} was written by a newer callbackd (schema {version}, this one knows"
            f" {len(migrations)}): install that callbackd again, or restore a copy from before"
        )


async def schema_version(connection: aiosqlite.Connection, queries: Queries, path: Path) -> int:
    """The number of the last migration that ran; 0 for an empty database.

    Raises `StoreUnavailable` if the database is another program's.
    """
    (found,) = await connection.execute_fetchall(queries["identity"])
    version: int = found["user_version"]
    if found["application_id"] != APPLICATION_ID and (found["has_content"] or version):
        raise StoreUnavailable(f"the database {path} belongs to another program: name another file in `database:`")
    return version

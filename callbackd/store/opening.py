"""Before a database is used: it is examined, copied if its schema will change, and brought up to date."""

from __future__ import annotations

import contextlib
import glob
import logging
import sqlite3
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import aiosqlite

from callbackd.store.copying import copy_database
from callbackd.store.interface import StoreError, StoreUnavailable
from callbackd.store.migrate import migrate, schema_version
from callbackd.store.queries import Queries
from callbackd.store.soundness import examine_at_opening
from callbackd.store.threads import apart

log = logging.getLogger(__name__)

OVERWRITES_SINCE = 2
"""The first schema whose callbackd overwrites what it deletes."""


async def make_ready(connection: aiosqlite.Connection, queries: Queries, migrations: Sequence[str], path: Path) -> None:
    """Examine the database at `path`, which the writer's `connection` has opened, and migrate it.

    One that is not empty is copied before its schema changes, to `copy_before`; earlier such copies are removed.
    Raises `StoreUnavailable`, and `sqlite3.Error`.
    """
    version = await schema_version(connection, queries, path)
    await connection.execute_fetchall(queries["use_wal"])
    if version:
        await apart(examine_at_opening, path, migrations)
    if 0 < version < len(migrations):
        await apart(_keep_a_copy, path, len(migrations))
    await migrate(connection, queries, migrations, path)
    if 0 < version < len(migrations):
        log.info("database migrated", extra={"schema_before": version, "schema": len(migrations)})
    if 0 < version < OVERWRITES_SINCE:
        await _write_anew(connection, queries)


async def _write_anew(connection: aiosqlite.Connection, queries: Queries) -> None:
    """What was deleted before deletions were overwritten is still in the file's unused space: get rid of it."""
    log.info("the database is written anew, so that nothing erased is left in it")
    try:
        await connection.execute_fetchall(queries["write_anew"])
    except sqlite3.OperationalError as error:
        log.warning(
            "not written anew: traces of what was erased by an earlier callbackd may be left in the file; free space on"
            " its disk and, while callbackd is stopped, run `sqlite3 FILE VACUUM`",
            extra={"error": str(error)},
        )


def copy_before(path: Path, version: int) -> Path:
    """Where the copy is that was made before the migration to `version`."""
    return path.with_name(f"{path.name}.before-{version}")


def remove_copies(path: Path, before: datetime) -> None:
    """Remove such copies as were made before then: what they hold is not to be kept any longer."""
    for copy in _copies(path):
        with contextlib.suppress(OSError):
            if copy.stat().st_mtime < before.timestamp():
                copy.unlink()
                log.info("erased", extra={"copy": str(copy)})


def _copies(path: Path) -> list[Path]:
    start = f"{path.name}.before-"
    found = path.parent.glob(f"{glob.escape(start)}*")
    return [copy for copy in found if copy.name.removeprefix(start).isdigit()]


def _keep_a_copy(path: Path, version: int) -> None:
    """Keep the database as it is, and only the last such copy."""
    copy = copy_before(path, version)
    log.info("the database is copied before its schema changes", extra={"copy": str(copy)})
    try:
        copied = copy_database(path, copy, replace=True)
    except StoreUnavailable:
        raise
    except StoreError as error:
        raise StoreUnavailable(f"the database {path} can't be copied before its schema changes: {error}") from error
    log.info("database copied", extra={"copy": str(copy), "callbacks": copied.callbacks, "bytes": copied.size})
    for earlier in _copies(path):
        if earlier != copy:
            earlier.unlink(missing_ok=True)

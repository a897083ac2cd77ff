"""A copy of a database, made while others write to it: whole and proven before it has its name."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from callbackd.store.faults import UNREADABLE, told, told_of_damage
from callbackd.store.interface import StoreError, StoreUnavailable
from callbackd.store.migrate import APPLICATION_ID
from callbackd.store.queries import Queries
from callbackd.store.soundness import damage

PAGES_AT_ONCE = 1024
"""Copied between two tellings of the progress."""

Progress = Callable[[int, int], None]
"""Told the bytes that are copied, and the bytes that there are."""


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied: the schema version, how many call-backs, and the size of the file in bytes."""

    schema: int
    callbacks: int
    size: int


class AlreadyThere(StoreError):
    """The copy would overwrite a file."""


def copy_database(source: Path, target: Path, *, replace: bool = False, progress: Progress | None = None) -> Copied:
    """Copy the database `source` to the file `target`, as it is at one instant. `source` is only read.

    The copy is one file of mode 0600, without a write-ahead log beside it. It is written under another name in the
    folder of `target`, examined and brought to the disk, and then renamed: `target` is whole or not there. Blocks.

    Raises `AlreadyThere` unless `replace`; `StoreUnavailable` if one of the files can't be used, if `source` is not a
    database of callbackd, or if it is damaged.
    """
    _refuse(source, target, replace)
    part = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        os.close(os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise _cannot_write(target, error) from error
    try:
        _copy(source, part, progress or _tell_nobody)
        copied = _examined(part, source)
        _to_disk(part)
        _refuse(source, target, replace)
        part.replace(target)
        _to_disk(target.parent)
    except OSError as error:
        raise _cannot_write(target, error) from error
    finally:
        for leftover in (part, *(part.with_name(part.name + ending) for ending in ("-journal", "-wal", "-shm"))):
            leftover.unlink(missing_ok=True)
    return copied


def _refuse(source: Path, target: Path, replace: bool) -> None:
    """Refuse what would destroy something."""
    if not source.exists():
        raise StoreUnavailable(f"the database {source} does not exist: there is nothing to copy")
    beside = {source, *(source.with_name(source.name + ending) for ending in ("-wal", "-shm", "-journal", ".lock"))}
    if target.resolve() in {path.resolve() for path in beside}:
        raise StoreError(f"{target} is the database itself, or belongs to it: name another file")
    if target.is_dir():
        raise StoreError(f"{target} is a folder: name a file in it")
    if target.exists() and not replace:
        raise AlreadyThere(f"{target} is there already, and is left as it is")


def _copy(source: Path, part: Path, progress: Progress) -> None:
    queries = Queries.load()
    with _opened(source, "ro") as original, _opened(part, "rw") as copy:
        (page_size,) = original.execute(queries["page_size"]).fetchone()
        original.execute(queries["begin_reading"])
        original.execute(queries["identity"]).fetchone()  # from here on it is read as it is now, whoever writes

        def tell(_: int, remaining: int, whole: int) -> None:
            progress((whole - remaining) * page_size, whole * page_size)

        try:
            original.backup(copy, pages=PAGES_AT_ONCE, progress=tell)
            copy.execute(queries["use_one_file"])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL:
                raise StoreError(f"the copy can't be written: the disk of {part.parent} is full") from error
            raise told(error, source) from error


def _examined(part: Path, source: Path) -> Copied:
    """What is in the copy, if it is sound."""
    queries = Queries.load()
    with _opened(part, "rw") as copy:
        try:
            identity = copy.execute(queries["identity"]).fetchone()
            if identity[0] != APPLICATION_ID:
                raise StoreUnavailable(f"{source} is not a database of callbackd: `database:` names another file?")
            if found := damage(copy):
                raise StoreUnavailable(
                    f"the database {source} is damaged ({found[0]}), and no copy was made: restore an earlier one"
                )
            (callbacks,) = copy.execute(queries["count_callbacks"]).fetchone()
        except sqlite3.Error as error:
            raise told(error, source) from error
    return Copied(identity[1], callbacks, part.stat().st_size)


@contextlib.contextmanager
def _opened(path: Path, mode: str) -> Iterator[sqlite3.Connection]:
    """A connection in autocommit mode to a file that exists."""
    uri = f"file:{quote(str(path.resolve()))}?mode={mode}"
    try:
        connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=5)
    except sqlite3.Error as error:
        raise told(error, path) from error
    with closing(connection):
        try:
            yield connection
        except sqlite3.Error as error:
            raise told(error, path) from error
        except UnicodeDecodeError as error:
            raise told_of_damage(UNREADABLE, path) from error


def _tell_nobody(_: int, __: int) -> None:
    """Where nobody waits."""


def _cannot_write(target: Path, error: OSError) -> StoreError:
    reason = (error.strerror or "unknown error").lower()
    return StoreError(
        f"the copy {target} can't be written ({reason}): its folder must exist, be one that you may write, and have"
        " room for it"
    )


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

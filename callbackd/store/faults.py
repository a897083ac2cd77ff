"""SQLite's and the file system's errors, told as a cause and its mend."""

from __future__ import annotations

import errno
import shutil
import sqlite3
from pathlib import Path

from callbackd.store.interface import StoreError, StoreUnavailable

UNREADABLE = "a text in it can't be read"
"""Damage of which SQLite's binding can't even name the place."""

RESTORE = (
    "stop callbackd, move {path}, {path}-wal and {path}-shm away together, and put a backup in their place:"
    " `install -m 600 -o callbackd BACKUP {path}`; without one, rescue what is left: `sqlite3 DAMAGED .recover`"
)
"""What to do with a damaged database; it has the place `path`."""

NO_SPACE = 32 * 1024
"""Bytes: with less, SQLite can't open a database that has a write-ahead log."""

_MENDS = {
    sqlite3.SQLITE_PERM: ("may not be used", "let the account that runs callbackd read and write it"),
    sqlite3.SQLITE_READONLY: (
        "is read-only",
        "let the account that runs callbackd write the file and its folder, and see that the file system is mounted"
        " writable",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "let the account that runs callbackd read and write the file and its folder",
    ),
    sqlite3.SQLITE_FULL: ("cannot grow: the disk is full", "free space on its disk"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "look for disk errors and free space in the system's log"),
    sqlite3.SQLITE_BUSY: ("is in use by another process", "stop the other callbackd, or whatever has it open"),
    sqlite3.SQLITE_LOCKED: ("is in use by another process", "stop the other callbackd, or whatever has it open"),
    sqlite3.SQLITE_PROTOCOL: ("is in use by another process", "stop the other callbackd, or whatever has it open"),
    sqlite3.SQLITE_NOTADB: (
        "is not an SQLite database",
        "name another file in `database:`, or move this one away and an empty database is made",
    ),
    sqlite3.SQLITE_CORRUPT: ("is damaged", RESTORE),
}


def told(error: sqlite3.Error, path: Path) -> StoreError:
    """The same error in our words: `StoreUnavailable` if it is about the file, a plain `StoreError` if it is not."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None and "decode" in str(error):
        return told_of_damage(UNREADABLE, path)  # the error itself shows the text, which may be anybody's name
    if code is None or (code & 0xFF) not in _MENDS:
        return StoreError(f"the database {path} refused a statement: {error}")
    kind = code & 0xFF
    if kind == sqlite3.SQLITE_IOERR and _is_full(path):
        kind = sqlite3.SQLITE_FULL  # what SQLite makes of it where it can't make its shared memory's file
    cause, mend = _MENDS[kind]
    return StoreUnavailable(f"the database {path} {cause} ({error}): {mend.format(path=path)}")


def _is_full(path: Path) -> bool:
    try:
        return shutil.disk_usage(path.parent).free < NO_SPACE
    except OSError:
        return False


def told_of_damage(cause: object, path: Path) -> StoreUnavailable:
    """The database is damaged, and what to do."""
    return StoreUnavailable(f"the database {path} is damaged ({cause}): {RESTORE.format(path=path)}")


def told_of_file(error: OSError, path: Path) -> StoreUnavailable:
    """Why a database file cannot be opened or made."""
    match error.errno:
        case errno.ENOENT:
            cause, mend = f"the folder {path.parent} does not exist", "create it, or name another file in `database:`"
        case errno.ENOTDIR:
            cause, mend = f"{path.parent} is not a folder", "name another file in `database:`"
        case errno.EISDIR:
            cause, mend = "it is a folder", "name a file in `database:`"
        case errno.EACCES | errno.EPERM:
            cause, mend = "permission denied", "let the account that runs callbackd read and write it and its folder"
        case errno.EROFS:
            cause, mend = "its file system is read-only", "mount it writable, or name another file in `database:`"
        case errno.ENOSPC | errno.EDQUOT:
            cause, mend = "the disk is full", "free space on it"
        case _:
            cause, mend = error.strerror or str(error), "see that it is a file that callbackd may write"
    return StoreUnavailable(f"the database {path} cannot be opened: {cause}; {mend}")

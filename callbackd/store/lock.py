"""One daemon a database: a lock beside it that dies with its holder."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from callbackd.store.interface import StoreUnavailable


@contextmanager
def only_daemon_on(database: Path) -> Iterator[None]:
    """Hold the lock. Raises `StoreUnavailable` if another process has it, or if the folder can't be written."""
    path = database.with_name(database.name + ".lock")
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreUnavailable(
            f"{path} can't be written ({(error.strerror or 'unknown error').lower()}): the folder of `database` must "
            "exist and belong to the user that callbackd runs as"
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StoreUnavailable(
                f"another callbackd is running on {database}: stop it first, or give this one its own `database`"
            ) from None
        yield
    finally:
        os.close(handle)

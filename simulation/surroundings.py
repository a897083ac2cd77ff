"""What a run needs around it: a folder, a database with its schema, an ear on the daemon's log."""

from __future__ import annotations

import asyncio
import atexit
import logging
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from callbackd.store.interface import StoreError
from callbackd.store.sqlite import SqliteStore


@contextmanager
def folder() -> Iterator[Path]:
    """For the files of a run; in memory where there is such a place: what a disk may lose is simulated, not tried."""
    memory = Path("/dev/shm")  # noqa: S108
    name = tempfile.mkdtemp(prefix="callbackd-simulation-", dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)


@cache
def template() -> Path:
    """A database with its schema, made once."""
    made_in = tempfile.mkdtemp(prefix="callbackd-simulation-")
    atexit.register(shutil.rmtree, made_in, ignore_errors=True)
    path = Path(made_in) / "callbackd.sqlite3"

    async def make() -> None:
        await (await SqliteStore.open(path)).close()

    asyncio.run(make())
    return path


class _Catch(logging.Handler):
    """Keeps what the daemon logs as a fault of its own: an exception that it did not expect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None and not isinstance(record.exc_info[1], StoreError):
            self.faults.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


@contextmanager
def watched_log() -> Iterator[list[str]]:
    """Whatever is logged with a traceback is a fault of ours."""
    catch = _Catch()
    log = logging.getLogger("callbackd")
    handlers, level, root_handlers = log.handlers[:], log.level, logging.getLogger().handlers[:]
    log.handlers[:], log.propagate = [catch], False
    log.setLevel(logging.ERROR)
    try:
        yield catch.faults
    finally:
        log.handlers[:], log.propagate = handlers, True
        log.setLevel(level)
        logging.getLogger().handlers[:] = root_handlers

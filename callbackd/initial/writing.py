"""Puts files in their place and never over others."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from callbackd.config.files import Unreadable, read_at_most
from callbackd.initial.files import SECRET, File

_LARGEST = 10_000_000


class Fate(StrEnum):
    """What became of a file: `kept` was there with other content and was left alone."""

    WRITTEN = "written"
    SAME = "same"
    KEPT = "kept"


@dataclass(frozen=True, slots=True)
class Done:
    """One file, and what became of it."""

    path: Path
    fate: Fate


class NotWritten(Exception):
    """A file or folder can't be made; the text says which and why."""


def write(folder: Path, files: Iterable[File], owner: tuple[int, int] | None) -> Iterator[Done]:
    """Write each file below `folder`, unless something is there. Raises `NotWritten`.

    `owner`, a user and a group by number, is given what is secret, so that the daemon may read it; None: nobody.
    """
    for file in files:
        path = folder / file.path
        _make_folder(path.parent)
        yield Done(path, _write(path, file, owner if file.mode == SECRET and path.parent == folder else None))


def there_already(path: Path) -> str | None:
    """The text of a file that an earlier run has written; None if there is none that can be read."""
    try:
        return read_at_most(path, 4096).decode()
    except (Unreadable, UnicodeDecodeError):
        return None


def _make_folder(path: Path) -> None:
    try:
        path.mkdir(mode=0o755, parents=True, exist_ok=True)
    except FileExistsError:
        raise NotWritten(f"{path} is there, and is no folder") from None
    except OSError as error:
        raise NotWritten(f"the folder {path} can't be made: {error.strerror}") from None


def _write(path: Path, file: File, owner: tuple[int, int] | None) -> Fate:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return Fate.SAME if _has(path, file.content) else Fate.KEPT
    except OSError as error:
        raise NotWritten(f"{path} can't be written: {error.strerror}") from None
    try:
        with os.fdopen(descriptor, "wb") as stream:
            if owner is not None:
                os.fchown(stream.fileno(), *owner)
            os.fchmod(stream.fileno(), file.mode)
            stream.write(file.content)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise NotWritten(f"{path} can't be written: {error.strerror}") from None
    return Fate.WRITTEN


def _has(path: Path, content: bytes) -> bool:
    try:
        return read_at_most(path, _LARGEST) == content
    except Unreadable:
        return False

"""Opening what a sysadmin names: regular files only, no more than is wanted, and why one can't be read."""

from __future__ import annotations

import stat
from pathlib import Path


class Unreadable(Exception):
    """A file that can't be read; its text says why and, where there is one, the mend."""


class Missing(Unreadable):
    """There is no such file."""


def read_at_most(path: Path, most: int) -> bytes:
    """The first `most` bytes of the regular file at `path`. Raises `Unreadable`, and nothing else."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable("is a folder, not a file" if path.is_dir() else "is not a regular file")
        with path.open("rb") as stream:
            return stream.read(most)
    except FileNotFoundError:
        raise Missing("no such file") from None
    except PermissionError:
        raise Unreadable("can't be read: permission denied; let the user that runs callbackd read it") from None
    except OSError as error:
        raise Unreadable(f"can't be read: {error.strerror or 'unknown error'}") from None
    except ValueError:
        raise Unreadable("is not a file's name") from None

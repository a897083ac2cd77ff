"""A small disk of a test's own, that can be filled to the last byte and emptied again."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

SIZE = 4 << 20
"""Bytes: enough for a database and its log of a few call-backs."""


class DiskError(Exception):
    """There can be no such disk here. The message says why, and what mends it."""


class SmallDisk:
    """`with SmallDisk(folder) as disk`: a file system of `SIZE` bytes at that folder, which is made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._filler = folder / "filler"

    def __enter__(self) -> Self:
        self.folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "callbackd-test", str(self.folder)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise DiskError(
                f"cannot mount a tmpfs ({done.stderr.strip()}); mend: run as root, in a container with CAP_SYS_ADMIN"
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        subprocess.run(["umount", "--lazy", str(self.folder)], check=True)

    def fill(self) -> None:
        """Not one byte is free any more."""
        with self._filler.open("ab", buffering=0) as filler:
            for piece in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        filler.write(b"\0" * piece)
                except OSError:
                    continue
        assert os.statvfs(self.folder).f_bavail == 0

    def empty(self) -> None:
        """Its space is back."""
        self._filler.unlink()

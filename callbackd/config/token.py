"""The API's token: a file that is made on the first start and that only its owner may read."""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

SHORTEST = 32
"""Characters of a token that nobody guesses; one that is made here has more."""

_BYTES = 32
_LARGEST = 4096


class TokenUnusable(Exception):
    """The token file can't be read, made or used. Its text is the `problem` and the `mend`."""

    def __init__(self, problem: str, mend: str) -> None:
        super().__init__(f"{problem}: {mend}")
        self.problem = problem
        self.mend = mend


class Warned(NamedTuple):
    """What is unwise, and the mend."""

    problem: str
    mend: str


@dataclass(frozen=True, slots=True)
class Token:
    """The token, whether it was `made` just now, and what is unwise about it. No warning shows any of its text."""

    text: str
    made: bool = False
    warnings: tuple[Warned, ...] = ()

    def __repr__(self) -> str:
        return f"Token(made={self.made}, warnings={self.warnings!r})"


def read_or_make(path: Path) -> Token:
    """The token in the file, which is made with mode 0600 if it isn't there. Raises `TokenUnusable`."""
    try:
        return read(path)
    except FileNotFoundError:
        pass
    try:
        _make(path)
        token = _read(path)
    except OSError as error:
        raise _unusable(path, "can't be made", error) from None
    return Token(token.text, made=True)


def read(path: Path) -> Token:
    """The token in the file. Raises `FileNotFoundError` if there is none, and `TokenUnusable`."""
    try:
        return _read(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _unusable(path, "can't be read", error) from None


def _read(path: Path) -> Token:
    with path.open("rb") as stream:
        mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
        content = stream.read(_LARGEST)
    text = content.decode("ascii", errors="replace").strip()
    if not text:
        raise TokenUnusable(f"{path} is empty", "remove it, and the next start makes a new token")
    if not text.isascii() or not text.isprintable() or " " in text or len(content) == _LARGEST:
        raise TokenUnusable(f"{path} holds no token", "it must be one line of visible ASCII characters without spaces")
    return Token(text, warnings=tuple(_warnings(path, mode, text)))


def _warnings(path: Path, mode: int, text: str) -> Iterator[Warned]:
    if mode & (stat.S_IRGRP | stat.S_IWGRP | stat.S_IROTH | stat.S_IWOTH):
        yield Warned(f"{path} can be read or written by other users (mode {mode:04o})", f"chmod 600 {path}")
    if len(text) < SHORTEST:
        yield Warned(
            f"{path} holds a token of fewer than {SHORTEST} characters, which may be guessed",
            "remove it and start callbackd anew, which makes a long one; give that to whoever uses the API",
        )


def _make(path: Path) -> None:
    """Make the file complete or not at all; if another process was first, its token stands."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as stream:
            stream.write(secrets.token_urlsafe(_BYTES) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        try:
            os.link(name, path)
        except FileExistsError:
            return
    finally:
        os.unlink(name)


def _unusable(path: Path, what: str, error: OSError) -> TokenUnusable:
    reason = (error.strerror or "unknown error").lower()
    return TokenUnusable(
        f"{path} {what} ({reason})", "its folder must exist, and the user that runs callbackd must own both"
    )

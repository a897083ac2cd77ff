"""Which sounds Asterisk has been heard to play, so that several can be asked for in one request.

A list of sounds plays on past one that is missing, and says nothing of it. So a sound is played by itself until it was
heard to its end; from then on it may be one of a list. The digits of a number are always a list, and known as one: one
that is missing is not noticed among the others.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

KNOWN_FOR = 600.0
"""Seconds until a sound is played by itself once more: somebody may have removed it."""


class Repertoire:
    """What one Asterisk can play, by language and media URI."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], float] = {}
        self._heard_among: dict[tuple[str, str], float] = {}

    def heard(self, language: str, uris: Sequence[str]) -> None:
        """One sound, or a number's digits, was played to its end with nothing else."""
        now = asyncio.get_running_loop().time()
        heard = self._heard if len(uris) == 1 else self._heard_among
        heard.update(((language, uri), now) for uri in uris)

    def failed(self, language: str, uris: Sequence[str]) -> None:
        """One of these is missing: they are played by themselves again."""
        for uri in uris:
            self._heard.pop((language, uri), None)
            self._heard_among.pop((language, uri), None)

    def clear(self) -> None:
        """It may be another Asterisk, or the same with other sounds."""
        self._heard.clear()
        self._heard_among.clear()

    def has(self, language: str, uris: Sequence[str]) -> bool:
        """Whether one sound, or a number's digits, can be in a list."""
        since = asyncio.get_running_loop().time() - KNOWN_FOR
        known = [self._heard] if len(uris) == 1 else [self._heard, self._heard_among]
        return all(any(heard.get((language, uri), since) > since for heard in known) for uri in uris)

"""Which sounds Asterisk has been heard to play, so that several can be asked for in one request.

A list of sounds plays on past one that is missing, and says nothing of it. So a sound is played by itself until it was
heard to its end; from then on it may be one of a list.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

KNOWN_FOR = 600.0
"""Seconds until a sound is played by itself once more: somebody may have removed it."""


class Repertoire:
    """What one Asterisk can play, by language and media URI."""

    def __init__(self) -> None:
        self._heard: dict[tuple[str, str], float] = {}

    def heard(self, language: str, uris: Iterable[str]) -> None:
        """Each of these was played to its end, by itself."""
        now = asyncio.get_running_loop().time()
        self._heard.update(((language, uri), now) for uri in uris)

    def failed(self, language: str, uris: Iterable[str]) -> None:
        """One of these is missing: they are played by themselves again."""
        for uri in uris:
            self._heard.pop((language, uri), None)

    def clear(self) -> None:
        """It may be another Asterisk, or the same with other sounds."""
        self._heard.clear()

    def has(self, language: str, uris: Iterable[str]) -> bool:
        """Whether all of these can be in a list."""
        since = asyncio.get_running_loop().time() - KNOWN_FOR
        return all(self._heard.get((language, uri), since) > since for uri in uris)

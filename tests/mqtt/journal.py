"""What is logged while a test runs, as the lines an operator would read; and waiting for one of them."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Iterator

from callbackd.journal import KeyValueFormatter


class Journal(logging.Handler):
    """Lines from `info` on of the doors; what the engine says beside them is its own matter."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.setFormatter(KeyValueFormatter())
        self.lines: list[str] = []
        self._grown = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        if record.name.startswith("callbackd.engine."):
            return
        self.lines.append(self.format(record))
        self._grown.set()

    def with_(self, text: str) -> list[str]:
        """The lines that hold `text`."""
        return [line for line in self.lines if text in line]

    async def says(self, text: str, times: int = 1, within: float = 20.0) -> str:
        """Wait until so many lines hold `text`; the last of them."""
        try:
            async with asyncio.timeout(within):
                while len(self.with_(text)) < times:
                    self._grown.clear()
                    await self._grown.wait()
        except TimeoutError:
            raise AssertionError(f"{text!r} not {times} times within {within} s:\n" + "\n".join(self.lines)) from None
        return self.with_(text)[-1]


@contextlib.contextmanager
def written(name: str) -> Iterator[Journal]:
    """The journal of that logger, and at its end: no traceback in it."""
    journal = Journal()
    logger = logging.getLogger(name)
    level = logger.level
    logger.addHandler(journal)
    logger.setLevel(logging.INFO)
    try:
        yield journal
    finally:
        logger.removeHandler(journal)
        logger.setLevel(level)
    assert not journal.with_("Traceback"), "\n".join(journal.lines)

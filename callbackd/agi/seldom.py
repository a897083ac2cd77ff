"""Log lines that somebody outside could cause by the thousand."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable


class Seldom:
    """Passes one warning of each kind in `seconds`, and tells with it how many it kept back since the last."""

    def __init__(self, log: logging.Logger, seconds: float = 60.0, now: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._seconds = seconds
        self._now = now
        self._last: dict[str, float] = {}
        self._kept_back: dict[str, int] = {}

    def warning(self, kind: str, **fields: object) -> None:
        """`kind` is the message: one of a few sentences of ours, never made of what came from outside."""
        now = self._now()
        last = self._last.get(kind)
        if last is not None and now - last < self._seconds:
            self._kept_back[kind] = self._kept_back.get(kind, 0) + 1
            return
        self._last[kind] = now
        kept_back = self._kept_back.pop(kind, 0)
        self._log.warning(kind, extra={**fields, "more_before": kept_back or None})

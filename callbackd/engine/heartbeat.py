"""The instant at which the daemon was last alive and saw the PBX, written down while calls are live."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from callbackd.engine.calls import Calls
from callbackd.engine.clock import Clock
from callbackd.store.interface import Store, StoreError

log = logging.getLogger(__name__)

EVERY = timedelta(seconds=2)
"""By so much a talk is measured too short if daemon and PBX die in it."""


class Heartbeat:
    """Beats in the store. `sees_pbx`: whether what the PBX does is seen at this moment."""

    def __init__(self, store: Store, clock: Clock, calls: Calls, sees_pbx: Callable[[], bool]) -> None:
        self._store = store
        self._clock = clock
        self._calls = calls
        self._sees_pbx = sees_pbx
        self._failing = False

    async def run(self) -> None:
        """Until cancelled. While no call is live nothing is written, and nobody wakes."""
        while True:
            await self._calls.some()
            await self.beat()
            await asyncio.sleep(EVERY.total_seconds())

    async def beat(self) -> None:
        """Beat now, if a call is live and the PBX is seen. A store that can't write it is told of once."""
        if not len(self._calls) or not self._sees_pbx():
            return
        try:
            await self._store.beat(self._clock.now())
            self._failing = False
        except StoreError as error:
            if not self._failing:
                log.warning("no heartbeat: a talk cut by a crash may seem shorter", extra={"error": str(error)})
            self._failing = True

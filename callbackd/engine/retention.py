"""Call-backs that ended long ago are erased, a few at a time; none that a consumer of the outbox has not had."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from callbackd.engine.clock import Clock
from callbackd.store.interface import Store, StoreError

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
AT_ONCE = 500
PAUSE = timedelta(seconds=1)
"""Between two portions, so that calls never wait for the eraser."""

TELL_AGAIN = timedelta(days=1)

Delivered = Callable[[], Awaitable[int | None]]
"""The id of the last event that every consumer of the outbox has had; None if nobody follows it."""


async def nobody_follows() -> None:
    """Where the outbox has no consumers."""


class Retention:
    """Erases what ended longer ago than `keep`."""

    def __init__(
        self, store: Store, clock: Clock, keep: Callable[[], timedelta], delivered: Delivered = nobody_follows
    ) -> None:
        self._store = store
        self._clock = clock
        self._keep = keep
        self._delivered = delivered
        self._told_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            pause = EVERY
            try:
                if await self._erase_some():
                    pause = PAUSE
            except StoreError as error:
                log.warning("nothing erased", extra={"error": str(error)})
            await asyncio.sleep(pause.total_seconds())

    async def _erase_some(self) -> bool:
        """Whether there may be more."""
        before = self._clock.now() - self._keep()
        erased = await self._store.erase_ended_before(before, AT_ONCE, await self._delivered())
        if erased:
            log.info("erased", extra={"callbacks": erased})
            return True
        await self._store.wash()
        await self._tell_of_held_back(before)
        return False

    async def _tell_of_held_back(self, before: datetime) -> None:
        """Somebody must know that data stay longer than was said; once a day is enough."""
        held_back = await self._store.count_ended_before(before)
        if not held_back:
            self._told_at = None
            return
        now = self._clock.now()
        if self._told_at is None or now - self._told_at >= TELL_AGAIN:
            self._told_at = now
            log.warning(
                "kept beyond the retention: MQTT or a webhook has not had their events yet; mend that, or remove it"
                " from the configuration (`callbackd status` says who is behind)",
                extra={"callbacks": held_back},
            )

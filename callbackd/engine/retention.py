"""Call-backs that ended long ago are erased, a few at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from callbackd.engine.clock import Clock
from callbackd.store.interface import Store, StoreError

log = logging.getLogger(__name__)

EVERY = timedelta(hours=1)
AT_ONCE = 500
PAUSE = timedelta(seconds=1)
"""Between two portions, so that calls never wait for the eraser."""


async def erase_the_old(store: Store, clock: Clock, retention: Callable[[], timedelta]) -> None:
    """Until cancelled."""
    while True:
        pause = EVERY
        try:
            erased = await store.erase_ended_before(clock.now() - retention(), AT_ONCE)
        except StoreError as error:
            log.warning("nothing erased", extra={"error": str(error)})
        else:
            if erased:
                log.info("erased", extra={"callbacks": erased})
            if erased == AT_ONCE:
                pause = PAUSE
        await asyncio.sleep(pause.total_seconds())

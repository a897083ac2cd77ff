"""The long look at all of the store, in the background: at the start, and then once a day."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import timedelta

from callbackd.store.interface import Store, StoreError

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)


class Examination:
    """`damage`: what the last look found, empty if it found nothing. `tell` is called with it after each."""

    def __init__(self, store: Store, tell: Callable[[tuple[str, ...]], None]) -> None:
        self._store = store
        self._tell = tell
        self.damage: tuple[str, ...] = ()

    async def run(self) -> None:
        """Until cancelled. Damage is said in the log and changes nothing: calls that are running go on."""
        while True:
            await self._look()
            await asyncio.sleep(EVERY.total_seconds())

    async def _look(self) -> None:
        try:
            self.damage = tuple(await self._store.examine())
        except StoreError as error:
            log.warning("the database could not be examined", extra={"error": str(error)})
            return
        if self.damage:
            log.critical(
                "the database is damaged: back it up no more over good copies, stop callbackd and restore one",
                extra={"damage": "; ".join(self.damage)},
            )
        else:
            log.info("the database was examined and is sound")
        self._tell(self.damage)

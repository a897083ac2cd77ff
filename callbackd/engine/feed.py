"""The outbox as it grows: every consumer follows it at its own pace and misses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence

from callbackd.domain.callback import TimelineEvent
from callbackd.store.interface import Store

LOOK_AGAIN = 30.0
"""Seconds after which the outbox is looked at without having been told."""


class Feed:
    """Timeline events of all call-backs, in order of id."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._grown: set[asyncio.Event] = set()
        store.on_events(self._tell)

    async def follow(self, after: int, at_once: int = 500) -> AsyncGenerator[Sequence[TimelineEvent], None]:
        """Portions of at most `at_once` events with a higher id than `after`, for ever; waits for more. Raises
        `StoreError`."""
        grown = asyncio.Event()
        self._grown.add(grown)
        try:
            while True:
                grown.clear()
                events = await self._store.events_after(after, at_once)
                if events:
                    after = events[-1].id
                    yield events
                    continue
                try:
                    async with asyncio.timeout(LOOK_AGAIN):
                        await grown.wait()
                except TimeoutError:
                    continue
        finally:
            self._grown.discard(grown)

    async def growths(self) -> AsyncGenerator[None, None]:
        """Something each time events were added, for ever, without reading any of them. What is added while the last
        growth is dealt with is told as one."""
        grown = asyncio.Event()
        self._grown.add(grown)
        try:
            while True:
                await grown.wait()
                grown.clear()
                yield
        finally:
            self._grown.discard(grown)

    def _tell(self) -> None:
        for grown in self._grown:
            grown.set()

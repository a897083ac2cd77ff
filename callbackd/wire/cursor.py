"""Where a consumer of the outbox stands: kept in the store, so that nothing is lost over a restart."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from callbackd.store.interface import Store

_KNOWN = ":known"


class Cursor:
    """The place of one consumer. It is moved only once an event has been confirmed, so each is delivered at least once.

    A consumer that is new begins with the first event at or after `started`, the start of this daemon: nothing that
    happens from then on is missed, and years of history are not poured out. One that was away goes on where it stood.
    """

    def __init__(self, store: Store, consumer: str, started: datetime) -> None:
        self._store = store
        self._consumer = consumer
        self._started = started
        self._confirmed: int | None = None

    async def position(self) -> int:
        """The id of the last confirmed event, or of the last one before the beginning. Raises `StoreError`."""
        if self._confirmed is None:
            self._confirmed = await self._begin()
        return self._confirmed

    async def advance(self, event_id: int) -> None:
        """All up to `event_id` are confirmed; durable when this returns. Raises `StoreError`."""
        if event_id > await self.position():
            await self._store.set_delivered(self._consumer, event_id)
            self._confirmed = event_id

    async def _begin(self) -> int:
        if not await self._store.delivered_up_to(self._consumer + _KNOWN):
            await self._store.set_delivered(self._consumer, await self._last_before_start())
            await self._store.set_delivered(self._consumer + _KNOWN, 1)
        return await self._store.delivered_up_to(self._consumer)

    async def _last_before_start(self) -> int:
        """The highest id such that all events up to it are older than `started`, in a few looks at the outbox."""
        beyond = 1
        while await self._is_old_after(beyond):
            beyond *= 2
        old, beyond = 0, beyond + 1
        while old + 1 < beyond:
            middle = (old + beyond) // 2
            if await self._is_old_after(middle - 1):
                old = middle
            else:
                beyond = middle
        return old

    async def _is_old_after(self, event_id: int) -> bool:
        """Whether the first event with a higher id is older than `started`."""
        events = await self._store.events_after(event_id, 1)
        return bool(events) and events[0].at < self._started


async def delivered_to_all(store: Store, consumers: Iterable[str]) -> int | None:
    """The id of the last event that each of the consumers has confirmed; None if none of them has begun.

    Raises `StoreError`.
    """
    places = [await delivered_to(store, consumer) for consumer in consumers]
    return min((place for place in places if place is not None), default=None)


async def delivered_to(store: Store, consumer: str) -> int | None:
    """The id of the last event that a consumer has confirmed; None of one that has not begun. Raises `StoreError`."""
    if not await store.delivered_up_to(consumer + _KNOWN):
        return None
    return await store.delivered_up_to(consumer)

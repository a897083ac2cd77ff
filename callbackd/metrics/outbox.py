"""How far the outbox reaches, and how far behind it each of its consumers is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from callbackd.store.interface import Store
from callbackd.wire.cursor import delivered_to


class OutboxEnd:
    """Finds the last event of the outbox in a few looks, starting where it was found the last time."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known = 0

    async def id(self) -> int:
        """The id of the last event; 0 before the first. Raises `StoreError`."""
        low, step = self._known, 1
        while (later := await self._first_after(low + step - 1)) is not None:
            low, step = later, step * 2
        high = low + step - 1
        while low < high:
            middle = (low + high) // 2
            later = await self._first_after(middle)
            low, high = (low, middle) if later is None else (later, high)
        self._known = max(self._known, low)
        return self._known

    async def _first_after(self, event_id: int) -> int | None:
        events = await self._store.events_after(event_id, 1)
        return events[0].id if events else None


class Lags:
    """The lag of each consumer. One that is new to the store begins with what happens from `note_start` on."""

    def __init__(self, store: Store, consumers: Sequence[str], end: OutboxEnd) -> None:
        self._store = store
        self._consumers = consumers
        self._end = end
        self._start: int | None = None

    async def note_start(self) -> None:
        """The outbox ends here as this daemon starts. Raises `StoreError`."""
        self._start = await self._end.id()

    async def all(self) -> Mapping[str, int]:
        """How many ids each is behind the last event. Raises `StoreError`."""
        end = await self._end.id()
        lags = {}
        for consumer in self._consumers:
            delivered = await delivered_to(self._store, consumer)
            if delivered is None:
                delivered = end if self._start is None else self._start
            lags[consumer] = max(0, end - delivered)
        return lags

"""A store with a bug: what it raises is a fault of ours, not of the disk."""

from __future__ import annotations

from callbackd.domain.callback import CallBack, EventType
from callbackd.store.interface import Change, StoreUnavailable
from callbackd.store.memory import MemoryStore


class Faulty(MemoryStore):
    """So many times the end of an attempt raises, `of` that call-back or of any. While `failing`, it is the disk."""

    faults = 0
    of: str | None = None
    failing = False

    async def commit(self, change: Change) -> CallBack:
        """Write, or not."""
        ends = any(event.type is EventType.ATTEMPT_ENDED for event in change.events)
        if self.faults and ends and self.of in (None, change.callback.id):
            self.faults -= 1
            raise RuntimeError("a bug")
        if self.failing:
            raise StoreUnavailable("the disk is full")
        return await super().commit(change)

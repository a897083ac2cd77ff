"""Who may change what is remembered of a profile: one at a time, or one for all profiles at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager


class Turns:
    """One turn at a time for each profile. Who has a turn must not ask for another."""

    def __init__(self) -> None:
        self._of: dict[str, asyncio.Lock] = {}
        self._new = asyncio.Lock()
        """Held by whoever has a turn of all profiles: none that was unknown until then begins meanwhile."""

    def taken(self, profile: str) -> bool:
        """Whether somebody has the profile's turn now."""
        lock = self._of.get(profile)
        return self._new.locked() if lock is None else lock.locked()

    @asynccontextmanager
    async def of(self, profile: str) -> AsyncIterator[None]:
        """Wait for the turn of a profile, and have it."""
        lock = self._of.get(profile)
        if lock is None:
            async with self._new:
                lock = self._of.setdefault(profile, asyncio.Lock())
        async with lock:
            yield

    @asynccontextmanager
    async def of_all(self) -> AsyncIterator[None]:
        """Wait for the turns of all profiles, and have them."""
        async with self._new, AsyncExitStack() as stack:
            for lock in tuple(self._of.values()):
                await stack.enter_async_context(lock)
            yield

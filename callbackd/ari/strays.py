"""Legs of ours that are up although no call follows them: looked for while the link is up, and taken down.

There are two kinds: those that could not be taken down when their call ended, and those that the PBX made after all
when nobody waited for them any more, as when a request arrives long after its answer was given up.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from callbackd.ari.client import AriClient
from callbackd.ari.errors import AriError
from callbackd.ari.wreckage import Wreckage
from callbackd.domain.callback import Step

log = logging.getLogger(__name__)

LOOK_AFTER = 1.0
"""Seconds from a sign of a stray to the look: the call that it belongs to may be about to take it down itself."""

LOOK_AGAIN = 10.0
"""Seconds to the next look while one could not be taken down."""


class Strays:
    """`known` are the calls that are followed; `ready`, whether the link is. `sign` tells of a stray."""

    def __init__(
        self, client: AriClient, known: Callable[[], Mapping[str, tuple[Step, int]]], ready: Callable[[], bool]
    ) -> None:
        self._client = client
        self._known = known
        self._ready = ready
        self._signs = asyncio.Event()

    def sign(self) -> None:
        """There may be one."""
        self._signs.set()

    async def run(self) -> None:
        """Until cancelled. While the link is down nothing is done: the look that follows sees to it."""
        wait = LOOK_AFTER
        while True:
            await self._signs.wait()
            await asyncio.sleep(wait)
            self._signs.clear()
            wait = LOOK_AFTER
            if self._ready() and not await self._taken_down():
                wait = LOOK_AGAIN
                self._signs.set()

    async def _taken_down(self) -> bool:
        try:
            wreckage = await Wreckage.look(self._client)
            await wreckage.sweep_calls(self._known())
        except AriError as error:
            log.warning("can't look for strays", extra={"error": str(error)})
            return False
        return wreckage.swept

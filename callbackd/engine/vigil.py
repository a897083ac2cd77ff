"""Talks of which nothing has been heard for long are looked after: the events that told of their end may be lost.

All else that a call waits for has a time-out. Two who talk have none, and would keep their target's place for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from callbackd.engine.calls import Call, Calls
from callbackd.engine.phones import Phones

EVERY = 60.0
"""Seconds between two looks. A talk is looked after if nothing was heard of it from one to the next."""


Heard = tuple[str, int]
"""A talk by its call-back's id and its attempt's number; the call itself is not kept."""


class Vigil:
    """Tells talks of legs that are no more. `sees_pbx`: whether what the PBX does is seen at this moment."""

    def __init__(self, calls: Calls, phones: Phones, sees_pbx: Callable[[], bool]) -> None:
        self._calls = calls
        self._phones = phones
        self._sees_pbx = sees_pbx

    async def run(self) -> None:
        """Until cancelled. While no call is live nobody wakes, and while no talk is long nobody is asked."""
        heard: Mapping[Heard, int] = {}
        while True:
            await self._calls.some()
            await asyncio.sleep(EVERY)
            heard = await self._look(heard)

    async def _look(self, before: Mapping[Heard, int]) -> Mapping[Heard, int]:
        """What has been heard of each talk until now."""
        talks = [call for call in self._calls if call.talking]
        silent = [call for call in talks if before.get(_key(call)) == call.heard]
        heard = {_key(call): call.heard for call in talks}
        if silent and self._sees_pbx():
            up = await self._phones.still_up([call.line for call in silent])
            for call, legs in zip(silent, up, strict=True) if up is not None else ():
                if call.talking:
                    call.seen_up(legs)
        return heard


def _key(call: Call) -> Heard:
    return call.callback.id, call.line.sequence

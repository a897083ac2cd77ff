"""A number is forgotten: whoever asks for it must find nothing of theirs here afterwards."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from callbackd.domain.callback import CallBack
from callbackd.engine.refusals import Code, Refused
from callbackd.engine.retention import Delivered, nobody_follows
from callbackd.store.interface import Forgotten, NotEnded, Store, StoreError

log = logging.getLogger(__name__)

TRIES = 3
"""How often a number may be asked for anew while it is being forgotten."""

WASHES = 20
WASH_AGAIN = 0.25
"""Seconds between tries to have it off the disk: who reads holds it there, mostly for the length of a question."""


class Cancels(Protocol):
    """Whoever ends call-backs."""

    async def cancel(self, callback_id: str) -> CallBack:
        """End it as `cancelled`. Raises `Refused`."""


class Settles(Protocol):
    """Whoever remembers numbers from one call to the next."""

    def at_rest(self) -> AbstractAsyncContextManager[None]:
        """Nothing that was read before is written while this lasts, nor later."""


class Eraser:
    """Forgets numbers. `delivered`: how far every consumer of the outbox is."""

    def __init__(
        self, store: Store, desk: Cancels, settlement: Settles, delivered: Delivered = nobody_follows
    ) -> None:
        self._store = store
        self._desk = desk
        self._settlement = settlement
        self._delivered = delivered

    async def forget(self, number: str, *, cancel: bool = False, unblock: bool = False) -> tuple[Forgotten, bool]:
        """Erase all that is known of an E.164 number, and whether it has left the disk too.

        If not, a reader such as a backup still holds it in the write-ahead log, or the disk fails: it goes within the
        hour, or once the disk is mended. Its place on the block-list, which protects the person, is kept unless
        `unblock`. With `cancel` what has not ended is cancelled first. Raises `Refused` if something has not ended:
        nothing is erased then.
        """
        for _ in range(TRIES):
            try:
                delivered = await self._delivered()
                async with self._settlement.at_rest():
                    forgotten = await self._store.forget(number, unblock=unblock, delivered=delivered)
            except NotEnded as waiting:
                if not cancel:
                    raise Refused(Code.STATE_FORBIDS, _not_ended(waiting.ids)) from None
                for callback_id in waiting.ids:
                    await self._cancel(callback_id)
                continue
            washed = await self._wash()
            log.info("forgotten", extra={"callbacks": forgotten.callbacks, "undelivered": forgotten.undelivered})
            return forgotten, washed
        raise Refused(Code.UNAVAILABLE, "the number is asked for anew all the time: pause the intake, then try again")

    async def _wash(self) -> bool:
        for _ in range(WASHES):
            try:
                if await self._store.wash():
                    return True
            except StoreError as error:
                log.warning("erased, but not yet off the disk", extra={"error": str(error)})
                return False
            await asyncio.sleep(WASH_AGAIN)
        return False

    async def _cancel(self, callback_id: str) -> None:
        try:
            await self._desk.cancel(callback_id)
        except Refused as refused:
            found = await self._store.get(callback_id)
            if found is not None and not found.state.ended:
                raise Refused(refused.code, f"{callback_id}: {refused.message}") from None


def _not_ended(ids: tuple[str, ...]) -> str:
    shown = ", ".join(ids[:5]) + (f" and {len(ids) - 5} more" if len(ids) > 5 else "")
    return f"not ended yet: {shown}; cancel first, or ask for that too (`cancel`); nothing was erased"

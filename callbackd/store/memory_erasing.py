"""How personal data leave the store in memory."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime

from callbackd.domain.callback import Attempt, CallBack, Offer, TimelineEvent
from callbackd.store.erasing import DIALS_KEPT
from callbackd.store.instants import from_ms, to_ms
from callbackd.store.interface import Forgotten, Idempotency, NotEnded, ProfileCondition


class MemoryErasing:
    """Those parts of a store's promises, over what the store in memory keeps."""

    _callbacks: dict[str, CallBack]
    _not_ended: dict[str, CallBack]
    _attempts: dict[str, dict[int, Attempt]]
    _offers: dict[str, dict[int, Offer]]
    _timelines: dict[str, list[TimelineEvent]]
    _outbox: list[TimelineEvent]
    _idempotency: dict[str, tuple[Idempotency, datetime, str]]
    _dials: list[tuple[datetime, str]]
    _blocked: dict[str, tuple[datetime, str]]
    _conditions: dict[str, ProfileCondition]

    async def erase_ended_before(self, instant: datetime, limit: int = 500, delivered: int | None = None) -> int:
        """See `Erases.erase_ended_before`. Dials go too, a day later, when no limit looks at them any more."""
        before = from_ms(to_ms(instant))
        erased = {
            callback_id
            for callback_id in self._ended_before(before)[:limit]
            if delivered is None or all(event.id <= delivered for event in self._timelines.get(callback_id, ()))
        }
        self._drop(erased)
        self._dials = [dial for dial in self._dials if dial[0] >= before - DIALS_KEPT]
        return len(erased)

    async def count_ended_before(self, instant: datetime) -> int:
        """See `Erases.count_ended_before`."""
        return len(self._ended_before(from_ms(to_ms(instant))))

    async def forget(self, number: str, *, unblock: bool = False, delivered: int | None = None) -> Forgotten:
        """See `Erases.forget`."""
        waiting = [callback for callback in self._not_ended.values() if callback.number == number]
        if waiting:
            waiting.sort(key=lambda callback: (callback.requested_at, callback.id))
            raise NotEnded([callback.id for callback in waiting])
        ids = {callback.id for callback in self._callbacks.values() if callback.number == number}
        events = [event for event in self._outbox if event.callback_id in ids]
        blocked = number in self._blocked
        forgotten = Forgotten(
            callbacks=len(ids),
            attempts=sum(len(self._attempts.get(callback_id, ())) for callback_id in ids),
            offers=sum(len(self._offers.get(callback_id, ())) for callback_id in ids),
            events=len(events),
            undelivered=0 if delivered is None else sum(event.id > delivered for event in events),
            keys=sum(kept[2] in ids for kept in self._idempotency.values()),
            dials=sum(dialled == number for _, dialled in self._dials),
            suspects=self._forget_suspects(number),
            unblocked=blocked and unblock,
            blocked=blocked and not unblock,
        )
        self._drop(ids)
        self._dials = [dial for dial in self._dials if dial[1] != number]
        if unblock:
            self._blocked.pop(number, None)
        return forgotten

    async def wash(self) -> bool:
        """Memory keeps nothing of what was erased."""
        return True

    async def examine(self) -> Sequence[str]:
        """Memory is always sound."""
        return ()

    def _ended_before(self, before: datetime) -> list[str]:
        """The first to end first."""
        ended = sorted(
            (callback.ended_at, callback.id)
            for callback in self._callbacks.values()
            if callback.state.ended and callback.ended_at is not None and callback.ended_at < before
        )
        return [callback_id for _, callback_id in ended]

    def _drop(self, ids: Collection[str]) -> None:
        for callback_id in ids:
            del self._callbacks[callback_id]
            self._attempts.pop(callback_id, None)
            self._offers.pop(callback_id, None)
            self._timelines.pop(callback_id, None)
        self._outbox = [event for event in self._outbox if event.callback_id not in ids]
        self._idempotency = {key: kept for key, kept in self._idempotency.items() if kept[2] not in ids}

    def _forget_suspects(self, number: str) -> int:
        forgotten = 0
        for profile, condition in self._conditions.items():
            others = tuple(suspect for suspect in condition.suspects if suspect[0] != number)
            forgotten += len(condition.suspects) - len(others)
            self._conditions[profile] = replace(condition, suspects=others)
        return forgotten

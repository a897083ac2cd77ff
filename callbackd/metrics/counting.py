"""Counts what happens, by following the outbox."""

from __future__ import annotations

import asyncio
import logging
from contextlib import aclosing
from datetime import timedelta

from callbackd.domain.callback import Attempt, EventType, State, TimelineEvent
from callbackd.engine.feed import Feed
from callbackd.metrics.instruments import Instruments
from callbackd.store.interface import Store, StoreError

log = logging.getLogger(__name__)

AGAIN = 5.0
"""Seconds until the outbox is read again after it failed."""

GATHER = 0.2
"""Seconds between two looks at an outbox that grows: nobody reads a counter more often, and each look costs."""


class Counting:
    """Counts each event after the id `after` once. `seen` is the last that was counted."""

    def __init__(self, store: Store, feed: Feed, instruments: Instruments, after: int) -> None:
        self._store = store
        self._feed = feed
        self._instruments = instruments
        self.seen = after

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                async with aclosing(self._feed.follow(self.seen)) as portions:
                    async for events in portions:
                        for event in events:
                            await self._count(event)
                            self.seen = event.id
                        await asyncio.sleep(GATHER)
            except StoreError as error:
                log.warning("events can't be counted: trying again", extra={"reason": str(error)})
            await asyncio.sleep(AGAIN)

    async def _count(self, event: TimelineEvent) -> None:
        metrics, profile, data = self._instruments, event.profile, event.data
        match event.type:
            case EventType.ATTEMPT_STARTED if data.get("attempt") == 1:
                await self._first_attempt(event)
            case EventType.CLIENT_ANSWERED if "bridged_after_ms" in data:
                metrics.answer_to_bridge.labels(profile).observe(data["bridged_after_ms"] / 1000)
            case EventType.ATTEMPT_ENDED:
                metrics.attempts.labels(profile, str(data.get("kind")), str(data.get("outcome"))).inc()
            case EventType.OFFER_ENDED:
                metrics.offers.labels(profile, str(data.get("outcome"))).inc()
            case EventType.RESCHEDULED:
                metrics.reschedules.labels(profile, str(data.get("kind"))).inc()
            case EventType.ENDED:
                disposition = str(data.get("disposition"))
                if disposition == State.COMPLETED:
                    await self._completed(event)
                metrics.dispositions.labels(profile, disposition).inc()

    async def _first_attempt(self, event: TimelineEvent) -> None:
        callback = await self._store.get(event.callback_id)
        if callback is not None:
            asked_for = max(callback.requested_at, callback.not_before or callback.requested_at)
            self._instruments.wait.labels(event.profile).observe(max(0.0, (event.at - asked_for).total_seconds()))

    async def _completed(self, event: TimelineEvent) -> None:
        spent = sum((_agent_time(each) for each in await self._store.attempts(event.callback_id)), timedelta())
        self._instruments.agent_seconds.labels(event.profile).observe(spent.total_seconds())


def _agent_time(attempt: Attempt) -> timedelta:
    """For how long an agent was on the line."""
    if attempt.agent_answered_at is None or attempt.ended_at is None:
        return timedelta()
    return max(timedelta(), attempt.ended_at - attempt.agent_answered_at)

"""One webhook's deliveries: every event it wants, in order, each until it is taken."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Sequence
from contextlib import aclosing
from datetime import datetime
from random import Random

from callbackd.config.settings import Webhook
from callbackd.domain.callback import EventType, TimelineEvent
from callbackd.engine.clock import Clock
from callbackd.engine.feed import Feed
from callbackd.store.interface import Store, StoreError
from callbackd.webhooks.delivery import NotTaken, Poster, origin
from callbackd.wire.cursor import Cursor
from callbackd.wire.patience import Backoff, Patience, Trouble, failure_of

log = logging.getLogger(__name__)

PORTION = 100
"""Events held in memory at most, for each webhook."""

PATIENCE = Patience(first=1.0, longest=300.0)


class Courier:
    """Posts events to one webhook and moves its cursor when they are taken.

    It never gives up and never skips: what is not taken stands at the head, is read anew from the outbox at every try,
    and holds back the later ones of this webhook only. An event ends undelivered only when its number is forgotten.
    """

    def __init__(
        self,
        webhook: Webhook,
        consumer: str,
        store: Store,
        feed: Feed,
        clock: Clock,
        started: datetime,
        chance: Random,
        patience: Patience = PATIENCE,
    ) -> None:
        self._webhook = webhook
        self._feed = feed
        self._clock = clock
        self._cursor = Cursor(store, consumer, started)
        self._backoff = Backoff(patience, chance)
        self._shown = {"webhook": origin(webhook.url), "consumer": consumer}
        self._trouble = Trouble(log, "events can't be posted to a webhook", **self._shown)

    async def run(self) -> None:
        """Until cancelled. No failure of the webhook gets out of here."""
        unknown = sorted(set(self._webhook.events) - set(EventType))
        if unknown:
            log.warning("a webhook wants events that there are not", extra={**self._shown, "events": ",".join(unknown)})
        async with Poster(self._webhook, self._clock) as poster:
            while True:
                failure = await failure_of(self._deliver(poster))
                if isinstance(failure, NotTaken | StoreError):
                    self._trouble.tell(str(failure))
                elif failure is not None:
                    log.error("a webhook failed", exc_info=failure, extra=self._shown)
                await asyncio.sleep(self._backoff.next())

    async def _deliver(self, poster: Poster) -> None:
        async with aclosing(self._feed.follow(await self._cursor.position(), PORTION)) as portions:
            async for events in portions:
                await self._deliver_some(poster, events)

    async def _deliver_some(self, poster: Poster, events: Sequence[TimelineEvent]) -> None:
        for event in events:
            if not self._webhook.events or event.type in self._webhook.events:
                await poster.post(event)
                self._trouble.over()
                self._backoff.reset()
                await self._cursor.advance(event.id)
        await self._cursor.advance(events[-1].id)


def consumers(webhooks: Sequence[Webhook]) -> Sequence[str]:
    """The names under which the store keeps how far each webhook is, from its URL; the same at every start.

    A URL that stands there more than once has a name for each: the second's ends in ``:2``.
    """
    names: list[str] = []
    for webhook in webhooks:
        name = f"webhook:{hashlib.sha256(webhook.url.encode()).hexdigest()[:16]}"
        earlier = sum(other == name or other.startswith(f"{name}:") for other in names)
        names.append(name if not earlier else f"{name}:{earlier + 1}")
    return names

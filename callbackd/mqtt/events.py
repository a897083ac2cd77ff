"""What happens to call-backs, published from the outbox: in order, each at least once."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections import deque
from collections.abc import Sequence
from contextlib import aclosing, suppress

from paho.mqtt.reasoncodes import ReasonCode

from callbackd.domain.callback import TimelineEvent
from callbackd.engine.feed import Feed
from callbackd.mqtt.broker import AT_ONCE, Broker, Refused
from callbackd.mqtt.topics import Topics
from callbackd.store.interface import StoreError
from callbackd.wire.cursor import Cursor
from callbackd.wire.patience import Backoff, Trouble
from callbackd.wire.told import ToldNews

log = logging.getLogger(__name__)

CONSUMER = "mqtt"
"""The name under which the store keeps how far the broker has confirmed the outbox."""

PORTION = 100

REPEATED = 10.0
"""Seconds before the loss of a connection whose events are published again after it. A broker that is killed has
confirmed some that its subscribers did not get yet, so what was confirmed last is not taken for delivered."""


class Events:
    """Publishes events and moves the cursor when the broker has confirmed them.

    A broker that refuses an event (its ACL) is asked again: events wait for it, and are not skipped. After a lost
    connection the last ones are repeated, so subscribers tell repetitions by the id.
    """

    def __init__(self, feed: Feed, cursor: Cursor, topics: Topics, backoff: Backoff) -> None:
        self._feed = feed
        self._cursor = cursor
        self._topics = topics
        self._backoff = backoff
        self._recent: deque[tuple[float, int]] = deque()
        self._highest = 0
        self._trouble = Trouble(log, "events can't be published by MQTT")

    async def publish(self, broker: Broker) -> None:
        """For as long as the connection lasts. Raises `MqttError` when it does not."""
        after = None if not self._recent else self._recent[0][1]
        try:
            while True:
                try:
                    await self._publish(broker, await self._cursor.position() if after is None else after)
                except Refused as error:
                    self._trouble.tell(f"the broker refuses an event: {error}; its ACL must let us publish")
                except StoreError as error:
                    self._trouble.tell(str(error))
                after = None
                await asyncio.sleep(self._backoff.next())
        finally:
            self._forget_the_old()

    async def _publish(self, broker: Broker, after: int) -> None:
        async with aclosing(self._feed.follow(after, PORTION)) as portions:
            async for events in portions:
                for start in range(0, len(events), AT_ONCE):
                    await self._publish_some(broker, events[start : start + AT_ONCE])
                    self._trouble.over()
                    self._backoff.reset()

    async def _publish_some(self, broker: Broker, events: Sequence[TimelineEvent]) -> None:
        under_way: list[tuple[TimelineEvent, Future[ReasonCode]]] = []
        confirmed: TimelineEvent | None = None
        try:
            for event in events:
                payload = ToldNews.of(event).model_dump_json()
                under_way.append((event, await broker.start_to_send(self._topics.event(event.profile), payload)))
            for event, confirmation in under_way:
                await broker.confirmed(confirmation)
                confirmed = event
                self._remember(event)
        except BaseException:
            if confirmed is not None:
                with suppress(StoreError):
                    await self._cursor.advance(confirmed.id)
            raise
        await self._cursor.advance(events[-1].id)

    def _remember(self, event: TimelineEvent) -> None:
        """Note a confirmed event: if the connection is lost now, it is published again."""
        if event.id > self._highest:
            self._highest = event.id
            self._recent.append((asyncio.get_running_loop().time(), event.id - 1))
            self._forget_the_old()

    def _forget_the_old(self) -> None:
        now = asyncio.get_running_loop().time()
        while self._recent and self._recent[0][0] < now - REPEATED:
            self._recent.popleft()

"""What happens to call-backs, published from the outbox: in order, each at least once."""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
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


class Events:
    """Publishes events and moves the cursor when the broker has confirmed them.

    A broker that refuses an event (its ACL) is asked again: events wait for it, and are not skipped.
    """

    def __init__(self, feed: Feed, cursor: Cursor, topics: Topics, backoff: Backoff) -> None:
        self._feed = feed
        self._cursor = cursor
        self._topics = topics
        self._backoff = backoff
        self._trouble = Trouble(log, "events can't be published by MQTT")

    async def publish(self, broker: Broker) -> None:
        """For as long as the connection lasts. Raises `MqttError` when it does not."""
        while True:
            try:
                await self._publish(broker)
            except Refused as error:
                self._trouble.tell(f"the broker refuses an event: {error}; its ACL must let us publish")
            except StoreError as error:
                self._trouble.tell(str(error))
            await asyncio.sleep(self._backoff.next())

    async def _publish(self, broker: Broker) -> None:
        async with aclosing(self._feed.follow(await self._cursor.position(), PORTION)) as portions:
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
        except BaseException:
            if confirmed is not None:
                with suppress(StoreError):
                    await self._cursor.advance(confirmed.id)
            raise
        await self._cursor.advance(events[-1].id)

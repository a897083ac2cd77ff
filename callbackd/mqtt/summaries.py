"""How each profile stands, retained, and published again whenever it changes."""

from __future__ import annotations

import asyncio
import json
import logging

from callbackd.engine.control import Control, ProfileStatus
from callbackd.mqtt.broker import Broker, Refused
from callbackd.mqtt.topics import Topics
from callbackd.store.interface import Store, StoreError
from callbackd.wire.patience import Trouble

log = logging.getLogger(__name__)

AT_MOST_EVERY = 0.2
"""Seconds between two looks, however much happens."""

AT_LEAST_EVERY = 2.0
"""Seconds after which a change that no event tells of (a pause, an opening, a reload) is seen."""


class Summaries:
    """Keeps the retained summaries true."""

    def __init__(self, store: Store, control: Control, topics: Topics) -> None:
        self._control = control
        self._topics = topics
        self._changed = asyncio.Event()
        self._published: dict[str, str] = {}
        self._trouble = Trouble(log, "summaries can't be published by MQTT")
        store.on_events(self._changed.set)

    async def publish(self, broker: Broker) -> None:
        """For as long as the connection lasts; all of them at its beginning. Raises `MqttError` when it does not."""
        gone = set(self._published)
        self._published = dict.fromkeys(gone, "")
        while True:
            self._changed.clear()
            try:
                await self._publish_changes(broker)
                self._trouble.over()
            except Refused as error:
                self._trouble.tell(f"the broker refuses a summary: {error}; its ACL must let us publish")
            except StoreError as error:
                self._trouble.tell(str(error))
            await asyncio.sleep(AT_MOST_EVERY)
            await self._change()

    async def _publish_changes(self, broker: Broker) -> None:
        present = {status.profile.id: summary(status) for status in await self._control.profiles()}
        for profile in set(self._published) - set(present):
            await broker.send(self._topics.profile(profile), "", retain=True)
            del self._published[profile]
        for profile, text in present.items():
            if self._published.get(profile) != text:
                await broker.send(self._topics.profile(profile), text, retain=True)
                self._published[profile] = text

    async def _change(self) -> None:
        try:
            async with asyncio.timeout(AT_LEAST_EVERY):
                await self._changed.wait()
        except TimeoutError:
            return


def summary(status: ProfileStatus) -> str:
    """The JSON that is retained. `paused`: nothing is dialled; `intake_paused`: no requests are taken."""
    return json.dumps(
        {
            "waiting": status.waiting,
            "live": status.live,
            "open": status.open_now,
            "paused": status.paused,
            "intake_paused": status.pause.intake,
        }
    )

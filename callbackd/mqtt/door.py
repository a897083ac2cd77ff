"""The door itself: connected to the broker for as long as there is one, again and again."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import socket
from asyncio import TaskGroup
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from random import Random

import aiomqtt
from aiomqtt import MqttError

from callbackd.config.settings import Mqtt
from callbackd.engine.control import Control
from callbackd.engine.desk import Desk
from callbackd.engine.feed import Feed
from callbackd.engine.intake import Intake
from callbackd.mqtt.broker import Address, Broker, Refused, is_taken_over, why
from callbackd.mqtt.commands import Commands
from callbackd.mqtt.events import CONSUMER, Events
from callbackd.mqtt.summaries import Summaries
from callbackd.mqtt.topics import Topics
from callbackd.store.interface import Store
from callbackd.wire.cursor import Cursor
from callbackd.wire.patience import Backoff, Patience, Trouble, failure_of

log = logging.getLogger(__name__)

ONLINE = "online"
OFFLINE = "offline"

STABLE = 10.0
"""Seconds that a connection must last for its loss to be news, and for the next wait to be a short one."""

TAKEN_OVER_WAIT = 60.0
"""Seconds to stay away after another client with our id came: two must not throw each other out in turn."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What the door leads to."""

    store: Store
    feed: Feed
    intake: Intake
    desk: Desk
    control: Control


class MqttDoor:
    """`started` is when this daemon was: a broker that is new to it gets the events from then on."""

    def __init__(
        self,
        settings: Mqtt,
        client_id: str,
        engine: Engine,
        started: datetime,
        chance: Random,
        patience: Patience = Patience(),  # noqa: B008
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._address = Address.of(settings.url)
        self._topics = Topics(settings.prefix)
        self._cursor = Cursor(engine.store, CONSUMER, started)
        self._events = Events(engine.feed, self._cursor, self._topics, Backoff(patience, chance))
        self._summaries = Summaries(engine.store, engine.control, self._topics)
        self._commands = Commands(engine.intake, engine.desk, self._topics)
        self._backoff = Backoff(patience, chance)
        self._since: float | None = None
        self._told_connected = False
        self._trouble = Trouble(log, "no MQTT broker", broker=self._address)
        self._no_commands = Trouble(log, "no commands by MQTT", broker=self._address)

    async def run(self) -> None:
        """Until cancelled; then `offline` is told. No failure of the broker gets out of here."""
        while True:
            self._since = None
            failure = await failure_of(self._connected())
            if self._since is not None and asyncio.get_running_loop().time() - self._since > STABLE:
                self._backoff.reset()
                self._trouble.forget()
            wait = 0.0
            if isinstance(failure, MqttError | OSError | ValueError):
                if self._trouble.tell(why(failure)):
                    self._told_connected = False
                wait = TAKEN_OVER_WAIT if is_taken_over(failure) else 0.0
            elif failure is not None:
                log.error("MQTT failed", exc_info=failure)
            await asyncio.sleep(max(wait, self._backoff.next()))

    async def _connected(self) -> None:
        will = aiomqtt.Will(self._topics.status, OFFLINE, qos=1, retain=True)
        async with Broker(self._settings, self._client_id, will) as broker:
            try:
                async with TaskGroup() as group:
                    group.create_task(self._commands.obey(broker), name="mqtt commands")
                    await self._welcome(broker)
                    group.create_task(self._events.publish(broker), name="mqtt events")
                    group.create_task(self._summaries.publish(broker), name="mqtt summaries")
            except asyncio.CancelledError:
                await self._goodbye(broker)
                raise

    async def _welcome(self, broker: Broker) -> None:
        try:
            await broker.take([self._topics.request, self._topics.cancel])
            self._no_commands.over()
        except Refused as error:
            self._no_commands.tell(f"the broker refuses the subscription: {error}")
        await broker.send(self._topics.status, ONLINE, retain=True)
        self._since = asyncio.get_running_loop().time()
        if not self._told_connected:
            log.info("MQTT connected", extra={"broker": self._address, "client_id": self._client_id})
            self._told_connected = True

    async def _goodbye(self, broker: Broker) -> None:
        try:
            async with asyncio.timeout(1.0):
                await broker.send(self._topics.status, OFFLINE, retain=True)
        except (MqttError, TimeoutError):
            return


def client_id(database: Path) -> str:
    """The name by which the broker knows this installation: the same at every start, another on another machine."""
    place = f"{socket.gethostname()}:{database.absolute()}"
    return f"callbackd-{hashlib.sha256(place.encode(errors='surrogateescape')).hexdigest()[:12]}"

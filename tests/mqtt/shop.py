"""The real engine without a PBX, and the MQTT door before it: what the tests open to a real broker."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

from callbackd.config.secret import Secret
from callbackd.config.settings import Mqtt
from callbackd.domain.callback import CallBack, EventType, TimelineEvent
from callbackd.domain.profile import ClientRoute, Profile, Target
from callbackd.engine.admission import Admission
from callbackd.engine.clock import SystemClock
from callbackd.engine.control import Control
from callbackd.engine.desk import Desk
from callbackd.engine.feed import Feed
from callbackd.engine.intake import Intake, Request
from callbackd.engine.profiles import Limits, Rules
from callbackd.mqtt.commands import Commands
from callbackd.mqtt.door import Engine, MqttDoor
from callbackd.mqtt.topics import Topics
from callbackd.store.interface import Change, Store
from callbackd.store.memory import MemoryStore
from callbackd.wire.patience import Patience

SUPPORT = Profile(
    id="support",
    label="Support line",
    target=Target(endpoints=("PJSIP/1001",), timezone="America/Toronto"),
    client=ClientRoute(endpoint="PJSIP/{number}@trunk", allow=("+1",), country="CA"),
)
SALES = replace(SUPPORT, id="sales", label="Sales")

IMPATIENT = Patience(first=0.02, longest=0.2)
PREFIX = "site/callbackd"
TOPICS = Topics(PREFIX)


class NobodyWaits:
    """Wakes nobody."""

    def wake(self) -> None:
        """Nobody to wake."""


class NoCalls:
    """No call is running."""

    async def cancel(self, callback_id: str) -> None:
        """Nothing to take down."""


class Shop:
    """One callbackd without a PBX. A second one with the same store is the same one started again."""

    def __init__(self, store: Store | None = None) -> None:
        self.store: Store = MemoryStore() if store is None else store
        self.clock = SystemClock()
        self.started = self.clock.now()
        self.rules = Rules({"support": SUPPORT, "sales": SALES}, Limits(dials_per_number=6, requests_per_number=50))
        self.intake = Intake(self.store, self.rules, self.clock, Random(1), NobodyWaits())  # noqa: S311
        self.desk = Desk(self.store, self.clock, self.rules, NoCalls(), NobodyWaits())
        admission = Admission(self.store, self.rules, self.clock)
        self.control = Control(self.store, self.rules, self.clock, admission, NobodyWaits(), list)
        self.feed = Feed(self.store)
        self.commands = Commands(self.intake, self.desk, TOPICS)

    def door(
        self,
        url: str,
        *,
        client_id: str = "callbackd-test",
        username: str | None = None,
        password: str | None = None,
        ca_file: Path | None = None,
        patience: Patience = IMPATIENT,
    ) -> MqttDoor:
        """The door to that broker."""
        secret = None if password is None else Secret(password)
        settings = Mqtt(url=url, prefix=PREFIX, username=username, password=secret, ca_file=ca_file)
        engine = Engine(self.store, self.feed, self.intake, self.desk, self.control)
        return MqttDoor(settings, client_id, engine, self.started, Random(2), patience)  # noqa: S311

    @contextlib.asynccontextmanager
    async def open_to(self, url: str, **more: object) -> AsyncIterator[None]:
        """The door runs; at the end it is closed in good order."""
        async with running(self.door(url, **more)):  # type: ignore[arg-type]
            yield

    async def asks(self, number: int = 0, profile: str = "support") -> CallBack:
        """Somebody asks for a call-back: one event."""
        accepted = await self.intake.request(Request(profile, f"+1416436{number:04}"))
        return accepted.callback

    async def happen(self, callback: CallBack, times: int = 1) -> CallBack:
        """Further events of a call-back."""
        for _ in range(times):
            event = TimelineEvent(EventType.MOVED, self.clock.now(), {"by": "a test"})
            callback = await self.store.commit(Change(callback, (event,)))
        return callback

    async def delivered(self, consumer: str, event_id: int, within: float = 20.0) -> None:
        """Wait until a consumer has confirmed that event."""
        async with asyncio.timeout(within):
            while await self.store.delivered_up_to(consumer) < event_id:  # noqa: ASYNC110
                await asyncio.sleep(0.01)

    async def past(self, callbacks: int) -> None:
        """Call-backs of long ago."""
        ago = datetime.now(UTC) - timedelta(days=30)
        for number in range(callbacks):
            callback = CallBack(
                id=f"old{number:05}",
                profile="support",
                number=f"+1416437{number:04}",
                requested_at=ago,
                due_at=ago,
                asked_at=ago,
                expires_at=ago + timedelta(days=60),
            )
            await self.store.add(callback, TimelineEvent(EventType.REQUESTED, ago))


@contextlib.asynccontextmanager
async def running(door: MqttDoor) -> AsyncIterator[asyncio.Task[None]]:
    """The door, run until the end of the block."""
    task = asyncio.create_task(door.run())
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

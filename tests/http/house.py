"""The real engine over the store that keeps nothing, with a clock that stands still: what the API is tried on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from random import Random

from fastapi import FastAPI

from callbackd.domain.callback import CallBack, State, TimelineEvent
from callbackd.domain.profile import ClientRoute, Profile, Target
from callbackd.engine.admission import Admission
from callbackd.engine.control import Control
from callbackd.engine.desk import Desk
from callbackd.engine.erasure import Eraser
from callbackd.engine.feed import Feed
from callbackd.engine.profiles import Limits, Rules
from callbackd.engine.settlement import Settlement
from callbackd.http.app import create_app
from callbackd.http.services import Condition, Services
from callbackd.metrics.instruments import Instruments
from callbackd.metrics.metrics import Link, Metrics
from callbackd.metrics.requests import CountedIntake
from callbackd.store.interface import Change, Store
from callbackd.store.memory import MemoryStore
from tests.http.asgi import TOKEN

NOON = datetime(2026, 11, 2, 17, 0, tzinfo=UTC)
"""Monday, noon in Toronto."""

SUPPORT = Profile(
    id="support",
    label="Support line",
    target=Target(endpoints=("PJSIP/1001",), timezone="America/Toronto"),
    client=ClientRoute(endpoint="PJSIP/{number}@trunk", allow=("+1",), country="CA"),
)
SALES = replace(SUPPORT, id="sales", label="Sales")


@dataclass
class StoppedClock:
    """Stands still until it is moved."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


class NobodyWaits:
    """Wakes nobody."""

    def wake(self) -> None:
        """Nobody to wake."""


class NoCalls:
    """No call is running."""

    async def cancel(self, callback_id: str) -> None:
        """Nothing to take down."""


@dataclass
class SaidHealth:
    """As healthy as a test says."""

    checks: dict[str, str | None] = field(default_factory=lambda: {"ari": None, "database": None})

    async def readiness(self) -> Mapping[str, str | None]:
        return self.checks

    def condition(self) -> Condition:
        error = self.checks["ari"]
        state = "ready" if error is None else "lost"
        return Condition(
            "0.0.0", NOON - timedelta(hours=2), False, state, NOON, error, error and "mend it", "16.28.0", ("old",)
        )


class House:
    """All parts, to be looked into by tests."""

    def __init__(self, store: Store | None = None) -> None:
        self.clock = StoppedClock()
        self.store = store or MemoryStore()
        self.health = SaidHealth()
        self.rules = Rules({"support": SUPPORT, "sales": SALES}, Limits(dials_per_number=6, requests_per_number=3))
        self.instruments = Instruments()
        chance = Random(1)  # noqa: S311
        self.intake = CountedIntake(self.store, self.rules, self.clock, chance, NobodyWaits(), self.instruments)
        self.desk = Desk(self.store, self.clock, self.rules, NoCalls(), NobodyWaits())
        self.admission = Admission(self.store, self.rules, self.clock)
        self.problems: list[str] = []
        self.control = Control(
            self.store, self.rules, self.clock, self.admission, NobodyWaits(), lambda: list(self.problems)
        )
        self.feed = Feed(self.store)
        link = Link(("lost", "ready"), lambda: self.health.condition().ari_state)
        self.metrics = Metrics(
            self.store, self.feed, self.clock, self.control, self.instruments, link, ("mqtt", "webhook:1")
        )
        settlement = Settlement(self.store, self.rules, self.clock, self.admission)
        self.eraser = Eraser(self.store, self.desk, settlement)
        self.services = Services(
            self.intake, self.desk, self.rules, self.health, self.control, self.feed, self.metrics, self.eraser
        )

    def app(self) -> FastAPI:
        return create_app(self.services, TOKEN)

    async def put(self, callback_id: str, state: State, *events: TimelineEvent) -> CallBack:
        """Bring a call-back into a state, as the engine would."""
        callback = await self.store.get(callback_id)
        assert callback is not None
        ended_at = self.clock.now() if state.ended else None
        return await self.store.commit(Change(replace(callback, state=state, ended_at=ended_at), events))

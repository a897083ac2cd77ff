"""The engine with all its parts, on virtual time: a company with agents, clients and a clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, cast

from callbackd.domain.callback import Attempt, CallBack, EventType, Offer, Outcome
from callbackd.domain.profile import Profile
from callbackd.domain.telephony import Interrupted
from callbackd.engine.admission import Admission
from callbackd.engine.calls import Calls
from callbackd.engine.desk import Desk
from callbackd.engine.intake import Accepted, Intake, Request
from callbackd.engine.profiles import Limits, Rules
from callbackd.engine.recovery import Recovery
from callbackd.engine.scheduler import Scheduler
from callbackd.engine.settlement import Settlement
from callbackd.store.interface import Store
from callbackd.store.memory import MemoryStore
from callbackd.store.sqlite import SqliteStore
from tests.domain.office import at, profile
from tests.engine.fake_phones import FakePhones
from tests.engine.virtual_time import VirtualClock, VirtualTimeLoop

MONDAY = at("Mon 10:00")


def number(last: int) -> str:
    """One of many clients' numbers."""
    return f"+1416555{last:04d}"


def always_open(**settings: Any) -> Profile:
    """A profile without hours; the other settings as in `tests.domain.office.profile`."""
    return profile(target_hours=None, **settings)


def with_target(given: Profile, **settings: Any) -> Profile:
    """The profile with other settings of its target."""
    return replace(given, target=replace(given.target, **settings))


class Elsewhere:
    """A store whose work is done in threads: the loop's clock stands still meanwhile."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)

        async def call(*args: Any, **kwargs: Any) -> Any:
            loop = asyncio.get_running_loop()
            assert isinstance(loop, VirtualTimeLoop)
            loop.elsewhere += 1
            try:
                return await found(*args, **kwargs)
            finally:
                loop.elsewhere -= 1

        return call


class Stores:
    """Makes a store of one kind."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.kind = kind
        self._path = folder / "callbackd.sqlite3"

    async def open(self) -> Store:
        """A new one."""
        if self.kind == "memory":
            return MemoryStore()
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualTimeLoop)
        loop.elsewhere += 1
        try:
            return cast("Store", Elsewhere(await SqliteStore.open(self._path)))
        finally:
            loop.elsewhere -= 1


@dataclass
class Company:
    """All parts, and short ways to use them."""

    store: Store
    rules: Rules
    clock: VirtualClock
    phones: FakePhones
    calls: Calls
    settlement: Settlement
    scheduler: Scheduler
    intake: Intake
    desk: Desk
    recovery: Recovery
    admission: Admission
    ready: bool = True

    async def ask(self, last: int = 1, profile: str = "support", **more: Any) -> str:
        """A client asks; the id."""
        return (await self.accepted(last, profile, **more)).callback.id

    async def accepted(self, last: int = 1, profile: str = "support", **more: Any) -> Accepted:
        """A client asks."""
        return await self.intake.request(Request(profile, number(last), **more))

    async def passes(self, seconds: float = 0, minutes: float = 0, hours: float = 0) -> None:
        """Let time pass."""
        await asyncio.sleep(seconds + 60 * minutes + 3600 * hours)

    async def until(self, instant: datetime) -> None:
        """Let time pass until then."""
        await asyncio.sleep((instant - self.clock.now()).total_seconds())

    async def get(self, callback_id: str) -> CallBack:
        """The call-back as it stands."""
        found = await self.store.get(callback_id)
        assert found is not None
        return found

    async def attempts(self, callback_id: str) -> list[Attempt]:
        """Its attempts."""
        return list(await self.store.attempts(callback_id))

    async def offers(self, callback_id: str) -> list[Offer]:
        """Its offers."""
        return list(await self.store.offers(callback_id))

    async def outcomes(self, callback_id: str) -> list[Outcome | None]:
        """How its attempts ended."""
        return [attempt.outcome for attempt in await self.store.attempts(callback_id)]

    async def told(self, callback_id: str) -> list[EventType]:
        """Its timeline's words."""
        return [event.type for event in await self.store.timeline(callback_id)]

    def change(self, profile: Profile) -> None:
        """A reload puts this profile in force."""
        self.rules.profiles = {**self.rules.profiles, profile.id: profile}
        self.scheduler.wake()


@asynccontextmanager
async def company(
    stores: Stores | Store,
    *profiles: Profile,
    start: datetime = MONDAY,
    limits: Limits | None = None,
    scheduling: bool = True,
) -> AsyncIterator[Company]:
    """A company at work; by default with one profile that is always open. At the end live calls are interrupted."""
    async with AsyncExitStack() as stack:
        store = await stores.open() if isinstance(stores, Stores) else stores
        stack.push_async_callback(store.close)
        yield await stack.enter_async_context(_at_work(store, profiles, start, limits, scheduling))


@asynccontextmanager
async def _at_work(
    store: Store, profiles: tuple[Profile, ...], start: datetime, limits: Limits | None, scheduling: bool
) -> AsyncIterator[Company]:
    in_force: Mapping[str, Profile] = {each.id: each for each in profiles or (always_open(),)}
    rules = Rules(in_force, limits or Limits())
    clock = VirtualClock(start - timedelta(seconds=asyncio.get_running_loop().time()))
    phones = FakePhones()
    admission = Admission(store, rules, clock)
    settlement = Settlement(store, rules, clock, admission)
    calls = Calls(store, rules, clock, phones, admission, settlement)
    phones.tell = calls.tell
    async with asyncio.TaskGroup() as group:
        made: list[Company] = []
        scheduler = Scheduler(store, rules, clock, calls, admission, group, lambda: made[0].ready)
        made.append(
            Company(
                store,
                rules,
                clock,
                phones,
                calls,
                settlement,
                scheduler,
                Intake(store, rules, clock, Random(1), scheduler),  # noqa: S311
                Desk(store, clock, rules, calls, scheduler),
                Recovery(store, rules, clock, calls, settlement, scheduler),
                admission,
            )
        )
        runs = [group.create_task(scheduler.run())] if scheduling else []
        yield made[0]
        scheduler.stop()
        for task in runs:
            await task
        for call in calls:
            call.put(Interrupted(call.legs))
    assert phones.trouble == []

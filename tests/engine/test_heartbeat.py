"""The heartbeat: written while calls are live and the PBX is seen; after a crash a talk is measured to it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from callbackd.domain.callback import Attempt, CallBack, Kind, Outcome, State
from callbackd.domain.telephony import Interrupted
from callbackd.engine.heartbeat import EVERY, Heartbeat
from callbackd.store.interface import Change, StoreUnavailable
from callbackd.store.memory import MemoryStore
from tests.engine.company import Company, Stores, company
from tests.engine.test_recovery import FakeWreckage
from tests.engine.virtual_time import in_virtual_time

SECOND = timedelta(seconds=1)


class CountingStore(MemoryStore):
    """Counts the beats; `full`: none can be written."""

    def __init__(self) -> None:
        super().__init__()
        self.beats = 0
        self.full = False

    async def beat(self, now: datetime) -> None:
        if self.full:
            raise StoreUnavailable("the disk is full")
        self.beats += 1
        await super().beat(now)


def heart(house: Company) -> Heartbeat:
    return Heartbeat(house.store, house.clock, house.calls, lambda: house.ready)


@in_virtual_time
async def test_it_beats_while_a_call_is_live_and_the_pbx_is_seen_and_only_then() -> None:
    store = CountingStore()
    async with company(store, scheduling=True) as house:
        beating = asyncio.create_task(heart(house).run())
        await house.passes(hours=1)
        assert (store.beats, await store.alive_at()) == (0, None)
        callback_id = await house.ask()
        await house.passes(seconds=9)
        assert (await house.get(callback_id)).state.on_the_phone
        assert store.beats == 5
        assert house.clock.now() - (await store.alive_at() or house.clock.now()) <= EVERY
        house.ready = False
        seen = await store.alive_at()
        await house.passes(seconds=9)
        assert await store.alive_at() == seen
        house.ready = True
        for call in house.calls:
            call.put(Interrupted(call.legs))
        await house.passes(seconds=3)
        assert len(house.calls) == 0
        beats = store.beats
        await house.passes(seconds=20)
        assert store.beats == beats
        beating.cancel()


@in_virtual_time
async def test_a_store_that_cannot_write_it_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    store = CountingStore()
    async with company(store) as house:
        beating = asyncio.create_task(heart(house).run())
        await house.ask()
        store.full = True
        await house.passes(seconds=9)
        assert [record.levelno for record in caplog.records if "heartbeat" in record.message] == [logging.WARNING]
        store.full = False
        await house.passes(seconds=3)
        assert store.beats > 0
        beating.cancel()


async def talking(house: Company) -> CallBack:
    """Two who were connected by a daemon that is no more."""
    callback = (await house.accepted()).callback
    now = house.clock.now()
    attempt = Attempt(callback.id, 1, Kind.REQUEST, now, client_dialled_at=now, client_answered_at=now)
    return await house.store.commit(Change(replace(callback, state=State.CONNECTED, attempts_made=1), attempt=attempt))


@pytest.mark.parametrize(
    ("beat_after", "pbx_starts_after", "outcome"),
    [
        (9.999, 60, Outcome.INTERRUPTED),
        (10, 60, Outcome.ANSWERED),
        (-60, 60, Outcome.INTERRUPTED),  # the last beat belongs to an earlier call
        (5, -3600, Outcome.ANSWERED),  # the PBX was up all the time: the two ended it themselves
        (5, None, Outcome.INTERRUPTED),
        (None, 60, Outcome.ANSWERED),  # no beat is known
        (7200, 9000, Outcome.ANSWERED),  # the clock was set back: not later than now
    ],
)
@in_virtual_time
async def test_how_long_two_had_talked_when_all_died(
    stores: Stores, beat_after: float | None, pbx_starts_after: float | None, outcome: Outcome
) -> None:
    async with company(stores, scheduling=False) as house:
        start = house.clock.now()
        callback = await talking(house)
        if beat_after is not None:
            await house.store.beat(start + beat_after * SECOND)
        await house.passes(hours=1)
        began = None if pbx_starts_after is None else start + pbx_starts_after * SECOND
        await house.recovery.after_contact(FakeWreckage(pbx_started_at=began))
        assert await house.outcomes(callback.id) == [outcome]
        (attempt,) = await house.attempts(callback.id)
        assert attempt.ended_at == house.clock.now()

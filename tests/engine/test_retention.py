"""What ended long ago is erased, in portions, and nothing that somebody has not had yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from callbackd.engine import retention
from callbackd.engine.retention import Delivered, Retention, nobody_follows
from callbackd.store.interface import Query, StoreUnavailable
from callbackd.store.memory import MemoryStore
from tests.engine.company import Company, Stores, company
from tests.engine.virtual_time import in_virtual_time

KEEP = timedelta(days=90)


@asynccontextmanager
async def eraser(house: Company, delivered: Delivered = nobody_follows) -> AsyncIterator[None]:
    work = asyncio.create_task(Retention(house.store, house.clock, lambda: KEEP, delivered).run())
    yield
    work.cancel()
    await asyncio.wait([work])


async def kept(house: Company) -> int:
    return len((await house.store.list(Query(house.clock.now(), limit=500))).items)


@in_virtual_time
async def test_the_old_goes_in_portions_and_what_waits_stays(stores: Stores, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "AT_ONCE", 3)
    async with company(stores, scheduling=False) as house:
        for last in range(8):
            await house.desk.cancel(await house.ask(last))
        await house.ask(9)
        await house.passes(hours=24 * 90)
        await house.desk.cancel(await house.ask(10))
        await house.passes(seconds=1)
        async with eraser(house):
            await house.passes(seconds=0.5)
            assert await kept(house) == 2 + 5
            await house.passes(seconds=10)
            assert await kept(house) == 2


@in_virtual_time
async def test_what_was_not_delivered_stays_until_it_is_and_that_is_told(
    stores: Stores, caplog: pytest.LogCaptureFixture
) -> None:
    async with company(stores, scheduling=False) as house:
        first, second = await house.ask(1), await house.ask(2)
        await house.desk.cancel(first)
        await house.desk.cancel(second)
        place = (await house.store.timeline(first))[-1].id

        async def delivered() -> int:
            return place

        await house.passes(hours=24 * 91)
        async with eraser(house, delivered):
            await house.passes(hours=30)
            assert await house.store.get(first) is None
            assert await house.store.get(second) is not None
            told = [record for record in caplog.records if record.levelno == logging.WARNING]
            assert len(told) == 2  # at once, and a day later
            assert vars(told[0])["callbacks"] == 1
            place = (await house.store.timeline(second))[-1].id
            await house.passes(hours=2)
            assert await kept(house) == 0
            await house.passes(hours=50)
            assert len([record for record in caplog.records if record.levelno == logging.WARNING]) == 2


@in_virtual_time
async def test_a_store_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    class Sick(MemoryStore):
        sick = True

        async def wash(self) -> bool:
            if self.sick:
                raise StoreUnavailable("the disk is full")
            return await super().wash()

    store = Sick()
    async with company(store, scheduling=False) as house:
        await house.desk.cancel(await house.ask())
        await house.passes(hours=24 * 89)
        async with eraser(house):
            await house.passes(hours=12)
            store.sick = False
            await house.passes(hours=20)
            assert await kept(house) == 0
    assert "nothing erased" in caplog.text

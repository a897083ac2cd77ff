"""The look at the whole store: at the start, once a day, told in the log and to whoever measures."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

import pytest

from callbackd.engine.examination import Examination
from callbackd.store.interface import StoreError
from callbackd.store.memory import MemoryStore
from tests.engine.virtual_time import in_virtual_time


class Examined(MemoryStore):
    """Finds what a test says."""

    found: Sequence[str] | StoreError = ()
    looks = 0

    async def examine(self) -> Sequence[str]:
        self.looks += 1
        if isinstance(self.found, StoreError):
            raise self.found
        return self.found


@in_virtual_time
async def test_it_looks_at_the_start_and_once_a_day_and_tells(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    store = Examined()
    told: list[tuple[str, ...]] = []
    examination = Examination(store, told.append)
    looking = asyncio.create_task(examination.run())
    await asyncio.sleep(60)
    assert (store.looks, told, examination.damage) == (1, [()], ())
    assert "is sound" in caplog.text
    store.found = ("row 3 missing from index dials_at", "and more")
    await asyncio.sleep(24 * 3600)
    assert (store.looks, told[-1]) == (2, examination.damage)
    (critical,) = [record for record in caplog.records if record.levelno == logging.CRITICAL]
    assert vars(critical)["damage"] == "row 3 missing from index dials_at; and more"
    store.found = StoreError("in use")
    await asyncio.sleep(24 * 3600)
    assert len(told) == 2
    assert examination.damage  # it is not known to be sound again
    assert "could not be examined" in caplog.text
    looking.cancel()

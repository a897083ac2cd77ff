from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.http.asgi import Caller
from tests.http.house import House


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def api(house: House) -> Caller:
    return Caller(house.app())


@pytest.fixture
async def counting(house: House) -> AsyncIterator[None]:
    """What happens is counted."""
    task = asyncio.create_task(house.metrics.run())
    while not house.feed._grown:  # noqa: ASYNC110 a feed tells nobody who follows it
        await asyncio.sleep(0)
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task

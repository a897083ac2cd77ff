from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.mqtt.journal import Journal, written
from tests.mqtt.shop import Shop
from tests.webhooks.receiver import Receiver


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    async with receiver.up():
        yield receiver


@pytest.fixture
def journal() -> Iterator[Journal]:
    with written("callbackd") as journal:
        yield journal


@pytest.fixture
def shop() -> Shop:
    return Shop()

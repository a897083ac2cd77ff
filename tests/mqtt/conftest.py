from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import pytest

from rig.mosquitto import Mosquitto, is_installed
from tests.mqtt.journal import Journal, written
from tests.mqtt.shop import Shop


@pytest.fixture(scope="session")
def installed() -> None:
    if is_installed():
        return
    missing = "no Mosquitto, its clients or openssl (scripts/prepare installs them)"
    if os.environ.get("CI"):
        pytest.fail(missing, pytrace=False)
    pytest.skip(missing)


@pytest.fixture
async def mosquitto(installed: None) -> AsyncIterator[Mosquitto]:
    async with Mosquitto() as broker:
        yield broker


@pytest.fixture
def journal() -> Iterator[Journal]:
    with written("callbackd") as journal:
        yield journal


@pytest.fixture
def shop() -> Shop:
    return Shop()

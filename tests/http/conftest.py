from __future__ import annotations

import pytest

from tests.http.asgi import Caller
from tests.http.house import House


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def api(house: House) -> Caller:
    return Caller(house.app())

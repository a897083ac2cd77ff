from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from callbackd.agi.server import Visitors
from tests.agi.house import HERE, House, ask, environment, serving, uri

Run = Callable[..., Awaitable[dict[str, str]]]


@pytest.fixture
def house() -> House:
    return House()


@pytest_asyncio.fixture
async def port(house: House) -> AsyncIterator[int]:
    async with serving(Visitors(HERE, house.scripts.answer)) as port:
        yield port


@pytest.fixture
def run(port: int) -> Run:
    """`await run("request", profile="support", number=NUMBER)`; `call=` names the channel."""

    async def run(script: str, call: str = "1700000000.1", **parameters: str) -> dict[str, str]:
        return await ask(port, environment(uri(script, **parameters), call))

    return run

"""Legs that no call follows: looked for on a sign, again while one stays up, never while the link is down."""

from __future__ import annotations

import asyncio

import pytest

from callbackd.ari import strays
from callbackd.ari.client import AriClient
from callbackd.ari.fake import FakeTransport
from callbackd.ari.strays import Strays
from callbackd.ari.transport import Response
from callbackd.domain.callback import Step
from tests.ari.test_ari_lobby import channel

OURS = f"cb-{'0' * 26}-a000001-a00"
FOLLOWED = f"cb-{'1' * 26}-a000002-a00"
ASKER = "cbq-0123"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strays, "LOOK_AFTER", 0.01)
    monkeypatch.setattr(strays, "LOOK_AGAIN", 0.02)


class House:
    """A PBX with a stray, a leg that is followed, a channel that asks a queue, and one of somebody else."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.transport.on("GET", "/channels", Response(200, [channel(name) for name in (OURS, FOLLOWED, ASKER, "1.1")]))
        self.transport.on("GET", "/bridges", Response(200, []))
        self.transport.on("GET", "/asterisk/info", Response(403))
        self.ready = True
        known = {"1" * 26: (Step.ATTEMPT, 2)}
        self.strays = Strays(AriClient(self.transport, "callbackd"), lambda: known, lambda: self.ready)

    def taken_down(self) -> list[str]:
        return [made.path.rpartition("/")[2] for made in self.transport.asked("DELETE", ".*")]


async def run_for(house: House, seconds: float) -> None:
    task = asyncio.create_task(house.strays.run())
    await asyncio.sleep(seconds)
    assert not task.done(), task
    task.cancel()
    await asyncio.wait([task])


async def test_a_stray_is_taken_down_and_nothing_else(quick: None) -> None:
    house = House()
    house.transport.on("DELETE", "/channels/.*", Response(204))
    house.strays.sign()
    await run_for(house, 0.2)
    assert house.taken_down() == [OURS]


async def test_without_a_sign_nobody_looks(quick: None) -> None:
    house = House()
    await run_for(house, 0.1)
    assert house.transport.requests == []


async def test_what_can_not_be_taken_down_is_tried_again(quick: None) -> None:
    house = House()
    house.transport.on("DELETE", "/channels/.*", Response(204))
    for _ in range(2):
        house.transport.on("DELETE", "/channels/.*", Response(500, {"message": "not now"}), once=True)
    house.strays.sign()
    await run_for(house, 0.4)
    assert house.taken_down()[:3] == [OURS] * 3
    assert len(house.taken_down()) == 3


async def test_while_the_link_is_down_nothing_is_done(quick: None) -> None:
    house = House()
    house.ready = False
    house.strays.sign()
    await run_for(house, 0.1)
    assert house.transport.requests == []

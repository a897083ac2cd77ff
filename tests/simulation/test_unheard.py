"""The events of both ends of a talk are lost while the websocket stays up: nobody tells that it is over."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from callbackd.ari.models import ChannelDestroyed, Event
from callbackd.ari.switchboard import Switchboard
from callbackd.engine.calls import Call
from callbackd.engine.vigil import Vigil
from simulation.run import run
from tests.simulation.test_kills import CALLBACK


@pytest.fixture(autouse=True)
def _no_end_is_heard(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Switchboard.route

    def route(self: Switchboard, event: Event) -> None:
        if not isinstance(event, ChannelDestroyed):
            heard(self, event)

    monkeypatch.setattr(Switchboard, "route", route)


def test_it_is_noticed() -> None:
    result = run(CALLBACK)
    assert result.violated is None, "\n".join(result.tail)
    assert result.counts["ended completed"] == 1
    assert result.counts["client rung"] == 1


def test_the_judge_would_see_if_it_were_not(monkeypatch: pytest.MonkeyPatch) -> None:
    async def looks_at_nothing(_: Vigil, __: Mapping[Call, int]) -> Mapping[Call, int]:
        return {}

    monkeypatch.setattr(Vigil, "_look", looks_at_nothing)
    violated = run(CALLBACK).violated
    assert violated is not None
    assert "whose phones were all put down" in violated

"""The broker dies, or falls silent, while a call goes on: the call is unharmed, and all of it is told afterwards."""

from __future__ import annotations

import json
from typing import Any

import pytest

from rig.mosquitto import Mosquitto, is_installed
from rig.proxy import Proxy
from tests.pbx.company import AGENT, CLIENT, Company, client, expect, hears_mark, profile, reschedules, speaking_agent

pytestmark = [pytest.mark.pbx, pytest.mark.skipif(not is_installed(), reason="no Mosquitto")]


@pytest.mark.parametrize("falls_silent", [False, True], ids=["killed", "silent"])
async def test_a_broker_that_goes_in_the_midst_of_a_call(company: Company, falls_silent: bool) -> None:
    async with (
        Mosquitto(persistent=True) as mosquitto,
        Proxy(mosquitto.port) as proxy,
        mosquitto.listening("acme/event/#", kept=True) as listener,
    ):
        mqtt = {"url": f"mqtt://127.0.0.1:{proxy.port}", "prefix": "acme"}
        daemon = await company.opens(profile(rescheduling={"delay": "1s"}), settings={"mqtt": mqtt})
        company.phones.set(AGENT, speaking_agent())
        company.phones.set(CLIENT, client())
        asked = await company.asks()
        desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
        await company.state(asked, "connected")
        await listener.until(lambda told: any(event(each)["type"] == "client_answered" for each in told))
        if falls_silent:
            proxy.stall()
        else:
            await mosquitto.kill()
        told_before = len(listener.messages)

        await desk.press("9")
        await daemon.until(asked, lambda shown: shown["attempts"][0]["armed"])
        await hears_mark(desk, "client")
        await hears_mark(caller, "agent")
        company.phones.set(CLIENT, client(0.5))
        await desk.hangup()
        shown = await company.ended(asked)
        expect(shown, 1, outcome="agent_rescheduled")
        expect(shown, 2, kind="agent", outcome="answered")
        assert (reschedules(shown), company.phones.times_rung(CLIENT)) == ((0, 1, 0), 2)
        assert len(listener.messages) == told_before, "nothing came through"

        if falls_silent:
            await proxy.passes()
        else:
            await mosquitto.start()
        happened = [each["id"] for each in shown["events"]]
        await listener.until(lambda told: any(event(each)["id"] == happened[-1] for each in told), within=30.0)
        came = dict.fromkeys(event(each)["id"] for each in listener.messages)
        assert list(came) == happened, "each, in order, at least once"


def event(message: dict[str, Any]) -> dict[str, Any]:
    """What a message tells."""
    told: dict[str, Any] = json.loads(message["payload"])
    return told

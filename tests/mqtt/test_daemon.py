"""The whole daemon as a process, without a PBX: what a broker and a web server see of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from rig.daemon import Callbackd
from rig.mosquitto import Mosquitto
from rig.ports import free_tcp_port
from tests.webhooks.receiver import Receiver

PROFILE = {
    "label": "Support line",
    "target": {"endpoint": "PJSIP/1001", "timezone": "America/Toronto"},
    "client": {"endpoint": "PJSIP/{number}@trunk", "country": "CA", "allow": ["+1"]},
}


async def answers_http(daemon: Callbackd) -> None:
    """Wait until its API answers. Ready it is not, without a PBX."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                if (await daemon.get_root("/healthz"))[0] == 200:
                    return
            assert daemon.process is not None
            assert daemon.process.returncode is None, daemon.log.read_text()
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def started(**settings: Any) -> AsyncIterator[Callbackd]:
    """A daemon that answers HTTP; at the end it is ended, and there is no traceback in its log."""
    url = f"http://127.0.0.1:{free_tcp_port()}/ari"
    daemon = Callbackd(url, "callbackd", "secret", {"support": PROFILE}, settings)
    try:
        await daemon.start(wait=False)
        await answers_http(daemon)
        yield daemon
        log = daemon.log.read_text()
    finally:
        await daemon.close()
    assert "Traceback" not in log, log


def lines(daemon: Callbackd, text: str) -> list[str]:
    return [line for line in daemon.log.read_text().splitlines() if text in line]


async def says(daemon: Callbackd, text: str) -> None:
    """Wait for a line of its log."""
    async with asyncio.timeout(20):
        while not lines(daemon, text):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_daemon_that_is_killed_leaves_its_last_will_and_comes_back(mosquitto: Mosquitto) -> None:
    async with (
        mosquitto.listening("acme/status") as status,
        mosquitto.listening("acme/event/#") as events,
        started(mqtt={"url": mosquitto.url, "prefix": "acme"}) as daemon,
    ):
        await status.text("online")
        await daemon.request("support", "4164360001")
        await events.payloads(1)
        await daemon.kill()
        await status.text("offline")
        await daemon.start(wait=False)
        await status.until(lambda all_: [each["payload"] for each in all_] == ["online", "offline", "online"])
        await answers_http(daemon)
        await daemon.request("support", "4164360002")
        await events.until(lambda all_: '"id":2,' in all_[-1]["payload"])
        assert {message["payload"][:7] for message in events.messages} == {'{"id":1', '{"id":2'}
        assert await daemon.stop() == 0
        await status.until(lambda all_: all_[-1]["payload"] == "offline" and len(all_) == 4)


async def test_without_a_broker_and_with_a_dead_webhook_everything_else_works(installed: None) -> None:
    mosquitto, receiver = Mosquitto(), Receiver()
    hook = {"url": receiver.url, "secret": "a secret", "events": ["requested"]}
    async with started(mqtt={"url": mosquitto.url}, webhooks=[hook]) as daemon:
        asked = [await daemon.request("support", f"416436{number:04}") for number in range(20)]
        assert (await daemon.call("GET", "/callbacks"))["items"]
        await says(daemon, "can't be reached")
        await says(daemon, "no MQTT broker")
        assert len(lines(daemon, "no MQTT broker")) == 1
        async with mosquitto, receiver.up():
            async with mosquitto.listening("callbackd/#") as listener:
                await receiver.count(20)
                await listener.until(
                    lambda all_: any(
                        each["topic"] == "callbackd/status" and each["payload"] == "online" for each in all_
                    )
                )
                await mosquitto.publish("callbackd/command/cancel", json.dumps({"id": asked[0]}))
                await listener.until(
                    lambda all_: any('"type":"ended"' in each["payload"] for each in all_ if "/event/" in each["topic"])
                )
            assert len(lines(daemon, "no MQTT broker")) == 1
            assert len(lines(daemon, "MQTT connected")) == 1
            assert (await daemon.show(asked[0]))["state"] == "cancelled"
            assert [received.event["callback_id"] for received in receiver.received] == asked
        assert await daemon.stop() == 0
        assert "a secret" not in daemon.log.read_text()

"""Queues as the switchboard knows them: what it is told, and what it finds out by itself."""

from __future__ import annotations

from callbackd.ari.client import AriClient
from callbackd.ari.decoding import decode_event
from callbackd.ari.fake import FakeTransport
from callbackd.ari.models import DeviceStateChanged
from callbackd.ari.switchboard import Switchboard
from callbackd.ari.transport import Response

DEVICE = "/deviceStates/Queue%3Asupport_avail"


class Wire:
    """A switchboard on a fake transport; `changes` counts how often it told of a queue."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.transport.on("POST", "/applications/callbackd/subscription", Response(200, {"name": "callbackd"}))
        self.changes = 0
        self.phones = Switchboard(AriClient(self.transport, "callbackd"), lambda _id, _signal: None, self._changed)

    def says(self, state: str) -> None:
        """What Asterisk says of the queue from now on."""
        self.transport.on("GET", DEVICE, Response(200, {"name": "Queue:support_avail", "state": state}))

    def tells(self, state: str) -> None:
        """An event of it."""
        event = decode_event(
            {
                "type": "DeviceStateChanged",
                "application": "callbackd",
                "timestamp": "2026-11-02T15:00:00.000+0000",
                "device_state": {"name": "Queue:support_avail", "state": state},
            }
        )
        assert isinstance(event, DeviceStateChanged)
        self.phones.route(event)

    def _changed(self) -> None:
        self.changes += 1


async def test_a_free_agent_whose_event_was_lost_is_found_by_looking_again() -> None:
    wire = Wire()
    wire.says("INUSE")
    await wire.phones.queues.watch(["support"])
    assert not wire.phones.agents_available("support")
    wire.says("NOT_INUSE")
    before = wire.changes
    await wire.phones.queues.look_again()
    assert wire.phones.agents_available("support")
    assert wire.changes == before + 1


async def test_looking_again_never_takes_an_agent_away_and_asks_nothing_of_a_queue_that_has_one() -> None:
    wire = Wire()
    wire.says("INUSE")
    await wire.phones.queues.watch(["support"])
    wire.tells("NOT_INUSE")
    asked = len(wire.transport.asked("GET", DEVICE))
    await wire.phones.queues.look_again()
    assert wire.phones.agents_available("support")
    assert len(wire.transport.asked("GET", DEVICE)) == asked

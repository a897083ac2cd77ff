"""Ears for phones in a container, where nobody may look at the wire.

Asterisk itself copies what arrives at a phone to a UDP port of this process: a snoop channel, bridged with one that
sends its sound out as RTP. An ordinary user can do that, with no capability at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from pathlib import Path

from rig import modules
from rig.ari import AriError, Json, Listener
from rig.phones import CallGoneError, PhoneCall, Phones
from rig.wire import Recording

EARS = "ears"


class Copied(Recording):
    """What arrives at a UDP port of its own."""

    def __init__(self) -> None:
        super().__init__((0, 0))
        self._port = self.port

    def _open(self, ports: tuple[int, int]) -> socket.socket:
        del ports  # those of the phones: here it has one of its own
        ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        ear.bind(("127.0.0.1", 0))
        self.port: int = ear.getsockname()[1]
        return ear

    def _opened(self, packet: bytes) -> tuple[int, bytes]:
        return self.port, packet


class ListeningCall(PhoneCall):
    """A call whose sound is copied, from the answer on, once it is recorded."""

    def _new_recording(self) -> Recording:
        return Copied()

    async def _bind_recording(self) -> None:
        assert isinstance(self._recording, Copied)
        ask, name = self._phones.ari.request, self.channel_id
        bridge, snoop, ear = f"ears-{name}", f"snoop-{name}", f"ear-{name}"
        where = f"127.0.0.1:{self._recording.port}"
        assert isinstance(self._phones, ContainedPhones)
        await self._do("POST", "snoop", app=EARS, snoopId=snoop, spy="in")
        try:
            await ask(
                "POST", "/channels/externalMedia", app=EARS, channelId=ear, external_host=where, format="ulaw"
            )
            await ask("POST", "/bridges", type="mixing", bridgeId=bridge)
            await self._phones.in_application(snoop, ear)
            await ask("POST", f"/bridges/{bridge}/addChannel", channel=f"{snoop},{ear}")
        except AriError as error:
            await self.close_ears()
            raise CallGoneError(f"{self!r}: {error}") from error

    async def close_ears(self) -> None:
        """Takes down what copied its sound."""
        name = self.channel_id
        for what in (f"channels/ear-{name}", f"channels/snoop-{name}", f"bridges/ears-{name}"):
            with contextlib.suppress(AriError):
                await self._phones.ari.request("DELETE", f"/{what}")


class ContainedPhones(Phones):
    """Phones whose Asterisk is the container's own, run as its user, and reached from other containers."""

    modules = (*modules.PHONES, "res_rtp_multicast", "chan_rtp")
    kind_of_call = ListeningCall
    address = "0.0.0.0"
    callers = "0.0.0.0/0"

    def __init__(self) -> None:
        super().__init__(Path("/"))
        self._ears: Listener | None = None
        self._entered: set[str] = set()
        self._entering = asyncio.Event()

    async def start(self) -> None:
        """As for any, and the ears' channels have an application to be in."""
        await super().start()
        self._ears = await self.events(EARS, self._ear)

    async def in_application(self, *channels: str) -> None:
        """Waits until these channels have entered the ears' application."""
        async with asyncio.timeout(5.0):
            while not self._entered.issuperset(channels):
                self._entering.clear()
                await self._entering.wait()

    def _ear(self, event: Json) -> None:
        if event["type"] == "StasisStart":
            self._entered.add(event["channel"]["id"])
            self._entering.set()

    async def _behave(self, call: PhoneCall) -> None:
        try:
            await super()._behave(call)
        finally:
            if isinstance(call, ListeningCall) and self.running:
                await call.close_ears()

    async def _disconnect(self) -> None:
        if self._ears is not None:
            await self._ears.close()
        await super()._disconnect()

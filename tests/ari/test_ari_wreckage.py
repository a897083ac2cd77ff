"""One look at the PBX: what it tells of the PBX itself."""

from __future__ import annotations

from datetime import UTC, datetime

from callbackd.ari.client import AriClient
from callbackd.ari.fake import FakeTransport
from callbackd.ari.transport import Response
from callbackd.ari.wreckage import Wreckage

INFO = {"system": {"version": "22.5.0"}, "status": {"startup_time": "2026-11-02T15:00:00.000-0500"}}


async def look(info: Response) -> Wreckage:
    transport = FakeTransport()
    transport.on("GET", "/channels", Response(200, []))
    transport.on("GET", "/bridges", Response(200, []))
    transport.on("GET", "/asterisk/info", info)
    return await Wreckage.look(AriClient(transport, "callbackd"))


async def test_it_tells_since_when_the_pbx_runs() -> None:
    assert (await look(Response(200, INFO))).pbx_started_at == datetime(2026, 11, 2, 20, 0, tzinfo=UTC)


async def test_a_pbx_that_does_not_tell_is_looked_at_all_the_same() -> None:
    for answer in (Response(403, {"message": "no"}), Response(200, {}), Response(200, {"system": {"version": "22"}})):
        assert (await look(answer)).pbx_started_at is None

"""One look at the PBX: what it tells of the PBX itself."""

from __future__ import annotations

from datetime import UTC, datetime

from callbackd.ari.client import AriClient
from callbackd.ari.fake import FakeTransport
from callbackd.ari.names import LineKey, bridge_id, channel_id
from callbackd.ari.transport import Response
from callbackd.ari.wreckage import Wreckage
from callbackd.domain.callback import Step
from callbackd.domain.telephony import CLIENT, Leg, Role

INFO = {"system": {"version": "22.5.0"}, "status": {"startup_time": "2026-11-02T15:00:00.000-0500"}}


async def look(info: Response) -> Wreckage:
    transport = FakeTransport()
    transport.on("GET", "/channels", Response(200, []))
    transport.on("GET", "/bridges", Response(200, []))
    transport.on("GET", "/asterisk/info", info)
    return await Wreckage.look(AriClient(transport, "callbackd"))


async def test_who_talks_is_told_from_who_stands_beside_and_only_these_are_taken_down() -> None:
    key = LineKey("01kaq0000000000000000000zz", Step.ATTEMPT, 1)
    late, agent, unheard = Leg(Role.AGENT), Leg(Role.AGENT, 1), Leg(Role.AGENT, 2)
    states = {late: "Up", agent: "Up", unheard: "Ringing", CLIENT: "Up"}
    transport = FakeTransport()
    channels = [{"id": channel_id(key, leg), "state": state} for leg, state in states.items()]
    members = [channel_id(key, leg) for leg in (agent, CLIENT, unheard)]
    transport.on("GET", "/channels", Response(200, channels))
    transport.on("GET", "/bridges", Response(200, [{"id": bridge_id(key), "channels": members}]))
    transport.on("GET", "/asterisk/info", Response(200, INFO))
    transport.on("DELETE", "/channels/.*", Response(204))
    wreckage = await Wreckage.look(AriClient(transport, "callbackd"))
    call = (key.callback_id, key.step, key.sequence)
    assert wreckage.joined(*call) == {agent, CLIENT}
    await wreckage.sweep_beside(*call, (agent, CLIENT))
    await wreckage.sweep_strangers({key.callback_id: (key.step, key.sequence)})
    taken_down = [made.path for made in transport.asked("DELETE", ".*")]
    assert taken_down == [f"/channels/{channel_id(key, leg)}" for leg in (late, unheard)]


async def test_it_tells_since_when_the_pbx_runs() -> None:
    assert (await look(Response(200, INFO))).pbx_started_at == datetime(2026, 11, 2, 20, 0, tzinfo=UTC)


async def test_a_pbx_that_does_not_tell_is_looked_at_all_the_same() -> None:
    for answer in (Response(403, {"message": "no"}), Response(200, {}), Response(200, {"system": {"version": "22"}})):
        assert (await look(answer)).pbx_started_at is None

"""A client leg whose request fails: what is known of the client's phone. A call that is taken over."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from callbackd.ari.client import AriClient
from callbackd.ari.decoding import decode_event
from callbackd.ari.errors import Unreachable
from callbackd.ari.fake import FakeTransport, Request
from callbackd.ari.names import channel_id, playbacks_of_leg
from callbackd.ari.switchboard import Switchboard, key_of
from callbackd.ari.transport import Response
from callbackd.domain.callback import Outcome, Step
from callbackd.domain.telephony import CLIENT, OFFER, DialClient, Hush, Interrupted, Leg, LegEnded, Line, Role

LINE = Line(
    callback_id="01kaqx0000000000000000000a",
    step=Step.OFFER,
    sequence=1,
    number="+14165550123",
    name=None,
    client_endpoint="PJSIP/+14165550123@trunk",
    caller_id="<+14165550100>",
    language="en",
    prompts={},
)
NAME = channel_id(key_of(LINE), OFFER)
CREATED = {"id": NAME, "name": "PJSIP/trunk-1", "state": "Down"}


@pytest.mark.parametrize("perhaps_acted", [True, False])
async def test_a_dial_that_was_never_asked_of_the_pbx_rang_nobody(
    perhaps_acted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callbackd.ari.client.LOOKS_AFTER_A_LOST_POST", (0.0,))
    transport = FakeTransport()
    phones = Switchboard(AriClient(transport, "callbackd"), lambda _id, _signal: None, lambda: None)

    def created(_request: Request) -> Response:
        event = {"type": "StasisStart", "application": "callbackd", "args": [], "channel": CREATED}
        phones.route(decode_event({**event, "timestamp": "2026-11-02T15:00:00.000+0000"}))  # type: ignore[arg-type]
        return Response(200, CREATED)

    transport.on("POST", "/channels/create", created)
    transport.on("GET", f"/channels/{NAME}", Response(200, CREATED))
    transport.on("POST", f"/channels/{NAME}/dial", Unreachable("no answer", perhaps_acted=perhaps_acted))
    phones.open(LINE)
    async with asyncio.timeout(5):
        (happening,) = await phones.perform(LINE, DialClient(OFFER, None, timedelta(seconds=30)))
    assert isinstance(happening, Interrupted)
    assert happening.undialled is not perhaps_acted


async def test_the_tone_of_a_daemon_that_is_no_more_does_not_keep_two_apart_who_talk() -> None:
    """While something is played to a channel in a bridge, it hears nobody."""
    agent = Leg(Role.AGENT)
    line = replace(LINE, step=Step.ATTEMPT)
    tone, speech = playbacks_of_leg(key_of(line), agent)[3:5]
    transport = FakeTransport()
    transport.on("GET", "/playbacks/.*", Response(404, {"message": "Playback not found"}))
    transport.on("DELETE", "/playbacks/.*", Response(204))
    for name, media_uri in ((tone, "tone:425/100,0/100"), (speech, "sound:callbackd/agent-intro")):
        playback = {"id": name, "media_uri": media_uri, "target_uri": "channel:it", "state": "playing"}
        transport.on("GET", f"/playbacks/{name}", Response(200, playback))
    phones = Switchboard(AriClient(transport, "callbackd"), lambda _id, _signal: None, lambda: None)
    phones.adopt(line, frozenset({agent, CLIENT}))
    assert await phones.perform(line, Hush(agent)) == ()
    assert [made.path for made in transport.asked("DELETE", ".*")] == [f"/playbacks/{tone}"]
    looked = len(transport.requests)
    await phones.perform(line, Hush(agent))
    assert len(transport.requests) == looked, "what is said from now on is known"


async def test_the_legs_that_are_up_are_seen_by_one_look_for_all_calls() -> None:
    agent = Leg(Role.AGENT)
    talk, other = replace(LINE, step=Step.ATTEMPT), replace(LINE, step=Step.ATTEMPT, sequence=2)
    transport = FakeTransport()
    names = [channel_id(key_of(talk), agent), channel_id(key_of(talk), CLIENT), NAME, "1.1"]
    transport.on("GET", "/channels", Response(200, [{"id": name, "name": name, "state": "Up"} for name in names]))
    phones = Switchboard(AriClient(transport, "callbackd"), lambda _id, _signal: None, lambda: None)
    assert await phones.still_up([other, talk]) == [frozenset(), frozenset({agent, CLIENT})]
    assert len(transport.requests) == 1
    for answer in (Unreachable("no answer", perhaps_acted=True), Response(200, {"message": "half an answer"})):
        transport.on("GET", "/channels", answer)
        assert await phones.still_up([talk]) is None


async def test_a_leg_that_its_dialplan_refused_at_once_has_the_reason_it_was_refused_with() -> None:
    """Asterisk says so where the hang-up is asked for, and of the channel's end "normal clearing"."""
    told: list[object] = []
    phones = Switchboard(
        AriClient(FakeTransport(), "callbackd"), lambda _id, signal: told.append(signal), lambda: None
    )
    phones.open(LINE)
    for kind, cause in (
        *(("ChannelHangupRequest", 32), ("ChannelHangupRequest", 20), ("ChannelHangupRequest", 17)),
        ("ChannelDestroyed", 16),
    ):
        event = {"type": kind, "application": "callbackd", "cause": cause, "channel": CREATED}
        phones.route(decode_event({**event, "timestamp": "2026-11-02T15:00:00.000+0000"}))  # type: ignore[arg-type]
    (destroyed,) = told
    assert await phones.interpret(LINE, destroyed) == (LegEnded(OFFER, Outcome.CLIENT_UNREACHABLE, 20),)

"""A client leg whose request fails: what is known of the client's phone."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from callbackd.ari.client import AriClient
from callbackd.ari.decoding import decode_event
from callbackd.ari.errors import Unreachable
from callbackd.ari.fake import FakeTransport, Request
from callbackd.ari.names import channel_id
from callbackd.ari.switchboard import Switchboard, key_of
from callbackd.ari.transport import Response
from callbackd.domain.callback import Step
from callbackd.domain.telephony import OFFER, DialClient, Interrupted, Line

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

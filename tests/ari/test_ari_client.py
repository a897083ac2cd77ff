"""What each method asks of Asterisk, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from callbackd.ari import client as client_module
from callbackd.ari import errors
from callbackd.ari.client import AriClient, caller_id
from callbackd.ari.errors import AllocationFailed, Conflict, NotReady, ServerError, Unreachable
from callbackd.ari.fake import FakeTransport, Request
from callbackd.ari.transport import Response

CHANNEL = {"id": "c-1", "name": "PJSIP/1001-1", "state": "Down", "creationtime": "2026-11-02T15:00:00.000+0000"}
NO_CHANNEL = Response(404, {"message": "Channel not found"})


@pytest.fixture
def transport() -> FakeTransport:
    return FakeTransport()


@pytest.fixture
def ari(transport: FakeTransport, monkeypatch: pytest.MonkeyPatch) -> AriClient:
    monkeypatch.setattr(client_module, "LOOKS_AFTER_A_LOST_POST", (0.0, 0.0))
    return AriClient(transport, "callbackd")


def last(transport: FakeTransport) -> Request:
    return transport.requests[-1]


async def test_originate(transport: FakeTransport, ari: AriClient) -> None:
    transport.on("POST", "/channels", Response(200, CHANNEL))
    channel = await ari.originate(
        "c-1",
        "PJSIP/1001",
        caller_id='"Jane" <+14165550123>',
        timeout=19.2,
        variables={"A": "1"},
        app_args=["agent", "01abc"],
        language="fr",
    )
    assert (channel.id, channel.state) == ("c-1", "Down")
    assert last(transport).query == {}
    assert last(transport).body == {
        "endpoint": "PJSIP/1001",
        "app": "callbackd",
        "appArgs": "agent,01abc",
        "channelId": "c-1",
        "callerId": '"Jane" <+14165550123>',
        "timeout": 20,
        "variables": {"CHANNEL(language)": "fr", "A": "1"},
    }


async def test_create_and_dial(transport: FakeTransport, ari: AriClient) -> None:
    transport.on("POST", "/channels/create", Response(200, CHANNEL))
    transport.on("POST", "/channels/c-1/dial", Response(204))
    await ari.create_channel("c-1", "PJSIP/1@trunk", app_args=["client"], caller_id="<+1>", originator="c-0")
    assert last(transport).body["originator"] == "c-0"
    assert last(transport).body["variables"] == {"CONNECTEDLINE(all)": "<+1>"}
    await ari.dial("c-1", caller="c-0", timeout=30)
    assert last(transport).body == {"timeout": 30, "caller": "c-0"}


@pytest.mark.parametrize("arg", ["a,b", 'a"b', "a\\b"])
async def test_an_argument_cannot_become_two(transport: FakeTransport, ari: AriClient, arg: str) -> None:
    with pytest.raises(ValueError, match="comma"):
        await ari.originate("c-1", "PJSIP/1001", timeout=20, app_args=[arg])
    assert transport.requests == []


async def test_a_conflict_is_confirmed(transport: FakeTransport, ari: AriClient) -> None:
    transport.on("POST", "/channels/create", Response(409, {"message": "Channel with given unique ID already exists"}))
    transport.on("GET", "/channels/c-1", Response(200, CHANNEL))
    with pytest.raises(Conflict, match="already exists"):
        await ari.create_channel("c-1", "PJSIP/1001")


async def test_a_conflict_that_stuck_to_its_connection_is_an_unreachable_phone(
    transport: FakeTransport, ari: AriClient
) -> None:
    transport.on("POST", "/channels", Response(409, {"message": "Channel with given unique ID already exists"}))
    transport.on("GET", "/channels/c-1", NO_CHANNEL)
    with pytest.raises(AllocationFailed) as caught:
        await ari.originate("c-1", "PJSIP/1001", timeout=20)
    assert caught.value.status == 500


async def test_a_lost_answer_is_looked_up_and_never_repeated(transport: FakeTransport, ari: AriClient) -> None:
    transport.on("POST", "/channels", Response(200, CHANNEL))
    transport.fail_after("POST", "/channels")
    transport.on("GET", "/channels/c-1", NO_CHANNEL)
    transport.on("GET", "/channels/c-1", Response(200, CHANNEL | {"state": "Ringing"}))
    assert (await ari.originate("c-1", "PJSIP/1001", timeout=20)).state == "Ringing"
    assert len(transport.asked("POST", "/channels")) == 1


async def test_a_lost_answer_without_a_channel_says_what_is_known(transport: FakeTransport, ari: AriClient) -> None:
    transport.on("POST", "/channels", Response(200, CHANNEL))
    transport.fail_after("POST", "/channels")
    transport.on("GET", "/channels/c-1", NO_CHANNEL)
    with pytest.raises(Unreachable) as caught:
        await ari.originate("c-1", "PJSIP/1001", timeout=20)
    assert (caught.value.perhaps_acted, caught.value.seen_absent) == (True, True)
    assert len(transport.asked("GET", "/channels/c-1")) == 2


async def test_a_lost_answer_and_nobody_to_ask(transport: FakeTransport, ari: AriClient) -> None:
    transport.on("POST", "/channels", Response(200, CHANNEL))
    transport.fail_after("POST", "/channels")
    transport.on("GET", "/channels/c-1", Unreachable("down", perhaps_acted=False))
    with pytest.raises(Unreachable) as caught:
        await ari.originate("c-1", "PJSIP/1001", timeout=20)
    assert (caught.value.perhaps_acted, caught.value.seen_absent) == (True, False)


@pytest.mark.parametrize("found", [Response(200, CHANNEL | {"state": "Ringing"}), NO_CHANNEL])
async def test_a_dial_whose_answer_was_lost_has_been_heard(
    transport: FakeTransport, ari: AriClient, found: Response
) -> None:
    transport.on("POST", "/channels/c-1/dial", Response(204))
    transport.fail_after("POST", "/channels/c-1/dial")
    transport.on("GET", "/channels/c-1", found)
    await ari.dial("c-1", timeout=20)
    assert len(transport.asked("POST", "/channels/c-1/dial")) == 1


async def test_a_dial_that_was_not_heard(transport: FakeTransport, ari: AriClient) -> None:
    transport.fail_before("POST", "/channels/c-1/dial")
    with pytest.raises(Unreachable):
        await ari.dial("c-1", timeout=20)
    transport.on("POST", "/channels/c-1/dial", Response(204))
    transport.fail_after("POST", "/channels/c-1/dial")
    transport.on("GET", "/channels/c-1", Response(200, CHANNEL | {"state": "Down"}))
    with pytest.raises(Unreachable):
        await ari.dial("c-1", timeout=20)


async def test_a_request_that_never_arrived_is_not_looked_up(transport: FakeTransport, ari: AriClient) -> None:
    transport.fail_before("POST", "/channels")
    with pytest.raises(Unreachable) as caught:
        await ari.originate("c-1", "PJSIP/1001", timeout=20)
    assert not caught.value.perhaps_acted
    assert transport.asked("GET", ".*") == []


async def test_the_gate_is_before_everything_that_rings(transport: FakeTransport) -> None:
    def shut() -> None:
        raise NotReady("shut")

    ari = AriClient(transport, "callbackd", gate=shut)
    attempts: list[Callable[[], Awaitable[Any]]] = [
        lambda: ari.originate("c-1", "PJSIP/1001", timeout=20),
        lambda: ari.create_channel("c-1", "PJSIP/1001"),
        lambda: ari.dial("c-1", timeout=20),
    ]
    for attempt in attempts:
        with pytest.raises(NotReady):
            await attempt()
    assert transport.requests == []


async def test_what_is_gone_already_is_success(transport: FakeTransport, ari: AriClient) -> None:
    for path in ("/channels/c-1", "/channels/c-1/ring", "/playbacks/p-1", "/bridges/b-1"):
        transport.on("DELETE", path, Response(404, {"message": "not found"}))
    assert not await ari.hangup("c-1")
    assert not await ari.ring_stop("c-1")
    assert not await ari.stop_playback("p-1")
    assert not await ari.delete_bridge("b-1")
    transport.on("DELETE", "/bridges/b-1", Response(409, {"message": "Bridge not in Stasis application"}))
    assert not await ari.delete_bridge("b-1")
    transport.on("DELETE", ".*", Response(204))
    assert await ari.hangup("c-1", reason="busy")
    assert last(transport).query == {"reason": "busy"}
    assert await ari.stop_playback("p-1")


async def test_a_playback_that_could_not_be_stopped_is_stopped_again(
    transport: FakeTransport, ari: AriClient
) -> None:
    transport.on("DELETE", "/playbacks/p-1", Response(204))
    transport.on("DELETE", "/playbacks/p-1", Response(500, {"error": "Could not stop playback"}), once=True)
    assert await ari.stop_playback("p-1")
    transport.on("DELETE", "/playbacks/p-1", Response(500, {"error": "Could not stop playback"}))
    with pytest.raises(ServerError):
        await ari.stop_playback("p-1")
    assert len(transport.asked("DELETE", "/playbacks/p-1")) == 2 + 3


async def test_media_are_a_json_list(transport: FakeTransport, ari: AriClient) -> None:
    transport.on(
        "POST", "/channels/c-1/play", Response(201, {"id": "p-1", "target_uri": "channel:c-1", "state": "queued"})
    )
    await ari.play("c-1", "p-1", ["tone:440/200,0/200", "sound:beep"], lang="en")
    assert last(transport).body == {"media": ["tone:440/200,0/200", "sound:beep"], "playbackId": "p-1", "lang": "en"}


async def test_ids_are_one_segment_of_the_path(transport: FakeTransport, ari: AriClient) -> None:
    transport.on("GET", ".*", NO_CHANNEL)
    assert await ari.sound("digits/1") is None
    assert last(transport).path == "/sounds/digits%2F1"
    assert await ari.get_channel("c-1;2/../x?y#z") is None
    assert last(transport).path == "/channels/c-1%3B2%2F..%2Fx%3Fy%23z"


async def test_no_sounds_at_all(transport: FakeTransport, ari: AriClient) -> None:
    transport.on("GET", "/sounds", Response(404, {"message": "No sounds found that matched the query"}))
    assert await ari.sounds(lang="xx") == []
    assert last(transport).query == {"lang": "xx"}


@pytest.mark.parametrize(
    ("status", "body", "kind", "text"),
    [
        (400, {"message": "Invalid endpoint specified"}, errors.Unprocessable, "Invalid endpoint specified"),
        (401, {"message": "Authentication required"}, errors.AuthenticationFailed, "password of user 'callbackd'"),
        (403, {"message": "Write access denied"}, errors.Forbidden, "Write access denied"),
        (404, {"message": "Channel not found"}, errors.NotFound, "Channel not found"),
        (404, None, errors.NotFound, "no ARI at http://asterisk.test/ari"),
        (409, {"message": "Channel not in Stasis application"}, errors.Conflict, "not in Stasis"),
        (422, {"message": "Channel not in Stasis application"}, errors.Unprocessable, "not in Stasis"),
        (500, {"error": "Allocation failed"}, errors.AllocationFailed, "Allocation failed"),
        (500, {"message": "Internal Server Error"}, errors.ServerError, "Internal Server Error"),
        (503, "<html>", errors.ServerError, "server error"),
    ],
)
async def test_refusals(
    transport: FakeTransport, ari: AriClient, status: int, body: Any, kind: type[errors.Refused], text: str
) -> None:
    transport.on("POST", "/channels/c-1/answer", Response(status, body))
    with pytest.raises(errors.Refused) as caught:
        await ari.answer("c-1")
    assert type(caught.value) is kind
    assert text in str(caught.value)
    assert f"({status}) [POST /channels/c-1/answer]" in str(caught.value)
    assert caught.value.not_in_stasis == ("not in Stasis" in text)
    assert caught.value.mend is None or caught.value.mend in caught.value.explanation


@pytest.mark.parametrize("body", [None, [], "x", {}, {"name": "no id"}])
async def test_an_answer_that_is_not_asterisks(transport: FakeTransport, ari: AriClient, body: Any) -> None:
    transport.on("GET", "/channels/c-1", Response(200, body))
    with pytest.raises(errors.MalformedReply):
        await ari.get_channel("c-1")


@pytest.mark.parametrize("body", [None, "", {}, {"channels": []}, [None]])
async def test_what_is_no_list_is_not_taken_for_an_empty_one(
    transport: FakeTransport, ari: AriClient, body: Any
) -> None:
    """Nobody on the phone, it would mean: and those who are would be called again."""
    transport.on("GET", "/channels", Response(200, body))
    transport.on("GET", "/bridges", Response(200, body))
    for look in (ari.channels, ari.bridges):
        with pytest.raises(errors.MalformedReply):
            await look()


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Acme Support", '"Acme Support" <+1>'),
        ('Jane "J" <x> \\ \r\nD', '"Jane J x  D" <+1>'),
        ("", "<+1>"),
        (None, "<+1>"),
        ("Zoé, Léa", '"Zoé, Léa" <+1>'),
    ],
)
def test_a_caller_id_cannot_be_broken_out_of(name: str | None, shown: str) -> None:
    assert caller_id(name, "+1") == shown

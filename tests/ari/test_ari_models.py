"""Events as Asterisk sends them, and as it should not."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbackd.ari import decoding, models
from callbackd.ari.decoding import decode_event

CHANNEL = {
    "id": "c-1",
    "name": "PJSIP/1001-00000001",
    "state": "Up",
    "protocol_id": "",
    "caller": {"name": "Jane", "number": "+14165550123"},
    "connected": {"name": "", "number": ""},
    "accountcode": "",
    "dialplan": {"context": "x", "exten": "s", "priority": 1, "app_name": "", "app_data": ""},
    "creationtime": "2026-11-02T10:00:00.250-0500",
    "language": "en",
}
BRIDGE = {"id": "b-1", "name": "", "bridge_type": "mixing", "channels": ["c-1"]}
PLAYBACK = {"id": "p-1", "media_uri": "sound:beep", "target_uri": "channel:c-1", "state": "done"}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": kind, "application": "callbackd", "timestamp": "2026-11-02T15:00:00.123+0000", **fields}


@pytest.mark.parametrize(
    ("raw", "kind", "fields"),
    [
        (
            event("StasisStart", channel=CHANNEL, args=["client", "1"], replace_channel=CHANNEL | {"id": "c-0"}),
            models.StasisStart,
            {"args": ("client", "1"), "replaced_id": "c-0"},
        ),
        (event("StasisStart", channel=CHANNEL, args=[]), models.StasisStart, {"args": (), "replaced_id": None}),
        (event("StasisEnd", channel=CHANNEL), models.StasisEnd, {}),
        (event("ChannelStateChange", channel=CHANNEL), models.ChannelStateChange, {}),
        (
            event("ChannelHangupRequest", channel=CHANNEL, cause=32, soft=True),
            models.ChannelHangupRequest,
            {"cause": 32, "soft": True, "tech_cause": None},
        ),
        (
            event("ChannelDestroyed", channel=CHANNEL, cause=17, cause_txt="User busy", tech_cause=486),
            models.ChannelDestroyed,
            {"cause": 17, "cause_txt": "User busy", "tech_cause": 486},
        ),
        (
            event("ChannelDestroyed", channel=CHANNEL, cause=16, cause_txt="Normal Clearing"),
            models.ChannelDestroyed,
            {"tech_cause": None},
        ),
        (
            event("Dial", peer=CHANNEL, dialstatus="RINGING", dialstring="x", forward=""),
            models.Dial,
            {"dialstatus": "RINGING", "caller_id": None},
        ),
        (
            event("ChannelDtmfReceived", channel=CHANNEL, digit="9", duration_ms=100),
            models.ChannelDtmfReceived,
            {"digit": "9", "duration_ms": 100},
        ),
        (event("PlaybackStarted", playback=PLAYBACK), models.PlaybackStarted, {}),
        (event("PlaybackContinuing", playback=PLAYBACK), models.PlaybackContinuing, {}),
        (event("PlaybackFinished", playback=PLAYBACK), models.PlaybackFinished, {}),
        (event("BridgeDestroyed", bridge=BRIDGE), models.BridgeDestroyed, {}),
        (
            event("ChannelEnteredBridge", bridge=BRIDGE, channel=CHANNEL),
            models.ChannelEnteredBridge,
            {"channel_id": "c-1"},
        ),
        (event("ChannelLeftBridge", bridge=BRIDGE, channel=CHANNEL), models.ChannelLeftBridge, {"channel_id": "c-1"}),
        (
            event("DeviceStateChanged", device_state={"name": "Queue:support_avail", "state": "INUSE"}),
            models.DeviceStateChanged,
            {"name": "Queue:support_avail", "state": "INUSE"},
        ),
        (event("ApplicationReplaced"), models.ApplicationReplacedEvent, {}),
        (
            event("ChannelUserevent", eventname="x", userevent={"a": "1"}),
            models.ChannelUserevent,
            {"eventname": "x", "userevent": {"a": "1"}, "channel_id": None},
        ),
        (event("ContactStatusChange"), models.OtherEvent, {"type": "ContactStatusChange"}),
    ],
)
def test_every_event_we_use(raw: dict[str, Any], kind: type[models.Event], fields: dict[str, Any]) -> None:
    decoded = decode_event(raw | {"a_field_of_tomorrow": {"x": 1}})
    assert type(decoded) is kind
    assert decoded is not None
    assert decoded.timestamp == datetime(2026, 11, 2, 15, 0, 0, 123000, tzinfo=UTC)
    assert decoded.application == "callbackd"
    assert {name: getattr(decoded, name) for name in fields} == fields


def test_a_channel() -> None:
    channel = decoding.decode_channel(CHANNEL)
    assert channel.up
    assert channel.caller == models.CallerId("Jane", "+14165550123")
    assert channel.created_at == datetime(2026, 11, 2, 15, 0, 0, 250000, tzinfo=UTC)
    assert channel.created_at.tzinfo is UTC


def test_a_playback_knows_its_channel() -> None:
    assert decoding.decode_playback(PLAYBACK).channel_id == "c-1"
    assert decoding.decode_playback(PLAYBACK | {"target_uri": "bridge:b-1"}).channel_id is None


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"type": 7},
        event("StasisStart"),
        event("StasisStart", channel={"name": "no id"}),
        event("StasisStart", channel="c-1"),
        event("PlaybackFinished", playback={"id": "p-1"}),
        event("DeviceStateChanged", device_state={"name": "x"}),
        event("ChannelDtmfReceived", channel=CHANNEL),
        event("StasisEnd", channel=CHANNEL) | {"timestamp": "yesterday"},
        event("StasisEnd", channel=CHANNEL) | {"timestamp": "2026-11-02T15:00:00"},
        {"type": "MissingParams", "params": ["app"]},
    ],
)
def test_an_event_without_what_it_must_have_is_logged_and_dropped(
    raw: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        assert decode_event(raw) is None
    assert len(caplog.records) == 1


def test_no_telephone_number_is_shown() -> None:
    raw = event("StasisStart", channel=CHANNEL | {"name": "Local/+14165550123@x-0001;1"}, args=[])
    assert "4165550123" not in repr(decode_event(raw))
    assert "4165550123" not in repr(decode_event(event("ChannelUserevent", eventname="x", userevent=CHANNEL)))
    assert "4165550123" not in repr(decode_event(event("Unknown", channel=CHANNEL)))


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    "17",
    "²",
    [],
    [None],
    [{}],
    {},
    {"id": 1},
    {"id": "x"},
    {"name": "x"},
]
FIELDS = ["application", "timestamp", "channel", "bridge", "playback", "peer", "cause", "tech_cause", "args"]


@given(st.sampled_from(sorted(decoding._EVENTS)), st.dictionaries(st.sampled_from(FIELDS), st.sampled_from(ODD)))
def test_no_json_breaks_the_decoder(kind: str, fields: dict[str, Any]) -> None:
    decode_event(event(kind, channel=CHANNEL, bridge=BRIDGE, playback=PLAYBACK, peer=CHANNEL) | fields)

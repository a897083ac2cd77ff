"""Asterisk's JSON into the records of `callbackd.ari.models`.

Decoding is tolerant: fields that we do not know are ignored, events of a type that we do not know become
`OtherEvent`, and an event that lacks what it must have is logged and dropped.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from callbackd.ari.models import (
    Application,
    ApplicationReplacedEvent,
    AsteriskInfo,
    Bridge,
    BridgeDestroyed,
    CallerId,
    Channel,
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelEnteredBridge,
    ChannelHangupRequest,
    ChannelLeftBridge,
    ChannelStateChange,
    ChannelUserevent,
    DeviceStateChanged,
    Dial,
    Event,
    OtherEvent,
    Playback,
    PlaybackContinuing,
    PlaybackFinished,
    PlaybackStarted,
    Raw,
    Sound,
    StasisEnd,
    StasisStart,
)

log = logging.getLogger(__name__)


class Malformed(ValueError):
    """A field that Asterisk always sends is missing or of another type; the text names it, not its value."""


def decode_event(raw: Raw) -> Event | None:
    """The event, or None (and a line in the log) if it lacks what an event of its type must have."""
    try:
        kind = _text(raw, "type")
        decode = _EVENTS.get(kind)
        if decode is not None:
            return decode(raw)
        return OtherEvent(
            type=kind,
            application=str(raw.get("application", "")),
            timestamp=_instant(raw, "timestamp"),
            raw=raw,
        )
    except Malformed as error:
        log.warning(
            "an event was dropped: %s", error,
            extra={"action": "ari_event_dropped", "event_type": str(raw.get("type"))[:40]},
        )  # fmt: skip
        return None


def decode_channel(raw: Raw) -> Channel:
    """Raises Malformed without an id."""
    created = raw.get("creationtime")
    return Channel(
        id=_text(raw, "id"),
        name=str(raw.get("name", "")),
        state=str(raw.get("state", "Unknown")),
        caller=_caller_id(raw.get("caller")),
        connected=_caller_id(raw.get("connected")),
        created_at=parse_instant(created) if isinstance(created, str) else None,
        language=str(raw.get("language", "")),
        application=_running(raw.get("dialplan")),
    )


def decode_bridge(raw: Raw) -> Bridge:
    """Raises Malformed without an id."""
    return Bridge(
        id=_text(raw, "id"),
        name=str(raw.get("name", "")),
        bridge_type=str(raw.get("bridge_type", "")),
        channels=_texts(raw, "channels"),
    )


def decode_playback(raw: Raw) -> Playback:
    """Raises Malformed without an id or a target."""
    return Playback(
        id=_text(raw, "id"),
        target_uri=_text(raw, "target_uri"),
        state=str(raw.get("state", "")),
        media_uri=str(raw.get("media_uri", "")),
    )


def decode_sound(raw: Raw) -> Sound:
    """Raises Malformed without an id."""
    formats = raw.get("formats")
    languages = (item.get("language") for item in formats or () if isinstance(item, Mapping))
    return Sound(id=_text(raw, "id"), languages=frozenset(str(language) for language in languages if language))


def decode_application(raw: Raw) -> Application:
    """Raises Malformed without a name."""
    disallowed = raw.get("events_disallowed") or ()
    return Application(
        name=_text(raw, "name"),
        channel_ids=_texts(raw, "channel_ids"),
        bridge_ids=_texts(raw, "bridge_ids"),
        device_names=_texts(raw, "device_names"),
        events_disallowed=tuple(str(item.get("type")) for item in disallowed if isinstance(item, Mapping)),
    )


def decode_info(raw: Raw) -> AsteriskInfo:
    """Raises Malformed without a version."""
    system = _object(raw, "system")
    status = raw.get("status")
    started = status.get("startup_time") if isinstance(status, Mapping) else None
    return AsteriskInfo(
        version=_text(system, "version"),
        entity_id=str(system.get("entity_id", "")),
        started_at=parse_instant(started) if isinstance(started, str) else None,
    )


def parse_instant(text: str) -> datetime:
    """Asterisk's `2026-11-02T15:00:00.000+0000` in UTC. Raises Malformed, also without a zone."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise Malformed("not a time") from None
    if instant.tzinfo is None:
        raise Malformed("a time without a zone")
    return instant.astimezone(UTC)


def _stasis_start(raw: Raw) -> Event:
    replaced = raw.get("replace_channel")
    return StasisStart(
        **_common(raw),
        channel=_channel(raw),
        args=_texts(raw, "args"),
        replaced_id=_text(replaced, "id") if isinstance(replaced, Mapping) else None,
    )


def _hangup_request(raw: Raw) -> Event:
    return ChannelHangupRequest(
        **_common(raw),
        channel=_channel(raw),
        cause=_number(raw, "cause"),
        tech_cause=_number(raw, "tech_cause"),
        soft=raw.get("soft") is True,
    )


def _destroyed(raw: Raw) -> Event:
    return ChannelDestroyed(
        **_common(raw),
        channel=_channel(raw),
        cause=_number(raw, "cause") or 0,
        cause_txt=str(raw.get("cause_txt", "")),
        tech_cause=_number(raw, "tech_cause"),
    )


def _dial(raw: Raw) -> Event:
    caller = raw.get("caller")
    return Dial(
        **_common(raw),
        peer=decode_channel(_object(raw, "peer")),
        dialstatus=str(raw.get("dialstatus", "")),
        caller_id=_text(caller, "id") if isinstance(caller, Mapping) else None,
    )


def _dtmf(raw: Raw) -> Event:
    return ChannelDtmfReceived(
        **_common(raw),
        channel=_channel(raw),
        digit=_text(raw, "digit"),
        duration_ms=_number(raw, "duration_ms") or 0,
    )


def _device_state(raw: Raw) -> Event:
    device = _object(raw, "device_state")
    return DeviceStateChanged(**_common(raw), name=_text(device, "name"), state=_text(device, "state"))


def _user_event(raw: Raw) -> Event:
    variables = raw.get("userevent")
    return ChannelUserevent(
        **_common(raw),
        eventname=_text(raw, "eventname"),
        userevent=variables if isinstance(variables, Mapping) else {},
        channel_id=_optional_id(raw, "channel"),
    )


_EVENTS: Mapping[str, Callable[[Raw], Event]] = {
    "StasisStart": _stasis_start,
    "StasisEnd": lambda raw: StasisEnd(**_common(raw), channel=_channel(raw)),
    "ChannelStateChange": lambda raw: ChannelStateChange(**_common(raw), channel=_channel(raw)),
    "ChannelHangupRequest": _hangup_request,
    "ChannelDestroyed": _destroyed,
    "Dial": _dial,
    "ChannelDtmfReceived": _dtmf,
    "PlaybackStarted": lambda raw: PlaybackStarted(**_common(raw), playback=_playback(raw)),
    "PlaybackContinuing": lambda raw: PlaybackContinuing(**_common(raw), playback=_playback(raw)),
    "PlaybackFinished": lambda raw: PlaybackFinished(**_common(raw), playback=_playback(raw)),
    "BridgeDestroyed": lambda raw: BridgeDestroyed(**_common(raw), bridge=_bridge(raw)),
    "ChannelEnteredBridge": lambda raw: ChannelEnteredBridge(
        **_common(raw), bridge=_bridge(raw), channel_id=_optional_id(raw, "channel")
    ),
    "ChannelLeftBridge": lambda raw: ChannelLeftBridge(
        **_common(raw), bridge=_bridge(raw), channel_id=_optional_id(raw, "channel")
    ),
    "DeviceStateChanged": _device_state,
    "ApplicationReplaced": lambda raw: ApplicationReplacedEvent(**_common(raw)),
    "ChannelUserevent": _user_event,
}


def _common(raw: Raw) -> dict[str, Any]:
    return {"application": _text(raw, "application"), "timestamp": _instant(raw, "timestamp")}


def _channel(raw: Raw) -> Channel:
    return decode_channel(_object(raw, "channel"))


def _bridge(raw: Raw) -> Bridge:
    return decode_bridge(_object(raw, "bridge"))


def _playback(raw: Raw) -> Playback:
    return decode_playback(_object(raw, "playback"))


def _caller_id(raw: object) -> CallerId:
    if not isinstance(raw, Mapping):
        return CallerId()
    return CallerId(name=str(raw.get("name", "")), number=str(raw.get("number", "")))


def _running(raw: object) -> tuple[str, ...]:
    if not isinstance(raw, Mapping) or not (name := raw.get("app_name")):
        return ()
    return (str(name), *str(raw.get("app_data") or "").split(","))


def _text(raw: Raw, key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str):
        raise Malformed(f"'{key}' is missing or not a text")
    return value


def _texts(raw: Raw, key: str) -> tuple[str, ...]:
    value = raw.get(key)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _object(raw: Raw, key: str) -> Raw:
    value = raw.get(key)
    if not isinstance(value, Mapping):
        raise Malformed(f"'{key}' is missing or not an object")
    return value


def _number(raw: Raw, key: str) -> int | None:
    """A whole number, also if it was sent as a text; None if absent or anything else."""
    value = raw.get(key)
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _optional_id(raw: Raw, key: str) -> str | None:
    value = raw.get(key)
    return _text(value, "id") if isinstance(value, Mapping) else None


def _instant(raw: Raw, key: str) -> datetime:
    return parse_instant(_text(raw, key))

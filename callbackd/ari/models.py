"""Asterisk's resources and events as typed records, after its own `rest-api/*.json`.

Decoding is tolerant: fields that we do not know are ignored, events of a type that we do not know become
`OtherEvent`, and an event that lacks what it must have is logged and dropped. Instants are aware and in UTC.
What may hold a telephone number is left out of every `repr`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

log = logging.getLogger(__name__)

Raw = Mapping[str, Any]


class Malformed(ValueError):
    """A field that Asterisk always sends is missing or of another type; the text names it, not its value."""


@dataclass(frozen=True, slots=True)
class CallerId:
    """A name and a number; either may be empty."""

    name: str = ""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Channel:
    """A leg. `state` is Asterisk's word: Down, Ring, Ringing, Up, Busy ...

    `application` is what the dialplan runs on it: a name and its arguments; empty if nothing, or not told.
    """

    id: str
    name: str = field(repr=False, default="")
    state: str = "Unknown"
    caller: CallerId = field(repr=False, default=CallerId())
    connected: CallerId = field(repr=False, default=CallerId())
    created_at: datetime | None = None
    language: str = ""
    application: tuple[str, ...] = field(repr=False, default=())

    @property
    def up(self) -> bool:
        """Answered."""
        return self.state == "Up"


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge and the ids of the channels in it."""

    id: str
    name: str = ""
    bridge_type: str = ""
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Playback:
    """A playback of one or more media. `target_uri` is `channel:ID` or `bridge:ID`.

    `state`: queued, playing, continuing, done (stopped by request too), failed.
    """

    id: str
    target_uri: str
    state: str
    media_uri: str = ""

    @property
    def channel_id(self) -> str | None:
        """The id of the channel that hears it, if it is one."""
        kind, _, target = self.target_uri.partition(":")
        return target if kind == "channel" else None


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound that is installed. `id` as in `sound:ID`; `languages` in which it exists."""

    id: str
    languages: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Application:
    """What Asterisk knows of a Stasis application."""

    name: str
    channel_ids: tuple[str, ...] = ()
    bridge_ids: tuple[str, ...] = ()
    device_names: tuple[str, ...] = ()
    events_disallowed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AsteriskInfo:
    """Which Asterisk this is. `started_at`: since when it runs."""

    version: str
    entity_id: str = ""
    started_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened, when Asterisk says it did, by its clock."""

    application: str
    timestamp: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class StasisStart(Event):
    """A channel entered the application. `replaced_id`: the channel whose place it takes, after a transfer."""

    channel: Channel
    args: tuple[str, ...] = ()
    replaced_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StasisEnd(Event):
    """A channel left the application: hung up, or gone on in the dialplan. Not final."""

    channel: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelStateChange(Event):
    """`channel.state` is the new one; Up is the answer."""

    channel: Channel


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelHangupRequest(Event):
    """Someone wants the channel gone. Not final; a cause of 32 is a flag and no cause."""

    channel: Channel
    cause: int | None = None
    tech_cause: int | None = None
    soft: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDestroyed(Event):
    """The channel is gone: the one final event. `tech_cause`: the SIP response, from Asterisk 22.7 on."""

    channel: Channel
    cause: int
    cause_txt: str = ""
    tech_cause: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Dial(Event):
    """How a dialling goes. `dialstatus`: empty (begun), RINGING, PROGRESS, PROCEEDING, ANSWER, BUSY, NOANSWER ..."""

    peer: Channel
    dialstatus: str
    caller_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDtmfReceived(Event):
    """A key was let go. A Local channel's `;2` half reports it too: match exact ids."""

    channel: Channel
    digit: str
    duration_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackStarted(Event):
    """A medium of the playback began."""

    playback: Playback


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackContinuing(Event):
    """A medium of the playback ended, another follows."""

    playback: Playback


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaybackFinished(Event):
    """The playback is over: `playback.state` is done, or failed (sound missing, channel gone)."""

    playback: Playback


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeDestroyed(Event):
    """A bridge is gone; its channels are not."""

    bridge: Bridge


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelEnteredBridge(Event):
    """A channel is in a bridge now."""

    bridge: Bridge
    channel_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLeftBridge(Event):
    """A channel is in the bridge no more."""

    bridge: Bridge
    channel_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceStateChanged(Event):
    """A device that the application subscribed to. `state`: NOT_INUSE, INUSE, RINGING, UNAVAILABLE, INVALID ..."""

    name: str
    state: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplicationReplacedEvent(Event):
    """Another program took the application; this is the last event that we shall get."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelUserevent(Event):
    """An event made by request or by the dialplan's UserEvent()."""

    eventname: str
    userevent: Mapping[str, Any] = field(repr=False, default_factory=dict)
    channel_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OtherEvent(Event):
    """An event of a type that we have no use for."""

    type: str
    raw: Raw = field(repr=False, default_factory=dict)


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

"""Asterisk's resources and events as typed records, after its own `rest-api/*.json`.

Instants are aware and in UTC. What may hold a telephone number is left out of every `repr`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Raw = Mapping[str, Any]


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

"""Channels, bridges and playbacks as Asterisk keeps them, and as ARI shows them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simulation.world import Happening

if TYPE_CHECKING:
    from simulation.asterisk.lines import Line, Party

Json = dict[str, Any]


@dataclass(slots=True, eq=False)
class Channel:
    """One channel. `app` gets its events, if any does; `in_stasis` while that controls it.

    `created` by `/channels/create`, so that its answer is no StasisStart; `party` rings its phones; `line` is the
    phone at its far end, if one is there. `caller` is what the PBX shows of who calls it, or of who called in.
    """

    id: str
    name: str
    created_at: str
    endpoint: str = ""
    state: str = "Down"
    app: str | None = None
    app_args: tuple[str, ...] = ()
    stasis_app: str = ""
    in_stasis: bool = False
    entering: bool = False
    created: bool = False
    inbound: bool = False
    dialled: bool = False
    ending: bool = False
    gone: bool = False
    caller: tuple[str, str] = ("", "")
    connected: tuple[str, str] = ("", "")
    display: tuple[str, str] = ("", "")
    language: str = "en"
    running: tuple[str, str] = ("", "")
    variables: dict[str, str] = field(default_factory=dict)
    bridge: Bridge | None = None
    party: Party | None = None
    line: Line | None = None
    time_out: Happening | None = None
    commands: deque[Callable[[], None]] = field(default_factory=deque)
    playing: Playback | None = None
    snoops: list[Channel] = field(default_factory=list)

    def json(self) -> Json:
        """As ARI shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "caller": {"name": self.caller[0], "number": self.caller[1]},
            "connected": {"name": self.connected[0], "number": self.connected[1]},
            "accountcode": "",
            "dialplan": {
                "context": "",
                "exten": "s",
                "priority": 1,
                "app_name": self.running[0],
                "app_data": self.running[1],
            },
            "creationtime": self.created_at,
            "language": self.language,
        }


@dataclass(slots=True, eq=False)
class Bridge:
    """A bridge. `channels` in the order of their coming."""

    id: str
    name: str
    reports_digits: bool
    created_at: str
    channels: dict[str, Channel] = field(default_factory=dict)
    dissolved: bool = False

    def json(self) -> Json:
        """As ARI shows it."""
        return {
            "id": self.id,
            "name": self.name,
            "technology": "simple_bridge",
            "bridge_type": "mixing",
            "bridge_class": "stasis",
            "creator": "Stasis",
            "channels": list(self.channels),
            "creationtime": self.created_at,
            "video_mode": "talker",
        }


@dataclass(slots=True, eq=False)
class Playback:
    """What a channel is to hear. `position`: which of the media; `stopped` before its turn came."""

    id: str
    channel: Channel
    media: tuple[str, ...]
    language: str
    position: int = 0
    state: str = "queued"
    stopped: bool = False
    end: Happening | None = None

    @property
    def medium(self) -> str:
        """The URI of the one that is on."""
        return self.media[self.position]

    def json(self, state: str | None = None) -> Json:
        """As ARI shows it."""
        found = {
            "id": self.id,
            "media_uri": self.medium,
            "target_uri": f"channel:{self.channel.id}",
            "language": self.language,
            "state": state or self.state,
        }
        if self.position + 1 < len(self.media):
            found["next_media_uri"] = self.media[self.position + 1]
        return found

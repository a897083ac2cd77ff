"""Bridges: who is in which, and who can talk with whom."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from simulation.asterisk.channels import Bridge, Channel
from simulation.asterisk.phones import Call, Talk
from simulation.asterisk.playing import Emit, Player
from simulation.world import World


class Tell(Protocol):
    """Sends an event about a channel."""

    def __call__(self, channel: Channel, kind: str, **more: object) -> None: ...


class Bridging:
    """All bridges of one Asterisk, by id."""

    def __init__(self, world: World, player: Player, tell: Tell, emit: Emit) -> None:
        self.bridges: dict[str, Bridge] = {}
        self._world = world
        self._player = player
        self._tell = tell
        self._emit = emit

    def enter(self, bridge: Bridge, channel: Channel) -> None:
        """Into it, out of any other."""
        if bridge.dissolved or channel.bridge is bridge:
            return
        self.leave(channel)
        channel.bridge = bridge
        bridge.channels[channel.id] = channel
        self._tell(channel, "ChannelEnteredBridge", bridge=bridge.json())
        self.talk(bridge)

    def leave(self, channel: Channel) -> None:
        """Out of it. The last one out of a bridge that was deleted ends it."""
        bridge, channel.bridge = channel.bridge, None
        if bridge is None:
            return
        del bridge.channels[channel.id]
        self._tell(channel, "ChannelLeftBridge", bridge=bridge.json())
        if bridge.dissolved and not bridge.channels:
            self._emit(channel, "BridgeDestroyed", {"bridge": bridge.json()})
        self.talk(bridge, channel)

    def dissolve(self, bridge: Bridge) -> None:
        """Nobody finds it any more; each channel leaves when it has done what it was asked for before."""
        del self.bridges[bridge.id]
        bridge.dissolved = True
        for channel in list(bridge.channels.values()):
            self._player.queue(channel, lambda each=channel: self._out_of(bridge, each))  # type: ignore[misc]

    def _out_of(self, bridge: Bridge, channel: Channel) -> None:
        if channel.bridge is bridge:
            self.leave(channel)

    def talk(self, bridge: Bridge, left: Channel | None = None) -> None:
        """Write down who can talk with whom from now on."""
        present = {
            leg: call for leg, channel in bridge.channels.items() if (call := _call_of(channel)) is not None and call.up
        }
        concerned = dict(present)
        if left is not None and (gone := _call_of(left)) is not None:
            concerned[left.id] = gone
        now = self._world.time
        for leg, call in concerned.items():
            others = {other: None for other in present if other != leg} if leg in present else {}
            for talk in call.talked:
                if talk.until is None and talk.leg not in others:
                    talk.until = now
                elif talk.until is None:
                    others.pop(talk.leg)
            call.talked.extend(Talk(other, now) for other in others)

    def clear(self, channels: Iterable[Channel]) -> None:
        """Asterisk has died: none of its channels talks through it any more."""
        for channel in channels:
            if channel.bridge is not None:
                channel.bridge.channels.clear()
                self.talk(channel.bridge, channel)
        self.bridges.clear()


def _call_of(channel: Channel) -> Call | None:
    """The call of the phone that hears what the channel does, once it is answered."""
    speaker = channel.party.speaker if channel.party is not None else None
    return speaker.call if speaker is not None else None

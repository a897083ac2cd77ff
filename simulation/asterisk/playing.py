"""What channels are played. A channel does one thing after another: what comes behind a playback waits for its end."""

from __future__ import annotations

from collections.abc import Callable

from simulation.asterisk.channels import Channel, Json, Playback
from simulation.world import World

Emit = Callable[[Channel, str, Json], None]

SOON = (0.0001, 0.001)
"""Seconds until a channel's own thread does what it was asked for."""

DIGIT = 0.75
"""Seconds that a spoken digit takes."""

KNOWN = ("sound", "tone", "number", "digits", "characters", "recording")

UNSTOPPABLE = ("number", "digits", "characters")
"""Kinds that can't be stopped once they have begun."""


def duration(medium: str) -> float | None:
    """How long it plays, in seconds; None: for ever."""
    kind, _, text = medium.partition(":")
    if kind in UNSTOPPABLE:
        return DIGIT * max(len(text), 1)
    if kind != "sound":
        return None
    if text == "beep":
        return 0.44
    if text.startswith("digits/"):
        return DIGIT
    return 1.0 + 0.12 * len(text.rpartition("/")[2])


class Player:
    """All playbacks. A sound whose name is in `missing` (without `sound:`) is not installed; `none`: no sound is."""

    def __init__(self, world: World, emit: Emit) -> None:
        self.missing: set[str] = set()
        self.none = False
        self._world = world
        self._emit = emit
        self._playbacks: dict[str, Playback] = {}

    def play(self, channel: Channel, playback_id: str, media: tuple[str, ...], language: str) -> Playback:
        """Play it when the channel is free."""
        playback = Playback(playback_id, channel, media, language)
        self._playbacks[playback_id] = playback
        self.queue(channel, lambda: self._start(playback))
        return playback

    def lacks(self, sound: str) -> bool:
        """It is not installed."""
        return self.none or sound in self.missing

    def find(self, playback_id: str) -> Playback | None:
        """One that is not over."""
        return self._playbacks.get(playback_id)

    def stop(self, playback: Playback) -> bool:
        """Stop it; False if it is of a kind that can't be stopped."""
        if playback.state == "queued":
            playback.stopped = True
            return True
        if playback.medium.partition(":")[0] in UNSTOPPABLE:
            return False
        if playback.end is not None:
            playback.end.call_off()
        if playback.medium.startswith("tone:") and playback.position + 1 < len(playback.media):
            self._next(playback)  # a tone in a list ends alone
        else:
            playback.stopped = True
            self._world.after(self._soon(), lambda: self._finish(playback, "done"))
        return True

    def queue(self, channel: Channel, command: Callable[[], None]) -> None:
        """The channel does it after what it was asked for before."""
        channel.commands.append(command)
        self._world.after(self._soon(), lambda: self._work(channel))

    def idle(self, channel: Channel) -> bool:
        """It plays nothing, and nothing waits."""
        return channel.playing is None and not channel.commands

    def end(self, channel: Channel) -> None:
        """The channel is hung up, or has left Stasis: what plays has failed, and what waits does as well."""
        if channel.playing is not None:
            self._finish(channel.playing, "failed")
        for playback in [each for each in self._playbacks.values() if each.channel is channel]:
            self._began(playback)
            self._finish(playback, "failed")
        channel.commands.clear()

    def clear(self) -> None:
        """Asterisk is gone."""
        self._playbacks.clear()

    def _work(self, channel: Channel) -> None:
        while channel.commands and channel.playing is None and not channel.gone:
            channel.commands.popleft()()

    def _start(self, playback: Playback) -> None:
        if playback.stopped:
            self._finish(playback, "done")
            return
        playback.channel.playing = playback
        self._medium(playback)

    def _began(self, playback: Playback) -> None:
        playback.state = "playing"
        self._emit(playback.channel, "PlaybackStarted", {"playback": playback.json()})

    def _medium(self, playback: Playback) -> None:
        self._began(playback)
        medium = playback.medium
        kind, _, text = medium.partition(":")
        if kind == "sound" and self.lacks(text):
            if playback.position + 1 < len(playback.media):
                self._next(playback)  # nothing tells of one that is missing but as the last
            else:
                self._finish(playback, "failed")
            return
        if (party := playback.channel.party) is not None and party.speaker is not None:
            party.speaker.hear(medium, playback.id)
        seconds = duration(medium)
        if seconds is not None:
            playback.end = self._world.after(seconds, lambda: self._medium_over(playback))

    def _medium_over(self, playback: Playback) -> None:
        if playback.state != "playing" or playback.stopped:
            return
        if playback.position + 1 < len(playback.media):
            self._next(playback)
        else:
            self._finish(playback, "done")

    def _next(self, playback: Playback) -> None:
        self._silent(playback)
        self._emit(playback.channel, "PlaybackContinuing", {"playback": playback.json("continuing")})
        playback.position += 1
        self._medium(playback)

    def _finish(self, playback: Playback, state: str) -> None:
        if playback.state in ("done", "failed"):
            return
        playback.state = state
        if playback.end is not None:
            playback.end.call_off()
        if self._playbacks.get(playback.id) is playback:
            del self._playbacks[playback.id]
        self._silent(playback)
        self._emit(playback.channel, "PlaybackFinished", {"playback": playback.json()})
        if playback.channel.playing is playback:
            playback.channel.playing = None
            self._work(playback.channel)

    def _silent(self, playback: Playback) -> None:
        if (party := playback.channel.party) is not None and party.speaker is not None:
            party.speaker.hear_no_more(playback.id)

    def _soon(self) -> float:
        return self._world.chance.uniform(*SOON)

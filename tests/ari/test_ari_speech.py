"""What is said on a channel: which sounds go to Asterisk together, and what happens to those that are missing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from callbackd.ari.client import AriClient
from callbackd.ari.decoding import decode_event
from callbackd.ari.fake import FakeTransport
from callbackd.ari.models import PlaybackFinished
from callbackd.ari.repertoire import KNOWN_FOR, Repertoire
from callbackd.ari.speech import Voice
from callbackd.ari.transport import Response
from callbackd.domain.prompts import Digits, Prompt
from tests.engine.virtual_time import in_virtual_time

INTRO = "sound:callbackd/agent-intro"
CHOICES = "sound:callbackd/agent-choices"
FOUR, ONE = "sound:digits/4", "sound:digits/1"
PHRASES = (Prompt("agent-intro"), Digits("41"), Prompt("agent-choices"))


class Wire:
    """An Asterisk with all sounds but `missing`; of a list it says `failed` only if its last is missing."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        self.transport.on("POST", "/channels/.*/play", lambda made: Response(201, _playback(made.body["playbackId"])))
        self.transport.on("DELETE", "/playbacks/.*", Response(204, None))
        self.missing: set[str] = set()
        self.repertoire = Repertoire()

    def voice(self, language: str = "en", **prompts: tuple[str, ...]) -> Voice:
        """Somebody's, whose channel is new."""
        names = tuple(f"p{turn}" for turn in range(16))
        replaced = {name.replace("_", "-"): uris for name, uris in prompts.items()}
        client = AriClient(self.transport, "callbackd")
        return Voice(client, "leg", names, self.repertoire, language=language, prompts=replaced, label="agent")

    async def says(self, voice: Voice) -> list[list[str]]:
        """The lists of sounds that it is said in, until its end has been told."""
        before = len(self.transport.requests)
        assert await voice.speak(PHRASES, 7)
        ended: int | None = None
        while ended is None:
            last = self.transport.asked("POST", "/channels/leg/play")[-1].body
            state = "failed" if last["media"][-1] in self.missing else "done"
            ended = await voice.finished(_finished(last["playbackId"], state))
        assert ended == 7
        return [made.body["media"] for made in self.transport.requests[before:] if made.method == "POST"]


def _playback(name: str, state: str = "queued") -> dict[str, Any]:
    return {"id": name, "target_uri": "channel:leg", "state": state}


def _finished(name: str, state: str) -> PlaybackFinished:
    event = decode_event(
        {
            "type": "PlaybackFinished",
            "application": "callbackd",
            "timestamp": "2026-11-02T15:00:00.000+0000",
            "playback": _playback(name, state),
        }
    )
    assert isinstance(event, PlaybackFinished)
    return event


async def test_one_by_one_at_first_and_all_at_once_when_each_was_heard() -> None:
    wire = Wire()
    assert await wire.says(wire.voice()) == [[INTRO], [FOUR, ONE], [CHOICES]]
    assert await wire.says(wire.voice()) == [[INTRO, FOUR, ONE, CHOICES]]


async def test_another_language_has_sounds_of_its_own() -> None:
    wire = Wire()
    await wire.says(wire.voice())
    assert await wire.says(wire.voice("fr")) == [[INTRO], [FOUR, ONE], [CHOICES]]


async def test_after_a_new_contact_nothing_is_known() -> None:
    wire = Wire()
    await wire.says(wire.voice())
    wire.repertoire.clear()
    assert len(await wire.says(wire.voice())) == 3


async def test_what_is_missing_is_never_in_a_list_and_has_a_stand_in_each_time() -> None:
    wire = Wire()
    wire.missing = {INTRO}
    instead = "sound:vm-from-phonenumber"
    assert await wire.says(wire.voice()) == [[INTRO], [instead], [FOUR, ONE], [CHOICES]]
    assert await wire.says(wire.voice()) == [[INTRO], [instead, FOUR, ONE, CHOICES]]


async def test_a_digit_heard_among_others_is_not_known_by_itself() -> None:
    """Of a list nobody knows whether all of it was heard."""
    wire = Wire()
    await wire.says(wire.voice())
    assert wire.repertoire.has("en", [ONE, FOUR, ONE])
    assert not wire.repertoire.has("en", [FOUR])
    wire.repertoire.heard("en", [FOUR])
    assert wire.repertoire.has("en", [FOUR])


async def test_a_list_that_fails_is_said_again_one_by_one() -> None:
    wire = Wire()
    await wire.says(wire.voice())
    wire.missing = {CHOICES}
    said = await wire.says(wire.voice())
    assert said[:4] == [[INTRO, FOUR, ONE, CHOICES], [INTRO], [FOUR, ONE], [CHOICES]]
    assert said[4] == ["sound:vm-press"]


@in_virtual_time
async def test_what_was_heard_long_ago_is_played_by_itself_once_more() -> None:
    wire = Wire()
    await wire.says(wire.voice())
    await asyncio.sleep(KNOWN_FOR - 1)
    assert len(await wire.says(wire.voice())) == 1
    await asyncio.sleep(2)
    assert len(await wire.says(wire.voice())) == 3
    assert len(await wire.says(wire.voice())) == 1


@pytest.mark.parametrize("alone", ["tone:ring", "recording:word", "number:4711"])
async def test_what_does_not_end_or_can_not_be_stopped_is_always_alone(alone: str) -> None:
    wire = Wire()
    for _ in range(2):
        said = await wire.says(wire.voice(agent_intro=(alone,)))
        assert said[0] == [alone]
        await wire.says(wire.voice())
    assert said[1:] == [[FOUR, ONE, CHOICES]]


async def test_what_is_hushed_was_not_heard() -> None:
    wire = Wire()
    voice = wire.voice()
    assert await voice.speak((Prompt("agent-intro"),), 1)
    await voice.hush()
    assert await voice.finished(_finished("p0", "done")) is None
    assert not wire.repertoire.has("en", [INTRO])

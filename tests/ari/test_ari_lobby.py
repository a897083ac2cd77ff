"""Callers in the menu, on the wire: what is asked of Asterisk, and what its events mean."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from callbackd.ari.client import AriClient
from callbackd.ari.decoding import decode_event
from callbackd.ari.fake import FakeTransport
from callbackd.ari.lobby import Lobby
from callbackd.ari.media import media
from callbackd.ari.models import Event
from callbackd.ari.names import playbacks_of_caller
from callbackd.ari.transport import Response
from callbackd.domain.menu import (
    Answer,
    EndCall,
    Gone,
    Happening,
    Leave,
    MarkKept,
    Pressed,
    Quiet,
    Speak,
    Spoken,
    Visit,
)
from callbackd.domain.prompts import Clock, Digits, Prompt, Weekday

CALLER = "1795451000.7"
OURS = "cb-01kaq0000000000000000000zz-a000001-a00"
VISIT = Visit(CALLER, "support", "en", {})


def event(kind: str, **fields: Any) -> Event:
    """One of Asterisk's."""
    common = {"type": kind, "application": "callbackd", "timestamp": "2026-11-02T15:00:00.000+0000"}
    found = decode_event({**common, **fields})
    assert found is not None
    return found


def channel(name: str = CALLER, number: str = "4165550123", runs: tuple[str, str] = ("", "")) -> dict[str, Any]:
    """As Asterisk tells of one."""
    return {
        "id": name,
        "state": "Up",
        "caller": {"name": "", "number": number},
        "dialplan": {"app_name": runs[0], "app_data": runs[1]},
    }


class Wire:
    """A lobby on a fake transport."""

    def __init__(self) -> None:
        self.transport = FakeTransport()
        for method in ("POST", "DELETE"):
            self.transport.on(method, "/channels/.*|/playbacks/.*", Response(204, None))
        self.transport.on("POST", "/channels/.*/play", self._plays)
        self.arrived: list[tuple[str, str, str]] = []
        self.told: list[object] = []
        self.lobby = Lobby(
            AriClient(self.transport, "callbackd"),
            lambda *who: self.arrived.append(who),
            lambda _, signal: self.told.append(signal),
        )

    def _plays(self, made: Any) -> Response:
        playback = {"id": made.body["playbackId"], "target_uri": f"channel:{CALLER}", "state": "queued"}
        return Response(201, playback)

    async def means(self, kind: str, **fields: Any) -> list[Happening]:
        """What an event means for the caller's menu."""
        self.told.clear()
        self.lobby.route(event(kind, **fields))
        return [each for signal in self.told for each in await self.lobby.interpret(VISIT, signal)]

    async def playback_ends(self) -> list[Happening]:
        """The latest playback ends."""
        played = self.transport.asked("POST", "/channels/.*/play")[-1].body["playbackId"]
        return await self.means(
            "PlaybackFinished", playback={"id": played, "target_uri": f"channel:{CALLER}", "state": "done"}
        )


@pytest.mark.parametrize(
    ("args", "profile"),
    [(["intake", "support"], "support"), (["intake"], ""), (["intake", "a", "b"], ""), (["offer", "support"], "")],
)
def test_who_enters_the_application_from_the_dialplan_arrives(args: list[str], profile: str) -> None:
    wire = Wire()
    wire.lobby.route(event("StasisStart", channel=channel(), args=args))
    assert wire.arrived == [(CALLER, profile, "4165550123")]


def test_our_own_legs_do_not_arrive() -> None:
    wire = Wire()
    wire.lobby.route(event("StasisStart", channel=channel(OURS), args=["intake", "support"]))
    wire.lobby.route(event("StasisStart", channel=channel("cbq-0123"), args=[]))
    assert wire.arrived == []


async def test_events_of_those_who_are_followed() -> None:
    wire = Wire()
    digit = {"channel": channel(), "digit": "5", "duration_ms": 80}
    assert await wire.means("ChannelDtmfReceived", **digit) == []
    wire.lobby.open(VISIT)
    assert await wire.means("ChannelDtmfReceived", **digit) == [Pressed("5")]
    assert await wire.means("ChannelDtmfReceived", **{**digit, "digit": "A"}) == []
    assert await wire.means("ChannelDtmfReceived", **{**digit, "channel": channel("1.9")}) == []
    assert await wire.means("StasisEnd", channel=channel()) == [Gone()]
    assert await wire.means("ChannelDestroyed", channel=channel(), cause=16) == [Gone()]
    wire.lobby.close(VISIT)
    assert await wire.means("StasisEnd", channel=channel()) == []


async def test_phrases_are_played_one_after_another_and_the_end_is_told() -> None:
    wire = Wire()
    wire.lobby.open(VISIT)
    await wire.lobby.perform(VISIT, Speak((Prompt("menu-number-is"), Digits("41")), 3))
    assert await wire.playback_ends() == []
    assert await wire.playback_ends() == [Spoken(3)]
    played = wire.transport.asked("POST", "/channels/.*/play")
    assert [made.body["media"] for made in played] == [
        ["sound:callbackd/menu-number-is"],
        ["sound:digits/4", "sound:digits/1"],
    ]
    assert len({made.body["playbackId"] for made in played}) == 2


async def test_what_is_said_is_stopped_before_the_caller_goes_on() -> None:
    """Else Asterisk lets them go on when it has ended."""
    wire = Wire()
    wire.lobby.open(VISIT)
    await wire.lobby.perform(VISIT, Speak((Prompt("menu-offer"),), 1))
    await wire.lobby.perform(VISIT, Quiet())
    await wire.lobby.perform(VISIT, Leave())
    asked = [(made.method, made.path) for made in wire.transport.requests[-2:]]
    assert asked[0][0] == "DELETE"
    assert asked[0][1].startswith("/playbacks/cbm-")
    assert asked[1] == ("POST", f"/channels/{CALLER}/continue")


async def test_requests() -> None:
    wire = Wire()
    for effect in (Answer(), MarkKept(), EndCall()):
        assert await wire.lobby.perform(VISIT, effect) == ()
    assert [(made.method, made.path) for made in wire.transport.requests] == [
        ("POST", f"/channels/{CALLER}/answer"),
        ("POST", f"/channels/{CALLER}/variable"),
        ("DELETE", f"/channels/{CALLER}"),
    ]
    assert wire.transport.requests[1].body == {"variable": "CALLBACKD_STATUS", "value": "ACCEPTED"}


async def test_who_is_gone_already() -> None:
    wire = Wire()
    wire.transport.on("POST", "/channels/.*", Response(404, {"message": "Channel not found"}))
    assert await wire.lobby.perform(VISIT, Answer()) == (Gone(),)
    await wire.lobby.hand_back(CALLER)


async def test_what_asterisk_refuses_is_no_fault() -> None:
    wire = Wire()
    wire.transport.on("POST", "/channels/.*", Response(409, {"message": "Channel not in Stasis application"}))
    assert await wire.lobby.perform(VISIT, Leave()) == ()
    await wire.lobby.hand_back(CALLER)


async def test_those_who_were_left_in_the_menu_are_found_and_those_who_are_gone() -> None:
    wire = Wire()
    channels = [
        channel("1.1", runs=("Stasis", "callbackd,intake,support")),
        channel("1.2", runs=("Stasis", "callbackd,intake,support")),
        channel("1.3", runs=("Stasis", "other,intake,support")),
        channel("1.4", runs=("Queue", "support")),
        channel("1.5"),
        channel(OURS, runs=("Stasis", "callbackd,intake")),
        channel("cbq-1", runs=("Stasis", "callbackd")),
    ]
    wire.transport.on("GET", "/channels", Response(200, channels))
    assert await wire.lobby.missed({"1.2", "1.6"}) == (["1.1"], ["1.6"])


@pytest.mark.parametrize(
    ("hour", "minute", "told"),
    [
        (9, 0, "9 oclock a-m"),
        (0, 30, "12 30 a-m"),
        (12, 5, "12 oh 5 p-m"),
        (13, 15, "1 15 p-m"),
        (23, 47, "11 40 7 p-m"),
        (8, 20, "8 20 a-m"),
    ],
)
def test_a_time_of_the_day(hour: int, minute: int, told: str) -> None:
    assert media(Clock(hour, minute), {}) == tuple(f"sound:digits/{word}" for word in told.split())


@pytest.mark.parametrize("day", range(7))
def test_a_weekday_is_numbered_as_asterisk_does(day: int) -> None:
    sunday_first = int(datetime(2026, 11, 2 + day, tzinfo=UTC).strftime("%w"))
    assert media(Weekday(day), {}) == (f"sound:digits/day-{sunday_first}",)


def playing(wire: Wire, name: str, media_uri: str) -> None:
    """Asterisk knows of that playback, and of no other."""
    wire.transport.on("GET", "/playbacks/.*", Response(404, {"message": "Playback not found"}))
    playback = {"id": name, "media_uri": media_uri, "target_uri": f"channel:{CALLER}", "state": "playing"}
    wire.transport.on("GET", f"/playbacks/{name}", Response(200, playback))


@pytest.mark.parametrize(
    ("media_uri", "stopped"), [("tone:440/200,0/200", True), ("sound:callbackd/menu-accepted", False)]
)
async def test_a_tone_that_another_daemon_has_begun_is_ended_before_the_caller_goes_on(
    media_uri: str, stopped: bool
) -> None:
    """Else they would go on when it has ended: never. What ends by itself they hear to its end."""
    before = Wire()
    before.lobby.open(VISIT)
    for number in range(40):
        await before.lobby.perform(VISIT, Speak((Prompt("menu-offer"),), number))
    left = before.transport.asked("POST", "/channels/.*/play")[-1].body["playbackId"]
    after = Wire()
    playing(after, left, media_uri)
    await after.lobby.hand_back(CALLER, left=True)
    asked = [(made.method, made.path) for made in after.transport.requests if made.method != "GET"]
    stop = [("DELETE", f"/playbacks/{left}")] if stopped else []
    assert asked == [*stop, ("POST", f"/channels/{CALLER}/continue")]


async def test_a_caller_whose_tones_can_not_be_looked_for_is_handed_back_all_the_same() -> None:
    wire = Wire()
    wire.transport.on("GET", "/playbacks/.*", Response(500, {"message": "not now"}))
    await wire.lobby.hand_back(CALLER, left=True)
    assert wire.transport.requests[-1].path == f"/channels/{CALLER}/continue"


async def test_the_tone_of_a_daemon_that_is_no_more_is_looked_for_again_if_it_could_not_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Until it is stopped the caller goes nowhere, whatever they were asked to do."""
    wire = Wire()
    stopped = asyncio.Event()
    tone = playbacks_of_caller(CALLER)[5]
    playback = {"id": tone, "media_uri": "tone:440", "target_uri": f"channel:{CALLER}", "state": "playing"}

    def stops(_: Any) -> Response:
        stopped.set()
        return Response(204, None)

    wire.transport.on("GET", "/playbacks/.*", Response(404, {"message": "Playback not found"}))
    wire.transport.on("GET", f"/playbacks/{tone}", Response(200, playback))
    wire.transport.on("GET", f"/playbacks/{tone}", Response(500, {"message": "not now"}), once=True)
    wire.transport.on("DELETE", f"/playbacks/{tone}", stops)
    monkeypatch.setattr("callbackd.ari.lobby.HAND_BACK_AGAIN", 0.0)
    again = asyncio.create_task(wire.lobby.run(lambda: True))
    await wire.lobby.hand_back(CALLER, left=True)
    await asyncio.wait_for(stopped.wait(), 5.0)
    again.cancel()


async def test_a_caller_whose_menu_had_a_fault_is_not_kept_by_what_is_being_said() -> None:
    wire = Wire()
    wire.lobby.open(VISIT)
    await wire.lobby.perform(VISIT, Speak((Prompt("menu-offer"),), 1))
    played = wire.transport.asked("POST", "/channels/.*/play")[-1].body["playbackId"]
    await wire.lobby.hand_back(CALLER)
    assert [(made.method, made.path) for made in wire.transport.requests[-2:]] == [
        ("DELETE", f"/playbacks/{played}"),
        ("POST", f"/channels/{CALLER}/continue"),
    ]


def test_the_playbacks_of_two_callers_have_names_of_their_own_and_of_one_length() -> None:
    names = [*playbacks_of_caller("1795451000.7"), *playbacks_of_caller(f"pbx-{'9' * 120}.7")]
    assert len(set(names)) == len(names)
    assert len({len(name) for name in names}) == 1


async def test_a_caller_whom_a_lost_request_kept_is_handed_back_later(monkeypatch: pytest.MonkeyPatch) -> None:
    wire = Wire()
    asked = asyncio.Event()

    def continues(_: Any) -> Response:
        asked.set()
        return Response(204)

    wire.transport.on("POST", "/channels/.*/continue", continues)
    wire.transport.on("POST", "/channels/.*/continue", Response(500, {"message": "not now"}), once=True)
    wire.transport.fail_before("POST", "/channels/.*/continue")
    wire.lobby.open(VISIT)
    await wire.lobby.perform(VISIT, Leave())
    wire.lobby.close(VISIT)
    monkeypatch.setattr("callbackd.ari.lobby.HAND_BACK_AGAIN", 0.0)
    running = asyncio.create_task(wire.lobby.run(lambda: True))
    async with asyncio.timeout(5):
        await asked.wait()
    running.cancel()
    assert len(wire.transport.asked("POST", f"/channels/{CALLER}/continue")) == 3


async def test_a_caller_who_came_back_meanwhile_stays() -> None:
    """They had left: only the answer was lost."""
    wire = Wire()
    wire.transport.fail_after("POST", "/channels/.*/continue")
    await wire.lobby.hand_back(CALLER)
    wire.lobby.open(VISIT)
    await wire.lobby._hand_back_again()
    wire.lobby.close(VISIT)
    await wire.lobby._hand_back_again()
    assert len(wire.transport.asked("POST", f"/channels/{CALLER}/continue")) == 1

"""The simulated Asterisk against a real one: the same requests, the same phones, the same answers and events.

Each script runs on both. Compared are, for each request, the status and Asterisk's own words, and for each channel
the events in their order, with the statuses, states and causes that they carry.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from callbackd.ari.client import UNWANTED_EVENTS
from callbackd.ari.errors import StreamClosed, asterisk_text
from callbackd.ari.transport import AiohttpTransport, EventStream, Transport
from rig import behaviours
from rig.phones import Behaviour as RealBehaviour
from rig.phones import PhoneCall
from rig.rig import Rig
from simulation.asterisk.network import Weather
from simulation.asterisk.phones import BUSY, NO_ANSWER, Behaviour, Press, Signal, answers, refuses, sip
from tests.simulation.asterisk_house import House, drive, of, told

pytestmark = pytest.mark.pbx

APP = "callbackd-likeness"
AGENT = "PJSIP/1001"
CLIENT = "PJSIP/+14165550123@trunk"
LOCAL_AGENT = "Local/1001@callbackd-agents/n"
LOCAL_CLIENT = "Local/+14165550123@callbackd-clients/n"
LIMIT = 10.0
INBOUND = (
    f"exten => 510,1,Stasis({APP},intake,support)\n same => n,Wait(0.2)\n same => n,Hangup()\n"
    f"exten => 511,1,Answer()\n same => n,Stasis({APP},intake,support)\n same => n,Hangup()\n"
)

PHONES: dict[str, tuple[Callable[[], RealBehaviour], Behaviour]] = {
    "answers": (lambda: behaviours.answers(ring=0.3), Behaviour(signal_after=0.01, answer_after=0.3)),
    "answers and hangs up": (
        lambda: behaviours.answers(ring=0.2, hang_up_after=0.6),
        Behaviour(signal_after=0.01, answer_after=0.2, hang_up_after=0.6),
    ),
    "answers and presses": (
        lambda: behaviours.presses("12", ring=0.2, after=0.8),
        answers(0.2, Press("12", 0.8)),
    ),
    "is busy": (behaviours.busy, refuses(BUSY, 0.01)),
    "rings and rejects": (behaviours.rejects, refuses(sip(403), 0.15, Signal.RINGING)),
    "announces": (
        lambda: behaviours.announces("sound:beep"),
        refuses(sip(480), 0.5, Signal.PROGRESS),
    ),
    "rings": (behaviours.rings_for_ever, NO_ANSWER),
}


class Stage:
    """One Asterisk for one script. `asked` and `events` are what is compared; `behave` and `enter` differ in kind."""

    def __init__(
        self,
        transport: Transport,
        behave: Callable[[str, str], None],
        enter: Callable[[bool, str], Awaitable[None]],
    ) -> None:
        self.asked: list[tuple[str, int, str | None]] = []
        self.events: list[Mapping[str, Any]] = []
        self.behave = behave
        self.enter = enter
        self._transport = transport
        self._something = asyncio.Condition()
        self._connection = contextlib.AsyncExitStack()

    async def connect(self, *, filtered: bool = True) -> None:
        """Listen as the application, with the filter that callbackd asks for."""
        stream = await self._connection.enter_async_context(self._transport.events(APP))
        self._connection.enter_context(_ends(asyncio.create_task(self.pump(stream))))
        async with asyncio.timeout(LIMIT):
            while (await self._transport.request("GET", f"/applications/{APP}")).status != 200:
                pass
        if filtered:
            unwanted = [{"type": kind} for kind in UNWANTED_EVENTS]
            await self._transport.request("PUT", f"/applications/{APP}/eventFilter", body={"disallowed": unwanted})

    async def disconnect(self) -> None:
        """Listen no more."""
        await self._connection.aclose()

    async def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, **body: Any) -> Any:
        """A request, written down."""
        found = await self._transport.request(method, path, query=query, body=body or None)
        self.asked.append((f"{method} {self.hide(path)}", found.status, asterisk_text(found.body)))
        return found.body

    async def originate(self, endpoint: str = AGENT, channel: str = "leg-a", timeout: int = 8) -> None:
        await self.ask("POST", "/channels", endpoint=endpoint, app=APP, channelId=channel, timeout=timeout)

    async def answered(self, endpoint: str = AGENT, channel: str = "leg-a") -> None:
        await self.originate(endpoint, channel)
        await self.until("StasisStart", channel)

    async def create(self, endpoint: str = CLIENT, channel: str = "leg-c") -> None:
        await self.ask("POST", "/channels/create", endpoint=endpoint, app=APP, channelId=channel, appArgs="x")
        await self.until("StasisStart", channel)

    async def dial(self, timeout: int = 8) -> None:
        await self.ask("POST", "/channels/leg-c/dial", timeout=timeout)

    async def bridge(self) -> None:
        await self.ask("POST", "/bridges", type="mixing,dtmf_events", bridgeId="br-1", name="")

    async def join(self, channel: str) -> None:
        await self.ask("POST", "/bridges/br-1/addChannel", channel=[channel], inhibitConnectedLineUpdates=True)

    async def play(self, channel: str, playback: str, *media: str) -> None:
        await self.ask("POST", f"/channels/{channel}/play", media=list(media), playbackId=playback)

    async def hang_up(self, channel: str) -> None:
        await self.ask("DELETE", f"/channels/{channel}")
        await self.until("ChannelDestroyed", channel)

    async def until(self, what: str, channel: str | None = None, times: int = 1) -> None:
        """Until that was told of the channel."""
        try:
            async with asyncio.timeout(LIMIT), self._something:
                while sum(told(event) == what and channel in (None, of(event)) for event in self.events) < times:
                    await self._something.wait()
        except TimeoutError:
            raise AssertionError(f"no {what} of {channel} in {[told(event) for event in self.events]}") from None

    async def caller(self) -> str:
        """The id of the channel that entered by itself."""
        await self.until("StasisStart")
        return of(next(event for event in self.events if event["type"] == "StasisStart"))

    def hide(self, text: str) -> str:
        """The ids that Asterisk chose are no matter."""
        for event in self.events:
            if event["type"] == "StasisStart" and not of(event).startswith("leg-"):
                text = text.replace(of(event), "caller")
        return text

    async def pump(self, stream: EventStream) -> None:
        with contextlib.suppress(StreamClosed):
            while True:
                event = await stream.receive()
                async with self._something:
                    self.events.append(event)
                    self._something.notify_all()

    def story(self) -> Story:
        """All of it, made comparable."""
        found: dict[str, list[str]] = {}
        for event in self.events:
            if not event["type"].startswith("DeviceState"):
                found.setdefault(self.hide(of(event)), []).append(_words(event))
        legs = {name: _in_order(words) for name, words in found.items() if name.startswith(("leg-", "caller"))}
        return Story(self.asked, legs)


@contextlib.contextmanager
def _ends(task: asyncio.Task[None]) -> Iterator[None]:
    try:
        yield
    finally:
        task.cancel()


@dataclass
class Story:
    asked: list[tuple[str, int, str | None]]
    events: dict[str, list[str]] = field(default_factory=dict)


def _words(event: Mapping[str, Any]) -> str:
    match event["type"]:
        case "ChannelHangupRequest" | "ChannelDestroyed":
            return f"{event['type']} cause={event.get('cause')} sip={event.get('tech_cause')}"
        case "ChannelDtmfReceived":
            return f"ChannelDtmfReceived {event['digit']}"
        case "StasisStart":
            return f"StasisStart {event['channel']['state']} {event['args']}"
        case "PlaybackStarted" | "PlaybackContinuing" | "PlaybackFinished":
            return f"{told(event)} {event['playback']['id']} {event['playback']['media_uri']}"
        case _:
            return told(event)


def _in_order(words: list[str]) -> list[str]:
    """Ringing is told in two events, in either order; progress once or twice."""
    ordered: list[str] = []
    for word in words:
        if word == "ChannelStateChange Ringing" and ordered and ordered[-1] == "Dial RINGING":
            ordered.insert(-1, word)
        elif word != "Dial PROGRESS" or not ordered or ordered[-1] != word:
            ordered.append(word)
    return ordered


Script = Callable[[Stage], Awaitable[None]]


async def answered_and_hung_up(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.answered()
    await stage.hang_up("leg-a")
    await stage.ask("DELETE", "/channels/leg-a")


async def answered_and_put_down(stage: Stage) -> None:
    stage.behave("1001", "answers and hangs up")
    await stage.answered()
    await stage.until("ChannelDestroyed")
    await stage.play("leg-a", "p-1", "sound:beep")


async def an_agent_who_is_busy(stage: Stage) -> None:
    stage.behave("1001", "is busy")
    await stage.originate()
    await stage.until("ChannelDestroyed")


async def an_agent_who_does_not_answer(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.originate(timeout=1)
    await stage.until("ChannelDestroyed")


async def an_agent_whose_ringing_is_ended(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.originate()
    await stage.until("ChannelStateChange Ringing")
    await stage.hang_up("leg-a")


async def nobody_there(stage: Stage) -> None:
    for endpoint in ("PJSIP/1099", "PJSIP/nobody", "Nonsense/1"):
        await stage.originate(endpoint)
        await stage.ask("POST", "/channels/create", endpoint=endpoint, app=APP, channelId="leg-a")
    await stage.ask("POST", "/channels/leg-a/dial", timeout=1)
    await stage.ask("GET", "/channels/leg-a")
    await stage.ask("DELETE", "/channels/leg-a")


async def an_id_that_is_taken(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.originate(channel="leg-a0")
    await stage.originate(channel="leg-a")
    await stage.originate(channel="LEG-A0")
    await stage.ask("POST", "/channels/create", endpoint=CLIENT, app=APP, channelId="leg-a0")
    await stage.until("ChannelStateChange Ringing")
    await stage.hang_up("leg-a0")


async def a_client_who_is_busy(stage: Stage) -> None:
    stage.behave("+14165550123", "is busy")
    await stage.create()
    await stage.dial()
    await stage.until("ChannelDestroyed")
    await stage.dial()


async def a_client_who_rejects_in_a_bridge(stage: Stage) -> None:
    stage.behave("+14165550123", "rings and rejects")
    await stage.bridge()
    await stage.create()
    await stage.join("leg-c")
    await stage.dial()
    await stage.until("ChannelDestroyed")
    await stage.join("leg-c")
    await stage.ask("DELETE", "/bridges/br-1")
    await stage.ask("DELETE", "/bridges/br-1")
    await stage.join("leg-c")


async def a_client_who_does_not_answer(stage: Stage) -> None:
    stage.behave("+14165550123", "rings")
    await stage.create()
    await stage.dial(timeout=1)
    await stage.until("ChannelDestroyed")


async def a_client_whose_ringing_is_ended(stage: Stage) -> None:
    stage.behave("+14165550123", "rings")
    await stage.create()
    await stage.dial()
    await stage.until("ChannelStateChange Ringing")
    await stage.dial()
    await stage.hang_up("leg-c")


async def a_client_who_is_never_dialled(stage: Stage) -> None:
    await stage.create()
    await stage.hang_up("leg-c")


async def two_who_talk(stage: Stage) -> None:
    stage.behave("1001", "answers and presses")
    stage.behave("+14165550123", "answers and hangs up")
    await stage.bridge()
    await stage.bridge()
    await stage.answered()
    await stage.join("leg-a")
    await stage.until("ChannelDtmfReceived", times=2)
    await stage.create()
    await stage.join("leg-c")
    await stage.dial()
    await stage.until("ChannelStateChange Up", "leg-c")
    await stage.until("ChannelDestroyed", "leg-c")
    await stage.hang_up("leg-a")
    await stage.ask("DELETE", "/bridges/br-1")


async def a_bridge_that_is_deleted(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.bridge()
    await stage.answered()
    await stage.join("leg-a")
    await stage.ask("DELETE", "/bridges/br-1")
    await stage.until("ChannelLeftBridge")
    await stage.hang_up("leg-a")


async def sounds_and_their_end(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.answered()
    await stage.play("leg-a", "p-1", "sound:beep", "sound:digits/1")
    await stage.until("PlaybackFinished done")
    await stage.play("leg-a", "p-2", "sound:no-such-sound")
    await stage.until("PlaybackFinished failed")
    await stage.play("leg-a", "p-3", "tone:ring")
    await stage.until("PlaybackStarted", times=4)
    await stage.ask("GET", "/playbacks/p-3")
    await stage.ask("DELETE", "/playbacks/p-3")
    await stage.until("PlaybackFinished done", times=2)
    await stage.ask("DELETE", "/playbacks/p-3")
    await stage.ask("GET", "/playbacks/p-3")
    await stage.play("leg-a", "p-4", "digits:12")
    await stage.until("PlaybackStarted", times=5)
    await stage.ask("DELETE", "/playbacks/p-4")
    await stage.until("PlaybackFinished done", times=3)
    await stage.play("leg-a", "p-5", "tone:ring")
    await stage.play("leg-a", "p-6", "sound:beep")
    await stage.until("PlaybackStarted", times=6)
    await stage.ask("GET", "/playbacks/p-6")
    await stage.ask("DELETE", "/playbacks/p-6")
    await stage.ask("DELETE", "/playbacks/p-5")
    await stage.until("PlaybackFinished done", times=5)
    await stage.play("leg-a", "p-7", "tone:ring")
    await stage.play("leg-a", "p-8", "sound:beep")
    await stage.until("PlaybackStarted", times=7)
    await stage.hang_up("leg-a")


async def a_bridge_that_waits_for_a_playback(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.bridge()
    await stage.answered()
    await stage.join("leg-a")
    await stage.play("leg-a", "p-1", "tone:ring")
    await stage.until("PlaybackStarted")
    await stage.ask("DELETE", "/bridges/br-1")
    await asyncio.sleep(0.5)
    await stage.ask("DELETE", "/bridges/br-1")
    await stage.hang_up("leg-a")


async def a_caller_who_is_sent_on(stage: Stage) -> None:
    await stage.enter(False, "presses")
    caller = f"/channels/{await stage.caller()}"
    await stage.ask("POST", f"{caller}/answer")
    await stage.until("ChannelStateChange Up")
    await stage.ask("POST", f"{caller}/play", media=["sound:beep"], playbackId="p-1")
    await stage.until("PlaybackFinished done")
    await stage.until("ChannelDtmfReceived")
    await stage.ask("GET", f"{caller}/variable", {"variable": "CALLBACKD_STATUS"})
    await stage.ask("POST", f"{caller}/variable", variable="CALLBACKD_STATUS", value="ACCEPTED")
    await stage.ask("GET", f"{caller}/variable", {"variable": "CALLBACKD_STATUS"})
    await stage.ask("POST", f"{caller}/continue")
    await stage.until("StasisEnd")
    await stage.ask("POST", f"{caller}/continue")
    await asyncio.sleep(1.0)
    await stage.ask("POST", f"{caller}/continue")


async def a_caller_sent_on_while_a_sound_plays(stage: Stage) -> None:
    await stage.enter(True, "stays")
    caller = f"/channels/{await stage.caller()}"
    await stage.ask("POST", f"{caller}/play", media=["tone:ring"], playbackId="p-1")
    await stage.until("PlaybackStarted")
    await stage.ask("POST", f"{caller}/continue")
    await asyncio.sleep(1.0)
    assert "StasisEnd" not in [told(event) for event in stage.events]
    await stage.ask("DELETE", "/playbacks/p-1")
    await stage.until("StasisEnd")


async def a_caller_who_is_hung_up(stage: Stage) -> None:
    await stage.enter(True, "stays")
    caller = f"/channels/{await stage.caller()}"
    await stage.ask("POST", f"{caller}/play", media=["tone:ring"], playbackId="p-1")
    await stage.until("PlaybackStarted")
    await stage.ask("DELETE", caller)
    await stage.until("StasisEnd")


async def a_caller_who_hangs_up(stage: Stage) -> None:
    await stage.enter(True, "hangs up")
    await stage.caller()
    await stage.until("StasisEnd")


async def an_agent_by_the_dialplan(stage: Stage) -> None:
    stage.behave("1001", "is busy")
    await stage.originate(LOCAL_AGENT)
    await stage.until("ChannelDestroyed", "leg-a")


async def an_agent_by_the_dialplan_who_does_not_answer(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.originate(LOCAL_AGENT, timeout=1)
    await stage.until("ChannelDestroyed", "leg-a;2")


async def an_agent_by_the_dialplan_who_answers(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.answered(LOCAL_AGENT)
    await stage.hang_up("leg-a")
    await stage.until("ChannelDestroyed", "leg-a;2")


async def an_agent_by_the_dialplan_who_hangs_up(stage: Stage) -> None:
    stage.behave("1001", "answers and hangs up")
    await stage.answered(LOCAL_AGENT)
    await stage.until("ChannelDestroyed", "leg-a")
    await stage.until("ChannelDestroyed", "leg-a;2")


async def a_client_by_the_dialplan(stage: Stage) -> None:
    stage.behave("+14165550123", "is busy")
    await stage.create(LOCAL_CLIENT)
    await stage.dial()
    await stage.until("ChannelDestroyed")


async def a_client_by_the_dialplan_who_answers(stage: Stage) -> None:
    stage.behave("+14165550123", "answers and hangs up")
    await stage.create(LOCAL_CLIENT)
    await stage.dial()
    await stage.until("ChannelDestroyed")


async def a_client_by_the_dialplan_who_does_not_answer(stage: Stage) -> None:
    stage.behave("+14165550123", "rings")
    await stage.create(LOCAL_CLIENT)
    await stage.dial(timeout=1)
    await stage.until("ChannelDestroyed")


async def an_agent_in_a_bridge_who_hangs_up(stage: Stage) -> None:
    stage.behave("1001", "answers and hangs up")
    await stage.bridge()
    await stage.answered()
    await stage.join("leg-a")
    await stage.play("leg-a", "p-1", "tone:ring")
    await stage.until("ChannelDestroyed")
    await stage.ask("DELETE", "/bridges/br-1")


async def a_client_with_an_announcement(stage: Stage) -> None:
    stage.behave("+14165550123", "announces")
    await stage.create()
    await stage.dial()
    await stage.until("ChannelDestroyed")


async def a_link_that_is_lost(stage: Stage) -> None:
    application = f"/applications/{APP}"
    stage.behave("1001", "answers")
    await stage.answered()
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.ask("GET", application)
    await stage.ask("POST", "/events/user/hello", {"application": APP}, variables={"nonce": "1"})
    await stage.ask("GET", "/channels/leg-a")
    await stage.play("leg-a", "p-1", "tone:ring")
    await stage.connect(filtered=False)
    found = await stage.ask("GET", application)
    assert found["channel_ids"] == ["leg-a"]
    assert {each["type"] for each in found["events_disallowed"]} == set(UNWANTED_EVENTS)
    await stage.hang_up("leg-a")
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.ask("GET", application)
    await stage.ask("POST", "/events/user/hello", {"application": APP}, variables={"nonce": "1"})


async def a_phone_that_is_rung_for_nobody(stage: Stage) -> None:
    stage.behave("1001", "answers")
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.originate()
    await asyncio.sleep(1.0)
    await stage.ask("GET", "/channels/leg-a")


async def a_link_made_while_a_phone_rings(stage: Stage) -> None:
    stage.behave("1001", "rings")
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.originate(timeout=2)
    await asyncio.sleep(0.3)
    await stage.connect()
    await stage.ask("GET", "/channels/leg-a")
    await asyncio.sleep(2.2)
    await stage.ask("GET", "/channels/leg-a")


async def devices_that_are_watched(stage: Stage) -> None:
    subscription = f"/applications/{APP}/subscription"
    await stage.ask("POST", subscription, eventSource="deviceState:Queue:support_avail")
    await stage.ask("POST", subscription, eventSource="deviceState:Queue:support_avail")
    await stage.disconnect()
    await asyncio.sleep(0.3)
    await stage.ask("POST", subscription, eventSource="deviceState:Queue:support_avail")
    await stage.connect()
    found = await stage.ask("GET", f"/applications/{APP}")
    assert found["device_names"] == ["Queue:support_avail"]
    await stage.ask("DELETE", subscription, {"eventSource": "deviceState:Queue:support_avail"})
    await stage.ask("DELETE", subscription, {"eventSource": "deviceState:Queue:support_avail"})


async def a_queue_that_is_asked(stage: Stage) -> None:
    await stage.create("Local/s@callbackd-agents")
    found = await stage.ask("GET", "/channels/leg-c/variable", {"variable": "QUEUE_MEMBER(support,ready)"})
    assert found == {"value": "2"}
    await stage.hang_up("leg-c")
    await stage.ask("GET", "/channels/leg-c/variable", {"variable": "QUEUE_MEMBER(support,ready)"})
    for device in ("Queue%3Anone_avail", "PJSIP%2F1099"):
        await stage.ask("GET", f"/deviceStates/{device}")
    await stage.ask("POST", "/events/user/hello", {"application": APP}, variables={"nonce": "1"})
    await stage.ask("POST", "/events/user/hello", {"application": "nobody"}, variables={"nonce": "1"})


SCRIPTS: tuple[Script, ...] = (
    answered_and_hung_up,
    answered_and_put_down,
    an_agent_who_is_busy,
    an_agent_who_does_not_answer,
    an_agent_whose_ringing_is_ended,
    nobody_there,
    an_id_that_is_taken,
    a_client_who_is_busy,
    a_client_who_rejects_in_a_bridge,
    a_client_who_does_not_answer,
    a_client_whose_ringing_is_ended,
    a_client_who_is_never_dialled,
    two_who_talk,
    a_bridge_that_is_deleted,
    a_bridge_that_waits_for_a_playback,
    sounds_and_their_end,
    a_caller_who_is_sent_on,
    a_caller_sent_on_while_a_sound_plays,
    a_caller_who_is_hung_up,
    a_caller_who_hangs_up,
    an_agent_by_the_dialplan,
    an_agent_by_the_dialplan_who_does_not_answer,
    an_agent_by_the_dialplan_who_answers,
    an_agent_by_the_dialplan_who_hangs_up,
    a_client_by_the_dialplan,
    a_client_by_the_dialplan_who_answers,
    a_client_by_the_dialplan_who_does_not_answer,
    an_agent_in_a_bridge_who_hangs_up,
    a_client_with_an_announcement,
    a_link_that_is_lost,
    a_phone_that_is_rung_for_nobody,
    a_link_made_while_a_phone_rings,
    devices_that_are_watched,
    a_queue_that_is_asked,
)

async def on_the_real_one(rig: Rig, script: Script) -> Story:
    calls: list[asyncio.Task[PhoneCall]] = []

    async def enter(answered: bool, what: str) -> None:
        async def behave(call: PhoneCall) -> None:
            if what == "presses":
                await asyncio.sleep(1.0)
                await call.press("1")
            elif what == "hangs up":
                await asyncio.sleep(0.5)
                await call.hangup()
            await call.ended(behaviours.FOR_EVER)

        uri = rig.pbx.sip_uri("511" if answered else "510")
        calls.append(asyncio.create_task(rig.phones.dial(uri, '"Jane" <+14165550123>', behave)))

    def behave(number: str, name: str) -> None:
        rig.phones.set(number, PHONES[name][0]())

    async with AiohttpTransport(rig.pbx.ari_url, rig.pbx.ari_user, rig.pbx.ari_password) as transport:
        stage = Stage(transport, behave, enter)
        await stage.connect()
        try:
            await script(stage)
            await asyncio.sleep(0.3)
        finally:
            await stage.disconnect()
    for call in calls:
        call.cancel()
    await asyncio.gather(*calls, return_exceptions=True)
    return stage.story()


def on_the_simulated_one(script: Script, seed: int) -> Story:
    house = House(seed, weather=Weather(unregistered=0.0))
    house.directory.add_phone("1099", lambda _call: NO_ANSWER).registered = False
    house.asterisk.miss_sounds("no-such-sound")
    told_all: list[Story] = []

    async def enter(answered: bool, what: str) -> None:
        behaviour = {
            "presses": Behaviour(presses=(Press("1", 1.0),)),
            "hangs up": Behaviour(hang_up_after=0.5),
            "stays": Behaviour(),
        }[what]
        house.client = behaviour
        house.asterisk.incoming(house.client_phone, "support", name="Jane", answered=answered, app=APP)

    def behave(number: str, name: str) -> None:
        if number == "1001":
            house.agent = PHONES[name][1]
        else:
            house.client = PHONES[name][1]

    async def main() -> None:
        transport = house.network.transport()
        stage = Stage(transport, behave, enter)
        await stage.connect()
        try:
            await script(stage)
            await asyncio.sleep(0.3)
        finally:
            await stage.disconnect()
        told_all.append(stage.story())

    drive(house.world, main())
    return told_all[0]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.__name__)
async def test_they_are_alike(rig: Rig, script: Script) -> None:
    if "caller" in script.__name__ and APP not in rig.pbx.inbound:
        rig.pbx.inbound = INBOUND
        await rig.pbx.reload()
    real = await on_the_real_one(rig, script)
    simulated = [await asyncio.to_thread(on_the_simulated_one, script, seed) for seed in range(5)]
    for one in simulated:
        assert one.asked == real.asked
        for channel in sorted(one.events.keys() | real.events.keys()):
            got, wanted = one.events.get(channel, []), real.events.get(channel, [])
            assert got == wanted, f"{channel}\n  simulated: {' | '.join(got)}\n  real:      {' | '.join(wanted)}"

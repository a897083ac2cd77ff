"""The ARI package against a real Asterisk: the link's life, the requests' answers, the causes of failed calls."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TypeVar

import pytest

from callbackd.ari.abilities import Abilities
from callbackd.ari.causes import classify_agent, classify_client
from callbackd.ari.client import UNWANTED_EVENTS, AriClient, caller_id
from callbackd.ari.errors import AllocationFailed, ApplicationReplaced, Conflict, NotReady
from callbackd.ari.models import (
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelStateChange,
    Dial,
    Event,
    PlaybackContinuing,
    PlaybackFinished,
    PlaybackStarted,
    StasisStart,
)
from callbackd.ari.supervisor import LinkState, Patience, Phase, Supervisor
from callbackd.ari.transport import AiohttpTransport
from callbackd.domain.callback import Outcome
from rig import behaviours
from rig.rig import Rig
from tests.pbx.versions import outcome_of

pytestmark = pytest.mark.pbx

APP = "callbackd-ari-test"
LIMIT = 15.0
E = TypeVar("E", bound=Event)


class Link:
    """A supervised link to the rig's PBX, and what came over it."""

    def __init__(self, transport: AiohttpTransport) -> None:
        self.states: list[LinkState] = []
        self.events: list[Event] = []
        self.resyncs = 0
        self._something = asyncio.Condition()
        self._changes: asyncio.Queue[LinkState] = asyncio.Queue()
        self.supervisor = Supervisor(
            transport,
            APP,
            on_event=self._take,
            resync=self._resync,
            now=lambda: datetime.now(UTC),
            chance=random.Random(1),  # noqa: S311
            patience=Patience(first=0.05, longest=0.2, interval=0.5, proof=2.0),
            on_change=self._changes.put_nowait,
        )

    @property
    def ari(self) -> AriClient:
        return self.supervisor.client

    async def until(self, phase: Phase) -> LinkState:
        """The next change to that phase."""
        async with asyncio.timeout(LIMIT):
            while (state := await self._changes.get()).phase is not phase:
                pass
            return state

    async def event(self, kind: type[E], matches: Callable[[E], bool]) -> E:
        """The first such event, past or to come."""
        async with asyncio.timeout(LIMIT), self._something:
            while True:
                for event in self.events:
                    if isinstance(event, kind) and matches(event):
                        return event
                await self._something.wait()

    async def _take(self, event: Event) -> None:
        async with self._something:
            self.events.append(event)
            self._something.notify_all()

    async def _resync(self, _client: AriClient) -> None:
        self.resyncs += 1


@asynccontextmanager
async def linked(
    rig: Rig, *, user: str | None = None, password: str | None = None
) -> AsyncIterator[tuple[Link, asyncio.Task[None]]]:
    pbx = rig.pbx
    async with AiohttpTransport(pbx.ari_url, user or pbx.ari_user, password or pbx.ari_password) as transport:
        link = Link(transport)
        run = asyncio.create_task(link.supervisor.run())
        try:
            yield link, run
        finally:
            run.cancel()
            await asyncio.gather(run, return_exceptions=True)


async def test_proven_and_ready(rig: Rig) -> None:
    async with linked(rig) as (link, _):
        with pytest.raises(NotReady):
            await link.ari.originate("early", "PJSIP/1001", timeout=5)
        await asyncio.wait_for(link.supervisor.wait_ready(), LIMIT)
        application = await link.ari.application()
        assert application.name == APP
        assert set(application.events_disallowed) == set(UNWANTED_EVENTS)
        assert (await link.ari.info()).version
        assert "res_ari.so" in await link.ari.modules()
        assert link.resyncs == 1


async def test_a_wrong_password_says_so(rig: Rig) -> None:
    async with linked(rig, password="wrong") as (link, _):
        lost = await link.until(Phase.LOST)
    assert lost.error is not None
    assert f"refused the password of user '{rig.pbx.ari_user}' (401)" in lost.error
    assert "ari.conf" in str(lost.mend)


async def test_a_read_only_user_says_so(rig: Rig) -> None:
    async with linked(rig, user=rig.pbx.readonly_user, password=rig.pbx.readonly_password) as (link, _):
        lost = await link.until(Phase.LOST)
        assert link.resyncs == 0
    assert lost.error is not None
    assert "does not let user 'readonly' write (Write access denied) (403)" in lost.error
    assert "read_only" in str(lost.mend)


async def test_a_websocket_that_asterisk_closes_is_opened_again(rig: Rig) -> None:
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        if "No such command" in await rig.pbx.cli("ari shutdown websocket sessions"):
            pytest.skip("an old Asterisk closes websockets by no command; the others here lose theirs in other ways")
        lost = await link.until(Phase.LOST)
        assert "code 1000" in str(lost.error)
        await link.until(Phase.READY)
        assert link.resyncs == 2
        assert set((await link.ari.application()).events_disallowed) == set(UNWANTED_EVENTS)


async def test_an_asterisk_that_restarts(rig: Rig) -> None:
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        await rig.pbx.kill()
        await link.until(Phase.LOST)
        with pytest.raises(NotReady):
            await link.ari.originate("while-down", "PJSIP/1001", timeout=5)
        await rig.pbx.start()
        await link.until(Phase.READY)
        assert link.resyncs == 2


async def test_an_application_taken_over_is_a_fence(rig: Rig) -> None:
    async with linked(rig) as (first, first_run):
        await first.until(Phase.READY)
        async with linked(rig) as (second, _):
            await second.until(Phase.READY)
            with pytest.raises(ApplicationReplaced):
                await asyncio.wait_for(first_run, LIMIT)
            assert first.supervisor.state.phase is Phase.FENCED
            assert second.supervisor.ready


@pytest.mark.parametrize("endpoint", ["PJSIP/1099", "PJSIP/nobody", "Nonsense/1"])
@pytest.mark.oldest
async def test_an_endpoint_that_cannot_be_reached(rig: Rig, endpoint: str) -> None:
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        with pytest.raises(AllocationFailed):
            await link.ari.originate("leg-a", endpoint, timeout=5)
        with pytest.raises(AllocationFailed):
            await link.ari.create_channel("leg-b", endpoint)


@pytest.mark.oldest
async def test_a_conflict_and_what_it_leaves_behind_on_its_connection(rig: Rig) -> None:
    rig.phones.set("1001", behaviours.rings_for_ever())
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        await link.ari.originate("leg-a", "PJSIP/1001", timeout=20)
        with pytest.raises(Conflict):
            await link.ari.originate("leg-a", "PJSIP/1001", timeout=20)
        with pytest.raises(AllocationFailed):
            await link.ari.originate("leg-b", "PJSIP/1099", timeout=20)
        assert await link.ari.hangup("leg-a")


@pytest.mark.oldest
async def test_an_agent_who_answers_hears_and_presses(rig: Rig) -> None:
    rig.phones.set("1001", behaviours.answers())
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        await link.ari.originate(
            "leg-a",
            "PJSIP/1001",
            caller_id=caller_id('Jane "J" Doe', "+14165550123"),
            timeout=20,
            app_args=["agent", "x"],
            language="fr",
            variables={"COMMAS": "a,b;c"},
        )
        answered = await link.event(StasisStart, lambda event: event.channel.id == "leg-a")
        assert (answered.args, answered.channel.state, answered.channel.language) == (("agent", "x"), "Up", "fr")
        assert await link.ari.get_variable("leg-a", "COMMAS") == "a,b;c"
        phone = await rig.phones.call("1001")
        assert (phone.caller_name, phone.caller_number) == ("Jane J Doe", "+14165550123")

        tone = "tone:440/200,0/200,480/200"
        await link.ari.play("leg-a", "tone-1", [tone])
        started = await link.event(PlaybackStarted, lambda event: event.playback.id == "tone-1")
        assert started.playback.media_uri == tone
        assert started.playback.channel_id == "leg-a"
        await phone.heard_sound()
        await phone.press("1")
        key = await link.event(ChannelDtmfReceived, lambda event: event.channel.id == "leg-a")
        assert key.digit == "1"
        assert await link.ari.stop_playback("tone-1")
        await link.event(PlaybackFinished, lambda event: event.playback.id == "tone-1")
        assert not await link.ari.stop_playback("tone-1")

        await link.ari.play("leg-a", "list-1", ["sound:beep", "digits:1"], lang="en")
        await link.event(PlaybackContinuing, lambda event: event.playback.id == "list-1")
        ended = await link.event(PlaybackFinished, lambda event: event.playback.id == "list-1")
        assert ended.playback.state == "done"
        await link.ari.play("leg-a", "missing-1", ["sound:no-such-sound"])
        ended = await link.event(PlaybackFinished, lambda event: event.playback.id == "missing-1")
        assert ended.playback.state == "failed"
        long = ["sound:demo-congrats", "sound:demo-instruct"]
        await link.ari.play("leg-a", "list-2", long, lang="en")
        await link.event(PlaybackStarted, lambda event: event.playback.id == "list-2")
        assert await link.ari.stop_playback("list-2")
        ended = await link.event(PlaybackFinished, lambda event: event.playback.id == "list-2")
        assert ended.playback.state == "done"
        assert await link.ari.hangup("leg-a", reason="normal")
        await link.event(ChannelDestroyed, lambda event: event.channel.id == "leg-a")
        assert not await link.ari.hangup("leg-a")


@pytest.mark.oldest
async def test_two_legs_and_a_bridge(rig: Rig) -> None:
    rig.phones.set("1001", behaviours.answers())
    rig.phones.set("+14165550123", behaviours.answers())
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        await link.ari.originate("leg-a", "PJSIP/1001", caller_id=caller_id("Jane", "+14165550123"), timeout=20)
        await link.event(StasisStart, lambda event: event.channel.id == "leg-a")
        await link.ari.create_bridge("bridge-1", name="one")
        clients = {}
        if not (await Abilities.of(link.ari)).keeps_displays:  # what the switchboard then does
            await link.ari.set_variable("leg-a", "CALLERID(all)", caller_id("Acme, Support", "+14165550100"))
            clients["CALLERID(all)"] = caller_id("Jane", "+14165550123")
        await link.ari.add_to_bridge("bridge-1", "leg-a")
        await link.ari.create_channel(
            "leg-c",
            "PJSIP/+14165550123@trunk",
            caller_id=caller_id("Acme, Support", "+14165550100"),
            variables=clients,
            app_args=["client"],
            originator="leg-a",
        )
        await link.event(StasisStart, lambda event: event.channel.id == "leg-c")
        await link.ari.add_to_bridge("bridge-1", "leg-c")
        await link.ari.dial("leg-c", timeout=20)
        phone = await rig.phones.call("+14165550123")
        assert (phone.caller_name, phone.caller_number) == ("Acme, Support", "+14165550100")
        agent_leg = await link.ari.get_channel("leg-a")
        assert agent_leg is not None
        assert agent_leg.connected.number == "+14165550123"
        await link.event(Dial, lambda event: event.peer.id == "leg-c" and event.dialstatus == "RINGING")
        await link.event(ChannelStateChange, lambda event: event.channel.id == "leg-c" and event.channel.up)
        with pytest.raises(Conflict):
            await link.ari.dial("leg-c", timeout=20)
        (bridge,) = await link.ari.bridges()
        assert set(bridge.channels) == {"leg-a", "leg-c"}
        assert {channel.id for channel in await link.ari.channels()} == {"leg-a", "leg-c"}
        await link.ari.snoop("leg-c", "leg-s", app_args=["amd"])
        await link.event(StasisStart, lambda event: event.channel.id == "leg-s")
        for leg in ("leg-a", "leg-c", "leg-s"):
            assert await link.ari.hangup(leg)
        assert await link.ari.delete_bridge("bridge-1")
        assert not await link.ari.delete_bridge("bridge-1")
        await rig.no_channels_left()


@pytest.mark.oldest
async def test_sounds_and_devices(rig: Rig) -> None:
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        english = {sound.id for sound in await link.ari.sounds(lang="en")}
        assert {"beep", "digits/1"} <= english
        assert await link.ari.sounds(lang="tlh") == []
        digit = await link.ari.sound("digits/1")
        assert digit is not None
        assert "en" in digit.languages
        assert await link.ari.sound("no/such") is None
        assert await link.ari.device_state("Queue:support_avail") in ("INUSE", "NOT_INUSE")
        await link.ari.subscribe("deviceState:Queue:support_avail")
        assert (await link.ari.application()).device_names == ("Queue:support_avail",)
        await link.ari.unsubscribe("deviceState:Queue:support_avail")
        await link.ari.unsubscribe("deviceState:Queue:support_avail")


async def failed_leg(link: Link, endpoint: str, *, timeout: float = 20) -> tuple[ChannelDestroyed, str, bool]:
    """A client leg that fails: its end, its last dial status, and whether the network rang or made progress."""
    await link.ari.create_channel("leg-c", endpoint)
    await link.event(StasisStart, lambda event: event.channel.id == "leg-c")
    await link.ari.dial("leg-c", timeout=timeout)
    gone = await link.event(ChannelDestroyed, lambda event: event.channel.id == "leg-c")
    statuses = [event.dialstatus for event in link.events if isinstance(event, Dial) and event.peer.id == "leg-c"]
    return gone, statuses[-1], bool({"RINGING", "PROGRESS"} & set(statuses))


@pytest.mark.parametrize(
    ("status", "client", "agent"),
    [
        (401, Outcome.ROUTE_FAILED, None),
        (403, Outcome.CLIENT_REJECTED, Outcome.AGENT_BUSY),
        (404, Outcome.CLIENT_INVALID, Outcome.AGENT_UNREACHABLE),
        (407, Outcome.ROUTE_FAILED, None),
        (408, Outcome.CLIENT_NO_ANSWER, Outcome.AGENT_NO_ANSWER),
        (410, Outcome.CLIENT_INVALID, Outcome.AGENT_UNREACHABLE),
        (480, Outcome.CLIENT_NO_ANSWER, Outcome.AGENT_NO_ANSWER),
        (484, Outcome.ROUTE_FAILED, Outcome.AGENT_UNREACHABLE),
        (486, Outcome.CLIENT_BUSY, Outcome.AGENT_BUSY),
        (487, Outcome.CLIENT_REJECTED, Outcome.AGENT_NO_ANSWER),
        (488, Outcome.ROUTE_FAILED, Outcome.AGENT_UNREACHABLE),
        (500, Outcome.ROUTE_FAILED, Outcome.AGENT_UNREACHABLE),
        (502, Outcome.ROUTE_FAILED, Outcome.AGENT_UNREACHABLE),
        (503, Outcome.ROUTE_FAILED, Outcome.AGENT_UNREACHABLE),
        (504, Outcome.ROUTE_FAILED, Outcome.AGENT_UNREACHABLE),
        (600, Outcome.CLIENT_BUSY, Outcome.AGENT_BUSY),
        (603, Outcome.CLIENT_REJECTED, Outcome.AGENT_BUSY),
        (604, Outcome.CLIENT_INVALID, Outcome.AGENT_UNREACHABLE),
        (607, Outcome.CLIENT_REJECTED, None),
        (608, Outcome.CLIENT_REJECTED, None),
    ],
)
async def test_every_sip_response(rig: Rig, status: int, client: Outcome, agent: Outcome | None) -> None:
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        gone, dialstatus, _ = await failed_leg(link, f"PJSIP/+14165550123@trunk{status}")
        assert classify_client(gone.cause, gone.tech_cause, dialstatus, True, False) == outcome_of(rig, status, client)
        if agent is not None and (rig.pbx.tells_sip or status != 487):
            assert classify_agent(gone.cause, gone.tech_cause, dialstatus, False) is agent


@pytest.mark.oldest
async def test_our_own_time_out(rig: Rig) -> None:
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        gone, dialstatus, took = await failed_leg(link, "PJSIP/+14165550123@trunkringing", timeout=1)
        assert took
        assert classify_client(gone.cause, gone.tech_cause, dialstatus, took, True) is Outcome.CLIENT_NO_ANSWER
        if rig.pbx.tells_sip:  # of an old one it is 16, which is nobody's: callbackd ends a ringing in time itself
            assert classify_client(gone.cause, gone.tech_cause, dialstatus, took, False) is Outcome.CLIENT_NO_ANSWER


@pytest.mark.oldest
async def test_a_dead_trunk(rig: Rig) -> None:
    async with linked(rig) as (link, _):
        await link.until(Phase.READY)
        gone, dialstatus, took = await failed_leg(link, "PJSIP/+14165550123@trunksilent", timeout=1)
        assert not took
        assert classify_client(gone.cause, gone.tech_cause, dialstatus, took, True) is Outcome.ROUTE_FAILED

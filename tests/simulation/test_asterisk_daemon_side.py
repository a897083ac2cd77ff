"""callbackd's own link and switchboard on the simulated Asterisk: they become ready, and make a whole call."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from callbackd.ari.client import AriClient
from callbackd.ari.errors import ApplicationReplaced, Unreachable
from callbackd.ari.models import Event
from callbackd.ari.supervisor import LinkState, Phase, Supervisor
from callbackd.ari.switchboard import Switchboard
from callbackd.domain.callback import Step
from callbackd.domain.prompts import Prompt
from callbackd.domain.telephony import (
    DialClient,
    DigitPressed,
    HangUp,
    Happening,
    Interrupted,
    Leg,
    LegAnswered,
    LegEnded,
    LegRinging,
    Line,
    Ring,
    Role,
    Say,
    SpeechEnded,
)
from simulation.asterisk.network import Fault, Weather
from simulation.asterisk.phones import Press, Side, answers
from simulation.asterisk.transport import SimulatedTransport
from simulation.loop import Loop
from tests.simulation.asterisk_house import APP, CLIENT, House, drive, drive_on

AGENT_LEG = Leg(Role.AGENT)
CLIENT_LEG = Leg(Role.CLIENT)
ID = "01kaq0000000000000000000ab"


@dataclass
class Daemon:
    """A link, a switchboard, and what came of the line's events."""

    house: House
    transport: SimulatedTransport
    phases: list[Phase] = field(default_factory=list)
    happenings: asyncio.Queue[Happening] = field(default_factory=asyncio.Queue)
    device_changes: int = 0

    def __post_init__(self) -> None:
        self.signals: asyncio.Queue[object] = asyncio.Queue()
        self.lost = asyncio.Event()
        self.link = Supervisor(
            self.transport,
            APP,
            on_event=self._event,
            resync=self._resync,
            now=self.house.world.instant,
            chance=self.house.world.chance,
            on_change=self._changed,
        )
        self.phones = Switchboard(self.link.client, lambda _id, event: self.signals.put_nowait(event), self._devices)

    async def consume(self, line: Line) -> None:
        while True:
            for happening in await self.phones.interpret(line, await self.signals.get()):
                self.happenings.put_nowait(happening)

    async def _event(self, event: Event) -> None:
        self.phones.route(event)

    async def _resync(self, _client: AriClient) -> None:
        await self.phones.queues.watch(["support"])

    def _changed(self, state: LinkState) -> None:
        self.phases.append(state.phase)
        if state.phase is Phase.LOST:
            self.lost.set()

    def _devices(self) -> None:
        self.device_changes += 1


def line(endpoint: str = CLIENT) -> Line:
    return Line(
        callback_id=ID,
        step=Step.ATTEMPT,
        sequence=1,
        number="+14165550123",
        name="Jane",
        client_endpoint=endpoint,
        caller_id="Acme <+14165550100>",
        language="en",
        prompts={},
    )


async def until(daemon: Daemon, wanted: type[Happening]) -> Happening:
    async with asyncio.timeout(60):
        while True:
            happening = await daemon.happenings.get()
            if isinstance(happening, wanted):
                return happening


def test_a_whole_call() -> None:
    house = House()
    house.agent = answers(2.0, Press("1", 1.0))
    house.client = answers(3.0, hang_up_after=20.0)

    async def main() -> None:
        daemon = Daemon(house, house.network.transport())
        running = asyncio.create_task(daemon.link.run())
        await daemon.link.wait_ready()
        call = line()
        consumer = asyncio.create_task(daemon.consume(call))
        daemon.phones.open(call)
        await daemon.phones.perform(call, Ring(AGENT_LEG, "PJSIP/1001", timedelta(seconds=20)))
        assert await until(daemon, LegAnswered) == LegAnswered(AGENT_LEG)
        assert not await daemon.phones.perform(call, Say(AGENT_LEG, (Prompt("agent-intro"),), 1))
        assert await until(daemon, DigitPressed) == DigitPressed(AGENT_LEG, "1")
        assert await until(daemon, SpeechEnded) == SpeechEnded(AGENT_LEG, 1)
        await daemon.phones.perform(call, DialClient(CLIENT_LEG, AGENT_LEG, timedelta(seconds=30)))
        assert await until(daemon, LegRinging) == LegRinging(CLIENT_LEG)
        assert await until(daemon, LegAnswered) == LegAnswered(CLIENT_LEG)
        ended = await until(daemon, LegEnded)
        assert isinstance(ended, LegEnded)
        assert ended.leg == CLIENT_LEG
        await daemon.phones.perform(call, HangUp(AGENT_LEG))
        ended = await until(daemon, LegEnded)
        assert isinstance(ended, LegEnded)
        assert ended.leg == AGENT_LEG
        await daemon.phones.close(call)
        for task in (running, consumer):
            task.cancel()
        await asyncio.gather(running, consumer, return_exceptions=True)

    drive(house.world, main())
    agent, client = house.asterisk.calls
    assert (agent.caller_name, agent.caller_number) == ("Jane", "+14165550123")
    assert (client.caller_name, client.caller_number) == ("Acme", "+14165550100")
    assert [heard.media for heard in agent.heard] == ["sound:callbackd/agent-intro"]
    (talk,) = client.talked
    assert talk.leg == agent.leg
    assert talk.until is not None
    assert 19 < talk.until - talk.at < 21
    assert client.ended_by is Side.PHONE
    assert agent.ended_by is Side.ASTERISK
    house.run(5.0)
    assert not house.asterisk.channels
    assert not house.asterisk.bridges


def ready_again(house: House, happens: Callable[[], None], limit: float = 60.0) -> Daemon:
    """A link that is ready, to which something happens, and that is ready again."""
    found: list[Daemon] = []

    async def main() -> None:
        daemon = Daemon(house, house.network.transport())
        found.append(daemon)
        running = asyncio.create_task(daemon.link.run())
        await daemon.link.wait_ready()
        happens()
        async with asyncio.timeout(limit):
            await daemon.lost.wait()
            await daemon.link.wait_ready()
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    drive(house.world, main())
    return found[0]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("what", ["clean", "broken", "half-open", "parted", "restart"])
def test_a_lost_link_is_ready_again(what: str, seed: int) -> None:
    house = House(seed)
    happens = {
        "clean": lambda: house.network.drop_websocket(clean=True),
        "broken": lambda: house.network.drop_websocket(clean=False),
        "half-open": house.network.half_open,
        "parted": lambda: house.network.part(20.0),
        "restart": lambda: house.asterisk.restart(3.0),
    }
    daemon = ready_again(house, happens[what])
    assert daemon.phases.count(Phase.READY) == 2


def test_another_program_takes_the_application() -> None:
    house = House()

    async def main() -> None:
        daemon = Daemon(house, house.network.transport())
        running = asyncio.create_task(daemon.link.run())
        await daemon.link.wait_ready()
        house.network.take_over(APP)
        with pytest.raises(ApplicationReplaced):
            await running

    drive(house.world, main())


def test_a_killed_daemon_hears_nothing_and_asterisk_notices() -> None:
    house = House()
    loop = Loop(house.world)
    transport = house.network.transport()

    async def main() -> None:
        daemon = Daemon(house, transport)
        running = asyncio.create_task(daemon.link.run())
        await daemon.link.wait_ready()
        loop.faults.append(str(running))

    drive_on(house.world, loop, main())
    loop.faults.clear()
    steps = loop.steps
    transport.abandon()
    loop.abandon()
    house.run(60.0)
    assert loop.steps == steps
    assert house.ask("GET", f"/applications/{APP}").status == 404


@pytest.mark.parametrize(
    ("fault", "acted", "told", "after"),
    [
        (Fault.UNSENT, False, False, 0.1),
        (Fault.DIES, False, True, 0.1),
        (Fault.ANSWER_LOST, True, True, 0.1),
        (Fault.TIMES_OUT, True, True, 10.0),
        (Fault.NEVER_ARRIVES, False, True, 10.0),
    ],
)
def test_a_request_that_gets_no_answer(fault: Fault, acted: bool, told: bool, after: float) -> None:
    house = House()
    house.network.spoil(fault, "POST", "/bridges")

    async def main() -> None:
        transport = house.network.transport()
        body = {"bridgeId": "b", "type": "mixing", "name": ""}
        began: datetime = house.world.instant()
        with pytest.raises(Unreachable) as found:
            await transport.request("POST", "/bridges", body=body)
        assert found.value.perhaps_acted is told
        assert (house.world.instant() - began).total_seconds() == pytest.approx(after, abs=0.11)
        assert ("b" in house.asterisk.bridges) is acted
        await transport.request("GET", "/bridges")

    drive(house.world, main())


def test_a_request_may_come_after_it_was_given_up() -> None:
    house = House()
    house.network.spoil(Fault.AFTER_TIME_OUT, "POST", "/bridges")

    async def main() -> None:
        transport = house.network.transport()
        with pytest.raises(Unreachable):
            await transport.request("POST", "/bridges", body={"bridgeId": "b", "type": "mixing"})
        assert not house.asterisk.bridges
        await asyncio.sleep(6)
        assert "b" in house.asterisk.bridges

    drive(house.world, main())


def test_a_conflict_sticks_to_its_connection() -> None:
    house = House()
    house.phones[2].registered = False

    async def main() -> None:
        transport = house.network.transport()

        async def originate(name: str, endpoint: str) -> int:
            body = {"channelId": name, "endpoint": endpoint, "app": APP, "timeout": 9}
            return (await transport.request("POST", "/channels", body=body)).status

        assert await originate("leg-a", "PJSIP/1004") == 500
        assert await originate("leg-a", "PJSIP/1001") == 200
        assert await originate("leg-a", "PJSIP/1001") == 409
        assert await originate("leg-b", "PJSIP/1004") == 409
        await asyncio.sleep(11)
        assert await originate("leg-b", "PJSIP/1004") == 500

    drive(house.world, main())


def test_events_are_lost_doubled_and_overtaken_but_a_channels_end_is_its_last() -> None:
    house = House(weather=Weather(event_lost=0.1, event_doubled=0.2, event_reordered=0.3, event_late=0.1))
    seen: list[tuple[str, str]] = []

    async def main() -> None:
        transport = house.network.transport()
        async with transport.events(APP) as stream:
            for number in range(40):
                body = {"channelId": f"leg-{number:02d}", "endpoint": "PJSIP/1001", "app": APP, "timeout": 2}
                await transport.request("POST", "/channels", body=body)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(30):
                    while True:
                        event = await stream.receive()
                        name = event.get("channel", event.get("peer", {})).get("id", "")
                        seen.append((name, event["type"]))

    drive(house.world, main())
    for number in range(40):
        kinds = [kind for name, kind in seen if name == f"leg-{number:02d}"]
        if "ChannelDestroyed" in kinds:
            assert set(kinds[kinds.index("ChannelDestroyed") :]) == {"ChannelDestroyed"}
    assert len(seen) != len(set(seen))


def test_a_bridge_whose_making_was_never_confirmed_is_taken_down_with_the_call() -> None:
    house = House()
    house.network.spoil(Fault.ANSWER_LOST, "POST", "/bridges")

    async def main() -> None:
        daemon = Daemon(house, house.network.transport())
        running = asyncio.create_task(daemon.link.run())
        await daemon.link.wait_ready()
        call = line()
        consumer = asyncio.create_task(daemon.consume(call))
        daemon.phones.open(call)
        await daemon.phones.perform(call, Ring(AGENT_LEG, "PJSIP/1001", timedelta(seconds=20)))
        await until(daemon, LegAnswered)
        (found,) = await daemon.phones.perform(call, Say(AGENT_LEG, (Prompt("agent-intro"),), 1))
        assert isinstance(found, Interrupted)
        assert house.asterisk.bridges
        await daemon.phones.close(call)
        for task in (running, consumer):
            task.cancel()
        await asyncio.gather(running, consumer, return_exceptions=True)

    drive(house.world, main())
    house.run(5.0)
    assert not house.asterisk.channels
    assert not house.asterisk.bridges

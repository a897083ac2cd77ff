"""The simulated Asterisk against a real one: the same requests, the same phones, the same answers and events.

Each script (tests/pbx/likeness_scripts.py) runs on both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from callbackd.ari.transport import AiohttpTransport
from rig import behaviours
from rig.phones import Behaviour as RealBehaviour
from rig.phones import PhoneCall
from rig.rig import Rig
from simulation.asterisk.network import Weather
from simulation.asterisk.phones import BUSY, NO_ANSWER, Behaviour, Press, Signal, answers, refuses, sip
from tests.pbx.likeness import APP, Stage, Story
from tests.pbx.likeness_scripts import SCRIPTS, Script
from tests.simulation.asterisk_house import House, drive

pytestmark = pytest.mark.pbx

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
    if not rig.pbx.tells_sip:
        pytest.skip("the simulated Asterisk is made after the newest, and an old one tells less")
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

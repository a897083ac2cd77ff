"""After 1 the agent is never left in silence, and hears the client as soon as they answer.

All is measured on the agent's side: the RTP that arrives at the phone, with the kernel's time stamps, in frames of
20 ms. The key counts as pressed when the phone has released it.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from rig import audio
from rig.behaviours import hears
from rig.phones import Behaviour, PhoneCall
from tests.pbx.company import AGENT, CLIENT, CLIENT_VOICE, Company, expect, profile

pytestmark = pytest.mark.pbx

SILENCE = 0.3
ANNOUNCEMENT = 700.0
TAKES_OVER = 0.1
"""Seconds that a sound of the network's has to reach the agent before silence would count as such."""

Property = Callable[[str, object], None]


class Moments:
    """When things happened at the phones (`time.monotonic`)."""

    def __init__(self) -> None:
        self.pressed: float | None = None
        self.network: float | None = None
        self.voice: float | None = None

    def agent(self) -> Behaviour:
        """Presses 1 in the midst of what is said, and listens."""

        async def behave(call: PhoneCall) -> None:
            await call.ring()
            await call.answer()
            await asyncio.sleep(0.5)
            await call.press("1")
            self.pressed = time.monotonic()
            await call.ended()

        return hears(behave)

    def client(self, *steps: Callable[[PhoneCall], Awaitable[None]]) -> Behaviour:
        """A network that does these one after another; then the client answers and speaks."""

        async def behave(call: PhoneCall) -> None:
            for step in steps:
                await step(call)
            await call.answer()
            self.voice = call.answered_at
            await call.tone(CLIENT_VOICE, 3.0)

        return behave

    async def rings(self, call: PhoneCall) -> None:
        """180."""
        await call.ring()
        self.network = time.monotonic()

    async def announces(self, call: PhoneCall) -> None:
        """183, and a voice."""
        await call.progress()
        self.network = time.monotonic()
        await call.tone(ANNOUNCEMENT, 1.5)


def waits(seconds: float) -> Callable[[PhoneCall], Awaitable[None]]:
    """The network, or the client, takes its time."""

    async def step(call: PhoneCall) -> None:
        await asyncio.sleep(seconds)

    return step


def first(sound: audio.Sound, hertz: float, after: float) -> float:
    """The instant from which a tone of that pitch is heard."""
    frames = int((sound.ends_at - after) / audio.FRAME_SECONDS) - 1
    for frame in range(frames):
        at = after + frame * audio.FRAME_SECONDS
        if audio.tone_at(sound, at, hertz, seconds=2 * audio.FRAME_SECONDS):
            return at
    raise AssertionError(f"{hertz} Hz was not heard")


async def to_the_end(company: Company) -> tuple[PhoneCall, PhoneCall]:
    """Waits until the client's voice has been heard for a while; both calls, which are then over."""
    caller = await company.phones.call(CLIENT)
    desk = await company.phones.call(AGENT)
    await caller.answered(15)
    await asyncio.sleep(2.2)  # the agent listens to them, for longer than a handset that falls on its hook
    await desk.hangup()
    await caller.ended(1.0)
    return desk, caller


NETWORKS = {
    "rings at once": lambda moments: moments.client(moments.rings, waits(1.0)),
    "rings after 3 s": lambda moments: moments.client(waits(3.0), moments.rings, waits(1.0)),
    "announces": lambda moments: moments.client(moments.announces),
    "rings, then announces": lambda moments: moments.client(moments.rings, waits(0.8), moments.announces),
    "answers at once": lambda moments: moments.client(),
    "answers after 2 s without ringing": lambda moments: moments.client(waits(2.0)),
}


@pytest.mark.parametrize("network", NETWORKS)
async def test_between_1_and_the_first_sound_of_the_client_leg_there_is_no_silence(
    company: Company, network: str, record_property: Property
) -> None:
    moments = Moments()
    await company.opens(profile(prompts={}))
    company.phones.set(AGENT, moments.agent())
    company.phones.set(CLIENT, NETWORKS[network](moments))
    asked = await company.asks()
    desk, caller = await to_the_end(company)
    expect(await company.ended(asked), 1, outcome="answered")
    sound = desk.recording.sound
    assert moments.pressed is not None
    assert moments.voice is not None
    voice = first(sound, CLIENT_VOICE, moments.voice)
    takes_over = voice
    if moments.network is not None:
        # What the network sends (the pauses of its ringing included) is its own from its first sound on.
        begun = audio.first_sound(sound, moments.network + TAKES_OVER)
        assert begun is not None
        takes_over = begun
    silence = audio.longest_silence(sound, moments.pressed, takes_over)
    record_property("longest_silence_ms", round(silence * 1000))
    record_property("answer_to_agents_ear_ms", round((voice - moments.voice) * 1000))
    assert silence <= SILENCE, audio.silences(sound, moments.pressed, takes_over)
    assert caller.answered_at is not None
    if "announces" in network:
        assert first(sound, ANNOUNCEMENT, moments.pressed) < voice


async def test_the_ringing_is_the_networks_own(company: Company) -> None:
    """Ring-back begins with the network's 180 and not before it."""
    moments = Moments()
    await company.opens(profile(prompts={}))
    company.phones.set(AGENT, moments.agent())
    company.phones.set(CLIENT, moments.client(waits(1.5), moments.rings, waits(1.5)))
    await company.asks()
    desk, _ = await to_the_end(company)
    sound = desk.recording.sound
    assert moments.pressed is not None
    assert moments.network is not None
    ringing = next(
        at
        for at in (moments.pressed + step * 0.02 for step in range(1000))
        if audio.rms(sound.part(at, at + 0.1).samples) > audio.QUIET
        and audio.power_at(sound.part(at, at + 0.1).samples, 440) > 0.3
        and audio.power_at(sound.part(at, at + 0.1).samples, 480) > 0.3
    )
    assert -0.1 <= ringing - moments.network <= 0.5


@pytest.mark.parametrize("network", ["silent", "rings"])
async def test_nor_is_there_around_the_confirmation_of_9(
    company: Company, network: str, record_property: Property
) -> None:
    moments = Moments()
    await company.opens(profile(prompts={}, client={"ring": "15s"}))
    company.phones.set(AGENT, moments.agent())
    steps = (waits(5.0),) if network == "silent" else (moments.rings, waits(5.0))
    company.phones.set(CLIENT, moments.client(*steps))
    asked = await company.asks()
    desk, _ = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "client")
    await asyncio.sleep(0.5)  # it is being dialled
    await desk.press("9")
    nine = time.monotonic()
    await company.daemon.until(asked, lambda shown: shown["attempts"][0]["armed"])
    desk, _ = await to_the_end(company)
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_rescheduled", client_outcome="answered")
    assert moments.voice is not None
    assert moments.pressed is not None
    voice = first(desk.recording.sound, CLIENT_VOICE, moments.voice)
    # Ringing has its pauses: those after the confirmation, our own ringing, begin with 2 s of sound.
    until = voice if network == "silent" else nine + 3.5
    silence = audio.longest_silence(desk.recording.sound, moments.pressed, until)
    record_property("longest_silence_ms", round(silence * 1000))
    assert silence <= SILENCE, audio.silences(desk.recording.sound, moments.pressed, until)


async def test_the_client_is_heard_at_once_after_the_answer(company: Company, record_property: Property) -> None:
    """From the client's answer, as their phone sees it, to the first 20 ms of their voice at the agent's phone.

    The client's phone starts to speak when it has learnt of its own answer: that delay is part of the figure.
    """
    moments = Moments()
    await company.opens(profile(prompts={}))
    company.phones.set(AGENT, moments.agent())
    company.phones.set(CLIENT, moments.client(moments.rings, waits(0.5)))
    await company.asks()
    desk, _ = await to_the_end(company)
    assert moments.voice is not None
    took = first(desk.recording.sound, CLIENT_VOICE, moments.voice - 0.1) - moments.voice
    record_property("answer_to_agents_ear_ms", round(took * 1000))
    assert took <= 0.3

"""Who is on the phones: agents and clients, and what they do with a call. All of it over real SIP and RTP.

Nobody looks into the daemon: an agent knows that the client is there by hearing them, and a client by hearing the
agent.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from rig import audio
from rig.phones import BUSY, REJECTED, UNALLOCATED, Behaviour, CallGoneError, PhoneCall

AGENT_VOICE = 700.0
CLIENT_VOICE = 850.0
BEEP = 1000.0
"""Tones stand for voices, in Hz: the ear of a script can tell them apart."""

CONVERSATION = 2.5
"""Seconds."""

Tell = Callable[[str, str], None]
"""Takes a client's number and what a phone does for them."""


async def pause(call: PhoneCall, seconds: float) -> None:
    """Waits. Raises `CallGoneError` when the call ends meanwhile."""
    try:
        await call.ended(seconds)
    except TimeoutError:
        return
    raise CallGoneError(repr(call))


async def hear(call: PhoneCall, *wanted: float) -> float:
    """Listens until one of these tones sounds, and says which. Raises `CallGoneError` when the call ends before."""
    recording = await call.record()
    while True:
        await pause(call, 0.1)
        sound = recording.sound.part(time.monotonic() - 0.35)
        for hertz in wanted:
            if audio.tone_at(sound, sound.started_at, hertz, seconds=0.2, share=0.5):
                return hertz


@dataclass
class Client:
    """A client; `does` is what happens to the first call, the second... (the last for all that follow)."""

    name: str
    number: str
    does: Sequence[ClientDoes]
    agent_does: Sequence[AgentDoes] = ()
    tell: Tell = lambda _number, _text: None
    heard_agent: int = 0
    heard_by_agent: int = 0
    calls: int = 0
    agent_calls: int = 0

    @property
    def first_name(self) -> str:
        """As one says it."""
        return self.name.partition(" ")[0]

    def say(self, text: str) -> None:
        """Tell what happens at this client's phone, or at an agent's for their sake."""
        self.tell(self.number, text)

    async def __call__(self, call: PhoneCall) -> None:
        """A call to them."""
        self.calls += 1
        await self.does[min(self.calls, len(self.does)) - 1](self, call)


@dataclass
class Agent:
    """An agent at a desk phone, who takes one call at a time."""

    name: str
    extension: str
    clients: dict[str, Client]
    after: float = 1.0
    """Seconds until they pick up."""
    hands: asyncio.Lock = field(default_factory=asyncio.Lock)
    picked_up: Counter[str] = field(default_factory=Counter)

    async def __call__(self, call: PhoneCall) -> None:
        """A call to them; the display says for whom."""
        client = self.clients.get(call.caller_number)
        if client is None:
            raise LookupError(f"the display of {self.extension} shows {call.caller_number!r}, who is no client")
        await call.ring()
        client.say(f"{self.name}'s phone rings and shows {call.caller_name or call.caller_number}")
        await pause(call, self.after)
        async with self.hands:
            await call.answer()
            client.say(f"{self.name} picks up and listens")
            client.agent_calls += 1
            acts = client.agent_does or (calls_and_talks,)
            await pause(call, 1.5)
            await acts[min(client.agent_calls, len(acts)) - 1](self, client, call)


ClientDoes = Callable[[Client, PhoneCall], Awaitable[None]]
AgentDoes = Callable[[Agent, Client, PhoneCall], Awaitable[None]]


# What clients do. -----------------------------------------------------------------------------------------------------


async def answers(client: Client, call: PhoneCall) -> None:
    """Picks up, says hello, and stays until the other side hangs up."""
    await call.ring()
    client.say(f"{client.first_name}'s phone rings and shows {call.caller_name or call.caller_number}")
    await pause(call, 1.5)
    await call.answer()
    client.say(f"{client.first_name} picks up and says hello")
    await call.tone(CLIENT_VOICE, 30.0, wait=False)
    await hear(call, AGENT_VOICE)
    client.heard_agent += 1
    client.say(f"{client.first_name} hears the agent")
    await call.ended(60.0)


async def is_busy(client: Client, call: PhoneCall) -> None:
    """Is on another call."""
    client.say(f"{client.first_name}'s line is busy")
    await call.hangup(BUSY)


async def rejects_it(client: Client, call: PhoneCall) -> None:
    """Does not want it."""
    await call.ring()
    await pause(call, 1.0)
    client.say(f"{client.first_name} rejects the call")
    await call.hangup(REJECTED)


async def is_out(client: Client, call: PhoneCall) -> None:
    """Is not near the phone."""
    await call.ring()
    client.say(f"{client.first_name}'s phone rings; nobody is near")
    await call.ended(120.0)
    client.say(f"{client.first_name}'s phone has stopped ringing")


async def does_not_exist(client: Client, call: PhoneCall) -> None:
    """The network knows no such number."""
    client.say("the network says: no such number")
    await call.hangup(UNALLOCATED)


async def has_a_box(client: Client, call: PhoneCall) -> None:
    """A voicemail box answers: greeting, beep, and it waits for words."""
    await call.ring()
    client.say(f"{client.first_name}'s phone rings")
    await pause(call, 1.5)
    await call.answer()
    client.say(f"{client.first_name}'s voicemail box answers: its greeting plays")
    await call.play("sound:vm-intro")
    await call.tone(BEEP, 0.6)
    client.say("the box has beeped and records")
    await call.ended(60.0)


async def presses_1_in_the_offer(client: Client, call: PhoneCall) -> None:
    """Hears the offer and asks for one more try."""
    await call.ring()
    client.say(f"{client.first_name}'s phone rings and shows {call.caller_name or call.caller_number}")
    await pause(call, 1.5)
    await call.answer()
    client.say(f"{client.first_name} picks up and hears a recorded voice")
    await call.heard_sound()
    await pause(call, 5.0)
    client.say(f"{client.first_name} presses 1: yes, please try again")
    await call.press("1")
    await call.ended(20.0)


# What agents do. ------------------------------------------------------------------------------------------------------


async def calls_and_talks(agent: Agent, client: Client, call: PhoneCall) -> None:
    """1, then talks to whoever answers, and hangs up. A voicemail box gets a 9."""
    if await _start(agent, client, call) == BEEP:
        await _press_9(agent, client, call, "a voicemail box")
        return
    await _talk(call)
    client.say(f"{agent.name} says goodbye and hangs up")
    await call.hangup()


async def asks_for_another_try(agent: Agent, client: Client, call: PhoneCall) -> None:
    """1, talks, and presses 9 while talking: they are to be called again."""
    if await _start(agent, client, call) == CLIENT_VOICE:
        await _talk(call)
    await _press_9(agent, client, call, "it is a bad moment")


async def declines(agent: Agent, client: Client, call: PhoneCall) -> None:
    """2."""
    client.say(f"{agent.name} presses 2: not now")
    await call.press("2")
    await call.ended(20.0)


async def _start(agent: Agent, client: Client, call: PhoneCall) -> float:
    client.say(f"{agent.name} presses 1")
    await call.press("1")
    heard = await hear(call, CLIENT_VOICE, BEEP)
    if heard == CLIENT_VOICE:
        client.heard_by_agent += 1
        client.say(f"{agent.name} hears {client.first_name}")
    return heard


async def _talk(call: PhoneCall) -> None:
    await call.tone(AGENT_VOICE, CONVERSATION)
    await pause(call, 0.2)


async def _press_9(agent: Agent, client: Client, call: PhoneCall, why: str) -> None:
    client.say(f"{agent.name} presses 9 ({why}) and hears it confirmed")
    await call.press("9")
    await pause(call, 2.5)
    client.say(f"{agent.name} hangs up")
    await call.hangup()


def behaviour(person: Agent | Client) -> Behaviour:
    """For `Phones.set`."""
    return person.__call__

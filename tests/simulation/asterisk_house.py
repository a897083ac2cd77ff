"""A simulated Asterisk with two agents' phones, a queue and a trunk; its events as they are sent, its time by hand."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from datetime import UTC, datetime
from typing import Any

from callbackd.ari.client import UNWANTED_EVENTS
from callbackd.ari.transport import Response
from simulation.asterisk.network import Network, Weather
from simulation.asterisk.pbx import Asterisk, Waiting
from simulation.asterisk.phones import NO_ANSWER, Behaviour, Call, Directory, Phone, answers
from simulation.loop import Loop
from simulation.world import World

START = datetime(2026, 11, 2, 15, tzinfo=UTC)
APP = "callbackd"
CLIENT = "PJSIP/+14165550123@trunk"
AGENT = "PJSIP/1001"
QUEUE = "Local/600@callbackd-agents/n"

LIMIT = 3600.0

Event = Mapping[str, Any]


class House:
    """`agent` and `client` are what the phones do; `events` what the application was sent, since `forget`."""

    def __init__(self, seed: int = 1, *, old: bool = False, weather: Weather | None = None) -> None:
        self.world = World(START, seed)
        self.agent: Behaviour = answers(1.0)
        self.client: Behaviour = answers(1.0)
        self.directory = Directory()
        self.phones = [self.directory.add_phone(name, lambda _call: self.agent) for name in ("1001", "1003", "1004")]
        self.queue = self.directory.add_queue("support", "600", *self.phones[1:])
        self.client_phone = Phone("+14165550123", lambda _call: self.client)
        numbers = {self.client_phone.number: self.client_phone}
        self.trunk = self.directory.add_trunk("trunk", numbers.get)
        self.asterisk = Asterisk(self.world, self.directory, old=old)
        self.network = Network(self.world, self.asterisk, weather)
        self.events: list[Event] = []
        self.closed: list[str] = []

    def connect(self) -> None:
        """Somebody listens as the application."""
        self.session = self.asterisk.connect(APP, self.events.append, self.closed.append)
        self.ask("PUT", f"/applications/{APP}/eventFilter", disallowed=[{"type": kind} for kind in UNWANTED_EVENTS])

    def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, **body: Any) -> Response:
        """A request that is answered at once."""
        found = self.asterisk.handle(method, path, query or {}, body)
        assert isinstance(found, Response)
        return found

    def ask_later(self, method: str, path: str, **body: Any) -> list[Response]:
        """A request whose answer comes into the list some time later."""
        found = self.asterisk.handle(method, path, {}, body)
        assert isinstance(found, Waiting)
        answers: list[Response] = []
        found.then(answers.append)
        return answers

    def originate(self, channel: str = "leg-a", endpoint: str = AGENT, timeout: int = 20, **more: Any) -> Response:
        """POST /channels."""
        return self.ask("POST", "/channels", endpoint=endpoint, app=APP, channelId=channel, timeout=timeout, **more)

    def create(self, channel: str = "leg-c", endpoint: str = CLIENT, **more: Any) -> Response:
        """POST /channels/create, and its entering Stasis."""
        found = self.ask("POST", "/channels/create", endpoint=endpoint, app=APP, channelId=channel, **more)
        self.run(0.15)
        return found

    def dial(self, channel: str = "leg-c", timeout: int = 20) -> Response:
        """POST /channels/ID/dial."""
        return self.ask("POST", f"/channels/{channel}/dial", timeout=timeout)

    def play(self, channel: str, playback: str, *media: str) -> Response:
        """POST /channels/ID/play."""
        return self.ask("POST", f"/channels/{channel}/play", media=list(media), playbackId=playback)

    def run(self, seconds: float) -> None:
        """Let that much time go by."""
        until = self.world.time + seconds
        while (at := self.world.next_at()) is not None and at <= until:
            self.world.time = max(at, self.world.time)
            self.world.happen()
        self.world.time = until

    def forget(self) -> None:
        """Look only at what comes now."""
        self.events.clear()

    def told(self, channel: str | None = None) -> list[str]:
        """The events of a channel (all): types, with a Dial's status, a state, a playback's state."""
        return [told(event) for event in self.events if channel is None or of(event) == channel]

    def last(self, kind: str) -> Event:
        """The last event of a type."""
        return [event for event in self.events if event["type"] == kind][-1]

    @property
    def call(self) -> Call:
        """The last call of any phone."""
        return self.asterisk.calls[-1]


def told(event: Event) -> str:
    """An event in two words."""
    match event["type"]:
        case "Dial":
            return f"Dial {event['dialstatus']}".strip()
        case "ChannelStateChange":
            return f"ChannelStateChange {event['channel']['state']}"
        case "PlaybackFinished":
            return f"PlaybackFinished {event['playback']['state']}"
        case kind:
            return str(kind)


def of(event: Event) -> str:
    """The channel that an event is about."""
    for key in ("channel", "peer"):
        if isinstance(event.get(key), dict):
            return str(event[key]["id"])
    target = event.get("playback", {}).get("target_uri", "")
    return str(target).partition(":")[2]


def drive(world: World, main: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine in the world's time to its end."""
    loop = Loop(world)
    try:
        drive_on(world, loop, main)
    finally:
        loop.abandon()


def drive_on(world: World, loop: Loop, main: Coroutine[Any, Any, None]) -> None:
    """The same in a loop that goes on to exist."""
    task = loop.create_task(main)
    while not task.done():
        if loop.step():
            continue
        instants = [at for at in (world.next_at(), loop.next_timer_at()) if at is not None]
        assert instants, "nothing will ever happen any more"
        world.time = max(world.time, min(instants))
        assert world.time < LIMIT, "it takes too long"
        loop.ring()
        world.happen()
    task.result()


__all__ = ["AGENT", "APP", "CLIENT", "NO_ANSWER", "QUEUE", "START", "House", "drive", "drive_on", "of", "told"]

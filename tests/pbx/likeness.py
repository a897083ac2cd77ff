"""One Asterisk, real or simulated, for one script of requests: what is compared of the two.

Compared are, for each request, the status and Asterisk's own words, and for each channel the events in their order,
with the statuses, states and causes that they carry.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from callbackd.ari.client import UNWANTED_EVENTS
from callbackd.ari.errors import StreamClosed, asterisk_text
from callbackd.ari.transport import EventStream, Transport
from tests.simulation.asterisk_house import of, told

APP = "callbackd-likeness"
AGENT = "PJSIP/1001"
CLIENT = "PJSIP/+14165550123@trunk"
LIMIT = 10.0


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

    async def ended_playbacks(self, times: int) -> None:
        """Until the ends of so many playbacks were told, well or not."""
        async with asyncio.timeout(LIMIT), self._something:
            while sum(event["type"] == "PlaybackFinished" for event in self.events) < times:
                await self._something.wait()

    async def forgotten(self, path: str) -> None:
        """Until Asterisk knows that no more: it may tell the end of a playback before it forgets it."""
        async with asyncio.timeout(LIMIT):
            while (await self._transport.request("GET", path)).status != 404:
                pass

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

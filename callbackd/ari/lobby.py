"""Callers in the intake menu: effects become requests, Asterisk's events become happenings.

Their channels are the PBX's own and keep its ids; nothing here ever hangs up a caller but `EndCall`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping, Sequence

from callbackd.ari.client import AriClient
from callbackd.ari.errors import AriError, NotFound, ServerError, Unreachable
from callbackd.ari.models import (
    Channel,
    ChannelDestroyed,
    ChannelDtmfReceived,
    Event,
    PlaybackFinished,
    StasisEnd,
    StasisStart,
)
from callbackd.ari.names import parse_channel, playbacks_of_caller
from callbackd.ari.repertoire import Repertoire
from callbackd.ari.speech import Voice
from callbackd.domain.menu import (
    Answer,
    Effect,
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

log = logging.getLogger(__name__)

DOOR = "intake"
"""The first argument of `Stasis()` for callers; the second is the profile."""

KEPT = ("CALLBACKD_STATUS", "ACCEPTED")
"""The channel variable, and its value, that tells the dialplan of a call-back."""

HAND_BACK_AGAIN = 5.0
"""Seconds after which a caller is handed back whom a request that failed has kept from it."""

_KEYS = frozenset("0123456789*#")


class Lobby:
    """Carries out effects, and hands each caller's menu its events.

    `arrived` gets a caller's channel id, the profile that the dialplan named and the number that they call from, as
    the PBX shows it. `tell` gets a channel id and an event that is to come back through `interpret`, in order.
    """

    def __init__(
        self,
        client: AriClient,
        arrived: Callable[[str, str, str], None],
        tell: Callable[[str, object], None],
        repertoire: Repertoire | None = None,
    ) -> None:
        self._client = client
        self._repertoire = repertoire or Repertoire()
        self._arrived = arrived
        self._tell = tell
        self._voices: dict[str, Voice] = {}
        self._kept: dict[str, bool] = {}
        """Those who were to be handed back, but a request failed; whether a daemon that is no more has left them."""
        self._some_kept = asyncio.Event()

    async def run(self, ready: Callable[[], bool]) -> None:
        """Until cancelled: hand back whom a request that failed has kept from it, while the link is ready."""
        while True:
            await self._some_kept.wait()
            await asyncio.sleep(HAND_BACK_AGAIN)
            if ready():
                self._some_kept.clear()
                await self._hand_back_again()

    def route(self, event: Event) -> None:
        """Hand one event of Asterisk's to the menu it belongs to; all others are dropped."""
        match event:
            case StasisStart(channel=channel, args=args) if args and parse_channel(channel.id) is None:
                profile = args[1] if len(args) == 2 and args[0] == DOOR else ""
                self._arrived(channel.id, profile, channel.caller.number)
            case ChannelDtmfReceived(channel=channel) | StasisEnd(channel=channel) | ChannelDestroyed(channel=channel):
                if channel.id in self._voices:
                    self._tell(channel.id, event)
            case PlaybackFinished(playback=playback):
                if playback.channel_id in self._voices:
                    self._tell(playback.channel_id or "", event)

    def __len__(self) -> int:
        """How many callers are followed."""
        return len(self._voices)

    def open(self, visit: Visit) -> None:
        """Follow a caller's events from now on."""
        self._voices[visit.id] = self._voice(visit.id, visit.language, visit.prompts)

    def _voice(self, channel_id: str, language: str, prompts: Mapping[str, tuple[str, ...]]) -> Voice:
        names = playbacks_of_caller(channel_id)
        return Voice(
            self._client, channel_id, names, self._repertoire, language=language, prompts=prompts, label="caller"
        )

    def close(self, visit: Visit) -> None:
        """Follow them no more; nothing is done to their channel."""
        voice = self._voices.pop(visit.id, None)
        if voice is not None:
            voice.close()

    async def interpret(self, visit: Visit, signal: object) -> Sequence[Happening]:
        """What an event that was handed to a menu means for it."""
        voice = self._voices.get(visit.id)
        if voice is None:
            return ()
        match signal:
            case ChannelDtmfReceived(digit=digit) if digit in _KEYS:
                return (Pressed(digit),)
            case StasisEnd() | ChannelDestroyed():
                return (Gone(),)
            case PlaybackFinished():
                utterance = await voice.finished(signal)
                return () if utterance is None else (Spoken(utterance),)
        return ()

    async def perform(self, visit: Visit, effect: Effect) -> Sequence[Happening]:
        """Carry out one effect. What failed at once is returned as what it means for the menu."""
        voice = self._voices.get(visit.id)
        try:
            match effect:
                case Answer():
                    await self._client.answer(visit.id)
                case Speak(phrases, utterance) if voice is not None:
                    await voice.speak(phrases, utterance)
                case Quiet() if voice is not None:
                    await voice.hush()
                case MarkKept():
                    await self._client.set_variable(visit.id, *KEPT)
                case EndCall():
                    await self._client.hangup(visit.id)
                case Leave():
                    await self._hand_back(visit.id)
        except NotFound:
            return (Gone(),)
        except AriError as error:
            log.warning("a caller's menu", extra={"channel": visit.id, "error": str(error)})
        return ()

    async def hand_back(self, channel_id: str, *, left: bool = False) -> None:
        """Let a caller go on in the dialplan, once what is said to them is over; what hinders it is said.

        `left`: by a daemon that is no more. A tone that it has begun is never over by itself, and is stopped.
        """
        if (voice := self._voices.get(channel_id)) is not None:
            await voice.hush()
        elif left and not await self._voice(channel_id, "", {}).end_tones():
            self._keep(channel_id, left=True)  # the tone may go on, and they with it, whatever else is asked
        try:
            await self._hand_back(channel_id, left=left)
        except AriError as error:
            log.warning("a caller was not handed back", extra={"channel": channel_id, "error": str(error)})

    async def _hand_back_again(self) -> None:
        kept, self._kept = self._kept, {}
        for channel_id, left in kept.items():
            if channel_id not in self._voices:
                await self.hand_back(channel_id, left=left)

    def _keep(self, channel_id: str, *, left: bool) -> None:
        self._kept[channel_id] = left or self._kept.get(channel_id, False)
        self._some_kept.set()

    async def missed(self, known: Collection[str]) -> tuple[Sequence[str], Sequence[str]]:
        """What a link or a daemon that was lost has left: the stranded, and the gone.

        Those stand in our menu, but in none of the `known` menus; these are in one, but not on the PBX any more.
        Raises `AriError`.
        """
        channels = await self._client.channels()
        up = {channel.id for channel in channels}
        stranded = [channel.id for channel in channels if self._is_caller(channel) and channel.id not in known]
        return stranded, [name for name in known if name not in up]

    def _is_caller(self, channel: Channel) -> bool:
        name, *args = channel.application or ("",)
        return name == "Stasis" and len(args) > 1 and args[0] == self._client.app and parse_channel(channel.id) is None

    async def _hand_back(self, channel_id: str, *, left: bool = False) -> None:
        try:
            await self._client.continue_in_dialplan(channel_id)
        except NotFound:
            log.debug("a caller is gone already", extra={"channel": channel_id})
        except (Unreachable, ServerError):
            self._keep(channel_id, left=left)
            raise

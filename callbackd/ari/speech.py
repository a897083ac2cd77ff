"""Saying phrases to one channel: part after part, in place of what was said before, with stand-ins for lost sounds.

Parts that Asterisk is known to have go to it together, so that there is no gap between them.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from callbackd.ari.client import AriClient
from callbackd.ari.errors import AriError
from callbackd.ari.media import LAST_RESORT, endless, files, joins, media, stand_in
from callbackd.ari.models import PlaybackFinished
from callbackd.ari.names import LineKey, channel_id, playbacks_of_leg
from callbackd.ari.repertoire import Repertoire
from callbackd.domain.prompts import Phrase
from callbackd.domain.telephony import Leg, Line, Say

log = logging.getLogger(__name__)

TONE_LENGTH = 0.8
"""Seconds for which a tone stands in for speech."""


@dataclass(slots=True)
class _Utterance:
    """What is being said: the parts, and how many of them play, from which on."""

    number: int
    loop: bool
    parts: list[tuple[str, tuple[str, ...]]]
    position: int = 0
    together: int = 1
    playing: str | None = None
    tried_stand_in: bool = False
    over: bool = False


class Voice:
    """What is said on one channel. Its playbacks take turns with the `names`, their ids.

    `prompts` replaces phrases (name -> media URIs); `label` says in the log who hears it.
    """

    def __init__(
        self,
        client: AriClient,
        channel: str,
        names: Sequence[str],
        repertoire: Repertoire,
        *,
        language: str,
        prompts: Mapping[str, tuple[str, ...]],
        label: str,
    ) -> None:
        self._client = client
        self._channel = channel
        self._names = names
        self._repertoire = repertoire
        self._played = 0
        self._language = language
        self._prompts = prompts
        self._label = label
        self._now: _Utterance | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def speak(self, phrases: tuple[Phrase, ...], utterance: int, *, loop: bool = False) -> bool:
        """Begin to say them; what was being said is stopped first. False if they can't be said: no end follows."""
        await self.hush()
        parts = [(uri, stand_in(phrase)) for phrase in phrases for uri in media(phrase, self._prompts)]
        self._now = _Utterance(utterance, loop, parts)
        await self._play(self._now)
        return not self._now.over

    async def hush(self) -> None:
        """Say no more."""
        utterance, self._now = self._now, None
        if utterance is None or utterance.over:
            return
        utterance.over = True
        if utterance.playing is not None:
            await self._stop(utterance.playing)

    async def end_tones(self) -> bool:
        """Stop the tones that a daemon that is no more has left on the channel: they would go on for ever.

        False if that is not known to be done.
        """
        return all(await asyncio.gather(*map(self._stop_tone, self._names)))

    async def finished(self, event: PlaybackFinished) -> int | None:
        """What played is over: the next part, the same again, its stand-in, or the end.

        Returns the utterance that came to its end; one that was replaced never does.
        """
        utterance = self._now
        if utterance is None or utterance.over or utterance.playing != event.playback.id:
            return None
        utterance.playing = None
        played = utterance.parts[utterance.position : utterance.position + utterance.together]
        sounds = [sound for uri, _ in played for sound in files(uri)]
        if event.playback.state == "failed" and len(played) > 1:
            self._repertoire.failed(self._language, sounds)  # which one is it? from the first on, one by one
        elif event.playback.state == "failed" and not utterance.tried_stand_in:
            self._replace_part(utterance)
        else:
            if event.playback.state == "done" and len(played) == 1:
                self._repertoire.heard(self._language, sounds)
            utterance.tried_stand_in = False
            utterance.position += len(played)
        if utterance.position >= len(utterance.parts):
            if not utterance.loop:
                utterance.over = True
                return utterance.number
            utterance.position = 0
        await self._play(utterance)
        return utterance.number if utterance.over and not utterance.loop else None

    def close(self) -> None:
        """Forget what is being said."""
        self._now = None
        for task in self._tasks:
            task.cancel()

    def _replace_part(self, utterance: _Utterance) -> None:
        uri, instead = utterance.parts[utterance.position]
        log.warning("sound missing", extra={"sound": uri, "instead": ",".join(instead), "leg": self._label})
        utterance.parts[utterance.position : utterance.position + 1] = [
            (part, (LAST_RESORT,)) for part in instead
        ]
        utterance.tried_stand_in = instead == (LAST_RESORT,)

    async def _play(self, utterance: _Utterance) -> None:
        uri, _ = utterance.parts[utterance.position]
        known = takewhile(self._is_known, (part for part, _ in utterance.parts[utterance.position :]))
        together = tuple(known) or (uri,)
        utterance.together = len(together)
        name = self._names[self._played % len(self._names)]
        self._played += 1
        utterance.playing = name
        try:
            sounds = [sound for part in together for sound in files(part)]
            await self._client.play(self._channel, name, sounds, lang=self._language)
        except AriError as error:
            log.debug("could not play", extra={"sound": uri, "error": str(error)})
            utterance.over = True
            return
        if endless(uri) and not utterance.loop:
            task = asyncio.create_task(self._stop_later(name))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _is_known(self, uri: str) -> bool:
        sounds = files(uri)
        return all(map(joins, sounds)) and self._repertoire.has(self._language, sounds)

    async def _stop_later(self, name: str) -> None:
        await asyncio.sleep(TONE_LENGTH)
        await self._stop(name)

    async def _stop_tone(self, name: str) -> bool:
        try:
            playback = await self._client.get_playback(name)
            if playback is not None and endless(playback.media_uri):
                await self._client.stop_playback(name)
        except AriError as error:
            log.debug("could not look for a playback, or stop it", extra={"error": str(error)})
            return False
        return True

    async def _stop(self, name: str) -> None:
        try:
            await self._client.stop_playback(name)
        except AriError as error:
            log.debug("could not stop a playback", extra={"error": str(error)})


class Speech(Voice):
    """What is said on one leg of a call."""

    def __init__(self, client: AriClient, line: Line, key: LineKey, leg: Leg, repertoire: Repertoire) -> None:
        super().__init__(
            client,
            channel_id(key, leg),
            playbacks_of_leg(key, leg),
            repertoire,
            language=line.language,
            prompts=line.prompts,
            label=leg.role.value,
        )

    async def say(self, say: Say) -> bool:
        """Begin to say it; what was being said is stopped first. False if it can't be said."""
        return await self.speak(say.phrases, say.utterance, loop=say.loop)

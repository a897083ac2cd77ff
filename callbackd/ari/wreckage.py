"""What is up on the PBX and bears our names: looked at after a start and after a lost link."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Collection, Mapping
from datetime import datetime

from callbackd.ari.client import AriClient
from callbackd.ari.errors import AriError
from callbackd.ari.names import ASKER, LineKey, bridge_id, channel_id, parse_bridge, parse_channel
from callbackd.domain.callback import Step
from callbackd.domain.telephony import Leg

log = logging.getLogger(__name__)


class Wreckage:
    """One look at the PBX. Make it with `Wreckage.look`."""

    def __init__(self, client: AriClient) -> None:
        self._client = client
        self._legs: dict[LineKey, set[Leg]] = {}
        self._answered: dict[LineKey, set[Leg]] = {}
        self._members: dict[LineKey, frozenset[str]] = {}
        self._askers: list[str] = []
        self.swept = True
        """Whatever was to be taken down was."""
        self._pbx_started_at: datetime | None = None

    @classmethod
    async def look(cls, client: AriClient) -> Wreckage:
        """Look now. Raises `AriError`."""
        found = cls(client)
        with contextlib.suppress(AriError):  # not all may read it, and all that follows does without
            found._pbx_started_at = (await client.info()).started_at
        for channel in await client.channels():
            if (ours := parse_channel(channel.id)) is not None:
                found._legs.setdefault(ours[0], set()).add(ours[1])
                if channel.up:
                    found._answered.setdefault(ours[0], set()).add(ours[1])
            elif channel.id.startswith(ASKER):
                found._askers.append(channel.id)
        for bridge in await client.bridges():
            if (key := parse_bridge(bridge.id)) is not None:
                found._members[key] = frozenset(bridge.channels)
        return found

    def legs_of(self, callback_id: str, step: Step, sequence: int) -> frozenset[Leg]:
        """The legs of one call that are still up."""
        return frozenset(self._legs.get(LineKey(callback_id, step, sequence), ()))

    def joined(self, callback_id: str, step: Step, sequence: int) -> frozenset[Leg]:
        """Those of its legs that are answered and in its bridge."""
        key = LineKey(callback_id, step, sequence)
        members = self._members.get(key, frozenset())
        return frozenset(leg for leg in self._answered.get(key, ()) if channel_id(key, leg) in members)

    @property
    def pbx_started_at(self) -> datetime | None:
        """Since when the PBX runs, by its own clock; None if it does not say."""
        return self._pbx_started_at

    async def sweep(self, callback_id: str, step: Step, sequence: int) -> None:
        """Take down all that is left of one call."""
        await self._sweep(LineKey(callback_id, step, sequence))

    async def sweep_beside(self, callback_id: str, step: Step, sequence: int, talking: Collection[Leg]) -> None:
        """Take down the other legs of a call in which two talk: an agent's phone, say, that was to ring no more."""
        key = LineKey(callback_id, step, sequence)
        await self._hang_up(key, self._legs.get(key, set()) - set(talking))

    async def sweep_strangers(self, known: Mapping[str, tuple[Step, int]]) -> None:
        """Take down every call of ours that is none of those, and whatever asked a queue."""
        await self.sweep_calls(known)
        for name in self._askers:
            await self._client.hangup(name)

    async def sweep_calls(self, known: Mapping[str, tuple[Step, int]]) -> None:
        """Take down every call of ours that is none of those."""
        for key in sorted(self._legs.keys() | self._members.keys()):
            if known.get(key.callback_id) != (key.step, key.sequence):
                await self._sweep(key)

    async def _sweep(self, key: LineKey) -> None:
        """What can't be taken down is said, and is to be looked for again."""
        legs = self._legs.pop(key, set())
        bridge = self._members.pop(key, None)
        await self._hang_up(key, legs)
        try:
            if bridge is not None:
                await self._client.delete_bridge(bridge_id(key))
        except AriError as error:
            log.warning("not taken down", extra={"callback": key.callback_id, "error": str(error)})
            self.swept = False

    async def _hang_up(self, key: LineKey, legs: Collection[Leg]) -> None:
        try:
            for leg in sorted(legs):
                await self._client.hangup(channel_id(key, leg))
        except AriError as error:
            log.warning("not taken down", extra={"callback": key.callback_id, "error": str(error)})
            self.swept = False

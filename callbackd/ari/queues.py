"""Whether the queues that profiles name have an agent available: asked, told of, and asked again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from uuid import uuid4

from callbackd.ari.client import AriClient
from callbackd.ari.errors import AriError
from callbackd.ari.names import ASKER

log = logging.getLogger(__name__)

_UNRUNG = "Local/s@callbackd-agents"
"""An endpoint whose channel is never dialled, so that it need not exist."""


class Queues:
    """What is known of each queue; `changed` is called when that changes."""

    def __init__(self, client: AriClient, changed: Callable[[], None]) -> None:
        self._client = client
        self._changed = changed
        self._queues: dict[str, bool] = {}

    async def watch(self, names: Sequence[str]) -> None:
        """Ask for the state of these queues, and be told of its changes: needed after every connect."""
        for name in names:
            device = _device_of(name)
            try:
                await self._client.subscribe(f"deviceState:{device}")
                self.told(device, await self._client.device_state(device))
            except AriError as error:
                log.warning("can't watch the queue", extra={"queue": name, "error": str(error)})

    async def look_again(self) -> None:
        """Ask the queues that seem to have nobody how they stand now: the event that told otherwise may be lost.

        Only good news counts: the queues of an Asterisk that has just started say nobody where `count_members` knows.
        """
        for device in [device for device, available in self._queues.items() if not available]:
            try:
                if await self._client.device_state(device) == "NOT_INUSE":
                    self.told(device, "NOT_INUSE")
            except AriError as error:
                log.debug("can't ask the queue", extra={"device": device, "error": str(error)})

    async def count_members(self) -> None:
        """Ask the queues that seem to have nobody how many members are ready; the link must be ready.

        An Asterisk that has just started may say that a queue has nobody until the state of a member changes, which in
        a quiet office takes hours. Only a channel can ask the queue itself: it is made, asked and taken away unrung.
        """
        for device in [device for device, available in self._queues.items() if not available]:
            queue = device.removeprefix("Queue:").removesuffix("_avail")
            name = f"{ASKER}{uuid4().hex}"
            try:
                await self._client.create_channel(name, _UNRUNG)
                try:
                    ready = await self._client.get_variable(name, f"QUEUE_MEMBER({queue},ready)")
                finally:
                    await self._client.hangup(name)
            except AriError as error:
                log.warning("can't count the queue's members", extra={"queue": queue, "error": str(error)})
                continue
            if ready not in (None, "", "0") and not self._queues[device]:
                log.info("the queue has members ready", extra={"queue": queue, "ready": ready})
                self.told(device, "NOT_INUSE")

    def available(self, queue: str) -> bool:
        """Whether the queue has a member that could be rung, as far as is known."""
        return self._queues.get(_device_of(queue), False)

    def told(self, device: str, state: str) -> None:
        """What Asterisk says of a device that is watched."""
        available = state == "NOT_INUSE"
        if self._queues.get(device) is not available:
            self._queues[device] = available
            self._changed()


def _device_of(queue: str) -> str:
    return f"Queue:{queue}_avail"

"""One life of the daemon: from its start to its stop, or to a kill in the middle of anything."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from random import Random
from typing import Any

from callbackd.ari.errors import ApplicationReplaced
from callbackd.ari.transport import Transport
from callbackd.daemon import Daemon
from callbackd.store.interface import StoreUnavailable
from callbackd.store.sqlite import SqliteStore
from simulation.clock import StrayClock
from simulation.disk import Disk
from simulation.loop import Loop
from simulation.rules import RuleBook
from simulation.world import World


class _Stopped(Exception):
    """The daemon has done its work."""


class Life:
    """`daemon` is None before it is built. `ended` says how it stopped by itself: `stopped`, `unavailable`, `fenced`.

    What ends it in any other way is in `fault`.
    """

    def __init__(
        self, world: World, rules: RuleBook, disk: Disk, transport: Transport, clock: StrayClock, chance: Random
    ) -> None:
        self.loop = Loop(world)
        self.daemon: Daemon | None = None
        self.ended: str | None = None
        self.fault: BaseException | None = None
        self._rules = rules
        self._disk = disk
        self._transport = transport
        self._clock = clock
        self._chance = chance
        self.loop.create_task(self._main(), name="main")

    def do(self, work: Coroutine[Any, Any, Any]) -> None:
        """Let somebody at one of its doors do something."""
        self.loop.create_task(work)

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more, nothing is tidied up."""
        self._disk.cut()
        self.loop.abandon()

    async def _main(self) -> None:
        try:
            configuration = self._rules.read()
            store = await SqliteStore.open(configuration.settings.database, connect=self._disk.connect)
        except StoreUnavailable:
            self.ended = "unavailable"
            return
        except Exception as error:
            self.fault = error
            self.ended = "faulted"
            return
        ended = "faulted"
        try:
            async with asyncio.TaskGroup() as group:
                daemon = Daemon(configuration, store, self._transport, group, self._clock, self._chance)
                daemon.start()
                self.daemon = daemon
                await daemon.stopped.wait()
                raise _Stopped
        except* _Stopped:
            ended = "stopped"
        except* ApplicationReplaced:
            ended = "fenced"
        except* Exception as group_of_faults:
            self.fault = group_of_faults
        self.daemon = None
        try:
            await store.close()
        except Exception as error:
            self.fault = self.fault or error
        self.ended = ended

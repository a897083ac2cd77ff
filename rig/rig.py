"""Everything together: a PBX, its phones, the networks that refuse, and what a test asks of them."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from types import TracebackType

from rig.instance import Asterisk
from rig.pbx import Pbx
from rig.phones import Phones
from rig.root import SUITES, Progress, prepare_root
from rig.sip_responder import REASONS, Silent, SipResponder


class Rig:
    """`async with Rig(root) as rig`, or `start` and `stop`.

    `responders[503]` stands behind the endpoint ``trunk503``, and so for every status in `REASONS`; `silent` behind
    ``trunksilent``; `ringing`, which rings until it is cancelled and answers never, behind ``trunkringing``.
    """

    def __init__(
        self, root: Path, *, phones_root: Path | None = None, width: int = 1, verbose: bool = False
    ) -> None:
        """`root` is that of the PBX; the phones, who judge it, may have a newer one."""
        self.root = root
        self._width = width
        self._verbose = verbose
        self.phones = Phones(phones_root or root, width=width, verbose=verbose)
        self.responders = {status: SipResponder(status) for status in REASONS}
        self.ringing = SipResponder(None, ringing=True)
        self.silent = Silent()
        self._more: list[SipResponder] = []
        self._pbx: Pbx | None = None

    @classmethod
    async def prepared(
        cls, suite: str | None = None, progress: Progress | None = None, *, width: int = 1, verbose: bool = False
    ) -> Rig:
        """Prepares the roots if need be; the rig is not started yet. Raises `rig.root.RootError`.

        `suite` is the PBX's (default: `rig.root.chosen_suite`). The phones are the newest Asterisk whatever the PBX is:
        an old one can't end a call with any cause.
        """
        root = await asyncio.to_thread(prepare_root, suite, progress)
        phones = await asyncio.to_thread(prepare_root, SUITES["22"], progress)
        return cls(root, phones_root=phones, width=width, verbose=verbose)

    @property
    def pbx(self) -> Pbx:
        """The PBX under test."""
        if self._pbx is None:
            raise RuntimeError("the rig has not been started")
        return self._pbx

    async def __aenter__(self) -> Rig:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Starts all of it."""
        try:
            ports = {}
            for status, responder in self.responders.items():
                await responder.start()
                ports[f"trunk{status}"] = responder.port
            await self.ringing.start()
            await self.silent.start()
            ports |= {"trunkringing": self.ringing.port, "trunksilent": self.silent.port}
            await self.phones.start()
            self._pbx = Pbx(self.root, self.phones.sip_port, ports, width=self._width, verbose=self._verbose)
            await self._pbx.start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stops all of it; nothing is left."""
        instances: list[Asterisk] = [self.phones] if self._pbx is None else [self._pbx, self.phones]
        await asyncio.gather(*(instance.stop() for instance in instances))
        await self.silent.stop()
        for responder in (*self.responders.values(), *self._more, self.ringing):
            await responder.stop()
        self._more.clear()

    async def reset(self) -> None:
        """As new for the next test: no calls, no behaviours, nothing counted; what was killed runs again."""
        await asyncio.gather(self.phones.start(), self.pbx.start())
        await asyncio.gather(self.phones.reset(), self.pbx.hang_up_all())
        await self.phones.reset()
        for responder in (*self.responders.values(), *self._more):
            responder.reset()
        self.ringing.reset()
        self.silent.reset()

    async def add_responder(
        self, name: str, status: int | None, *, ringing: bool = False, delay: float = 0.0
    ) -> SipResponder:
        """A further network behind the endpoint `name`."""
        responder = SipResponder(status, ringing=ringing, delay=delay)
        await responder.start()
        self._more.append(responder)
        await self.pbx.add_trunk(name, responder.port)
        return responder

    async def no_channels_left(self, within: float = 1.0) -> None:
        """Asserts that within that time the PBX has no channel and no bridge left, asking the PBX itself."""
        until = time.monotonic() + within
        while True:
            left = [channel["name"] for channel in await self.pbx.channels()]
            left += [f"bridge {bridge['id']}" for bridge in await self.pbx.bridges()]
            if not left:
                return
            assert time.monotonic() < until, f"left after {within} s: {', '.join(left)}"
            await asyncio.sleep(0.02)

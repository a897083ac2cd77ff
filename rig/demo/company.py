"""The company: a PBX, its phones and a callbackd with two profiles and short delays."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from rig.daemon import Callbackd
from rig.demo.people import Agent, Client, behaviour
from rig.rig import Rig

Json = dict[str, Any]

ROUTE: Json = {
    "endpoint": "PJSIP/{number}@trunk",
    "caller_id": "Acme Support <+14165550100>",
    "country": "CA",
    "allow": ["+1"],
    "ring": "5s",
}
PROFILES: dict[str, Json] = {
    "support": {
        "label": "Support line",
        "target": {"endpoint": ["PJSIP/1001", "PJSIP/1002"], "max_concurrent": 2},
        "agent": {"retry_delay": "5s", "after_failure": "3s"},
        "client": ROUTE,
        "rescheduling": {"auto": True, "agent": True, "max_reschedules": 2, "delay": "4s"},
    },
    "sales": {
        "label": "Sales",
        "target": {"endpoint": "PJSIP/1003"},
        "agent": {"retry_delay": "5s", "after_failure": "1s"},
        "client": {**ROUTE, "caller_id": "Acme Sales <+14165550100>"},
        "rescheduling": {"client": True, "max_reschedules": 1, "delay": "4s"},
        "offer": {"delay": "4s", "reschedule_delay": "4s"},
    },
}
SETTINGS: Json = {"log": {"level": "info"}, "limits": {"max_concurrent": 20, "dials_per_number": 50}}


class CommandError(Exception):
    """The command `callbackd` failed; its words."""


class Company:
    """`async with Company(root) as company`. Agents are at their desks; `answer_for` brings the clients."""

    def __init__(self, root: Path) -> None:
        self.rig = Rig(root)
        self.clients: dict[str, Client] = {}
        self.agents = [
            Agent("Mia", "1001", self.clients, after=1.0),
            Agent("Noah", "1002", self.clients, after=1.8),
            Agent("Olga", "1003", self.clients, after=1.0),
        ]
        self._daemon: Callbackd | None = None

    @property
    def daemon(self) -> Callbackd:
        """The process."""
        if self._daemon is None:
            raise RuntimeError("the company is not open")
        return self._daemon

    async def __aenter__(self) -> Company:
        try:
            await self.rig.start()
            pbx = self.rig.pbx
            self._daemon = Callbackd(pbx.ari_url, pbx.ari_user, pbx.ari_password, PROFILES, SETTINGS)
            await self._daemon.start()
        except BaseException:
            await self.close()
            raise
        for agent in self.agents:
            self.rig.phones.set(agent.extension, behaviour(agent))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends everything."""
        try:
            if self._daemon is not None:
                await self._daemon.close()
        finally:
            await self.rig.stop()

    def answer_for(self, clients: Iterable[Client]) -> None:
        """From now on these have phones."""
        for client in clients:
            self.clients[client.number] = client
            self.rig.phones.set(client.number, behaviour(client))

    async def request(self, profile: str, number: str, name: str) -> str:
        """Asks for a call-back with the real command; its id. Raises `CommandError`."""
        process = await asyncio.create_subprocess_exec(
            *command(self.daemon.config),
            *("request", profile, number, "--name", name, "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        if process.returncode != 0:
            raise CommandError(f"callbackd request ended with {process.returncode}: {errors.decode().strip()}")
        return str(json.loads(output)["id"])

    async def nothing_left(self) -> list[str]:
        """Channels and bridges that are still there a second after all is over, on the PBX and at the phones."""
        left: list[str] = []
        for _ in range(20):
            left = [f"PBX channel {each['name']}" for each in await self.rig.pbx.channels()]
            left += [f"PBX bridge {each['id']}" for each in await self.rig.pbx.bridges()]
            left += [f"phone channel {each['name']}" for each in await self.rig.phones.channels()]
            if not left:
                break
            await asyncio.sleep(0.1)
        return left


def command(config: Path) -> tuple[str, ...]:
    """The command `callbackd` of this checkout, as one types it."""
    script = Path(sys.executable).with_name("callbackd")
    program = (os.path.relpath(script),) if script.exists() else (sys.executable, "-m", "callbackd")
    return (*program, "--config", str(config))

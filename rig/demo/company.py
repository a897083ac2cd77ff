"""The company: a PBX, its phones and a callbackd with two profiles and short delays."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self

from rig.daemon import Callbackd
from rig.demo.people import Agent, Client, behaviour
from rig.phones import Phones
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


class Daemon(Protocol):
    """callbackd, as its API has it."""

    async def show(self, callback_id: str) -> Json:
        """Everything about one call-back."""
        ...

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One call to `/api/v1`."""
        ...


class Pbx(Protocol):
    """The PBX, as one looks at it from outside."""

    async def channels(self) -> list[Json]:
        """Every channel."""
        ...

    async def bridges(self) -> list[Json]:
        """Every bridge that ARI made."""
        ...


class Company:
    """`async with ... as company`. Agents are at their desks; `answer_for` brings the clients.

    Subclasses say where its parts are: `open` starts `phones`, `pbx` and `daemon`, `close` ends them.
    """

    phones: Phones
    pbx: Pbx
    daemon: Daemon

    def __init__(self) -> None:
        self.clients: dict[str, Client] = {}
        self.agents = [
            Agent("Mia", "1001", self.clients, after=1.0),
            Agent("Noah", "1002", self.clients, after=1.8),
            Agent("Olga", "1003", self.clients, after=1.0),
        ]

    async def open(self) -> None:
        """Starts everything."""
        raise NotImplementedError

    async def close(self) -> None:
        """Ends everything."""
        raise NotImplementedError

    async def request(self, profile: str, number: str, name: str) -> str:
        """Asks for a call-back; its id. Raises `CommandError`."""
        raise NotImplementedError

    @property
    def typed(self) -> str:
        """The command `callbackd`, as one types it in this folder."""
        raise NotImplementedError

    def last_words(self) -> list[str]:
        """The last lines of callbackd's log, or where they are."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        try:
            await self.open()
        except BaseException:
            await self.close()
            raise
        for agent in self.agents:
            self.phones.set(agent.extension, behaviour(agent))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def answer_for(self, clients: Iterable[Client]) -> None:
        """From now on these have phones."""
        for client in clients:
            self.clients[client.number] = client
            self.phones.set(client.number, behaviour(client))

    async def nothing_left(self) -> list[str]:
        """Channels and bridges that are still there a second after all is over, on the PBX and at the phones."""
        left: list[str] = []
        for _ in range(20):
            left = [f"PBX channel {each['name']}" for each in await self.pbx.channels()]
            left += [f"PBX bridge {each['id']}" for each in await self.pbx.bridges()]
            left += [f"phone channel {each['name']}" for each in await self.phones.channels()]
            if not left:
                break
            await asyncio.sleep(0.1)
        return left


class LocalCompany(Company):
    """All of it on this machine, with the command `callbackd` of this checkout."""

    def __init__(self, rig: Rig) -> None:
        super().__init__()
        self._rig = rig
        self._process: Callbackd | None = None

    async def open(self) -> None:
        """Raises what a rig or a callbackd raises that does not start."""
        await self._rig.start()
        self.phones = self._rig.phones
        self.pbx = pbx = self._rig.pbx
        self.daemon = self._process = Callbackd(pbx.ari_url, pbx.ari_user, pbx.ari_password, PROFILES, SETTINGS)
        await self._process.start()

    async def close(self) -> None:
        try:
            if self._process is not None:
                await self._process.close()
        finally:
            await self._rig.stop()

    async def request(self, profile: str, number: str, name: str) -> str:
        """With the real command. Raises `CommandError`."""
        process = await asyncio.create_subprocess_exec(
            *command(self._config),
            *("request", profile, number, "--name", name, "--json"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        output, errors = await process.communicate()
        if process.returncode != 0:
            raise CommandError(f"callbackd request ended with {process.returncode}: {errors.decode().strip()}")
        return str(json.loads(output)["id"])

    @property
    def typed(self) -> str:
        return " ".join(command(self._config))

    def last_words(self) -> list[str]:
        return [] if self._process is None else self._process.log.read_text().splitlines()[-30:]

    @property
    def _config(self) -> Path:
        if self._process is None:
            raise RuntimeError("the company is not open")
        return self._process.config


def command(config: Path) -> tuple[str, ...]:
    """The command `callbackd` of this checkout, as one types it."""
    script = Path(sys.executable).with_name("callbackd")
    program = (os.path.relpath(script),) if script.exists() else (sys.executable, "-m", "callbackd")
    return (*program, "--config", str(config))

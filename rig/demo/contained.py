"""``python -m rig.demo.contained``: the demonstration inside docker-compose.yml.

This process and the Asterisk that it starts are the phones; the PBX and callbackd are other containers, asked over
their APIs like anybody would. The environment says where they are: ``PBX_ARI``, ``PBX_ARI_PASSWORD_FILE``,
``CALLBACKD_API``, ``CALLBACKD_TOKEN_FILE``. The file named by ``READY_FILE`` appears once all stories went as told: the
container is healthy then.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import aiohttp
from rich.console import Console

from rig.ari import Ari
from rig.demo.company import CommandError, Company
from rig.demo.ears import ContainedPhones
from rig.demo.playground import Playground
from rig.demo.show import Show

Json = dict[str, Any]


class OtherPbx:
    """The PBX of another container."""

    def __init__(self, ari: Ari) -> None:
        self._ari = ari

    async def channels(self) -> list[Json]:
        """Every channel."""
        answer: list[Json] = await self._ari.request("GET", "/channels")
        return answer

    async def bridges(self) -> list[Json]:
        """Every bridge that ARI made."""
        answer: list[Json] = await self._ari.request("GET", "/bridges")
        return answer


class OtherDaemon:
    """The callbackd of another container, over its HTTP API."""

    def __init__(self, session: aiohttp.ClientSession, url: str, token: str) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}

    async def show(self, callback_id: str) -> Json:
        """Everything about one call-back."""
        return await self.call("GET", f"/callbacks/{callback_id}")

    async def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """One call to `/api/v1`. Raises `CommandError` with what it refused."""
        async with self._session.request(method, self._url + path, json=body, headers=self._headers) as answer:
            text = await answer.text()
            if answer.status >= 400:
                raise CommandError(f"{method} {path}: {answer.status} {text}")
            decoded: Json = json.loads(text)
            return decoded


class ContainedCompany(Company):
    """Its phones are here, all else is elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.phones: ContainedPhones = ContainedPhones()
        self._session: aiohttp.ClientSession | None = None
        self._ari: Ari | None = None

    async def open(self) -> None:
        """Raises `KeyError` or `OSError` for an environment that lacks what is needed."""
        password = _text_of(os.environ["PBX_ARI_PASSWORD_FILE"])
        self._ari = Ari(os.environ["PBX_ARI"], "callbackd", password)
        self.pbx = OtherPbx(self._ari)
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15))
        self.daemon = OtherDaemon(
            self._session, os.environ["CALLBACKD_API"], _text_of(os.environ["CALLBACKD_TOKEN_FILE"])
        )
        await self.phones.start()

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
        if self._ari is not None:
            await self._ari.close()
        await self.phones.stop()

    async def request(self, profile: str, number: str, name: str) -> str:
        """Over HTTP."""
        made = await self.daemon.call("POST", "/callbacks", {"profile": profile, "number": number, "name": name})
        return str(made["id"])

    @property
    def typed(self) -> str:
        return "docker compose exec callbackd callbackd"

    def last_words(self) -> list[str]:
        return ["docker compose logs callbackd"]


async def perform() -> None:
    """The stories, then the playground, until stopped."""
    console = Console(highlight=False, emoji=False, width=120)
    async with ContainedCompany() as company:
        console.print("The phones are up.")
        if await Show(company, console).play():
            _ready()
        await Playground(company, console).stay()


async def until_stopped() -> None:
    """SIGTERM and SIGINT end it in good order."""
    work = asyncio.create_task(perform())
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, work.cancel)
    await asyncio.gather(work, return_exceptions=False)


def _ready() -> None:
    Path(os.environ["READY_FILE"]).touch()


def _text_of(path: str) -> str:
    return Path(path).read_text().strip()


if __name__ == "__main__":
    try:
        asyncio.run(until_stopped())
    except asyncio.CancelledError:
        sys.exit(0)

"""A callbackd of the rig's own: a real process on a real PBX, asked over its HTTP API like anybody would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

import aiohttp
import yaml

from rig.ports import free_tcp_port
from rig.processes import ends_with_us

Json = dict[str, Any]

START_LIMIT = 60.0
POLL = 0.02


class RefusedError(Exception):
    """The API refused: `status` and the error's `code`."""

    def __init__(self, status: int, body: Json) -> None:
        super().__init__(f"{status}: {body}")
        self.status = status
        self.code = body.get("error", {}).get("code")


class Callbackd:
    """`async with Callbackd(pbx_url, user, password, profiles) as daemon`. Profiles: name -> YAML content as a dict.

    It dies with this process.
    """

    def __init__(
        self, ari_url: str, user: str, password: str, profiles: Mapping[str, Json], settings: Json | None = None
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="callbackd-")
        self.folder = Path(self._folder.name)
        self.port = free_tcp_port()
        self.config = self.folder / "callbackd.yaml"
        self.log = self.folder / "log"
        self.process: asyncio.subprocess.Process | None = None
        self._session: aiohttp.ClientSession | None = None
        self._profiles = dict(profiles)
        self._settings: Json = {
            "ari": {"url": ari_url, "username": user, "password": password},
            "database": str(self.folder / "callbackd.sqlite3"),
            "profiles": "profiles",
            "limits": {"max_concurrent": 500, "dials_per_number": 100, "requests_per_number": 1000},
            "http": {"listen": f"127.0.0.1:{self.port}"},
            "log": {"level": "debug"},
            **(settings or {}),
        }
        self.write()

    def write(self, profiles: Mapping[str, Json] | None = None) -> None:
        """Write the configuration; with `profiles`, those instead of the present ones."""
        if profiles is not None:
            self._profiles = dict(profiles)
        self.config.write_text(yaml.safe_dump(self._settings))
        folder = self.folder / "profiles"
        folder.mkdir(exist_ok=True)
        for old in folder.glob("*.yaml"):
            old.unlink()
        for name, profile in self._profiles.items():
            (folder / f"{name}.yaml").write_text(yaml.safe_dump(profile))

    async def __aenter__(self) -> Callbackd:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def command(self) -> tuple[str, ...]:
        """What Python is told to run."""
        return ("-m", "callbackd", "--config", str(self.config), "run")

    async def start(self, *, wait: bool = True) -> None:
        """Start the process; `wait` until it is ready. Raises `AssertionError` with its log if it is not."""
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self.command(),
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                preexec_fn=ends_with_us(),
            )
        if self._session is None:
            self._session = aiohttp.ClientSession()
        if wait:
            await self.ready()

    async def ready(self, within: float = START_LIMIT) -> None:
        """Wait until `/readyz` says so."""
        until = time.monotonic() + within
        while True:
            try:
                if (await self.get_root("/readyz"))[0] == 200:
                    return
            except aiohttp.ClientError:
                pass
            process = self.process
            assert process is not None
            assert process.returncode is None, f"callbackd ended ({process.returncode}):\n{self.log.read_text()}"
            assert time.monotonic() < until, f"not ready within {within} s:\n{self.log.read_text()}"
            await asyncio.sleep(POLL)

    async def not_ready(self, part: str = "ari", within: float = START_LIMIT) -> str:
        """Wait until `/readyz` is a 503 for that part; what it says of it."""
        until = time.monotonic() + within
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                status, text = await self.get_root("/readyz")
                told = str(json.loads(text)["checks"][part])
                if status == 503 and told != "ok":
                    return told
            assert time.monotonic() < until, f"{part} is still ready after {within} s:\n{self.log.read_text()}"
            await asyncio.sleep(POLL)

    async def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    async def ended(self, within: float = 40.0) -> int:
        """Wait for the process to end; its exit code."""
        assert self.process is not None
        async with asyncio.timeout(within):
            return await self.process.wait()

    async def stop(self) -> int:
        """SIGTERM, and the exit code."""
        await self.signal(signal.SIGTERM)
        return await self.ended()

    async def kill(self) -> None:
        """SIGKILL."""
        await self.signal(signal.SIGKILL)
        await self.ended()

    async def close(self) -> None:
        """End it, whatever state it is in, and forget its folder."""
        if self.process is not None and self.process.returncode is None:
            self.process.kill()
            await self.process.wait()
        if self._session is not None:
            await self._session.close()
            self._session = None
        self._folder.cleanup()

    async def hang_up(self) -> None:
        """Close our connections to its API; the next call opens a new one."""
        assert self._session is not None
        await self._session.close()
        self._session = aiohttp.ClientSession()

    # The API.

    @property
    def token(self) -> str:
        """As the daemon made it, beside its database."""
        return Path(self._settings["database"]).with_name("api-token").read_text().strip()

    async def get_root(self, path: str) -> tuple[int, str]:
        """GET outside the API, without a token."""
        assert self._session is not None
        async with self._session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, await answer.text()

    async def call(self, method: str, path: str, body: Json | None = None, **headers: str) -> Json:
        """One call to `/api/v1`. Raises `RefusedError`."""
        assert self._session is not None
        async with self._session.request(
            method,
            f"http://127.0.0.1:{self.port}/api/v1{path}",
            json=body,
            headers={"Authorization": f"Bearer {self.token}", **headers},
        ) as answer:
            decoded: Json = json.loads(await answer.text())
            if answer.status >= 400:
                raise RefusedError(answer.status, decoded)
            return decoded

    async def request(self, profile: str, number: str, **more: Any) -> str:
        """Ask for a call-back; its id."""
        made = await self.call("POST", "/callbacks", {"profile": profile, "number": number, **more})
        return str(made["id"])

    async def show(self, callback_id: str) -> Json:
        """Everything about one call-back."""
        return await self.call("GET", f"/callbacks/{callback_id}")

    async def until(self, callback_id: str, holds: Callable[[Json], bool], within: float = 30.0) -> Json:
        """Wait until something holds of the call-back; what it then is."""
        until = time.monotonic() + within
        while True:
            shown = await self.show(callback_id)
            if holds(shown):
                return shown
            assert time.monotonic() < until, f"not within {within} s: {json.dumps(shown, indent=1)}"
            await asyncio.sleep(POLL)

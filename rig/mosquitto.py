"""A Mosquitto of the tests' own, its password and certificates, and Mosquitto's own clients."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import json
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rig.ports import free_tcp_port

PROGRAM = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
START_LIMIT = 15.0

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


def is_installed() -> bool:
    """Whether there is a Mosquitto, and its clients, to start."""
    return Path(PROGRAM).exists() and all(shutil.which(name) for name in ("mosquitto_sub", "mosquitto_pub", "openssl"))


class Mosquitto:
    """`async with Mosquitto(...) as broker`: on a free port of 127.0.0.1 that it keeps over `kill` and `start`.

    `users` (name -> password) lets nobody else in; `acl` is the text of its access list; `tls` gives it a certificate
    for ``localhost`` and 127.0.0.1, signed by the CA in `ca_file`; a `persistent` one writes every change to disk at
    once. It dies with this process.
    """

    def __init__(
        self,
        *,
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        tls: bool = False,
        persistent: bool = False,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mosquitto-")
        self.folder = Path(self._folder.name)
        self.port = free_tcp_port()
        self.tls = tls
        self.users = dict(users or {})
        self.log: list[str] = []
        self._acl = acl
        self._persistent = persistent
        self._process: asyncio.subprocess.Process | None = None
        self._reader: asyncio.Task[None] | None = None
        self._logged = asyncio.Condition()

    @property
    def url(self) -> str:
        """As callbackd is told it."""
        return f"mqtts://localhost:{self.port}" if self.tls else f"mqtt://127.0.0.1:{self.port}"

    @property
    def ca_file(self) -> Path:
        """The CA's certificate."""
        return self.folder / "ca.pem"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self._write)
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()
        self._folder.cleanup()

    async def start(self) -> None:
        """Returns when it takes connections."""
        parent = os.getpid()

        def die_with_parent() -> None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        self.log.clear()
        self._process = await asyncio.create_subprocess_exec(
            PROGRAM,
            "-c",
            str(self.folder / "mosquitto.conf"),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            preexec_fn=die_with_parent,
        )
        self._reader = asyncio.create_task(self._read_log(self._process))
        await self.logs("running")

    async def kill(self) -> None:
        """SIGKILL: a power cut."""
        await self._end(signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM: a service that is stopped."""
        await self._end(signal.SIGTERM)

    async def logs(self, text: str, times: int = 1, within: float = START_LIMIT) -> None:
        """Wait until its log has that many lines with `text` in them, since it was started last."""
        async with asyncio.timeout(within), self._logged:
            while sum(text in line for line in self.log) < times:
                assert self.running, "\n".join(["Mosquitto ended:", *self.log])
                await self._logged.wait()

    async def allow(self, acl: str) -> None:
        """Give it another access list."""
        (self.folder / "acl").write_text(acl)
        assert self._process is not None
        self._process.send_signal(signal.SIGHUP)

    async def _end(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)
        if self._process is not None and self._reader is not None:
            await self._process.wait()
            await self._reader

    async def _read_log(self, process: asyncio.subprocess.Process) -> None:
        assert process.stderr is not None
        async for line in process.stderr:
            async with self._logged:
                self.log.append(line.decode(errors="replace").rstrip())
                self._logged.notify_all()
        async with self._logged:
            self._logged.notify_all()

    # ---- configuration ------------------------------------------------------------------------------------------

    def _write(self) -> None:
        lines = [
            f"listener {self.port} 127.0.0.1",
            "user root",
            "log_dest stderr",
            "log_type all",
            "max_inflight_messages 0",
            "max_queued_messages 0",
            "set_tcp_nodelay true",
            f"allow_anonymous {'false' if self.users else 'true'}",
        ]
        if self._persistent:
            lines += ["persistence true", f"persistence_location {self.folder}/"]
            lines += ["autosave_on_changes true", "autosave_interval 1"]
        if self.users:
            passwords = self.folder / "passwords"
            passwords.write_text("".join(f"{name}:{password}\n" for name, password in self.users.items()))
            _run("mosquitto_passwd", "-U", str(passwords))
            lines.append(f"password_file {passwords}")
        if self._acl is not None:
            acl = self.folder / "acl"
            acl.write_text(self._acl)
            acl.chmod(0o600)
            lines.append(f"acl_file {acl}")
        if self.tls:
            certificate, key = make_certificates(self.folder)
            lines += [f"certfile {certificate}", f"keyfile {key}"]
        (self.folder / "mosquitto.conf").write_text("\n".join(lines) + "\n")

    # ---- its own clients ----------------------------------------------------------------------------------------

    def _client(self, program: str, user: str | None) -> list[str]:
        host = "localhost" if self.tls else "127.0.0.1"
        command = [program, "-h", host, "-p", str(self.port), "-V", "5"]
        if self.tls:
            command += ["--cafile", str(self.ca_file)]
        if self.users:
            name = user or next(iter(self.users))
            command += ["-u", name, "-P", self.users[name]]
        return command

    async def publish(self, topic: str, payload: str | bytes, *more: str, user: str | None = None) -> None:
        """``mosquitto_pub``, QoS 1; `more` are further options, such as ``-D publish response-topic x``."""
        process = await asyncio.create_subprocess_exec(
            *self._client("mosquitto_pub", user),
            "-q",
            "1",
            "-t",
            topic,
            "-s",
            *more,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate(payload.encode() if isinstance(payload, str) else payload)
        assert process.returncode == 0, output.decode(errors="replace")

    @contextlib.asynccontextmanager
    async def listening(self, topic: str, *, kept: bool = False, user: str | None = None) -> AsyncIterator[Listener]:
        """``mosquitto_sub``, subscribed when this returns; `kept`: the broker keeps its messages while it is away."""
        name = f"listener-{os.urandom(6).hex()}"
        command = [*self._client("mosquitto_sub", user), "-i", name, "-q", "1", "-t", topic, "-F", "%j"]
        if kept:
            command += ["-c", "-x", "3600"]
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, limit=2**22
        )
        listener = Listener(process)
        reader = asyncio.create_task(listener.read())
        try:
            await self.logs(f"Sending SUBACK to {name}")
            yield listener
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            await reader


class Listener:
    """What a ``mosquitto_sub`` heard: each message as a dict with `topic`, `payload`, `retain`, `properties`..."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._heard = asyncio.Condition()
        self.messages: list[dict[str, Any]] = []

    async def read(self) -> None:
        """Until it ends."""
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            if line.startswith(b"{"):
                async with self._heard:
                    self.messages.append(json.loads(line))
                    self._heard.notify_all()

    async def until(self, holds: Callable[[list[dict[str, Any]]], bool], within: float = 20.0) -> list[dict[str, Any]]:
        """Wait until something holds of all messages; they. Raises `AssertionError` with the last of them if not."""
        try:
            async with asyncio.timeout(within), self._heard:
                await self._heard.wait_for(lambda: holds(self.messages))
        except TimeoutError:
            raise AssertionError(f"not within {within} s; {len(self.messages)}: {self.messages[-5:]}") from None
        return self.messages

    async def payloads(self, count: int, within: float = 20.0) -> list[Any]:
        """Wait for `count` messages; the payloads of all, as JSON."""
        return [json.loads(message["payload"]) for message in await self.until(lambda all_: len(all_) >= count, within)]

    async def text(self, payload: str, within: float = 20.0) -> dict[str, Any]:
        """Wait for a message whose payload is that text; the last such message."""
        messages = await self.until(lambda all_: any(message["payload"] == payload for message in all_), within)
        return [message for message in messages if message["payload"] == payload][-1]


def make_certificates(folder: Path, name: str = "ca") -> tuple[Path, Path]:
    """A CA in ``NAME.pem``, and what it signed for this machine: certificate and key."""
    ca, ca_key = str(folder / f"{name}.pem"), str(folder / f"{name}.key")
    certificate, key, asked = (str(folder / f"{name}-host.{kind}") for kind in ("pem", "key", "csr"))
    names = folder / f"{name}-names"
    names.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    new_key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    authority = ["-addext", "keyUsage=critical,keyCertSign"]
    of_ca = ["-subj", f"/CN=Rig {name}", "-days", "2", "-keyout", ca_key, "-out", ca]
    _run("openssl", "req", "-x509", *new_key, *authority, *of_ca)
    _run("openssl", "req", *new_key, "-subj", "/CN=localhost", "-keyout", key, "-out", asked)
    signing = ["-CA", ca, "-CAkey", ca_key, "-CAcreateserial", "-days", "2", "-extfile", str(names)]
    _run("openssl", "x509", "-req", "-in", asked, *signing, "-out", certificate)
    return Path(certificate), Path(key)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)

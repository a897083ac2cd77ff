"""One running Asterisk: its own directories, ports and configuration inside the shared root."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

import aiohttp

from rig import slots
from rig.ari import Ari, AriError, Json, Listener
from rig.modules import modules_conf
from rig.processes import ends_with_us


class StartError(Exception):
    """An Asterisk did not come up; the message ends with its last log lines."""


class Asterisk:
    """A private Asterisk. Subclasses say what is in its configuration (`files`) and which modules it loads.

    It holds its ports from the first `start` until `stop`, over restarts and kills too. It dies with this process.
    """

    modules: tuple[str, ...] = ()
    start_limit = 30.0
    address = "127.0.0.1"
    """Where it listens for SIP. Its HTTP server is for this machine alone."""

    def __init__(self, root: Path, *, width: int = 1, verbose: bool = False) -> None:
        self.root = root
        self.ari_user = "callbackd"
        self.ari_password = "a secret of the rig"
        self._width = width
        self._verbose = verbose
        self._slot: slots.Slot | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._ari: Ari | None = None

    # ---- what it is -------------------------------------------------------------------------------------------

    @property
    def slot(self) -> slots.Slot:
        """Its ports."""
        if self._slot is None:
            raise StartError("this Asterisk has not been started")
        return self._slot

    @property
    def sip_port(self) -> int:
        """UDP on 127.0.0.1."""
        return self.slot.sip_port

    @property
    def ari_url(self) -> str:
        """Without a trailing slash."""
        return f"http://127.0.0.1:{self.slot.http_port}/ari"

    @property
    def home(self) -> Path:
        """Its directories, as seen from outside the root: etc, run, log, spool, db, data."""
        return self.root / "srv" / f"{self.slot.number:02d}"

    @property
    def inner_home(self) -> str:
        """The same, as Asterisk sees it."""
        return f"/srv/{self.slot.number:02d}"

    @property
    def sounds(self) -> Path:
        """Its own folder of English sounds; Asterisk's own are linked into it."""
        return self.home / "data/sounds/en"

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The number of its process."""
        if self._process is None:
            raise StartError("this Asterisk does not run")
        return self._process.pid

    @property
    def ari(self) -> Ari:
        """Its REST interface, for judging what it does."""
        if self._ari is None:
            self._ari = Ari(self.ari_url, self.ari_user, self.ari_password)
        return self._ari

    def files(self) -> dict[str, str]:
        """The configuration files of a subclass: name -> text. These override the common ones."""
        return {}

    # ---- life -------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Returns when ARI answers, everything is loaded and the SIP port is open."""
        if self.running:
            return
        if self._slot is None:
            self._slot = await asyncio.to_thread(slots.take, self._slots, self._width)
            shutil.rmtree(self.home, ignore_errors=True)  # left behind by a run that was killed
            self._make_home()
        self.write_configuration()
        self._process = await self._spawn()
        try:
            await self._wait_until_ready()
        except BaseException:
            await self.kill()
            raise

    async def stop(self) -> None:
        """Ends it and gives back its ports and directories."""
        await self._disconnect()
        await self._end(signal.SIGTERM)
        if self._slot is not None:
            shutil.rmtree(self.home, ignore_errors=True)
            self._slot.release()
            self._slot = None

    async def kill(self) -> None:
        """SIGKILL: what a power cut does. `start` brings it back on the same ports."""
        await self._disconnect()
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Kills it and starts it again, on the same ports."""
        await self.kill()
        await self.start()

    # ---- looking in -------------------------------------------------------------------------------------------

    async def cli(self, command: str) -> str:
        """What the console prints for `command`."""
        process = await asyncio.create_subprocess_exec(
            *self._command("-rx", command),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        return output.decode(errors="replace")

    async def channels(self) -> list[Json]:
        """Every channel, as ARI shows it."""
        answer: list[Json] = await self.ari.request("GET", "/channels")
        return answer

    async def bridges(self) -> list[Json]:
        """Every bridge that ARI made."""
        answer: list[Json] = await self.ari.request("GET", "/bridges")
        return answer

    async def events(self, app: str, handle: Callable[[Json], None]) -> Listener:
        """Listens as the application `app`; close the listener when done."""
        return await self.ari.listen(app, handle)

    async def hang_up_all(self, limit: float = 5.0) -> None:
        """Takes down every channel and every ARI bridge, and waits until they are gone."""
        until = time.monotonic() + limit
        while True:
            channels, bridges = await self.channels(), await self.bridges()
            if not channels and not bridges:
                return
            if time.monotonic() > until:
                names = [channel["name"] for channel in channels] + [bridge["id"] for bridge in bridges]
                raise TimeoutError(f"still there after {limit} s: {', '.join(names)}")
            for kind, things in (("channels", channels), ("bridges", bridges)):
                for thing in things:
                    with contextlib.suppress(AriError):
                        await self.ari.request("DELETE", f"/{kind}/{thing['id']}")
            await asyncio.sleep(0.02)

    def log(self) -> str:
        """Its log so far: errors, warnings and notices (with `verbose`, everything)."""
        path = self.home / "log/messages.log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def _slots(self) -> Path:
        """Where it is told who has which ports."""
        return self.root.with_name("slots") if self._chrooted else self.root / "srv/slots"

    @property
    def _chrooted(self) -> bool:
        """In a container the root is the root."""
        return self.root != Path("/")

    # ---- inside -----------------------------------------------------------------------------------------------

    def write_configuration(self) -> None:
        """Writes every configuration file anew. A running Asterisk reads them on ``module reload``."""
        etc = self.home / "etc"
        packaged = self.root / "etc/asterisk"
        for name in ("indications.conf", "musiconhold.conf", "amd.conf", "ccss.conf", "features.conf", "udptl.conf"):
            if (packaged / name).exists():
                shutil.copyfile(packaged / name, etc / name)
        for name, text in {**self._common_files(), **self.files()}.items():
            (etc / name).write_text(text)

    def _make_home(self) -> None:
        for name in ("etc", "run", "log", "spool/recording", "db/keys", "cache", "data"):
            (self.home / name).mkdir(parents=True)
        shared = self.root / "usr/share/asterisk"
        for entry in shared.iterdir():
            if entry.name != "sounds":
                (self.home / "data" / entry.name).symlink_to(f"/usr/share/asterisk/{entry.name}")
        self.sounds.mkdir(parents=True)
        spoken = os.readlink(self.root / "etc/alternatives/asterisk-prompt-en")
        for entry in (self.root / spoken.lstrip("/")).iterdir():
            (self.sounds / entry.name).symlink_to(f"{spoken}/{entry.name}")

    def _common_files(self) -> dict[str, str]:
        home = self.inner_home
        first, last = self.slot.rtp_ports
        modules = self._module_dir()
        levels = "error,warning,notice" + (",verbose(5),debug" if self._verbose else "")
        return {
            "asterisk.conf": (
                "[directories]\n"
                f"astetcdir => {home}/etc\nastrundir => {home}/run\nastlogdir => {home}/log\n"
                f"astspooldir => {home}/spool\nastdbdir => {home}/db\nastdatadir => {home}/data\n"
                f"astcachedir => {home}/cache\nastkeydir => {home}/db\nastvarlibdir => {home}/data\n"
                f"astagidir => {home}/data/agi-bin\nastsbindir => /usr/sbin\n"
                f"astmoddir => /{modules.relative_to(self.root)}\n"
                "[options]\nnofork = yes\nnocolor = yes\nhideconnect = yes\ndocumentation_language = en_US\n"
                f"verbose = {5 if self._verbose else 0}\nmaxfiles = 65536\n"
            ),
            "modules.conf": modules_conf(
                tuple(name for name in self.modules if (modules / f"{name}.so").exists())  # older suites have fewer
            ),
            "logger.conf": f"[general]\ndateformat = %F %T.%3q\n[logfiles]\nmessages.log => {levels}\n",
            "http.conf": (
                "[general]\nenabled = yes\nbindaddr = 127.0.0.1\n"
                f"bindport = {self.slot.http_port}\nsessionlimit = 1000\n"
            ),
            "ari.conf": (
                "[general]\nenabled = yes\n"
                f"[{self.ari_user}]\ntype = user\nread_only = no\npassword = {self.ari_password}\n"
            ),
            "rtp.conf": f"[general]\nrtpstart = {first}\nrtpend = {last}\nstrictrtp = no\nicesupport = no\n",
            "cdr.conf": "[general]\nenable = no\n",
            "cel.conf": "[general]\nenable = no\n",
            "manager.conf": "[general]\nenabled = no\n",
            "websocket_client.conf": "",
            "stasis.conf": "",
            "sorcery.conf": "",
            "pjproject.conf": "",
            "acl.conf": "",
            "codecs.conf": "",
            "extensions.conf": "",
        }

    def _module_dir(self) -> Path:
        nested = next(self.root.glob("usr/lib/*/asterisk/modules"), None)
        return nested or self.root / "usr/lib/asterisk/modules"

    def _command(self, *arguments: str) -> list[str]:
        return [
            *(("chroot", str(self.root)) if self._chrooted else ()),
            "/usr/sbin/asterisk",
            "-C",
            f"{self.inner_home}/etc/asterisk.conf",
            *arguments,
        ]

    async def _spawn(self) -> asyncio.subprocess.Process:
        with (self.home / "log/console.log").open("ab") as console:
            return await asyncio.create_subprocess_exec(
                *self._command("-f"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=console,
                stderr=console,
                preexec_fn=ends_with_us(),
                start_new_session=True,
                env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/root", "TZ": "UTC"},
            )

    async def _wait_until_ready(self) -> None:
        until = time.monotonic() + self.start_limit
        booted = False
        while time.monotonic() < until:
            if not self.running:
                raise StartError(f"Asterisk ended while starting\n{self._last_words()}")
            with contextlib.suppress(OSError, TimeoutError, AriError, aiohttp.ClientError):
                if not booted:
                    await self.ari.request("GET", "/asterisk/ping")
                    await self.cli("core waitfullybooted")
                    booted = True
                if self._sip_is_open():
                    return
            await asyncio.sleep(0.02)
        raise StartError(f"Asterisk was not ready after {self.start_limit} s\n{self._last_words()}")

    def _sip_is_open(self) -> bool:
        address = socket.inet_aton(self.address)[::-1].hex().upper()
        return f"{address}:{self.sip_port:04X} " in Path("/proc/net/udp").read_text()

    def _last_words(self) -> str:
        console = self.home / "log/console.log"
        text = self.log() + (console.read_text(errors="replace") if console.exists() else "")
        return "\n".join(text.splitlines()[-20:])

    async def _disconnect(self) -> None:
        if self._ari is not None:
            await self._ari.close()
            self._ari = None

    async def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            await asyncio.wait_for(process.wait(), 5)
        except TimeoutError:
            process.kill()
            await process.wait()

"""What the service manager is told, by a real datagram socket; and the unit that asks to be told."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from callbackd import process
from callbackd.notify import LINK_PATIENCE, ServiceManager, Standing, attend
from callbackd.share import UNIT
from rig.ports import free_tcp_port
from tests.cli.shell import settings_folder

PATIENCE = 20.0


class Manager:
    """A service manager: whatever it was told, line by line."""

    def __init__(self, address: str) -> None:
        self.address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(f"\0{address[1:]}" if address.startswith("@") else address)
        self.told: list[str] = []

    def close(self) -> None:
        self._socket.close()

    def look(self) -> list[str]:
        """Everything that has come so far."""
        self._socket.setblocking(False)
        while True:
            try:
                self.told += self._socket.recv(65536).decode().split("\n")
            except BlockingIOError:
                return self.told

    def wait(self, form: str, after: int = 0, within: float = PATIENCE) -> int:
        """The place after the first line of that form, from `after` on."""
        until = time.monotonic() + within
        while True:
            for number, line in enumerate(self.told[after:], start=after):
                if re.fullmatch(form, line):
                    return number + 1
            self._socket.settimeout(max(0.001, until - time.monotonic()))
            try:
                self.told += self._socket.recv(65536).decode().split("\n")
            except TimeoutError:
                pytest.fail(f"not told within {within} s: {form}; told: {self.told}")


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manager]:
    listening = Manager(str(tmp_path / "notify") if request.param == "path" else f"@callbackd-test-{uuid4().hex}")
    yield listening
    listening.close()


def test_what_is_said(manager: Manager) -> None:
    ours = ServiceManager(manager.address)
    ours.reloading()
    ours.reloaded("too early")
    assert manager.look() == [], "nothing before it is ready"
    ours.ready("linked")
    assert manager.look() == ["READY=1", "STATUS=linked"]
    ours.reloading()
    ours.reloaded("two\nlines\x1b")
    assert manager.look()[2] == "RELOADING=1"
    assert re.fullmatch(r"MONOTONIC_USEC=[0-9]+", manager.told[3])
    assert manager.told[4:] == ["READY=1", "STATUS=two lines "]
    ours.stopping(timedelta(seconds=90), "bye")
    ours.alive()
    assert manager.look()[6:] == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=90000000", "STATUS=bye", "WATCHDOG=1"]


@pytest.mark.parametrize("address", [None, "", "nonsense", "vsock:2:1234", "/nowhere/to/be/found", "@nobody-is-here"])
def test_nobody_to_tell_is_no_trouble(address: str | None) -> None:
    ours = ServiceManager(address)
    ours.ready("x")
    ours.alive()


@pytest.mark.parametrize(
    ("variables", "watchdog"),
    [
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": str(os.getpid())}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_the_environment_is_read_and_not_handed_on(variables: dict[str, str], watchdog: float | None) -> None:
    environment = {"NOTIFY_SOCKET": "/run/x", "PATH": "/bin", **variables}
    ours = ServiceManager.from_environment(environment)
    assert (ours.listens, ours.watchdog) == (True, watchdog)
    assert environment == {"PATH": "/bin"}


# ---- when it is ready, and when it hangs ----------------------------------------------------------------------------

WELL = Standing(listening=True, proven=True, silent_for=0.0, status="linked")


class Attended:
    """`attend` at work, while a test changes how things stand."""

    def __init__(
        self, manager: Manager, how: Standing, *, watchdog: float | None = None, patience: float = 30.0
    ) -> None:
        self.how = how
        ours = ServiceManager(manager.address, watchdog)
        self._task = asyncio.create_task(attend(ours, lambda: self.how, link_patience=patience, silence=45.0))

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


async def test_ready_once_the_doors_listen_and_the_link_is_proven(manager: Manager) -> None:
    attended = Attended(manager, replace(WELL, listening=False, status="starts"))
    await asyncio.to_thread(manager.wait, "STATUS=starts")
    attended.how = replace(WELL, proven=False, status="no link")
    after = await asyncio.to_thread(manager.wait, "STATUS=no link")
    assert "READY=1" not in manager.look()
    attended.how = WELL
    await asyncio.to_thread(manager.wait, "READY=1", after)
    await attended.close()
    assert manager.look().count("READY=1") == 1


async def test_a_pbx_that_is_down_keeps_nobody_from_being_ready_for_ever(manager: Manager) -> None:
    attended = Attended(manager, replace(WELL, proven=False, status="no link"), patience=0.3)
    await asyncio.to_thread(manager.wait, "READY=1")
    await attended.close()
    assert manager.look()[-2:] == ["READY=1", "STATUS=no link"]


async def test_doors_that_do_not_listen_are_not_ready_however_long(manager: Manager) -> None:
    attended = Attended(manager, replace(WELL, listening=False), watchdog=0.4, patience=0.0)
    after = 0
    for _ in range(3):
        after = await asyncio.to_thread(manager.wait, "WATCHDOG=1", after)
    await attended.close()
    assert "READY=1" not in manager.look()


async def test_a_link_being_mended_is_alive_and_one_that_hangs_is_not(manager: Manager) -> None:
    attended = Attended(manager, replace(WELL, proven=False, silent_for=25.0), watchdog=0.4, patience=0.0)
    after = await asyncio.to_thread(manager.wait, "WATCHDOG=1")
    await asyncio.to_thread(manager.wait, "WATCHDOG=1", after)
    attended.how = replace(WELL, silent_for=46.0, status="hangs")
    after = await asyncio.to_thread(manager.wait, "STATUS=hangs")
    attended.how = replace(attended.how, status="hangs still")
    after = await asyncio.to_thread(manager.wait, "STATUS=hangs still", after)
    assert "WATCHDOG=1" not in manager.look()[after:]
    attended.how = WELL
    await asyncio.to_thread(manager.wait, "WATCHDOG=1", after)
    await attended.close()


# ---- the process ----------------------------------------------------------------------------------------------------


def test_a_daemon_tells_its_whole_life(tmp_path: Path) -> None:
    """Without an Asterisk: ready after the stated while, alive all the time, reloads by SIGHUP, stops."""
    settings_folder(tmp_path, free_tcp_port())
    manager = Manager(str(tmp_path / "notify"))
    environment = {**os.environ, "NOTIFY_SOCKET": manager.address, "WATCHDOG_USEC": "2000000"}
    environment.pop("WATCHDOG_PID", None)
    words = [sys.executable, "-m", "callbackd", "--config", str(tmp_path / "callbackd.yaml"), "run"]
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen(words, env=environment, stderr=log)
    try:
        manager.wait("STATUS=no link to Asterisk .*requests are kept", within=PATIENCE)
        ready = manager.wait("READY=1", within=LINK_PATIENCE + PATIENCE)
        assert manager.told[:ready].count("WATCHDOG=1") >= 3, "a PBX that is down is no hang"
        process.send_signal(signal.SIGHUP)
        after = manager.wait("RELOADING=1", ready)
        after = manager.wait("READY=1", after)
        manager.wait("STATUS=.*; reloaded", after)
        (tmp_path / "profiles/support.yaml").write_text("lable: x\n")
        process.send_signal(signal.SIGHUP)
        after = manager.wait("RELOADING=1", after)
        after = manager.wait("READY=1", after)
        manager.wait("STATUS=.*; not reloaded, [0-9]+ errors.*", after)
        process.send_signal(signal.SIGTERM)
        after = manager.wait("STOPPING=1", after)
        manager.wait(r"EXTEND_TIMEOUT_USEC=60000000", after)
        assert process.wait(PATIENCE) == 0
        assert "Traceback" not in (tmp_path / "log").read_text()
    finally:
        process.kill()
        process.wait()
        manager.close()


# ---- the unit -------------------------------------------------------------------------------------------------------


def settings_of_the_unit() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, value in re.findall(r"^([A-Za-z]+)=(.*)$", UNIT.read_text(), re.MULTILINE):
        found.setdefault(name, []).append(value)
    return found


def test_the_unit_promises_what_the_daemon_does() -> None:
    unit = settings_of_the_unit()
    assert unit["Type"] == ["notify"]
    assert unit["ExecReload"] == ['/bin/sh -c "kill -HUP ${MAINPID}"']
    assert unit["Restart"] == ["on-failure"]
    assert unit["StartLimitIntervalSec"] == ["0"], "it is never given up"
    assert unit["RestartPreventExitStatus"] == [str(process.EXIT_REPLACED)]
    assert unit["StateDirectory"] == ["callbackd"]
    (watchdog,) = unit["WatchdogSec"]
    assert float(watchdog.removesuffix("s")) > 4 * 5, "four times in a period it says so, by a loop that may be busy"


SYSTEMD_ANALYZE = shutil.which("systemd-analyze")
EXPOSURE_LIMIT = 2.0


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed")
def test_the_unit_is_hardened(capsys: pytest.CaptureFixture[str]) -> None:
    assert SYSTEMD_ANALYZE is not None
    words = [SYSTEMD_ANALYZE, "security", "--offline=yes", "--no-pager", str(UNIT)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    score = re.search(r"Overall exposure level for callbackd.service: ([0-9.]+)", done.stdout)
    assert score is not None, done.stdout + done.stderr
    with capsys.disabled():
        sys.stdout.write(f"\n{score[0]}\n")
    assert float(score[1]) <= EXPOSURE_LIMIT


@pytest.mark.skipif(SYSTEMD_ANALYZE is None, reason="systemd-analyze is not installed")
def test_the_unit_has_no_mistake(tmp_path: Path) -> None:
    """Beside the program, which is not in its place here, and its manual."""
    assert SYSTEMD_ANALYZE is not None
    unit = tmp_path / "callbackd.service"
    text = UNIT.read_text().replace("/usr/local/bin/callbackd ", f"{sys.executable} ")
    unit.write_text(re.sub(r"^Documentation=.*\n", "", text, flags=re.MULTILINE))
    done = subprocess.run([SYSTEMD_ANALYZE, "verify", str(unit)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")

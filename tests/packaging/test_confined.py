"""The unit lets callbackd do its work: under its system-call filter it serves, backs up, reloads and stops."""

from __future__ import annotations

import asyncio
import ctypes.util
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from callbackd.share import UNIT
from rig.daemon import Callbackd
from rig.ports import free_tcp_port
from tests.packaging.confine import allowed

CONFINE = Path(__file__).with_name("confine.py")
PATIENCE = 30.0

pytestmark = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None or ctypes.util.find_library("seccomp") is None,
    reason="systemd-analyze or libseccomp is not installed",
)

PROFILE = {"target": {"endpoint": "PJSIP/1001"}, "client": {"endpoint": "PJSIP/{number}@trunk", "allow": ["+1"]}}


class Confined(Callbackd):
    """A daemon that is started as the unit would."""

    def command(self) -> tuple[str, ...]:
        return (str(CONFINE), str(UNIT), sys.executable, *super().command())


def test_the_filter_is_one() -> None:
    calls = allowed(UNIT)
    assert {"read", "sendto", "clone"} <= calls
    assert not {"ptrace", "mount", "reboot", "setuid", "init_module", "bpf", "setpriority"} & calls


def test_what_is_not_allowed_fails() -> None:
    words = [sys.executable, str(CONFINE), str(UNIT), sys.executable, "-c", "import os; os.setpriority(0, 0, 5)"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert "PermissionError" in done.stderr


async def test_a_confined_daemon_works() -> None:
    agi = {"agi": {"listen": f"127.0.0.1:{free_tcp_port()}"}}
    daemon = Confined(f"http://127.0.0.1:{free_tcp_port()}/ari", "callbackd", "x", {"support": PROFILE}, agi)
    try:
        await daemon.start(wait=False)
        await _says(daemon, "HTTP API listens")
        asked = await daemon.request("support", "+14165550123")
        assert (await daemon.show(asked))["state"] == "queued"
        assert "process_resident_memory_bytes" in (await daemon.get_root("/metrics"))[1]
        await daemon.signal(signal.SIGHUP)
        await _says(daemon, " reloaded ")
        assert await daemon.stop() == 0
        said = daemon.log.read_text()
        assert "Traceback" not in said
        assert "not permitted" not in said
    finally:
        await daemon.close()


async def _says(daemon: Callbackd, wanted: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while wanted not in daemon.log.read_text():
            assert daemon.process is not None
            assert daemon.process.returncode is None, daemon.log.read_text()
            await asyncio.sleep(0.02)

"""callbackd on a clean machine: the wheel and its installation, the ports, whether it is ready."""

from __future__ import annotations

import asyncio
import http.client
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from rig.bare import BareRoot
from rig.ports import free_tcp_port

PROJECT = Path(__file__).resolve().parents[2]
SOURCES = ("callbackd", "config", "dialplan", "packaging", "setup.cfg", "pyproject.toml", "README.md", "LICENSE")


def install(debian: BareRoot, folder: Path, *packages: str) -> None:
    """A wheel, built in `folder`, as the README has it; and what else of Debian the walk needs."""
    wheel = _wheel(folder)
    debian.run("apt-get", "update", "-q")
    debian.run("apt-get", "install", "-y", "-q", "--no-install-recommends", "python3-venv", *packages)
    debian.run("python3", "-m", "venv", "/opt/callbackd")
    shutil.copy(wheel, debian.path / "tmp")
    debian.run("/opt/callbackd/bin/pip", "install", "-q", "--disable-pip-version-check", f"/tmp/{wheel.name}")
    debian.run("ln", "-s", "/opt/callbackd/bin/callbackd", "/usr/local/bin/callbackd")


def _wheel(folder: Path) -> Path:
    """Built from a copy: a build writes into its sources."""
    copy = folder / "sources"
    copy.mkdir()
    for name in SOURCES:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, copy / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / name)
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", folder, copy], check=True, capture_output=True
    )
    [wheel] = folder.glob("callbackd-*.whl")
    return wheel


def take_free_ports(debian: BareRoot) -> None:
    """Two ports that others on this machine may have: the one thing that a sysadmin would not have to change."""
    file = debian.path / "etc/callbackd/callbackd.yaml"
    settings = file.read_text()
    for port in (":4573", ":8780"):
        assert port in settings
        settings = settings.replace(port, f":{free_tcp_port()}")
    file.write_text(settings)


def readiness(debian: BareRoot) -> int | None:
    """What `/readyz` answers; None: nobody does."""
    try:
        return ask(debian, "/readyz")[0]
    except (http.client.HTTPException, OSError):
        return None


def ask(debian: BareRoot, path: str) -> tuple[int, bytes]:
    """What the daemon answers to a GET, with its token if it has one yet."""
    settings = yaml.safe_load((debian.path / "etc/callbackd/callbackd.yaml").read_text())
    host, _, port = settings["http"]["listen"].rpartition(":")
    token = debian.path / "var/lib/callbackd/api-token"
    headers = {"Authorization": f"Bearer {token.read_text().strip()}"} if token.exists() else {}
    connection = http.client.HTTPConnection(host, int(port), timeout=2)
    try:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


async def until(holds: Callable[[], bool], within: float, explain: Callable[[], str]) -> None:
    """Ask until it holds. `explain`: what is said if it did not within so many seconds."""
    end = time.monotonic() + within
    while not await asyncio.to_thread(holds):
        assert time.monotonic() < end, f"not within {within} s\n{await asyncio.to_thread(explain)}"
        await asyncio.sleep(0.2)

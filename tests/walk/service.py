"""callbackd as a unit of a machine that has booted: asked and told as a sysadmin would, by systemctl and journalctl."""

from __future__ import annotations

import asyncio
import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rig.booted import BootedRoot
from tests.walk.installed import ask, until

Json = Any

PATIENCE = 60.0
_ASKED = ("ActiveState", "SubState", "MainPID", "NRestarts", "Result", "ExecMainStatus", "StatusText")


@dataclass(frozen=True)
class Shown:
    """What `systemctl show` tells at one instant."""

    active: str
    sub: str
    main_pid: int
    restarts: int
    result: str
    status: int
    """Of the last process that ended."""
    text: str
    """What callbackd says of itself."""


class Service:
    """The unit callbackd on `machine`."""

    def __init__(self, machine: BootedRoot) -> None:
        self.machine = machine

    def shell(self, line: str) -> str:
        """A line as it is typed, as root; what it prints. Raises `rig.bare.FailedError`."""
        return self.machine.run("bash", "-e", "-o", "pipefail", "-c", line)

    async def typed(self, line: str) -> str:
        """The same for one that takes its time: phones go on meanwhile."""
        return await asyncio.to_thread(self.shell, line)

    def state(self) -> str:
        """What `systemctl is-active` says, whatever its exit code."""
        words = self.machine.entering("root", "systemctl", "is-active", "callbackd")
        return subprocess.run(words, capture_output=True, text=True, timeout=PATIENCE, check=False).stdout.strip()

    def show(self) -> Shown:
        """How the unit stands."""
        told = self.machine.run("systemctl", "show", "callbackd", "--property", ",".join(_ASKED))
        values = dict(line.split("=", 1) for line in told.splitlines())
        return Shown(
            active=values["ActiveState"],
            sub=values["SubState"],
            main_pid=int(values["MainPID"]),
            restarts=int(values["NRestarts"]),
            result=values["Result"],
            status=int(values["ExecMainStatus"]),
            text=values["StatusText"],
        )

    async def until(self, holds: Callable[[Shown], bool]) -> Shown:
        """Waits until something holds of the unit; how it then stands."""
        last: list[Shown] = []

        def asked() -> bool:
            last[:] = [self.show()]
            return holds(last[0])

        await until(asked, PATIENCE, lambda: f"{last}\n{self.journal()}")
        return last[0]

    def callback(self, callback: str) -> Json:
        """What the daemon tells of that call-back."""
        status, told = ask(self.machine, f"/api/v1/callbacks/{callback}")
        assert status == 200, told
        return json.loads(told)

    async def completed(self, callback: str) -> None:
        """Waits until that call-back is."""
        await until(lambda: self.callback(callback)["state"] == "completed", PATIENCE, self.journal)

    def journal(self) -> str:
        """All of its log."""
        return self.machine.run("journalctl", "-u", "callbackd", "--no-pager")

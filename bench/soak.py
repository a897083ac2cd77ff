"""Constant mixed load on a real Asterisk, and whether anything is left of it: memory, channels, tasks, open files.

Five kinds of call-back by turns (the client busy; answered; not answering; answered, and the agent presses 9; busy, and
then called with an offer), and people at the API beside them who look, ask twice, ask wrongly, and follow the events.

The load stands still twice: after a while, when everything that is made once has been made, and at the end. What is
there when nobody is on the phone is compared: nothing may have grown, and memory by no more than `memory_margin`.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import aiohttp

from bench.ground import Report, profile
from rig.daemon import Callbackd, RefusedError
from rig.processes import open_files, resident_mb
from rig.rig import Rig

ALLOCATOR_MB = 6.0
"""Python's allocator takes and gives back memory in arenas of 1 MB, the C library's has a heap for each of the five
threads that use it: a MB for each."""

CACHES_MB = 20.0
"""The page caches of SQLite's four connections, as callbackd sets them; they fill as the database grows, to no more."""
CONNECTIONS = 4

QUIET_LIMIT = 40.0
"""Seconds until nobody is on the phone, and the connections that were kept for the next call have been given up."""

KINDS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "busy": ("70001", "1999", {}),
    "answered": ("70001", "1998", {}),
    "silent": ("70001", "1997", {}),
    "nine": ("90001", "1998", {}),
    "offered": ("70001", "1996", {"rescheduling": {"auto": "off", "agent": "off", "client": "on"}}),
}
"""What happens -> the agents' extension, how the clients' numbers begin at the trunk, and changes of the profile."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is there while nobody is on the phone."""

    tasks: int
    kept: int
    files: int
    memory_mb: float
    database_mb: float
    channels: int
    bridges: int
    pbx_files: int
    pbx_memory_mb: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """`grown` names what grew; empty if nothing did."""

    before: Standing
    first: Standing
    last: Standing
    calls: int
    attempts: int
    grown: Sequence[str]

    def told(self) -> dict[str, dict[str, float]]:
        """For a table."""
        return {
            "before the load": asdict(self.before),
            "after the first part": asdict(self.first),
            "at the end": asdict(self.last),
            "between the two": {"call-backs asked for": self.calls, "attempts that ended": self.attempts},
        }


class Soak:
    """`async with Soak(rig) as soak`, then `run`."""

    def __init__(self, rig: Rig) -> None:
        pbx = rig.pbx
        settings = {"log": {"level": "info"}, "limits": {"max_concurrent": 60}}
        profiles = {name: _profile(*kind) for name, kind in KINDS.items()}
        self._rig = rig
        self._daemon = Callbackd(pbx.ari_url, pbx.ari_user, pbx.ari_password, profiles, settings)
        self._asked = itertools.count()
        self._ids: list[str] = []

    async def __aenter__(self) -> Soak:
        await self._daemon.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._daemon.close()

    async def run(self, first: float, then: float, rate: float, report: Report) -> Verdict:
        """`rate` call-backs a second, for `first` seconds and then for `then`. Raises `AssertionError` if it never
        gets quiet, or if the daemon's log tells of a fault."""
        before = await self._quiet(None)
        await self._load(first, rate, "at first", report)
        started = await self._quiet(before)
        calls, ended = len(self._ids), await self._attempts()
        await self._load(then, rate, "then", report)
        last = await self._quiet(started)
        log = self._daemon.log.read_text(errors="replace")
        assert "Traceback" not in log, log[-6000:]
        return Verdict(
            before, started, last, len(self._ids) - calls, await self._attempts() - ended, _grown(started, last)
        )

    # The load.

    async def _load(self, seconds: float, rate: float, when: str, report: Report) -> None:
        until = time.monotonic() + seconds
        async with asyncio.TaskGroup() as group:
            others = [group.create_task(self._follow()), group.create_task(self._look())]
            for beat in itertools.count(1):
                if beat % max(1, round(5 * rate)) == 1:
                    report(f"{when}: {max(0.0, until - time.monotonic()):.0f} s of load to go, {len(self._ids)} asked")
                if time.monotonic() >= until:
                    break
                group.create_task(self._ask())
                await asyncio.sleep(1 / rate)
            for other in others:
                other.cancel()

    async def _ask(self) -> None:
        index = next(self._asked)
        kind = list(KINDS)[index % len(KINDS)]
        number = f"+1{416 + index // 2_000_000}{556 + index // 10_000 % 200}{index % 10_000:04d}"
        self._ids.append(await self._daemon.request(kind, number))
        if index % 7 == 0:
            await self._daemon.request(kind, number)
        if index % 11 == 0:
            with contextlib.suppress(RefusedError):
                await self._daemon.request(kind, "12")

    async def _look(self) -> None:
        """Somebody who looks at everything."""
        while True:
            await self._daemon.call("GET", "/callbacks?limit=20")
            if self._ids:
                await self._daemon.show(self._ids[-1])
            await self._daemon.get_root("/readyz")
            await asyncio.sleep(1.0)

    async def _follow(self) -> None:
        """Somebody who follows the events, hangs up and comes back."""
        url = f"http://127.0.0.1:{self._daemon.port}/api/v1/events"
        headers = {"Authorization": f"Bearer {self._daemon.token}"}
        while True:
            async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(2.0):
                        async for _ in answer.content:
                            pass

    # Looking.

    async def _attempts(self) -> int:
        return int(_sums(await self._metrics())["callbackd_attempts_total"])

    def _database_bytes(self) -> int:
        return sum(path.stat().st_size for path in self._daemon.folder.glob("callbackd.sqlite3*"))

    async def _metrics(self) -> str:
        status, text = await self._daemon.get_root("/metrics")
        assert status == 200, text
        return text

    async def _quiet(self, before: Standing | None) -> Standing:
        """Waits until nobody is on the phone, and (if told) until no more files and tasks are there than before."""
        until = time.monotonic() + QUIET_LIMIT
        await self._daemon.hang_up()
        while True:
            now = await self._standing()
            silent = not (now.kept or now.channels or now.bridges)
            settled = before is None or (
                now.files <= before.files and now.tasks <= before.tasks and now.pbx_files <= before.pbx_files
            )
            if silent and settled:
                return now
            if time.monotonic() > until:
                assert silent, f"somebody is still on the phone: {now}"
                return now
            await asyncio.sleep(0.5)

    async def _standing(self) -> Standing:
        assert self._daemon.process is not None
        pbx, pid = self._rig.pbx, self._daemon.process.pid
        files = open_files(pid)  # before a connection of ours is one of them
        sums = _sums(await self._metrics())
        await self._daemon.hang_up()
        return Standing(
            tasks=int(sums["callbackd_tasks"]),
            kept=int(sums["callbackd_kept"]),
            files=files,
            memory_mb=round(resident_mb(pid), 1),
            database_mb=round(self._database_bytes() / 2**20, 1),
            channels=len(await pbx.channels()),
            bridges=len(await pbx.bridges()),
            pbx_files=open_files(pbx.pid),
            pbx_memory_mb=round(resident_mb(pbx.pid), 1),
        )


def _grown(first: Standing, last: Standing) -> list[str]:
    counted = ("tasks", "kept", "files", "channels", "bridges", "pbx_files")
    grown = [
        f"{name}: {getattr(first, name)} -> {getattr(last, name)}"
        for name in counted
        if getattr(last, name) > getattr(first, name)
    ]
    margin = memory_margin(first, last)
    if last.memory_mb > first.memory_mb + margin:
        grown.append(f"memory: {first.memory_mb} MB -> {last.memory_mb} MB, more than {margin:.1f} MB")
    return grown


def memory_margin(first: Standing, last: Standing) -> float:
    """MB by which the daemon's memory may have grown: the page caches with the database, and the allocators' slack."""
    return ALLOCATOR_MB + min(CACHES_MB, CONNECTIONS * max(0.0, last.database_mb - first.database_mb))


def _profile(agent: str, clients: str, changes: dict[str, Any]) -> dict[str, Any]:
    made = profile(agent, 20)
    made["client"] |= {"endpoint": f"PJSIP/+{clients}{{national}}@trunk", "ring": "2s"}
    made["offer"] = {"delay": "1s"}
    made["rescheduling"] |= changes.get("rescheduling", {})
    return made


def _sums(text: str) -> Counter[str]:
    """Every metric's values, added up over its labels."""
    sums: Counter[str] = Counter()
    for name, value in re.findall(r"(?m)^([a-z_]+)(?:\{[^}]*\})? (\S+)$", text):
        sums[name] += float(value)  # type: ignore[assignment]
    return sums

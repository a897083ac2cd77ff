"""What must not grow with the number of call-backs that wait: a database is filled with very many, and then measured,
each in a fresh process:

- store: opening it, the memory that takes, and finding the next call-back to start and claiming it;
- writers: how many writes a second many tasks get through, sharing transactions and each with its own;
- daemon: callbackd itself on that database and a private Asterisk: the time from its start until it is ready and until
  the first agent's phone rings, and its memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from bench.figures import Measures, spread
from bench.ground import Report
from callbackd.domain.callback import Attempt, CallBack, EventType, Kind, State, Step, TimelineEvent
from callbackd.store.interface import Change
from callbackd.store.sqlite import SqliteStore
from rig.behaviours import rings_for_ever
from rig.daemon import Callbackd
from rig.processes import peak_memory_mb
from rig.rig import Rig
from rig.root import silent
from tests.store.fill import NOW, fill

PARTS = ("store", "daemon", "writers")


def measure(callbacks: int, starts: int, writers: int, database: Path | None, report: Report) -> dict[str, Measures]:
    """All three. `database`: keep the filled one there, or use the one that is there."""
    with tempfile.TemporaryDirectory(prefix="callbackd-bench-") as folder:
        path = database or Path(folder) / "callbackd.sqlite3"
        measured: dict[str, Measures] = {}
        if not path.exists():
            began = time.perf_counter()
            _fill(path, callbacks, report)
            measured["fill"] = {"call-backs": callbacks, "s": time.perf_counter() - began}
            measured["fill"]["file MB"] = path.stat().st_size / 2**20
        for part in PARTS:
            report(f"waiting: {part}")
            name = Path(folder) / "writers" if part == "writers" else path
            measured[part] = _in_a_fresh_process(part, str(name), str(starts), str(writers))
    return measured


def _fill(path: Path, callbacks: int, report: Report) -> None:
    added = 0

    def progress(more: int) -> None:
        nonlocal added
        added += more
        report(f"waiting: filled with {added:,} of {callbacks:,} call-backs")

    fill(path, callbacks, now=datetime.now(UTC), progress=progress)


async def measure_store(path: Path, starts: int, now: datetime) -> Measures:
    """Open the database, then claim the next call-back to start `starts` times."""
    before = peak_memory_mb()
    began = time.perf_counter()
    store = await SqliteStore.open(path)
    opened = time.perf_counter()
    found: list[float] = []
    claimed: list[float] = []
    for _ in range(starts):
        asked = time.perf_counter()
        callback = await store.next_startable("support", Step.ATTEMPT, now)
        answered = time.perf_counter()
        if callback is None:
            raise SystemExit("bench: nothing is startable: fill with more call-backs than are claimed")
        await store.commit(
            Change(
                replace(callback, state=State.AGENT, attempts_made=1),
                [TimelineEvent(EventType.ATTEMPT_STARTED, now)],
                attempt=Attempt(callback.id, 1, Kind.REQUEST, now),
                dialled=now,
            )
        )
        found.append(answered - asked)
        claimed.append(time.perf_counter() - answered)
    counted = time.perf_counter()
    await store.counts(now)
    counting = time.perf_counter() - counted
    await store.close()
    return {
        "open ms": 1000 * (opened - began),
        "peak memory MB": peak_memory_mb(),
        "of that before opening MB": before,
        **spread("next_startable", found),
        **spread("claim", claimed),
        "counts ms": 1000 * counting,
    }


async def measure_writers(path: Path, writers: int, each: int) -> Measures:
    """Let `writers` tasks at once add and claim `each` call-backs: sharing transactions, then one write in each."""
    measures: Measures = {}
    for together, name in ((256, "shared"), (1, "one each")):
        store = await SqliteStore.open(path.with_name(f"{path.name}-{together}"), together=together)
        waits: list[float] = []

        async def write(writer: int, store: SqliteStore = store, waits: list[float] = waits) -> None:
            for i in range(each):
                callback = CallBack(
                    id=f"{writer:06}-{i:06}",
                    profile="support",
                    number=f"+1{writer:05}{i:05}",
                    requested_at=NOW,
                    due_at=NOW,
                    asked_at=NOW,
                    expires_at=NOW,
                )
                began = time.perf_counter()
                callback = await store.add(callback, TimelineEvent(EventType.REQUESTED, NOW))
                between = time.perf_counter()
                await store.commit(
                    Change(
                        replace(callback, state=State.AGENT),
                        [TimelineEvent(EventType.ATTEMPT_STARTED, NOW)],
                        attempt=Attempt(callback.id, 1, Kind.REQUEST, NOW),
                    )
                )
                waits.extend((between - began, time.perf_counter() - between))

        began = time.perf_counter()
        await asyncio.gather(*(write(writer) for writer in range(writers)))
        taken = time.perf_counter() - began
        await store.close()
        measures[f"writes/s, {name}"] = len(waits) / taken
        measures |= spread(f"write, {name}", waits)
    return measures


async def measure_daemon(path: Path) -> Measures:
    """Start callbackd on the database until it is ready and an agent's phone rings."""
    profile = {
        "target": {"endpoint": "PJSIP/1001"},
        "client": {"endpoint": "PJSIP/{number}@trunk", "allow": ["+1"]},
    }
    async with await Rig.prepared(progress=silent) as rig:
        rig.phones.set("1001", rings_for_ever())
        profiles = {"support": profile, "sales": profile}
        daemon = Callbackd(
            rig.pbx.ari_url, rig.pbx.ari_user, rig.pbx.ari_password, profiles, {"database": str(path)}
        )
        try:
            began = time.monotonic()
            await daemon.start()
            ready = time.monotonic()
            rung = await rig.phones.call("1001", timeout=30)
            assert daemon.process is not None
            memory = peak_memory_mb(str(daemon.process.pid))
            return {
                "start to ready ms": 1000 * (ready - began),
                "start to the first agent's ringing ms": 1000 * (rung.arrived_at - began),
                "peak memory MB": memory,
            }
        finally:
            await daemon.close()


def filled_at(path: Path) -> datetime:
    """The instant for which a database was filled: the latest at which anything in it was asked for."""
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (latest,) = connection.execute("SELECT max(requested_at) FROM callbacks").fetchone()
    return datetime.fromtimestamp(latest / 1000, UTC)


def _in_a_fresh_process(*arguments: str) -> Measures:
    """What this module measures when it is run anew with these arguments."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.waiting", *arguments],
        stdout=subprocess.PIPE,
        check=True,
        text=True,
        cwd=Path(__file__).resolve().parent.parent,
        env=os.environ,
    )
    measured: Measures = json.loads(done.stdout)
    return measured


def main(part: str, database: str, starts: str, writers: str) -> None:
    """One part, in this process; prints JSON."""
    path = Path(database)
    if part == "store":
        measured = asyncio.run(measure_store(path, int(starts), filled_at(path)))
    elif part == "daemon":
        measured = asyncio.run(measure_daemon(path))
    else:
        measured = asyncio.run(measure_writers(path, int(writers), 10))
    sys.stdout.write(json.dumps(measured))


if __name__ == "__main__":
    main(*sys.argv[1:])

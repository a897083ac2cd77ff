"""Writes that come at once, that fail, that are cancelled, and a process that dies: what is on the disk is whole."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import aiosqlite
import pytest

from callbackd.domain.callback import CallBack, State, Step
from callbackd.store.interface import AlreadyWaiting, Change, NumberLive, Stale, StoreUnavailable
from callbackd.store.sqlite import SqliteStore

from .samples import T0, added, callback, claimed, ended, event, minutes, moved

ROOT = Path(__file__).parents[2]


async def test_what_was_written_is_there_after_reopening(path: Path) -> None:
    store = await SqliteStore.open(path)
    made = await claimed(store, await added(store))
    timeline = await store.timeline(made.id)
    attempts = await store.attempts(made.id)
    await store.close()
    store = await SqliteStore.open(path)
    assert await store.get(made.id) == made
    assert list(await store.timeline(made.id)) == list(timeline)
    assert list(await store.attempts(made.id)) == list(attempts)
    assert list(await store.live()) == [made]
    await added(store, "b", "+14165550102")
    assert [found.id for found in await store.events_after(0)] == [1, 2, 3]
    await store.close()


async def test_two_daemons_on_one_file_cannot_claim_the_same_call_back_or_number(path: Path) -> None:
    first, second = await SqliteStore.open(path), await SqliteStore.open(path)
    made = await added(first)
    other = await added(second, "b", profile="sales")
    assert await second.get(made.id) == made
    await claimed(first, made)
    with pytest.raises(Stale):
        await claimed(second, made)
    with pytest.raises(NumberLive):
        await claimed(second, other)
    with pytest.raises(AlreadyWaiting):
        await added(second, "c")
    await first.close()
    await second.close()


async def test_a_read_does_not_wait_for_a_transaction_that_is_open(path: Path) -> None:
    store = await SqliteStore.open(path)
    made = await added(store)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        other.execute("UPDATE callbacks SET version = 99")
        assert await store.get(made.id) == made
        assert await store.next_startable("support", Step.ATTEMPT, T0) == made
        other.execute("ROLLBACK")
    await store.close()


# Group commit


async def test_of_many_that_claim_one_call_back_one_does(sqlite_store: SqliteStore) -> None:
    made = await added(sqlite_store)
    outcomes = await asyncio.gather(*(claimed(sqlite_store, made) for _ in range(50)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(CallBack) == 1
    assert [type(outcome) for outcome in outcomes].count(Stale) == 49
    assert len(await sqlite_store.timeline(made.id)) == 2


async def test_of_many_that_claim_one_number_one_does(sqlite_store: SqliteStore) -> None:
    made = [await added(sqlite_store, f"{i}", profile=f"p{i}") for i in range(20)]
    outcomes = await asyncio.gather(*(claimed(sqlite_store, each) for each in made), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(CallBack) == 1
    assert [type(outcome) for outcome in outcomes].count(NumberLive) == 19


async def test_of_many_that_ask_for_one_number_one_is_kept(sqlite_store: SqliteStore) -> None:
    outcomes = await asyncio.gather(*(added(sqlite_store, f"{i}") for i in range(20)), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes].count(CallBack) == 1
    assert [type(outcome) for outcome in outcomes].count(AlreadyWaiting) == 19
    assert len(await sqlite_store.events_after(0)) == 1


async def test_one_that_fails_halfway_is_undone_and_those_that_share_its_transaction_stand(
    sqlite_store: SqliteStore,
) -> None:
    runs: list[int] = []

    def half(connection: sqlite3.Connection) -> None:
        runs.append(connection.execute("UPDATE callbacks SET priority = 7").rowcount)
        raise LookupError("half")

    first, failed, second = await asyncio.gather(
        added(sqlite_store),
        sqlite_store._writer.write(half),
        added(sqlite_store, "b", "+14165550102"),
        return_exceptions=True,
    )
    assert isinstance(failed, LookupError)
    assert runs == [1]
    assert [await sqlite_store.get("cb-a"), await sqlite_store.get("cb-b")] == [first, second]
    assert len(await sqlite_store.events_after(0)) == 2


async def test_one_that_fails_harms_none_that_share_its_transaction(sqlite_store: SqliteStore) -> None:
    taken = await claimed(sqlite_store, await added(sqlite_store))

    async def life(i: int) -> CallBack:
        made = await added(sqlite_store, f"{i}", f"+1416555{i:04}")
        with pytest.raises(Stale):
            await claimed(sqlite_store, replace(made, version=77))
        with pytest.raises(AlreadyWaiting):
            await added(sqlite_store, f"{i}-again", made.number)
        with pytest.raises(OverflowError):
            await moved(sqlite_store, made, priority=10**30)
        with pytest.raises(Stale):
            await moved(sqlite_store, replace(taken, version=1), event())
        return await ended(sqlite_store, await claimed(sqlite_store, made))

    lives = await asyncio.gather(*(life(i) for i in range(40)))
    for made in lives:
        assert await sqlite_store.get(made.id) == made
        assert [found.seq for found in await sqlite_store.timeline(made.id)] == [1, 2, 3]
    ids = [found.id for found in await sqlite_store.events_after(0)]
    assert len(ids) == 2 + 3 * 40
    assert ids == sorted(set(ids))


class Disk:
    """Stands before a connection: lets a statement wait, or fail, that begins with given words."""

    def __init__(self, connection: aiosqlite.Connection, words: str) -> None:
        self.connection = connection
        self.words = words
        self.reached = asyncio.Event()
        self.go_on = threading.Event()
        self.error: sqlite3.Error | None = None
        self.held = 0
        self.loop = asyncio.get_running_loop()

    @property
    def _conn(self) -> Disk:
        return self

    def execute(self, sql: str, parameters: object = ()) -> sqlite3.Cursor:
        if sql.startswith(self.words):
            self.held += 1
            self.loop.call_soon_threadsafe(self.reached.set)
            assert self.go_on.wait(20), "nobody let it go on"
            if self.error is not None:
                raise self.error
        return self.connection._conn.execute(sql, parameters)  # type: ignore[arg-type]

    def __getattr__(self, name: str) -> object:
        found = getattr(self.connection._conn, name, None)
        return getattr(self.connection, name) if found is None else found


def disk_before(store: SqliteStore, words: str) -> Disk:
    disk = Disk(store._writer._connection, words)
    store._writer._connection = disk  # type: ignore[assignment]
    return disk


async def settle(disk: Disk, tasks: Sequence[asyncio.Task[CallBack]]) -> None:
    """Until the first write is at the disk and the others wait behind it."""
    await disk.reached.wait()
    assert not any(task.done() for task in tasks)


async def test_nobody_is_answered_before_the_commit(sqlite_store: SqliteStore) -> None:
    disk = disk_before(sqlite_store, "COMMIT")
    write = asyncio.create_task(added(sqlite_store))
    await settle(disk, [write])
    assert await sqlite_store.get("cb-a") is None
    disk.go_on.set()
    assert await write == await sqlite_store.get("cb-a")


async def test_those_that_wait_share_one_commit(sqlite_store: SqliteStore) -> None:
    disk = disk_before(sqlite_store, "COMMIT")
    writes = [asyncio.create_task(added(sqlite_store, f"{i}", f"+141655501{i:02}")) for i in range(50)]
    await settle(disk, writes)
    disk.go_on.set()
    await asyncio.gather(*writes)
    assert disk.held == 1


async def test_a_commit_that_fails_is_told_to_all_and_writes_nothing(sqlite_store: SqliteStore) -> None:
    disk = disk_before(sqlite_store, "COMMIT")
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL
    disk.error = full
    writes = [asyncio.create_task(added(sqlite_store, f"{i % 9}", f"+141655501{i % 9:02}")) for i in range(12)]
    await settle(disk, writes)
    disk.go_on.set()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {StoreUnavailable}
    assert len({id(outcome) for outcome in outcomes}) == len(outcomes)
    assert list(await sqlite_store.events_after(0)) == []
    disk.error = None
    await added(sqlite_store)


async def test_a_begin_that_fails_is_told_and_the_next_write_is_tried(sqlite_store: SqliteStore) -> None:
    disk = disk_before(sqlite_store, "BEGIN")
    busy = sqlite3.OperationalError("database is locked")
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY
    disk.error = busy
    disk.go_on.set()
    with pytest.raises(StoreUnavailable, match="in use by another process"):
        await added(sqlite_store)
    disk.error = None
    await added(sqlite_store)


@pytest.mark.parametrize("words", ["BEGIN", "INSERT INTO callbacks", "INSERT INTO events", "SAVEPOINT", "COMMIT"])
async def test_a_task_cancelled_while_it_writes_leaves_no_transaction_open_and_loses_nobodys_write(
    sqlite_store: SqliteStore, words: str
) -> None:
    disk = disk_before(sqlite_store, words)
    writes = [asyncio.create_task(added(sqlite_store, f"{i}", f"+1416555010{i}")) for i in range(6)]
    await settle(disk, writes)
    for cancelled in writes[::2]:
        cancelled.cancel()
    disk.go_on.set()
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [True, False] * 3
    for written in writes[1::2]:
        made = written.result()
        assert await sqlite_store.get(made.id) == made
    await sqlite_store.check_writable()
    assert not sqlite_store._connections[0].in_transaction


async def test_a_task_cancelled_before_its_write_began_has_not_written(sqlite_store: SqliteStore) -> None:
    disk = disk_before(sqlite_store, "COMMIT")
    first = asyncio.create_task(added(sqlite_store))
    await settle(disk, [first])
    late = asyncio.create_task(added(sqlite_store, "b", "+14165550102"))
    after = asyncio.create_task(added(sqlite_store, "c", "+14165550103"))
    await sqlite_store.get("cb-a")
    late.cancel()
    disk.go_on.set()
    await after
    assert await sqlite_store.get("cb-b") is None
    assert await first == await sqlite_store.get("cb-a")


async def test_listeners_are_told_of_a_write_whose_task_was_cancelled(sqlite_store: SqliteStore) -> None:
    seen: list[int] = []
    disk = disk_before(sqlite_store, "COMMIT")
    sqlite_store.on_events(lambda: seen.append(disk.held))
    write = asyncio.create_task(added(sqlite_store))
    await settle(disk, [write])
    write.cancel()
    disk.go_on.set()
    await sqlite_store.check_writable()
    assert seen == [1]
    assert len(await sqlite_store.events_after(0)) == 1


async def test_closing_finishes_the_writes_that_wait(path: Path) -> None:
    store = await SqliteStore.open(path)
    writes = [asyncio.create_task(added(store, f"{i}", f"+141655501{i:02}")) for i in range(40)]
    await store.get("cb-0")
    await store.close()
    made = await asyncio.gather(*writes)
    store = await SqliteStore.open(path)
    assert [await store.get(each.id) for each in made] == made
    await store.close()


async def test_a_writer_that_dies_tells_those_who_wait(path: Path) -> None:
    store = await SqliteStore.open(path)
    disk = disk_before(store, "COMMIT")
    write = asyncio.create_task(added(store))
    await settle(disk, [write])
    store._writer._task.cancel()
    with pytest.raises(StoreUnavailable, match="no longer written"):
        await write
    disk.error = sqlite3.OperationalError("disk I/O error")
    disk.go_on.set()
    with pytest.raises(StoreUnavailable):
        await added(store, "b", "+14165550102")
    await store.close()
    store = await SqliteStore.open(path)
    assert await store.get("cb-a") is None
    await added(store)
    await store.close()


# A process that is killed

WRITER = """
import asyncio, sys
from callbackd.domain.callback import State
from callbackd.store.sqlite import SqliteStore
from tests.store.samples import T0, added, claimed, ended

async def live(store, i):
    while True:
        made = await added(store, f"{i}", f"+1416{i:07}", profile=f"p{i % 3}")
        print("added", made.id, made.version, flush=True)
        made = await claimed(store, made)
        print("claimed", made.id, made.version, flush=True)
        made = await ended(store, made)
        print("ended", made.id, made.version, flush=True)
        i += 20

async def main():
    store = await SqliteStore.open(sys.argv[1])
    await asyncio.gather(*(live(store, i) for i in range(20)))

asyncio.run(main())
"""


async def test_every_write_that_was_answered_survives_a_kill(path: Path) -> None:
    with subprocess.Popen(  # noqa: ASYNC220
        [sys.executable, "-c", WRITER, str(path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    ) as writer:
        assert writer.stdout is not None
        lines = [writer.stdout.readline() for _ in range(400)]
        writer.kill()
        lines += writer.stdout.readlines()
    answered: dict[str, int] = {}
    for line in lines:
        if len(words := line.split()) == 3 and line.endswith("\n"):
            answered[words[1]] = int(words[2])
    assert len(answered) > 100
    store = await SqliteStore.open(path)
    for callback_id, version in answered.items():
        found = await store.get(callback_id)
        assert found is not None
        assert found.version >= version
        assert [each.seq for each in await store.timeline(callback_id)] == list(range(1, found.version + 1))
        assert len(await store.attempts(callback_id)) == (found.version >= 2)
    live = {found.id for found in await store.live()}
    counted = await store.counts(T0 + minutes(1))
    assert sum(each[State.AGENT] for each in counted.values()) == len(live)
    for found in await store.live():
        await ended(store, found)
    await store.add(callback("after"), event())
    await store.close()
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []


async def test_a_change_is_written_whole_or_not_at_all(sqlite_store: SqliteStore) -> None:
    made = await added(sqlite_store)
    disk = disk_before(sqlite_store, "nothing")
    disk.go_on.set()

    def executemany(sql: str, parameters: object) -> None:
        raise sqlite3.OperationalError("disk I/O error")

    disk.executemany = executemany  # type: ignore[attr-defined]
    with pytest.raises(Exception, match="disk I/O error"):
        await claimed(sqlite_store, made)
    assert await sqlite_store.get(made.id) == made
    assert len(await sqlite_store.timeline(made.id)) == 1
    del disk.executemany
    assert (await sqlite_store.commit(Change(made))).version == 2

"""Copies of a database: of one instant, proven, whole or not there."""

# ruff: noqa: ASYNC240
from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import sys
from contextlib import closing
from pathlib import Path

import pytest

from callbackd.store.copying import AlreadyThere, copy_database
from callbackd.store.interface import Query, StoreError, StoreUnavailable
from callbackd.store.sqlite import SqliteStore

from .fill import Mix, fill
from .samples import T0, added


@pytest.fixture
def target(tmp_path: Path) -> Path:
    folder = tmp_path / "backups"
    folder.mkdir()
    return folder / "callbackd.sqlite3"


def nothing_but(target: Path, *names: str) -> bool:
    return sorted(path.name for path in target.parent.iterdir()) == sorted(names)


async def kept(path: Path) -> int:
    """How many call-backs are in it; each must have the story that it was written with."""
    store = await SqliteStore.open(path)
    found = 0
    query = Query(T0, limit=500)
    while True:
        page = await store.list(query)
        for callback in page.items:
            seqs = [event.seq for event in await store.timeline(callback.id)]
            assert seqs == list(range(1, callback.version + 1)), callback.id
            assert len(await store.attempts(callback.id)) == callback.attempts_made
        found += len(page.items)
        if page.next is None:
            break
        query = Query(T0, limit=500, cursor=page.next)
    assert await store.examine() == []
    await store.close()
    return found


async def test_copies_while_another_process_writes_as_fast_as_it_can(path: Path, target: Path) -> None:
    writer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.store.busy_writer", str(path)), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert writer.stdout is not None
        counted = []
        for copy in range(3):
            await writer.stdout.readline()
            copied = await asyncio.to_thread(copy_database, path, target.with_name(f"{copy}.sqlite3"))
            await writer.stdout.readline()
            counted.append(copied.callbacks)
        assert writer.returncode is None
    finally:
        writer.kill()
        await writer.communicate()
    assert 100 <= counted[0] < counted[1] < counted[2]
    for copy, callbacks in enumerate(counted):
        assert await kept(target.with_name(f"{copy}.sqlite3")) == callbacks
    assert await kept(path) > counted[2]


async def test_the_copy_is_of_the_instant_at_which_it_began(path: Path, target: Path) -> None:
    """However much is written meanwhile, it neither begins anew nor mixes the old with the new."""
    fill(path, 20_000, Mix(live=0))
    await (await SqliteStore.open(path)).close()
    told: list[tuple[int, int]] = []
    with closing(sqlite3.connect(path, isolation_level=None)) as other:

        def write(done: int, whole: int) -> None:
            told.append((done, whole))
            if done < whole:
                other.execute("DELETE FROM callbacks WHERE rowid % 7 = ?", (len(told) % 7,))

        copied = copy_database(path, target, progress=write)
    assert len(told) > 3
    assert told == sorted(told)
    assert told[-1][0] == told[-1][1] == copied.size
    assert copied.callbacks == 20_000
    assert copied.size == target.stat().st_size


async def test_it_is_one_file_for_its_owner(path: Path, target: Path) -> None:
    store = await SqliteStore.open(path)
    made = await added(store)
    before = os.umask(0)
    try:
        assert copy_database(path, target).callbacks == 1
    finally:
        os.umask(before)
    await store.close()
    assert nothing_but(target, target.name)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    copy = await SqliteStore.open(target)
    assert await copy.get(made.id) == made
    await copy.close()


async def test_what_is_there_is_overwritten_by_who_says_so(path: Path, target: Path) -> None:
    await (await SqliteStore.open(path)).close()
    target.write_text("precious")
    target.chmod(0o644)
    with pytest.raises(AlreadyThere, match="is there already, and is left as it is"):
        copy_database(path, target)
    assert target.read_text() == "precious"
    copy_database(path, target, replace=True)
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert nothing_but(target, target.name)
    await (await SqliteStore.open(target)).close()


async def test_the_database_itself_is_never_overwritten(path: Path, tmp_path: Path) -> None:
    store = await SqliteStore.open(path)
    made = await added(store)
    (tmp_path / "link").symlink_to(path)
    itself = (path, tmp_path / "link", *(path.with_name(path.name + ending) for ending in ("-wal", "-shm", ".lock")))
    for target in itself:
        with pytest.raises(StoreError, match="is the database itself, or belongs to it"):
            copy_database(path, target, replace=True)
    assert await store.get(made.id) == made
    await store.close()


async def test_where_it_can_not_be_written(path: Path, target: Path) -> None:
    await (await SqliteStore.open(path)).close()
    with pytest.raises(StoreError, match="is a folder: name a file in it"):
        copy_database(path, target.parent, replace=True)
    with pytest.raises(StoreError, match=r"can't be written \(no such file or directory\)"):
        copy_database(path, target.parent / "none" / "copy.sqlite3")
    assert nothing_but(target)


def test_what_is_not_there_is_not_copied_nor_made(path: Path, target: Path) -> None:
    with pytest.raises(StoreUnavailable, match="does not exist"):
        copy_database(path, target)
    assert not path.exists()
    assert nothing_but(target)


def test_what_is_not_ours_is_not_copied(path: Path, target: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE cdr (calldate TEXT)")
    with pytest.raises(StoreUnavailable, match="is not a database of callbackd"):
        copy_database(path, target)
    path.write_bytes(b"ari:\n" * 1000)
    with pytest.raises(StoreUnavailable, match="is not an SQLite database"):
        copy_database(path, target)
    assert nothing_but(target)


def test_a_good_copy_is_not_replaced_by_a_damaged_one(path: Path, target: Path) -> None:
    fill(path, 300, Mix(live=0))
    target.write_text("the good one")
    with path.open("r+b") as file:
        file.seek(4096 * 5)
        file.write(b"\xff" * 8)
    with pytest.raises(StoreUnavailable, match=r"is damaged .*no copy was made: restore an earlier one"):
        copy_database(path, target, replace=True)
    assert target.read_text() == "the good one"
    assert nothing_but(target, target.name)

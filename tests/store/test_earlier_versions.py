"""A database of each earlier schema version: it migrates, keeps every row, and the daemon goes on with it."""

# ruff: noqa: ASYNC240
from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from callbackd.domain.callback import State
from callbackd.store.copying import copy_database
from callbackd.store.interface import Pause, Query, StoreUnavailable
from callbackd.store.migrate import load_migrations
from callbackd.store.opening import copy_before
from callbackd.store.sqlite import SqliteStore
from tests.engine.company import Stores, always_open, company
from tests.engine.test_recovery import FakeWreckage
from tests.engine.virtual_time import in_virtual_time
from tests.store.earlier.make import ASKED, FOLDER, MINUTE, fill, name_of, restore

LATEST = len(load_migrations())
VERSIONS = range(1, LATEST + 1)
EARLIER = range(1, LATEST)

Rows = dict[str, list[dict[str, Any]]]


def rows(path: Path) -> Rows:
    """Every row of every table, by the names of its columns."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        asked = {table: f"SELECT * FROM {table}" for table in tables}  # noqa: S608
        return {table: [dict(row) for row in connection.execute(sql)] for table, sql in asked.items()}


def schema(path: Path) -> set[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return {tuple(row) for row in connection.execute("SELECT type, name, sql FROM sqlite_master")}


def keeps(old: list[dict[str, Any]], new: list[dict[str, Any]]) -> bool:
    """Every row of the old table is in the new one, which may have more columns, and no other."""
    shown = [{column: row[column] for column in old[0]} for row in new] if old else []
    return len(old) == len(new) and all(row in shown for row in old)


@pytest.mark.parametrize("version", VERSIONS)
def test_each_version_has_a_database_of_its_time(version: int, tmp_path: Path) -> None:
    """A new migration needs `python -m tests.store.earlier.make`: the schema after it will be migrated too one day."""
    assert (FOLDER / name_of(version)).is_file()
    path = tmp_path / "callbackd.sqlite3"
    restore(version, path)
    found = rows(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (version,)
    assert [table for table, kept in found.items() if not kept] == []
    assert {row["state"] for row in found["callbacks"]} == {each.value for each in State} - {State.QUEUED.value}


async def test_the_present_maker_makes_such_a_database(path: Path) -> None:
    await fill(path)
    assert [table for table, kept in rows(path).items() if not kept] == []


@pytest.mark.parametrize("version", VERSIONS)
async def test_it_migrates_and_keeps_every_row(version: int, path: Path, tmp_path: Path) -> None:
    restore(version, path)
    before = rows(path)
    store = await SqliteStore.open(path)
    listed = await store.list(Query(ASKED, limit=100))
    pauses = await store.pauses()
    await store.close()

    after = rows(path)
    before["write_proof"][0]["writes"] += 1
    assert {table for table, kept in before.items() if not keeps(kept, after[table])} == set()
    assert {callback.id for callback in listed.items} == {row["id"] for row in before["callbacks"]}
    assert pauses == {"*": Pause(intake=True), "sales": Pause(dialling=True)}
    new = tmp_path / "new.sqlite3"
    await (await SqliteStore.open(new)).close()
    assert schema(path) == schema(new)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_daemon_recovers_and_goes_on_with_it(version: int, tmp_path: Path) -> None:
    stores = Stores("sqlite", tmp_path)
    restore(version, tmp_path / "callbackd.sqlite3")

    @in_virtual_time
    async def scenario() -> None:
        profiles = (always_open(client=True), replace(always_open(client=True), id="sales"))
        async with company(stores, *profiles, start=ASKED + 4 * MINUTE) as house:
            on_the_phone = [callback.id for callback in await house.store.live()]
            assert len(on_the_phone) == 4
            for pause in ("*", "sales"):
                await house.store.set_pause(pause, Pause())
            await house.recovery.after_contact(FakeWreckage())
            outcomes = {name: (await house.get(name)).state.on_the_phone for name in on_the_phone}
            assert not any(outcomes.values())
            await house.passes(hours=30)
            waiting = await house.store.list(Query(house.clock.now(), states=[State.SCHEDULED, State.QUEUED]))
            assert waiting.items == ()

    scenario()


@pytest.mark.parametrize("version", EARLIER)
async def test_a_copy_is_kept_from_before_and_only_the_last(version: int, path: Path) -> None:
    restore(version, path)
    before = rows(path)
    copy_before(path, 1).write_bytes(b"from an earlier migration")
    bystander = path.with_name(f"{path.name}.before-the-holidays")
    bystander.touch()
    await (await SqliteStore.open(path)).close()
    copy = copy_before(path, LATEST)
    assert rows(copy) == before
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    assert sorted(path.parent.iterdir()) == sorted({path, copy, bystander})


@pytest.mark.parametrize("version", EARLIER)
async def test_what_an_earlier_callbackd_only_marked_as_deleted_is_gone_after_the_migration(
    version: int, path: Path
) -> None:
    restore(version, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete = OFF")
        connection.execute("PRAGMA foreign_keys = ON")
        (number,) = connection.execute("SELECT number FROM callbacks WHERE state = 'completed'").fetchone()
        connection.execute("DELETE FROM callbacks WHERE number = ?", (number,))
        connection.execute("DELETE FROM dials WHERE number = ?", (number,))
    assert number.encode() in path.read_bytes()
    await (await SqliteStore.open(path)).close()
    assert number.encode() not in path.read_bytes()


async def test_a_new_or_present_database_is_not_copied(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    await (await SqliteStore.open(path)).close()
    assert list(path.parent.iterdir()) == [path]


async def test_without_room_for_the_copy_nothing_is_migrated(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    restore(1, path)
    before = path.read_bytes()
    copy_before(path, LATEST).mkdir()
    with pytest.raises(StoreUnavailable, match="can't be copied before its schema changes"):
        await SqliteStore.open(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
    assert len(before) == path.stat().st_size


async def test_a_copy_of_an_earlier_version_is_of_that_version(path: Path, tmp_path: Path) -> None:
    restore(1, path)
    assert copy_database(path, tmp_path / "copy.sqlite3").schema == 1

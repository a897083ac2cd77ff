"""Opening a database: what is made, what is refused, and that the refusal says what to do."""

# ruff: noqa: ASYNC240
from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import stat
import tempfile
from collections.abc import Iterator
from contextlib import closing
from importlib.resources import files
from pathlib import Path

import aiosqlite
import pytest

from callbackd.store import migrate as migrating
from callbackd.store.faults import told
from callbackd.store.interface import StoreError, StoreUnavailable
from callbackd.store.migrate import load_migrations, migrate, schema_version
from callbackd.store.queries import Queries
from callbackd.store.sqlite import SqliteStore

from .samples import T0, added


async def refusal(path: Path) -> str:
    with pytest.raises(StoreUnavailable) as refused:
        await SqliteStore.open(path)
    assert str(path) in str(refused.value)
    return str(refused.value)


def ask(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


async def test_a_new_database_is_for_its_owner_only(path: Path) -> None:
    before = os.umask(0)
    try:
        store = await SqliteStore.open(path)
    finally:
        os.umask(before)
    await added(store)
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    await store.close()


async def test_the_mode_of_a_database_that_exists_is_left_alone(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    path.chmod(0o640)
    await (await SqliteStore.open(path)).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


async def test_durable_settings_are_in_force(sqlite_store: SqliteStore) -> None:
    writer, *readers = sqlite_store._connections
    for pragma, value in {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}.items():
        ((found,),) = [tuple(row) for row in await writer.execute_fetchall(f"PRAGMA {pragma}")]
        assert found == value
    for reader in readers:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await reader.execute("DELETE FROM callbacks")


async def test_the_folder_is_missing(tmp_path: Path) -> None:
    text = await refusal(tmp_path / "none" / "callbackd.sqlite3")
    assert f"the folder {tmp_path / 'none'} does not exist" in text
    assert not (tmp_path / "none").exists()


async def test_the_path_is_a_folder(tmp_path: Path) -> None:
    assert "is a folder" in await refusal(tmp_path)


async def test_the_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert "is not a folder" in await refusal(tmp_path / "file" / "callbackd.sqlite3")


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that the account may read; root becomes nobody for the length of a test."""
    folder = Path(tempfile.mkdtemp())
    root = os.geteuid() == 0
    Queries.load()
    load_migrations()  # nobody may not be able to read the checkout
    yield folder
    if root:
        os.seteuid(0)
    folder.chmod(0o755)
    shutil.rmtree(folder)


def become_nobody() -> None:
    if os.geteuid() == 0:
        os.seteuid(65534)


async def test_the_folder_may_not_be_written(as_nobody: Path) -> None:
    as_nobody.chmod(0o555)
    become_nobody()
    assert "permission denied" in await refusal(as_nobody / "callbackd.sqlite3")


async def test_the_file_may_not_be_written(as_nobody: Path) -> None:
    path = as_nobody / "callbackd.sqlite3"
    await (await SqliteStore.open(path)).close()
    path.chmod(0o444)
    as_nobody.chmod(0o755)
    become_nobody()
    assert "permission denied" in await refusal(path)


async def test_the_file_may_be_written_but_not_its_folder(as_nobody: Path) -> None:
    path = as_nobody / "callbackd.sqlite3"
    await (await SqliteStore.open(path)).close()
    path.chmod(0o666)
    as_nobody.chmod(0o555)
    become_nobody()
    assert "and its folder" in await refusal(path)


async def test_the_file_is_not_a_database(path: Path) -> None:
    path.write_bytes(b"ari:\n  url: http://127.0.0.1:8088/ari\n" * 100)
    assert "is not an SQLite database" in await refusal(path)


async def test_the_database_is_another_programs_and_is_left_as_it_was(path: Path) -> None:
    ask(path, "CREATE TABLE cdr (calldate TEXT)")
    before = path.read_bytes()
    assert "belongs to another program" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_newer_callbackd_wrote_the_database(path: Path) -> None:
    await (await SqliteStore.open(path)).close()
    newer = len(load_migrations()) + 1
    ask(path, f"PRAGMA user_version = {newer}")
    text = await refusal(path)
    assert f"schema {newer}" in text
    assert "newer callbackd" in text


async def test_an_empty_file_becomes_a_database(path: Path) -> None:
    path.touch()
    await (await SqliteStore.open(path)).close()
    assert ask(path, "PRAGMA user_version") == [(len(load_migrations()),)]


async def test_another_process_holds_the_database(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store._connections[0].execute("PRAGMA busy_timeout = 0")
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreUnavailable, match="in use by another process"):
            await store.check_writable()
        other.execute("ROLLBACK")
    await store.check_writable()
    await store.close()


async def test_a_full_disk_is_told_and_nothing_is_half_written(sqlite_store: SqliteStore) -> None:
    kept = await added(sqlite_store)
    (writer, *_) = sqlite_store._connections
    ((pages,),) = [tuple(row) for row in await writer.execute_fetchall("PRAGMA page_count")]
    await writer.execute_fetchall(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(StoreUnavailable, match="disk is full"):
        await added(sqlite_store, "b", "+14165550102", reason="x" * 100_000)
    assert await sqlite_store.get("cb-b") is None
    await writer.execute_fetchall("PRAGMA max_page_count = 1000000")
    await added(sqlite_store, "b", "+14165550102", reason="x" * 100_000)
    assert await sqlite_store.get(kept.id) == kept


async def test_after_closing_nothing_is_answered(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.close()
    await store.close()
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.get("cb-a")
    with pytest.raises(StoreUnavailable, match="closed"):
        await added(store)


def test_an_error_that_is_not_the_files_is_not_called_unavailable(path: Path) -> None:
    with closing(sqlite3.connect(":memory:")) as connection, pytest.raises(sqlite3.Error) as raised:
        connection.execute("SELECT nothing")
    error = told(raised.value, path)
    assert isinstance(error, StoreError)
    assert not isinstance(error, StoreUnavailable)


# Migrations


def test_each_migration_ends_by_naming_its_version() -> None:
    for number, script in enumerate(load_migrations(), start=1):
        assert script.rstrip().endswith(f"PRAGMA user_version = {number};")


def test_migrations_that_are_not_numbered_in_sequence_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(str(files("callbackd.store").joinpath("migrations")), tmp_path / "migrations")
    (tmp_path / "migrations" / "0007_lucky.sql").touch()
    monkeypatch.setattr(migrating, "files", lambda _: tmp_path)
    load_migrations.cache_clear()
    with pytest.raises(ValueError, match="7"):
        load_migrations()


FIRST = f"PRAGMA application_id = {migrating.APPLICATION_ID}; CREATE TABLE one (x); PRAGMA user_version = 1;"
SECOND = "CREATE TABLE two (x); INSERT INTO two VALUES (2); PRAGMA user_version = 2;"
BROKEN = "CREATE TABLE three (x); INSERT INTO nowhere VALUES (3); PRAGMA user_version = 3;"


async def migrated(path: Path, *scripts: str) -> int:
    async with aiosqlite.connect(path, isolation_level=None) as connection:
        connection.row_factory = sqlite3.Row
        await migrate(connection, Queries.load(), scripts, path)
        return await schema_version(connection, Queries.load(), path)


async def test_migrations_run_in_order_from_where_the_database_is(path: Path) -> None:
    assert await migrated(path, FIRST) == 1
    assert await migrated(path, FIRST, SECOND) == 2
    assert await migrated(path, FIRST, SECOND) == 2
    assert ask(path, "SELECT x FROM two") == [(2,)]


async def test_a_migration_that_fails_leaves_the_version_before_it_whole(path: Path) -> None:
    with pytest.raises(sqlite3.Error, match="nowhere"):
        await migrated(path, FIRST, SECOND, BROKEN)
    assert ask(path, "PRAGMA user_version") == [(2,)]
    assert ask(path, "SELECT name FROM sqlite_master WHERE name = 'three'") == []


async def test_two_that_migrate_at_once_do_each_migration_once(path: Path) -> None:
    assert await asyncio.gather(*(migrated(path, FIRST, SECOND) for _ in range(4))) == [2, 2, 2, 2]
    assert ask(path, "SELECT x FROM two") == [(2,)]


async def test_two_that_open_a_new_database_at_once_both_may(path: Path) -> None:
    stores = await asyncio.gather(*(SqliteStore.open(path) for _ in range(3)))
    made = await added(stores[0], due_at=T0)
    assert [await store.get(made.id) for store in stores] == [made, made, made]
    for store in stores:
        await store.close()


# Named queries


def test_queries_are_found_by_name() -> None:
    queries = Queries("-- a comment\n-- name: one\nSELECT 1;\n\n-- of the next\n-- name: two\nSELECT\n    2;\n")
    assert dict(queries) == {"one": "SELECT 1;", "two": "SELECT\n    2;"}
    with pytest.raises(KeyError):
        queries["three"]


@pytest.mark.parametrize("text", ["SELECT 1;", "-- name: one\nSELECT 1;\n-- name: one\nSELECT 2;"])
def test_a_query_without_a_name_or_a_name_given_twice_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"one|without a name"):
        Queries(text)

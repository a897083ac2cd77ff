"""Damaged databases: refused with cause and mend, and left as they are."""

# ruff: noqa: ASYNC240
from __future__ import annotations

import asyncio
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from callbackd.store import soundness
from callbackd.store.interface import StoreUnavailable
from callbackd.store.migrate import load_migrations
from callbackd.store.sqlite import SqliteStore

from .fill import Mix, fill
from .samples import added

PAGE = 4096


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database of a few hundred call-backs, closed in good order."""
    path: Path = tmp_path_factory.mktemp("sound") / "callbackd.sqlite3"
    fill(path, 300, Mix(live=3))

    async def opened() -> None:
        await (await SqliteStore.open(path)).close()

    asyncio.run(opened())
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    """A copy of it to be damaged."""
    path = tmp_path / "callbackd.sqlite3"
    shutil.copyfile(sound, path)
    return path


def beside(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir() if not file.name.endswith(("-shm", "-wal"))}


async def refusal(path: Path) -> str:
    """Why it is not opened; it must be as it was."""
    before = beside(path)
    with pytest.raises(StoreUnavailable) as refused:
        await SqliteStore.open(path)
    assert beside(path) == before
    return str(refused.value)


async def test_every_page_whose_head_is_overwritten_is_noticed(path: Path) -> None:
    whole = path.read_bytes()
    pages = len(whole) // PAGE
    assert pages > 20
    for page in range(1, pages):
        with path.open("r+b") as file:
            file.seek(page * PAGE)
            file.write(b"\xff" * 8)
        text = await refusal(path)
        assert f"the database {path} is damaged (" in text, page
        assert f"`install -m 600 -o callbackd BACKUP {path}`" in text
        assert "\n" not in text
        path.write_bytes(whole)
    await (await SqliteStore.open(path)).close()


async def test_bytes_flipped_within_pages_are_noticed_or_change_no_structure(path: Path) -> None:
    """What SQLite can't notice is a text that has become another: then all can still be read."""
    whole = bytearray(path.read_bytes())
    noticed = 0
    for place in range(PAGE, len(whole), 997):
        damaged = bytearray(whole)
        damaged[place : place + 4] = bytes(byte ^ 0xFF for byte in damaged[place : place + 4])
        path.write_bytes(damaged)
        try:
            store = await SqliteStore.open(path)
        except StoreUnavailable:
            noticed += 1
        else:
            assert await store.examine() == []
            await store.close()
    assert noticed > 0


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
async def test_a_truncated_database(path: Path, keep: float) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * keep) // PAGE * PAGE])
    assert "is damaged" in await refusal(path)


async def test_less_than_a_head(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:70])
    assert "is damaged" in await refusal(path)


def change(path: Path, sql: str) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(sql)


@pytest.mark.parametrize(
    ("sql", "cause"),
    [
        ("DROP INDEX callbacks_on_the_phone", "its index callbacks_on_the_phone is missing or changed"),
        ("DROP TRIGGER waiting_update", "its trigger waiting_update is missing or changed"),
        ("ALTER TABLE dials ADD COLUMN x", "its table dials is missing or changed"),
        ("INSERT INTO offers SELECT 'nobody', 1, 0, 0, 0, 0, '', '', 0, ''", "a row of offers belongs to no call-back"),
    ],
)
async def test_a_database_that_was_meddled_with(path: Path, sql: str, cause: str) -> None:
    change(path, sql)
    assert cause in await refusal(path)


async def test_what_others_added_does_no_harm(path: Path) -> None:
    change(path, "CREATE VIEW of_a_sysadmin AS SELECT count(*) FROM callbacks; CREATE INDEX mine ON dials (at, number)")
    await (await SqliteStore.open(path)).close()


# The write-ahead log


@pytest.fixture
async def killed(path: Path, tmp_path: Path) -> Path:
    """The files as a daemon leaves them that is killed."""
    store = await SqliteStore.open(path)
    await added(store)
    folder = tmp_path / "killed"
    folder.mkdir()
    for file in path.parent.glob("callbackd.sqlite3*"):
        shutil.copyfile(file, folder / file.name)
    await store.close()
    return folder / path.name


async def test_with_its_log_nothing_is_lost(killed: Path) -> None:
    store = await SqliteStore.open(killed)
    assert await store.get("cb-a") is not None
    await store.close()


async def test_without_its_log_it_is_refused(killed: Path) -> None:
    log, index = (killed.with_name(killed.name + ending) for ending in ("-wal", "-shm"))
    kept = log.read_bytes()
    log.unlink()
    text = await refusal(killed)
    assert f"its write-ahead log {log} is missing: put that file back" in text
    log.write_bytes(kept)
    store = await SqliteStore.open(killed)
    assert await store.get("cb-a") is not None
    await store.close()
    assert not index.exists()


async def test_without_its_log_it_is_opened_by_who_says_so(killed: Path) -> None:
    for ending in ("-wal", "-shm"):
        killed.with_name(killed.name + ending).unlink()
    store = await SqliteStore.open(killed)
    assert await store.get("cb-a") is None
    await store.close()


# Large ones


async def test_of_a_large_one_the_rest_is_read_later(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a start needs is looked at; the rest is found by `examine`, while others write."""
    monkeypatch.setattr(soundness.examine_at_opening, "__defaults__", (0,))
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'dials_at'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xff" * 8)
    store = await SqliteStore.open(path)
    (found, *_) = await store.examine()
    assert found
    await added(store)
    await store.close()
    change(path, "DROP INDEX callbacks_newest")
    assert "callbacks_newest" in await refusal(path)


async def test_whoever_is_cancelled_stops_looking(path: Path) -> None:
    store = await SqliteStore.open(path)
    looking = asyncio.create_task(store.examine())
    await asyncio.sleep(0)
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert await store.examine() == []
    await store.close()


async def test_a_live_row_that_can_not_be_read_keeps_a_large_one_from_starting(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'callbacks_live'").fetchone()
    with path.open("r+b") as file:
        file.seek((root - 1) * PAGE)
        file.write(b"\xff" * 8)
    with pytest.raises(StoreUnavailable, match="is damaged"):
        soundness.examine_at_opening(path, load_migrations(), small=0)

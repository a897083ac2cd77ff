"""Forgetting a number, and what the retention must not take; in SQLite nothing of it is left in any file."""

# ruff: noqa: ASYNC240
from __future__ import annotations

import asyncio
import os
import random
import sqlite3
import sys
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callbackd.domain.callback import CallBack, EventType, Offer, State
from callbackd.store import erasing
from callbackd.store.interface import Change, Forgotten, Idempotency, NotEnded, ProfileCondition, Store
from callbackd.store.opening import copy_before
from callbackd.store.sqlite import SqliteStore

from .samples import T0, added, callback, claimed, ended, event, minutes

NUMBER = "+14165550101"
OTHER = "+14165550102"
DAY = timedelta(days=1)


async def lived(store: Store, key: str, number: str, at: datetime = T0) -> CallBack:
    """One that ended at `at`, with something in every table."""
    made = callback(key, number, name=f"Zoë of {number}", reason="a refund", requested_at=at)
    made = await store.add(made, event(note=number), Idempotency(f"key of {key}", f"print of {number}"))
    made = await claimed(store, made)
    made = await store.commit(Change(made, offer=Offer(made.id, 1, at), dialled=at))
    return await ended(store, made, at)


async def suspect(store: Store, *numbers: str) -> None:
    suspects = tuple((number, f"cb-{number}", "client_invalid") for number in numbers)
    await store.set_condition("support", ProfileCondition(suspects=suspects, route_probes=1))


async def test_all_of_a_number_is_forgotten_and_nothing_else(store: Store) -> None:
    for key in ("a", "b"):
        await lived(store, key, NUMBER)
    kept = await lived(store, "c", OTHER)
    await suspect(store, NUMBER, OTHER)
    delivered = (await store.timeline("cb-a"))[-1].id
    forgotten = await store.forget(NUMBER, delivered=delivered)
    assert forgotten == Forgotten(
        callbacks=2, attempts=2, offers=2, events=6, undelivered=3, keys=2, dials=2, suspects=1
    )
    for key in ("a", "b"):
        assert await store.get(f"cb-{key}") is None
        assert await store.find_idempotent(f"key of {key}", T0 - DAY) is None
    assert list(await store.dials(NUMBER, T0 - DAY)) == []
    assert await store.requests(NUMBER, T0 - DAY) == 0
    assert await store.condition("support") == ProfileCondition(
        suspects=((OTHER, f"cb-{OTHER}", "client_invalid"),), route_probes=1
    )
    assert {found.callback_id for found in await store.events_after(0)} == {kept.id}
    assert await store.get(kept.id) == kept
    assert await store.dials(OTHER, T0 - DAY) == [T0]
    assert await store.forget(NUMBER) == Forgotten()


async def test_what_has_not_ended_is_named_and_nothing_is_forgotten(store: Store) -> None:
    old = await lived(store, "a", NUMBER)
    await added(store, "c", NUMBER, requested_at=T0 + minutes(1))
    await claimed(store, await added(store, "b", NUMBER, profile="sales"))
    with pytest.raises(NotEnded, match=r"have not ended: [^,]+, [^,]+$") as refused:
        await store.forget(NUMBER, unblock=True)
    assert refused.value.ids == ("cb-b", "cb-c")
    assert await store.get(old.id) == old
    assert await store.dials(NUMBER, T0 - DAY) == [T0]


@pytest.mark.parametrize("unblock", [False, True])
async def test_the_block_list_protects_unless_that_is_to_go_too(store: Store, unblock: bool) -> None:
    await store.block(NUMBER, T0, "asked")
    forgotten = await store.forget(NUMBER, unblock=unblock)
    assert (forgotten.blocked, forgotten.unblocked) == (not unblock, unblock)
    assert await store.is_blocked(NUMBER) is not unblock
    assert not (await store.forget(OTHER, unblock=True)).unblocked


async def test_the_number_may_ask_anew(store: Store) -> None:
    await lived(store, "a", NUMBER)
    await store.forget(NUMBER)
    assert await lived(store, "a", NUMBER) == await store.get("cb-a")


# The retention


async def test_what_a_consumer_has_not_had_is_not_erased(store: Store) -> None:
    first = await lived(store, "a", NUMBER)
    second = await lived(store, "b", OTHER, T0 + minutes(1))
    (*_, last) = await store.timeline(first.id)
    later = T0 + DAY
    assert await store.erase_ended_before(later, delivered=last.id - 1) == 0
    assert await store.count_ended_before(later) == 2
    assert await store.erase_ended_before(later, delivered=last.id) == 1
    assert await store.get(first.id) is None
    assert await store.get(second.id) == second
    assert await store.erase_ended_before(later) == 1
    assert await store.count_ended_before(later) == 0


async def test_dials_do_not_become_more_from_day_to_day(store: Store) -> None:
    """Also where many are dialled for each that ends."""
    made = await added(store)
    for _ in range(2 * erasing.DIALS_PER_CALLBACK):
        made = await store.commit(Change(made, dialled=T0))
    for _ in range(2):
        await store.erase_ended_before(T0 + 2 * DAY, limit=1)
    assert list(await store.dials(made.number, T0 - DAY)) == []


# The files

SEARCH = """
import pathlib, sys
for name in sys.argv[2:]:
    if pathlib.Path(name).exists() and sys.argv[1].encode() in pathlib.Path(name).read_bytes():
        print(name)
"""


async def traces(path: Path, text: str) -> list[str]:
    """Which files of the database hold the text. From outside: a process may not open them beside SQLite."""
    files = [str(path.with_name(path.name + ending)) for ending in ("", "-wal", "-shm")]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", SEARCH, text, *files), stdout=asyncio.subprocess.PIPE
    )
    found, _ = await process.communicate()
    assert process.returncode == 0
    return found.decode().split()


def number(i: int) -> str:
    return f"+1416{5_550_000 + i:07d}"


async def filled(store: SqliteStore, count: int, rng: random.Random) -> None:
    """Lives that grow, rest and move, so that rows change their pages."""

    async def life(i: int) -> None:
        made = callback(f"{rng.random()}", number(i), name=f"Zoë {number(i)} " * rng.randint(1, 5))
        made = await store.add(made, event(note=number(i)), Idempotency(f"{i} {number(i)}", f"print {number(i)}"))
        for _ in range(3):
            rest = replace(
                await claimed(store, made),
                state=State.SCHEDULED,
                due_at=T0 + minutes(rng.randint(0, 4000)),
                rest_until=T0 + minutes(rng.randint(4001, 9000)),
            )
            why = event(EventType.RESTING, why=["x" * rng.randint(1, 300)], note=number(i))
            made = await store.commit(Change(rest, [why], dialled=T0 + minutes(rng.randint(0, 99))))
        await ended(store, made, T0 + minutes(i))

    for first in range(0, count, 50):
        await asyncio.gather(*(life(i) for i in range(first, min(count, first + 50))))


async def test_no_digit_of_a_forgotten_number_is_left_in_any_file(sqlite_store: SqliteStore, path: Path) -> None:
    rng = random.Random(5)  # noqa: S311
    await filled(sqlite_store, 300, rng)
    await suspect(sqlite_store, number(7))
    for i in (7, *rng.sample(range(300), 20)):
        await sqlite_store.block(number(i), T0, "asked")
        assert str(path) in " ".join(await traces(path, number(i)[1:]))
        await sqlite_store.forget(number(i), unblock=True)
        assert await sqlite_store.wash()
        assert await traces(path, number(i)[1:]) == []


async def test_nothing_is_left_of_what_the_retention_erased(sqlite_store: SqliteStore, path: Path) -> None:
    await filled(sqlite_store, 120, random.Random(6))  # noqa: S311
    while await sqlite_store.erase_ended_before(T0 + minutes(60) + DAY * 2, limit=50):
        pass
    assert await sqlite_store.wash()
    left = [i for i in range(120) if await traces(path, number(i)[1:])]
    assert left == []


async def test_a_reader_keeps_it_in_the_log_and_nobody_waits_for_it(sqlite_store: SqliteStore, path: Path) -> None:
    await lived(sqlite_store, "a", NUMBER)
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM callbacks").fetchall()
        await sqlite_store.forget(NUMBER)
        assert not await sqlite_store.wash()
        await added(sqlite_store, "b", OTHER)
        assert await traces(path, NUMBER[1:]) != []
    assert await sqlite_store.wash()
    assert await traces(path, NUMBER[1:]) == []


async def test_a_copy_from_before_a_migration_goes_with_the_call_backs_of_its_time(
    sqlite_store: SqliteStore, path: Path
) -> None:
    copy = copy_before(path, 2)
    copy.touch()
    made = datetime.fromtimestamp(copy.stat().st_mtime, UTC)
    await sqlite_store.erase_ended_before(made - DAY)
    assert copy.exists()
    long_ago = (made - 2 * DAY).timestamp()
    os.utime(copy, (long_ago, long_ago))
    await sqlite_store.erase_ended_before(made - DAY)
    assert not copy.exists()
    assert path.exists()

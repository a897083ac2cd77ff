"""Nothing grows with history: how SQLite finds what is asked, and how many steps that takes."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from callbackd.domain.callback import State
from callbackd.store.instants import to_ms
from callbackd.store.migrate import load_migrations
from callbackd.store.queries import Queries
from callbackd.store.rows import callback_to_row
from callbackd.store.surveys import folded

from .fill import NOW, Mix, callbacks, fill

CONNECTION_ONLY = {
    "use_wal", "configure_writer", "configure_reader", "identity", "begin", "commit", "rollback", "savepoint",
    "release", "rollback_to_savepoint", "begin_reading", "use_one_file", "empty_log", "write_anew", "page_size",
    "version", "schema", "quick_check", "foreign_key_check", "count_callbacks",
}  # fmt: skip

SMALL = re.compile(
    r"SCAN (CONSTANT ROW|pauses|conditions|spans|[pb]|(wanted|[sd]) VIRTUAL TABLE.*|json_each VIRTUAL TABLE.*|in_order"
    r"|(c|callbacks) USING (COVERING )?INDEX callbacks_live)"
)
"""What may be scanned: a row per profile, level, priority or bucket, the words of the question, those on the phone."""

SORTS = {"next_startable", "list_by_state", "list_by_profile"} | {
    "list_queued", "list_coming", "count_endings", "tally_requests", "tally_quarters", "tally_attempts",
}  # fmt: skip
"""Those that sort what they found: a row per bucket, a page per state or priority, those that rest, those due at one
instant; or group what they count."""


@pytest.fixture
def empty() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as connection:
        for script in load_migrations():
            connection.executescript(script)
        connection.create_function("folded", 1, folded, deterministic=True)
        yield connection


@pytest.mark.parametrize("name", sorted(set(Queries.load()) - CONNECTION_ONLY))
def test_no_query_scans_a_table_or_sorts_it(empty: sqlite3.Connection, name: str) -> None:
    sql = Queries.load()[name]
    parameters = dict.fromkeys(re.findall(r":([a-z_]+)", sql), 0)
    for *_, step in empty.execute(f"EXPLAIN QUERY PLAN {sql}", parameters):
        assert not step.startswith("SCAN") or SMALL.fullmatch(step), step
        assert "AUTOMATIC" not in step
        assert "TEMP B-TREE" not in step or name in SORTS, step


# How many instructions of SQLite's machine a question takes. The data are such that one that looks through what rests,
# what has rested, what is due or what is not takes many times as many as there are call-backs.

MIXES = {
    "ordinary": Mix(),
    "all due": Mix(future=0, resting=0),
    "all due at once": Mix(future=0, resting=0, past_span=timedelta(0), priorities=(0, 0)),
    "none due": Mix(future=1, resting=0),
    "all rest": Mix(future=0, resting=1, priorities=(0, 0), profiles=("support",)),
    "all have rested": Mix(future=0, resting=0, rested=1, priorities=(0, 0), profiles=("support",)),
    "half rest and half have rested": Mix(future=0, resting=0.5, rested=0.5, profiles=("support",)),
}

COUNT = 20_000
FEW = 60_000
"""Many times what they take (201 priorities and 441 buckets each cost a look-up), and three per call-back."""


@pytest.fixture(scope="module", params=MIXES)
def filled(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[sqlite3.Connection]:
    path: Path = tmp_path_factory.mktemp("filled") / "callbackd.sqlite3"
    fill(path, COUNT, MIXES[request.param])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.row_factory = sqlite3.Row
        yield connection


def steps(connection: sqlite3.Connection, query: str, /, **parameters: object) -> int:
    """How many instructions a statement takes, in hundreds."""
    taken = 0

    def count() -> None:
        nonlocal taken
        taken += 100

    connection.set_progress_handler(count, 100)
    connection.execute(Queries.load()[query], parameters).fetchall()
    connection.set_progress_handler(None, 0)
    return taken


@pytest.mark.parametrize("step", ["attempt", "offer"])
@pytest.mark.parametrize("offset", [timedelta(days=-30), timedelta(0), timedelta(days=30)])
def test_the_next_startable_is_found_in_few_steps(filled: sqlite3.Connection, step: str, offset: timedelta) -> None:
    now = to_ms(NOW + offset)
    assert steps(filled, "next_startable", profile="support", step=step, now=now, avoid="[]") < FEW
    assert steps(filled, "next_startable_at", profile="support", after=now) < FEW
    assert steps(filled, "next_expiry") < FEW
    assert steps(filled, "expired", now=now, limit=100) < FEW


def test_counting_takes_few_steps(filled: sqlite3.Connection) -> None:
    in_four_seconds = NOW + timedelta(seconds=5)
    assert steps(filled, "count_waiting", now=to_ms(in_four_seconds)) < FEW
    assert steps(filled, "count_live") < FEW
    one = next(callbacks(1, Mix(live=0)))
    assert steps(filled, "count_before", **callback_to_row(one)) < FEW


def test_a_transition_takes_few_steps(filled: sqlite3.Connection) -> None:
    for state in (State.SCHEDULED, State.AGENT, State.SCHEDULED, State.COMPLETED):
        row = dict(filled.execute(Queries.load()["get"], {"id": f"01kaq{COUNT - 1:021d}"}).fetchone())
        assert steps(filled, "update_callback", **(row | {"state": state.value})) < FEW


def kept_by_triggers(connection: sqlite3.Connection) -> list[tuple[object, ...]]:
    return [
        tuple(row)
        for sql in ("SELECT * FROM waiting", "SELECT * FROM rests")
        for row in connection.execute(sql).fetchall()
    ]


def test_what_triggers_keep_is_what_a_count_finds(filled: sqlite3.Connection) -> None:
    filled.execute("BEGIN")
    before = kept_by_triggers(filled)
    filled.execute("UPDATE callbacks SET state = 'blocked' WHERE state = 'scheduled' AND rowid % 50 = 0")
    assert kept_by_triggers(filled) != before
    filled.execute("UPDATE callbacks SET state = 'scheduled' WHERE state = 'blocked'")
    assert kept_by_triggers(filled) == before
    filled.execute("DELETE FROM callbacks WHERE rowid % 50 = 0")
    waiting, resting = filled.execute(
        "SELECT count(*), total(startable_at > due_at) FROM callbacks WHERE state = 'scheduled'"
    ).fetchone()
    for level in range(7):
        counted, rests = filled.execute(
            "SELECT (SELECT sum(n) FROM waiting WHERE level = ?1), (SELECT count(*) FROM rests WHERE level = ?1)",
            (level,),
        ).fetchone()
        assert counted == (waiting if level >= 2 else None)
        assert rests == resting
    filled.execute("ROLLBACK")

"""Fills a database with very many call-backs, quickly: for tests of what does not grow, and for `scripts/bench`."""

from __future__ import annotations

import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from callbackd.domain.callback import CallBack, State, Step
from callbackd.store.migrate import load_migrations
from callbackd.store.queries import Queries
from callbackd.store.rows import callback_to_row

NOW = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
BLOCK = 20_000

_IN_HASTE = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA locking_mode = EXCLUSIVE;
PRAGMA cache_size = -262144;
PRAGMA temp_store = MEMORY;
PRAGMA threads = 2;
"""

_DERIVED = """
INSERT INTO events (callback_id, seq, at, type, data) SELECT id, 1, requested_at, 'requested', '{}' FROM callbacks;
INSERT INTO waiting SELECT profile, 2, due_at >> 12, priority, count(*) FROM callbacks
WHERE state = 'scheduled' GROUP BY 1, 3, 4;
INSERT INTO waiting SELECT profile, 3, bucket >> 6, priority, sum(n) FROM waiting WHERE level = 2 GROUP BY 1, 3, 4;
INSERT INTO waiting SELECT profile, 4, bucket >> 6, priority, sum(n) FROM waiting WHERE level = 3 GROUP BY 1, 3, 4;
INSERT INTO waiting SELECT profile, 5, bucket >> 6, priority, sum(n) FROM waiting WHERE level = 4 GROUP BY 1, 3, 4;
INSERT INTO waiting SELECT profile, 6, bucket >> 6, priority, sum(n) FROM waiting WHERE level = 5 GROUP BY 1, 3, 4;
INSERT INTO rests SELECT profile, next_step, level, startable_at >> bits, priority, due_at, id, number
FROM callbacks CROSS JOIN spans WHERE state = 'scheduled' AND startable_at > due_at ORDER BY 1, 2, 3, 4, 5 DESC, 6, 7;
"""


@dataclass(frozen=True, slots=True)
class Mix:
    """What the call-backs are like. Shares are of 1; what is not in a share is an ordinary one, due in the past.

    `resting` rest beyond `now`, `rested` have rested until a moment before it; `live` is a number of call-backs in
    another profile that are on the phone with numbers that wait here, and those are made the first in the order.
    """

    profiles: tuple[str, ...] = ("support", "sales")
    priorities: tuple[int, int] = (-100, 100)
    future: float = 0.5
    resting: float = 0.1
    rested: float = 0.0
    offers: float = 0.1
    live: int = 20
    past_span: timedelta = timedelta(days=3)
    future_span: timedelta = timedelta(days=5)


def callbacks(count: int, mix: Mix, now: datetime = NOW, seed: int = 1) -> Iterator[CallBack]:
    """`count` waiting call-backs, and before them the live ones."""
    rng = random.Random(seed)  # noqa: S311
    for i in range(mix.live):
        yield _callback(f"live{i:022d}", "others", _number(i), now, now, state=State.AGENT)
    lowest, highest = mix.priorities
    for i in range(count):
        profile = mix.profiles[i % len(mix.profiles)]
        callback_id = f"01kaq{i:021d}"
        if i < mix.live:
            first_due = now - mix.past_span * 2
            yield _callback(callback_id, profile, _number(i), first_due, now, priority=highest)
            continue
        due_at = now + (mix.future_span if rng.random() < mix.future else -mix.past_span) * rng.random()
        lot = rng.random()
        rest_until = None
        if lot < mix.resting:
            rest_until = max(now, due_at) + timedelta(seconds=1 + 600 * rng.random())
        elif lot < mix.resting + mix.rested:
            rest_until = now - timedelta(milliseconds=1 + int(1000 * rng.random()))
        yield _callback(
            callback_id,
            profile,
            _number(i),
            due_at,
            now,
            priority=lowest + int(rng.random() * (highest - lowest + 1)),
            next_step=Step.OFFER if rng.random() < mix.offers else Step.ATTEMPT,
            rest_until=rest_until,
        )


def fill(
    path: Path,
    count: int,
    mix: Mix | None = None,
    now: datetime = NOW,
    progress: Callable[[int], None] = lambda _: None,
) -> None:
    """Make a database at `path` that holds them, each with its first event. Tells `progress` how many were added."""
    queries = Queries.load()
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for migration in load_migrations():
            connection.executescript(migration)
        connection.executescript(_IN_HASTE)
        dropped = connection.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE type IN ('index', 'trigger') AND sql IS NOT NULL"
        ).fetchall()
        for kind, name, _ in dropped:
            connection.execute(f"DROP {kind} {name}")
        connection.execute("BEGIN")
        block: list[CallBack] = []

        def write() -> None:
            connection.executemany(queries["insert_callback"], map(callback_to_row, block))
            progress(len(block))
            block.clear()

        for callback in callbacks(count, mix or Mix(), now):
            block.append(callback)
            if len(block) == BLOCK:
                write()
        write()
        connection.execute("COMMIT")
        connection.executescript(_DERIVED)
        for _, _, sql in dropped:
            connection.execute(sql)
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _number(i: int) -> str:
    return f"+1{2_000_000_000 + i}"


def _callback(
    callback_id: str,
    profile: str,
    number: str,
    due_at: datetime,
    now: datetime,
    *,
    state: State = State.SCHEDULED,
    priority: int = 0,
    next_step: Step = Step.ATTEMPT,
    rest_until: datetime | None = None,
) -> CallBack:
    return CallBack(
        id=callback_id,
        profile=profile,
        number=number,
        requested_at=min(due_at, now),
        due_at=due_at,
        asked_at=due_at,
        expires_at=max(due_at, now) + timedelta(days=7),
        state=state,
        priority=priority,
        next_step=next_step,
        rest_until=rest_until,
        version=1,
    )

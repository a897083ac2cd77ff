"""The store in an SQLite file."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import aiosqlite

from callbackd.domain.callback import Attempt, CallBack, Offer, State, Step, TimelineEvent
from callbackd.store import changes, rows
from callbackd.store.erasing import Erasing
from callbackd.store.faults import UNREADABLE, told, told_of_damage, told_of_file
from callbackd.store.instants import from_ms, from_ms_or_none, to_ms
from callbackd.store.interface import (
    AlreadyWaiting,
    Change,
    Idempotency,
    NumberLive,
    Page,
    Pause,
    ProfileCondition,
    Query,
    Stale,
    StoreError,
    StoreUnavailable,
)
from callbackd.store.migrate import load_migrations
from callbackd.store.opening import make_ready
from callbackd.store.order import LIVE_STATES
from callbackd.store.paging import Selection, page
from callbackd.store.queries import Queries
from callbackd.store.rows import RowValues
from callbackd.store.soundness import refuse_without_its_log
from callbackd.store.surveys import Surveys, folded
from callbackd.store.visits import Reader
from callbackd.store.writer import Writer

Connect = Callable[..., aiosqlite.Connection]
"""What `aiosqlite.connect` promises: asked for a path, it answers with a connection that is opened when entered."""


class SqliteStore(Surveys, Erasing):
    """A `Store` in one SQLite file (write-ahead log, `synchronous=FULL`). Made by `open`, ended by `close`.

    Writes go through one connection and share transactions (see `Writer`). What the engine reads and what people list
    have a connection each, so that neither waits for a write, nor the engine for a listing; what takes its time (see
    `Surveys`) has one more.
    """

    def __init__(
        self,
        path: Path,
        queries: Queries,
        writer: Writer,
        connections: tuple[aiosqlite.Connection, aiosqlite.Connection, aiosqlite.Connection, aiosqlite.Connection],
    ) -> None:
        """For `open`: `connections` are the writer's, the engine's, the listings' and the surveys'."""
        self._path = path
        self._queries = queries
        self._writer = writer
        self._connections = connections
        self._engine, self._listings, self._surveys = map(Reader, connections[1:])
        self._closed: asyncio.Task[None] | None = None
        self._listeners: list[Callable[[], None]] = []

    @classmethod
    async def open(
        cls, path: str | os.PathLike[str], *, together: int = 256, connect: Connect = aiosqlite.connect
    ) -> SqliteStore:
        """Open the database, or make it (mode 0600), examine it and bring its schema up to date (see `make_ready`).

        At most `together` writes share a transaction. `connect` makes the connections: the seam for a disk that fails.

        Raises `StoreUnavailable` if there is no such folder, if file or folder may not be written, if the file is not
        a database of callbackd, if a newer callbackd wrote it, or if it is damaged.
        """
        path = Path(path)
        queries = Queries.load()
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except OSError as error:
            raise told_of_file(error, path) from error
        refuse_without_its_log(path)
        async with contextlib.AsyncExitStack() as stack:
            try:
                connections = (
                    await _connect(stack, connect, path, queries, "configure_writer"),
                    await _connect(stack, connect, path, queries, "configure_reader"),
                    await _connect(stack, connect, path, queries, "configure_reader"),
                    await _connect(stack, connect, path, queries, "configure_reader"),
                )
                await connections[-1].create_function("folded", 1, folded, deterministic=True)
                await make_ready(connections[0], queries, load_migrations(), path)
            except sqlite3.Error as error:
                raise told(error, path) from error
            except UnicodeDecodeError as error:
                raise told_of_damage(UNREADABLE, path) from error
            store = cls(path, queries, Writer(connections[0], queries, path, together), connections)
            stack.push_async_callback(store.close)
            await store.check_writable()
            stack.pop_all()
        return store

    async def close(self) -> None:
        """Finish the writes that wait and close the file. Afterwards every method raises `StoreUnavailable`."""
        if self._closed is None:
            self._closed = asyncio.create_task(self._close(), name="callbackd-store-close")
        await asyncio.shield(self._closed)

    async def _close(self) -> None:
        try:
            await self._writer.close()
            for reader in (self._engine, self._listings, self._surveys):
                await reader.close()
        finally:
            for connection in reversed(self._connections):
                await connection.close()

    # Writing

    async def add(self, callback: CallBack, event: TimelineEvent, idempotency: Idempotency | None = None) -> CallBack:
        """See `Store.add`. A key that an older request used is the newer one's from then on."""
        row = rows.callback_to_row(replace(callback, version=1))
        event_row = rows.event_to_row(event, callback.id)

        def work(connection: sqlite3.Connection) -> CallBack:
            try:
                connection.execute(self._queries["insert_callback"], row)
            except sqlite3.IntegrityError as error:
                raise self._conflict(connection, row, error) from error
            connection.execute(self._queries["append_event"], event_row)
            if idempotency is not None:
                connection.execute(
                    self._queries["put_idempotency"],
                    {
                        "key": idempotency.key,
                        "fingerprint": idempotency.fingerprint,
                        "at": row["requested_at"],
                        "callback_id": callback.id,
                    },
                )
            return rows.callback_from_row(row)

        return await self._writer.write(work, self._tell)

    async def commit(self, change: Change) -> CallBack:
        """See `Store.commit`."""
        changes.check(change)
        row = rows.callback_to_row(change.callback)
        statements: list[tuple[str, Sequence[RowValues]]] = []
        if change.attempt is not None:
            statements.append(("put_attempt", [rows.attempt_to_row(change.attempt)]))
        if change.offer is not None:
            statements.append(("put_offer", [rows.offer_to_row(change.offer)]))
        if change.events:
            events = [rows.event_to_row(event, change.callback.id) for event in change.events]
            statements.append(("append_event", events))
        if change.dialled is not None:
            statements.append(("note_dial", [{"number": change.callback.number, "at": to_ms(change.dialled)}]))
        if change.block is not None:
            at = to_ms(changes.blocked_at(change))
            statements.append(("block", [{"number": change.callback.number, "at": at, "reason": change.block}]))
        if change.condition is not None:
            condition = rows.condition_to_row(change.callback.profile, change.condition)
            statements.append(("put_condition", [condition]))

        def work(connection: sqlite3.Connection) -> CallBack:
            try:
                updated = connection.execute(self._queries["update_callback"], row)
            except sqlite3.IntegrityError as error:
                raise self._conflict(connection, row, error) from error
            if updated.rowcount == 0:
                raise Stale(f"the call-back {change.callback.id} has changed since version {change.callback.version}")
            for name, parameters in statements:
                connection.executemany(self._queries[name], parameters)
            return replace(rows.callback_from_row(row), version=change.callback.version + 1)

        return await self._writer.write(work, self._tell if change.events else None)

    def on_events(self, listener: Callable[[], None]) -> None:
        """See `Store.on_events`."""
        self._listeners.append(listener)

    def _tell(self) -> None:
        for listener in self._listeners:
            listener()

    def _conflict(
        self, connection: sqlite3.Connection, row: RowValues, error: sqlite3.IntegrityError
    ) -> StoreError:
        """Which rule a refused row would have broken."""
        found = connection.execute(self._queries["conflicts"], row).fetchone()
        if found["already_waiting"]:
            return AlreadyWaiting(f"{row['profile']} already has a call-back of that number that has not ended")
        if found["number_live"]:
            return NumberLive("another call-back of that number is on the phone")
        return StoreError(f"the call-back {row['id']} cannot be kept: {error}")

    async def block(self, number: str, at: datetime, reason: str) -> None:
        """Put a number on the block-list, or give the one that is there another reason."""
        await self._write("block", {"number": number, "at": to_ms(at), "reason": reason})

    async def unblock(self, number: str) -> bool:
        """True if it was on the list."""
        return await self._write("unblock", {"number": number}) > 0

    async def set_condition(self, profile: str, condition: ProfileCondition) -> None:
        """Remember the condition of a profile's target and route."""
        await self._write("put_condition", rows.condition_to_row(profile, condition))

    async def set_pause(self, profile: str, pause: Pause) -> None:
        """Remember what is paused; a pause of nothing is forgotten."""
        await self._write(
            "put_pause" if pause.intake or pause.dialling else "lift_pause",
            {"profile": profile, "intake": int(pause.intake), "dialling": int(pause.dialling)},
        )

    async def set_delivered(self, consumer: str, event_id: int) -> None:
        """Remember what a consumer has confirmed. A cursor never goes back."""
        await self._write("put_delivered", {"consumer": consumer, "event_id": event_id})

    async def beat(self, now: datetime) -> None:
        """See `Store.beat`. One small row, written over."""
        await self._write("put_heartbeat", {"at": to_ms(now)})

    async def alive_at(self) -> datetime | None:
        """The last `beat`; None before the first."""
        return await self._instant("heartbeat", {})

    async def check_writable(self) -> None:
        """Write a row. Raises `StoreUnavailable` if that cannot be done."""
        await self._write("prove_writable", {})

    async def _write(self, name: str, parameters: RowValues) -> int:
        """Run one statement in a transaction; how many rows it touched."""

        def work(connection: sqlite3.Connection) -> int:
            return connection.execute(self._queries[name], parameters).rowcount

        return await self._writer.write(work)

    # One call-back

    async def get(self, callback_id: str) -> CallBack | None:
        """The call-back, or None if there is none (any more)."""
        found = await self._read("get", {"id": callback_id})
        return rows.callback_from_row(found[0]) if found else None

    async def find_idempotent(self, key: str, since: datetime) -> tuple[CallBack, str] | None:
        """See `Store.find_idempotent`."""
        found = await self._read("find_idempotent", {"key": key, "since": to_ms(since)})
        return (rows.callback_from_row(found[0]), found[0]["fingerprint"]) if found else None

    async def attempts(self, callback_id: str) -> Sequence[Attempt]:
        """In order of number."""
        return [rows.attempt_from_row(row) for row in await self._read("attempts", {"callback_id": callback_id})]

    async def offers(self, callback_id: str) -> Sequence[Offer]:
        """In order of number."""
        return [rows.offer_from_row(row) for row in await self._read("offers", {"callback_id": callback_id})]

    async def timeline(self, callback_id: str) -> Sequence[TimelineEvent]:
        """In order of seq."""
        return [rows.event_from_row(row) for row in await self._read("timeline", {"callback_id": callback_id})]

    async def find_waiting_or_live(self, number: str, profile: str | None = None) -> Sequence[CallBack]:
        """See `Store.find_waiting_or_live`."""
        found = [rows.callback_from_row(row) for row in await self._read("find_not_ended", {"number": number})]
        return sorted(
            (callback for callback in found if profile in (None, callback.profile)),
            key=lambda callback: (callback.requested_at, callback.id),
        )

    # What comes next

    async def next_startable(
        self, profile: str, step: Step, now: datetime, avoid: Collection[str] = ()
    ) -> CallBack | None:
        """See `Store.next_startable`. A few look-ups, however many wait, rest or have rested."""
        found = await self._read(
            "next_startable",
            {"profile": profile, "step": step.value, "now": to_ms(now), "avoid": json.dumps(tuple(avoid))},
        )
        return rows.callback_from_row(found[0]) if found else None

    async def next_startable_at(self, profile: str, after: datetime) -> datetime | None:
        """See `Store.next_startable_at`."""
        return await self._instant("next_startable_at", {"profile": profile, "after": to_ms(after)})

    async def expired(self, now: datetime, limit: int = 100) -> Sequence[CallBack]:
        """Waiting call-backs whose `expires_at` is not later than now, the longest expired first."""
        return [rows.callback_from_row(row) for row in await self._read("expired", {"now": to_ms(now), "limit": limit})]

    async def next_expiry(self) -> datetime | None:
        """When the first waiting call-back expires."""
        return await self._instant("next_expiry", {})

    async def live(self) -> Sequence[CallBack]:
        """All that are on the phone, in order of id."""
        found = [rows.callback_from_row(row) for row in await self._read("live", {})]
        return sorted(found, key=lambda callback: callback.id)

    # Listing and counting

    async def list(self, query: Query) -> Page:
        """See `Store.list`."""
        if query.narrow:
            return await self._search(query)
        selection = Selection.of(query)
        if query.number is not None:
            name = "list_by_number"
        elif query.profile is not None:
            name = "list_by_profile"
        else:
            name = "list_by_state" if query.states else "list_newest"
        found = await self._browse(
            name,
            {
                "profile": query.profile,
                "number": query.number,
                "states": json.dumps([state.value for state in selection.states]),
                "due_after": selection.due_after,
                "due_until": selection.due_until,
                "before": selection.before,
                "before_id": selection.before_id,
                "limit": query.limit + 1,
            },
        )
        return page([rows.callback_from_row(row) for row in found], query.limit)

    async def counts(self, now: datetime) -> dict[str, dict[State, int]]:
        """See `Store.counts`. A profile with none is not named; the others have a number for every live state."""
        counted: dict[str, dict[State, int]] = {}
        for row in await self._browse("count_waiting", {"now": to_ms(now)}):
            of_profile = counted[row["profile"]] = dict.fromkeys(LIVE_STATES, 0)
            of_profile[State.QUEUED] = row["queued"]
            of_profile[State.SCHEDULED] = row["waiting"] - row["queued"]
        for row in await self._browse("count_live", {}):
            of_profile = counted.setdefault(row["profile"], dict.fromkeys(LIVE_STATES, 0))
            of_profile[State(row["state"])] = row["n"]
        return counted

    async def waiting_before(self, callback: CallBack) -> int:
        """See `Store.waiting_before`."""
        (found,) = await self._browse("count_before", rows.callback_to_row(callback))
        counted: int = found["n"]
        return counted

    # Numbers, profiles, the outbox

    async def dials(self, number: str, since: datetime) -> Sequence[datetime]:
        """When the number was dialled later than `since`, oldest first."""
        found = await self._read("dials", {"number": number, "since": to_ms(since)})
        return [from_ms(row["at"]) for row in found]

    async def requests(self, number: str, since: datetime) -> int:
        """See `Store.requests`."""
        (found,) = await self._read("count_requests", {"number": number, "since": to_ms(since)})
        counted: int = found["n"]
        return counted

    async def is_blocked(self, number: str) -> bool:
        """Whether the number is on the block-list."""
        return bool(await self._read("is_blocked", {"number": number}))

    async def condition(self, profile: str) -> ProfileCondition:
        """What was last remembered of the profile's target and route."""
        found = await self._read("condition", {"profile": profile})
        return rows.condition_from_row(found[0]) if found else ProfileCondition()

    async def pauses(self) -> dict[str, Pause]:
        """What is paused, by profile; the key ``*`` is the whole daemon."""
        return {
            row["profile"]: Pause(intake=bool(row["intake"]), dialling=bool(row["dialling"]))
            for row in await self._read("pauses", {})
        }

    async def events_after(self, event_id: int, limit: int = 500) -> Sequence[TimelineEvent]:
        """See `Store.events_after`."""
        found = await self._browse("events_after", {"event_id": event_id, "limit": limit})
        return [rows.event_from_row(row) for row in found]

    async def delivered_up_to(self, consumer: str) -> int:
        """The id of the last event that the consumer has confirmed; 0 at first."""
        found = await self._browse("delivered_up_to", {"consumer": consumer})
        return int(found[0]["event_id"]) if found else 0

    async def _instant(self, name: str, parameters: Mapping[str, Any]) -> datetime | None:
        (found,) = await self._read(name, parameters)
        return from_ms_or_none(found["instant"])

    async def _read(self, name: str, parameters: Mapping[str, Any]) -> Sequence[sqlite3.Row]:
        """What the engine asks."""
        return await self._fetch(self._engine, name, parameters)

    async def _browse(self, name: str, parameters: Mapping[str, Any]) -> Sequence[sqlite3.Row]:
        """What people and feeds ask."""
        return await self._fetch(self._listings, name, parameters)

    async def _survey(self, name: str, parameters: Mapping[str, Any]) -> Sequence[sqlite3.Row]:
        """What takes its time."""
        return await self._fetch(self._surveys, name, parameters)

    async def _fetch(
        self, reader: Reader, name: str, parameters: Mapping[str, Any]
    ) -> Sequence[sqlite3.Row]:
        if self._closed is not None:
            raise StoreUnavailable(f"the database {self._path} has been closed: callbackd is stopping")
        try:
            return await reader.fetch(self._queries[name], parameters)
        except sqlite3.Error as error:
            raise told(error, self._path) from error
        except ValueError as error:
            raise StoreUnavailable(f"the database {self._path} has been closed: callbackd is stopping") from error


async def _connect(
    stack: contextlib.AsyncExitStack, connect: Connect, path: Path, queries: Queries, configure: str
) -> aiosqlite.Connection:
    connection = await stack.enter_async_context(connect(path, isolation_level=None))
    connection.row_factory = sqlite3.Row
    await connection.executescript(queries[configure])
    return connection

"""``python -m tests.store.earlier.make``: writes down a database as this callbackd makes it, for those that come after.

The dump has a call-back in every state and a row in every table. Run it when a new schema is about to be released: the
next one is tested against it. A dump that is there already is left alone, since only the code of its time can make it.
"""

from __future__ import annotations

import asyncio
import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from callbackd.domain.callback import (
    DISPOSITIONS,
    Attempt,
    CallBack,
    EventType,
    Kind,
    Offer,
    OfferOutcome,
    Outcome,
    Reschedules,
    State,
    Step,
    TimelineEvent,
)
from callbackd.store.interface import Change, Idempotency, Pause, ProfileCondition
from callbackd.store.migrate import load_migrations
from callbackd.store.sqlite import SqliteStore

FOLDER = Path(__file__).parent
ASKED = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def name_of(version: int) -> str:
    """The file that has the database of a schema version."""
    return f"{version:04d}.sql"


async def fill(path: Path) -> None:
    """Make a database there that has something in every table."""
    store = await SqliteStore.open(path)
    numbers = (f"+1416555{last:04d}" for last in range(1, 100))
    for state in (State.SCHEDULED, State.AGENT, State.CLIENT, State.CONNECTED, State.OFFERING, *sorted(DISPOSITIONS)):
        await _live_through(store, state, next(numbers))
    later = await _asked(store, "later", next(numbers), due_at=ASKED + timedelta(days=1))
    resting = replace(later, id=_id("resting"), number=next(numbers), due_at=ASKED, rest_until=ASKED + 5 * MINUTE)
    await store.add(resting, _event(EventType.REQUESTED, 0))
    offer = await _asked(store, "to-be-offered", next(numbers), profile="sales", priority=-100)
    await store.commit(Change(replace(offer, next_step=Step.OFFER, next_kind=Kind.CLIENT, offers_made=1)))
    await store.block("+14165559999", ASKED, "asked by an operator")
    await store.set_condition(
        "sales",
        ProfileCondition(
            ASKED + MINUTE, 2, (("+14165550003", _id("client"), "client_invalid"),), ASKED + 2 * MINUTE, 1
        ),
    )
    await store.set_pause("*", Pause(intake=True))
    await store.set_pause("sales", Pause(dialling=True))
    for consumer, confirmed in (("mqtt", 7), ("mqtt:known", 1), ("webhook:0123456789abcdef", 3)):
        await store.set_delivered(consumer, confirmed)
    if hasattr(store, "beat"):
        await store.beat(ASKED + 3 * MINUTE)
    await store.check_writable()
    await store.close()


async def _live_through(store: SqliteStore, state: State, number: str) -> None:
    """A call-back that came into `state` with an attempt, an offer and their events."""
    made = await _asked(store, state.value, number, name="Zoë O'Neill", reason="a refund", language="fr_CA")
    if state is State.SCHEDULED:
        return
    claimed = replace(made, state=State.AGENT, attempts_made=1)
    attempt = Attempt(made.id, 1, Kind.REQUEST, ASKED + MINUTE, agent_answered_at=ASKED + 2 * MINUTE)
    dialled = ASKED + 2 * MINUTE
    made = await store.commit(
        Change(claimed, (_event(EventType.ATTEMPT_STARTED, 1, attempt=1),), attempt=attempt, dialled=dialled)
    )
    if state in (State.AGENT, State.CLIENT, State.CONNECTED):
        answered = ASKED + 3 * MINUTE if state is State.CONNECTED else None
        live = replace(attempt, client_dialled_at=dialled, client_answered_at=answered, armed=True)
        await store.commit(Change(replace(made, state=state), attempt=attempt if state is State.AGENT else live))
        return
    over = replace(
        attempt, client_dialled_at=dialled, ended_at=ASKED + 3 * MINUTE, outcome=Outcome.CLIENT_BUSY,
        client_outcome=Outcome.CLIENT_BUSY, cause=17, counted=True,
    )  # fmt: skip
    offering = replace(made, state=State.OFFERING, counted=1, offers_made=1, reschedules=Reschedules(1, 0, 0))
    offer = Offer(made.id, 1, ASKED + 4 * MINUTE, dialled_at=ASKED + 4 * MINUTE)
    made = await store.commit(
        Change(offering, (_event(EventType.ATTEMPT_ENDED, 3, outcome="client_busy"),), attempt=over, offer=offer)
    )
    if state is State.OFFERING:
        return
    outcome = OfferOutcome.NEVER_AGAIN if state is State.BLOCKED else OfferOutcome.NO_KEY
    ended = replace(made, state=state, ended_at=ASKED + 5 * MINUTE)
    await store.commit(
        Change(
            ended,
            (_event(EventType.ENDED, 5, disposition=state.value),),
            offer=replace(offer, answered_at=ASKED + 4 * MINUTE, ended_at=ASKED + 5 * MINUTE, outcome=outcome),
            block="asked never to be called" if state is State.BLOCKED else None,
        )
    )


async def _asked(store: SqliteStore, key: str, number: str, profile: str = "support", **more: object) -> CallBack:
    values = {
        "id": _id(key), "profile": profile, "number": number, "requested_at": ASKED, "due_at": ASKED,
        "asked_at": ASKED, "expires_at": ASKED + timedelta(days=7), **more,
    }  # fmt: skip
    made = CallBack(**values)  # type: ignore[arg-type]
    return await store.add(made, _event(EventType.REQUESTED, 0), Idempotency(f"order {key}", f"print of {key}"))


def _event(type_: EventType, minutes: int, **data: object) -> TimelineEvent:
    return TimelineEvent(type_, ASKED + minutes * MINUTE, data)


def _id(key: str) -> str:
    return f"01kaq-{key}"


def dump(path: Path) -> Iterator[str]:
    """The statements that make the database at `path` again, its marks included."""
    with closing(sqlite3.connect(path)) as connection:
        for pragma in ("application_id", "user_version"):
            yield f"PRAGMA {pragma} = {connection.execute(f'PRAGMA {pragma}').fetchone()[0]};"
        yield from connection.iterdump()


def restore(version: int, path: Path) -> None:
    """Make the database of that version at `path`."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((FOLDER / name_of(version)).read_text(encoding="utf-8"))


def main() -> int:
    """Make the dump of the present schema, if it is not there."""
    target = FOLDER / name_of(len(load_migrations()))
    if target.exists():
        sys.stderr.write(f"{target} is there already: it is left as the code of its time made it\n")
        return 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "callbackd.sqlite3"
        asyncio.run(fill(path))
        target.write_text("\n".join(dump(path)) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

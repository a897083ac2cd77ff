"""The two stores side by side: whatever is asked of them, they answer the same."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from callbackd.domain.callback import (
    Attempt,
    CallBack,
    EventType,
    Kind,
    Offer,
    Outcome,
    Reschedules,
    State,
    Step,
    TimelineEvent,
)
from callbackd.domain.hours import Span
from callbackd.store.interface import (
    Change,
    Idempotency,
    Page,
    Pause,
    Query,
    Store,
    StoreError,
)
from callbackd.store.memory import MemoryStore
from callbackd.store.sqlite import SqliteStore

from .samples import T0

NUMBERS = [f"+1416555010{i}" for i in range(4)]
IDS = [f"cb-{i:02}" for i in range(12)]
PROFILES = ["sales", "support"]

numbers = st.sampled_from(NUMBERS)
profiles = st.sampled_from(PROFILES)
ids = st.sampled_from(IDS)
steps = st.sampled_from(Step)
instants = st.one_of(
    st.integers(-3, 3).map(lambda count: T0 + timedelta(milliseconds=count)),
    st.integers(-40, 40).map(lambda count: T0 + timedelta(minutes=7 * count)),
    st.datetimes(datetime(1960, 1, 1), datetime(2200, 1, 1)).map(lambda naive: naive.replace(tzinfo=T0.tzinfo)),  # noqa: DTZ001
)
callbacks = st.builds(
    CallBack,
    id=ids,
    profile=profiles,
    number=numbers,
    requested_at=instants,
    due_at=instants,
    asked_at=instants,
    expires_at=instants,
    priority=st.sampled_from([-100, -1, 0, 1, 100]),
    state=st.sampled_from([State.SCHEDULED, State.SCHEDULED, State.QUEUED, State.AGENT]),
    rest_until=st.none() | instants,
    next_step=steps,
    name=st.sampled_from([None, "Ann Lee", "Émile", "100%"]),
)
events = st.builds(
    TimelineEvent,
    type=st.sampled_from(EventType),
    at=instants,
    data=st.dictionaries(st.text(max_size=3), st.none() | st.booleans() | st.integers(0, 9) | st.text(max_size=3)),
)
states = st.sampled_from(State)
attempts = st.builds(
    Attempt,
    callback_id=ids,
    number=st.just(0),
    kind=st.sampled_from(Kind),
    started_at=instants,
    client_answered_at=st.none() | instants,
    outcome=st.none() | st.just(Outcome.ANSWERED) | st.sampled_from(Outcome),
    counted=st.none() | st.booleans(),
)


async def _list(store: Store, query: Query) -> Page:
    return await store.list(query)


class Twins(RuleBasedStateMachine):
    """Every rule asks both stores and compares what they answer or raise."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.folder = Path(tempfile.mkdtemp())
        self.memory = MemoryStore()

    @initialize()
    def open(self) -> None:
        self.sqlite = self.runner.run(SqliteStore.open(self.folder / "callbackd.sqlite3"))

    def teardown(self) -> None:
        if hasattr(self, "sqlite"):
            self.runner.run(self.sqlite.close())
        self.runner.close()
        shutil.rmtree(self.folder)

    def both(self, ask: Callable[[Store], Awaitable[Any]]) -> Any:
        async def answer(store: Store) -> Any:
            try:
                found = await ask(store)
            except (StoreError, ValueError) as error:
                return type(error)
            return list(found) if isinstance(found, list | tuple) else found

        first = self.runner.run(answer(self.sqlite))
        second = self.runner.run(answer(self.memory))
        assert first == second
        return first

    @rule(made=callbacks, event=events, key=st.none() | st.sampled_from(["k1", "k2"]))
    def add(self, made: CallBack, event: TimelineEvent, key: str | None) -> None:
        self.both(lambda store: store.add(made, event, None if key is None else Idempotency(key, made.id)))

    @rule(
        which=ids,
        values=st.fixed_dictionaries(
            {},
            optional={
                "state": states,
                "due_at": instants,
                "rest_until": st.none() | instants,
                "expires_at": instants,
                "ended_at": st.none() | instants,
                "priority": st.sampled_from([-100, 0, 100]),
                "next_step": steps,
                "profile": profiles,
                "number": numbers,
                "attempts_made": st.integers(0, 2),
                "offers_made": st.integers(0, 2),
                "reschedules": st.builds(Reschedules, st.integers(0, 2), st.integers(0, 2), st.integers(0, 2)),
            },
        ),
        noted=st.lists(events, max_size=3),
        attempt=st.none() | attempts,
        offer=st.booleans(),
        dialled=st.none() | instants,
        block=st.none() | st.just("asked"),
        stale=st.integers(0, 4).map(lambda lot: lot == 0),
    )
    def commit(
        self,
        which: str,
        values: dict[str, Any],
        noted: list[TimelineEvent],
        attempt: Attempt | None,
        offer: bool,
        dialled: datetime | None,
        block: str | None,
        stale: bool,
    ) -> None:
        before = self.both(lambda store: store.get(which))
        if before is None:
            return
        number = before.version % 3
        change = Change(
            replace(before, version=before.version - stale, **values),
            noted,
            attempt=replace(attempt, callback_id=which, number=number) if attempt else None,
            offer=Offer(which, number, T0, cause=before.version) if offer else None,
            dialled=dialled,
            block=block,
        )
        self.both(lambda store: store.commit(change))
        self.both(lambda store: store.get(which))

    @rule(instant=instants, limit=st.integers(1, 3), delivered=st.none() | st.integers(0, 30))
    def erase(self, instant: datetime, limit: int, delivered: int | None) -> None:
        self.both(lambda store: store.erase_ended_before(instant, limit, delivered))
        self.both(lambda store: store.count_ended_before(instant))

    @rule(number=numbers, unblock=st.booleans(), delivered=st.none() | st.integers(0, 30))
    def forget(self, number: str, unblock: bool, delivered: int | None) -> None:
        self.both(lambda store: store.forget(number, unblock=unblock, delivered=delivered))

    @rule(number=numbers, put=st.booleans())
    def block_or_unblock(self, number: str, put: bool) -> None:
        self.both(lambda store: store.block(number, T0, "asked") if put else store.unblock(number))

    @rule(profile=profiles, pause=st.builds(Pause, st.booleans(), st.booleans()))
    def pause(self, profile: str, pause: Pause) -> None:
        self.both(lambda store: store.set_pause(profile, pause))
        self.both(lambda store: store.pauses())

    @rule(profile=profiles, step=steps, now=instants, avoid=st.sets(numbers, max_size=2))
    def next_startable(self, profile: str, step: Step, now: datetime, avoid: set[str]) -> None:
        self.both(lambda store: store.next_startable(profile, step, now, avoid))
        self.both(lambda store: store.next_startable_at(profile, now))

    @rule(now=instants, limit=st.integers(1, 3))
    def expired(self, now: datetime, limit: int) -> None:
        self.both(lambda store: store.expired(now, limit))
        self.both(lambda store: store.next_expiry())

    @rule(
        now=instants,
        wanted=st.sets(states, max_size=3),
        profile=st.none() | profiles,
        number=st.none() | numbers,
        limit=st.integers(1, 4),
    )
    def pages(self, now: datetime, wanted: set[State], profile: str | None, number: str | None, limit: int) -> None:
        query: Query | None = Query(now, wanted, profile, number, limit)
        while query is not None:
            page = self.both(partial(_list, query=query))
            query = replace(query, cursor=page.next) if page.next else None

    @rule(
        now=instants,
        wanted=st.sets(states, max_size=3),
        profile=st.none() | profiles,
        number=st.none() | numbers,
        narrow=st.fixed_dictionaries(
            {},
            optional={
                "digits": st.sampled_from(["0102", "416", "9"]),
                "name": st.sampled_from(["", "ann", "ÉMILE", "e", "%"]),
                "since": instants,
                "until": instants,
            },
        ),
    )
    def searched(
        self, now: datetime, wanted: set[State], profile: str | None, number: str | None, narrow: dict[str, Any]
    ) -> None:
        query: Query | None = Query(now, wanted, profile, number, 2, **narrow)
        while query is not None:
            page = self.both(partial(_list, query=query))
            query = replace(query, cursor=page.next) if page.next else None

    @rule(profile=profiles, now=instants, limit=st.integers(1, 4), offset=st.integers(0, 5))
    def waiting(self, profile: str, now: datetime, limit: int, offset: int) -> None:
        self.both(lambda store: store.queued(profile, now, limit, offset))
        self.both(lambda store: store.coming(profile, now, limit, offset))

    @rule(profile=profiles, bounds=st.lists(instants, min_size=2, max_size=5, unique=True))
    def surveyed(self, profile: str, bounds: list[datetime]) -> None:
        bounds.sort()
        days = [Span(*pair) for pair in pairwise(bounds)]
        self.both(lambda store: store.tallies(profile, days))
        self.both(lambda store: store.endings(profile, bounds[0], bounds[-1]))
        self.both(lambda store: store.live_attempts())
        self.both(lambda store: store.live_offers())

    @rule(now=instants, each=callbacks)
    def counted(self, now: datetime, each: CallBack) -> None:
        self.both(lambda store: store.counts(now))
        self.both(lambda store: store.waiting_before(each))

    @rule(number=numbers, since=instants, profile=st.none() | profiles, key=st.sampled_from(["k1", "k2"]))
    def of_a_number(self, number: str, since: datetime, profile: str | None, key: str) -> None:
        self.both(lambda store: store.dials(number, since))
        self.both(lambda store: store.requests(number, since))
        self.both(lambda store: store.is_blocked(number))
        self.both(lambda store: store.find_waiting_or_live(number, profile))
        self.both(lambda store: store.find_idempotent(key, since))

    @rule(which=ids, after=st.integers(0, 20), limit=st.integers(1, 9))
    def of_a_call_back(self, which: str, after: int, limit: int) -> None:
        self.both(lambda store: store.attempts(which))
        self.both(lambda store: store.offers(which))
        self.both(lambda store: store.timeline(which))
        self.both(lambda store: store.events_after(after, limit))

    @rule(at=instants)
    def beat(self, at: datetime) -> None:
        self.both(lambda store: store.beat(at))
        self.both(lambda store: store.alive_at())

    @rule()
    def reopen(self) -> None:
        self.runner.run(self.sqlite.close())
        self.sqlite = self.runner.run(SqliteStore.open(self.folder / "callbackd.sqlite3"))

    @invariant()
    def no_number_is_live_twice(self) -> None:
        if hasattr(self, "sqlite"):
            live = self.both(lambda store: store.live())
            assert len({each.number for each in live}) == len(live)


TestTwins = Twins.TestCase
TestTwins.settings = settings(
    max_examples=40, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
)

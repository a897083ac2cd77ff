"""The daemon and its link: what it believes while the PBX can't be seen."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from callbackd.ari.fake import FakeTransport, Request
from callbackd.ari.supervisor import Phase
from callbackd.ari.transport import EventStream, Response
from callbackd.config.load import Configuration, load
from callbackd.daemon import Daemon
from callbackd.domain.callback import Attempt, Kind, Outcome, State
from callbackd.engine.clock import SystemClock
from callbackd.engine.intake import Request as Wanted
from callbackd.store.interface import Change
from callbackd.store.memory import MemoryStore
from tests.engine.faulty import Faulty

LIMIT = 10.0

PROFILE = """
target: {endpoint: PJSIP/1001, timezone: America/Toronto}
client: {endpoint: "PJSIP/{number}@trunk", caller_id: Acme <+14165550100>, country: CA, allow: ["+1"]}
"""


class Doorway(FakeTransport):
    """A PBX with nobody on the phone. Its websocket opens while `passable`; `refused`: it was asked for in vain."""

    def __init__(self) -> None:
        super().__init__()
        self.passable = asyncio.Event()
        self.passable.set()
        self.refused = asyncio.Event()
        self.drops = True
        self.on("GET", "/asterisk/info", Response(200, {"system": {"version": "22.10.1"}, "status": {}}))
        self.on("GET", "/api-docs/.*", Response(404, {"message": "not installed"}))
        self.on("GET", "/channels", Response(200, []))
        self.on("GET", "/bridges", self._bridges)
        self.on("PUT", "/applications/.*", Response(200, {"name": "callbackd"}))

    @asynccontextmanager
    async def events(self, app: str) -> AsyncIterator[EventStream]:
        """The websocket, when it may be entered."""
        if not self.passable.is_set():
            self.refused.set()
        await self.passable.wait()
        async with super().events(app) as stream:
            yield stream

    async def _bridges(self, _request: Request) -> Response:
        """The websocket ends during the look at the PBX, whose requests are answered all the same."""
        if self.drops:
            self.passable.clear()
            self.drop()
            await asyncio.sleep(0)
        return Response(200, [])


class _Enough(Exception):
    """The test has seen it."""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "support.yaml").write_text(PROFILE)
    file = tmp_path / "callbackd.yaml"
    file.write_text(
        "ari: {url: http://127.0.0.1:1/ari, username: u, password: p, app: callbackd}\n"
        f"database: {tmp_path / 'callbackd.sqlite3'}\nprofiles: profiles\n"
    )
    return load(file, strict_env=True)


async def test_what_a_fault_of_ours_kept_from_being_settled_is_settled_without_a_new_contact(
    configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callbackd.daemon.SETTLE_AGAIN", 0.01)
    store, transport, clock = Faulty(), Doorway(), SystemClock()
    transport.drops = False
    written = asyncio.Event()
    store.on_events(written.set)
    try:
        async with asyncio.TaskGroup() as group, asyncio.timeout(LIMIT):
            daemon = Daemon(configuration, store, transport, group, clock, random.Random(1))  # noqa: S311
            asked = (await daemon.intake.request(Wanted("support", "+14165550123"))).callback
            attempt = Attempt(asked.id, 1, Kind.REQUEST, started_at=clock.now())
            await store.commit(Change(replace(asked, state=State.AGENT, attempts_made=1), attempt=attempt))
            store.faults = 1
            daemon.start()
            await daemon._link.wait_ready()
            while (await store.attempts(asked.id))[0].outcome is None:
                written.clear()
                await written.wait()
            assert (store.faults, transport.connections) == (0, 1)
            assert (await store.attempts(asked.id))[0].outcome is Outcome.INTERRUPTED
            raise _Enough
    except* _Enough:
        pass


async def test_a_link_that_is_lost_while_it_is_resynchronised_leaves_the_calls_blind(
    configuration: Configuration,
) -> None:
    transport = Doorway()
    try:
        async with asyncio.TaskGroup() as group, asyncio.timeout(LIMIT):
            daemon = Daemon(configuration, MemoryStore(), transport, group, SystemClock(), random.Random(1))  # noqa: S311
            daemon.start()
            await transport.refused.wait()
            assert daemon._link.state.phase is Phase.CONNECTING
            assert daemon._calls.blind, "nobody sees what the phones do, so no time-out may decide anything"
            transport.drops = False
            transport.passable.set()
            await daemon._link.wait_ready()
            assert not daemon._calls.blind
            raise _Enough
    except* _Enough:
        pass

"""The link to Asterisk: ready only when proven, lost at once, back by itself, fenced for ever."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest

from callbackd.ari.client import UNWANTED_EVENTS, AriClient
from callbackd.ari.errors import ApplicationReplaced, AuthenticationFailed, NotReady, Unreachable, refusal
from callbackd.ari.fake import FakeTransport
from callbackd.ari.models import ChannelUserevent, Event, OtherEvent
from callbackd.ari.supervisor import LinkState, Patience, Phase, Supervisor
from callbackd.ari.transport import EventStream, Response
from callbackd.notify import SILENCE
from tests.engine.virtual_time import run

LIMIT = 5.0
NOW = datetime(2026, 11, 2, 15, tzinfo=UTC)


class Waits(random.Random):
    """Jitter that never waits, and remembers between what it was to choose."""

    def __init__(self) -> None:
        super().__init__(1)
        self.bounds: list[tuple[float, float]] = []

    def uniform(self, a: float, b: float) -> float:
        self.bounds.append((a, b))
        return 0.0


class Link:
    """A supervisor on a fake transport, and all that it did."""

    def __init__(self, patience: Patience | None = None, **options: Any) -> None:
        self.transport = FakeTransport()
        self.transport.on("PUT", "/applications/callbackd/eventFilter", Response(200, {"name": "callbackd"}))
        self.chance = Waits()
        self.states: list[LinkState] = []
        self.events: list[Event] = []
        self.resyncs = 0
        self._changed = asyncio.Condition()
        self.changes: asyncio.Queue[LinkState] = asyncio.Queue()
        self.arrived: asyncio.Queue[Event] = asyncio.Queue()
        self.supervisor = Supervisor(
            self.transport,
            "callbackd",
            on_event=self.handle,
            resync=self.resync,
            now=lambda: NOW,
            chance=self.chance,
            patience=patience,
            on_change=self._note,
            **options,
        )

    async def handle(self, event: Event) -> None:
        self.events.append(event)
        self.arrived.put_nowait(event)

    async def resync(self, client: AriClient) -> None:
        assert not self.supervisor.ready
        self.resyncs += 1

    def _note(self, state: LinkState) -> None:
        self.states.append(state)
        self.changes.put_nowait(state)

    async def until(self, phase: Phase) -> LinkState:
        """The next change to that phase."""
        async with asyncio.timeout(LIMIT):
            while (state := await self.changes.get()).phase is not phase:
                pass
            return state

    def push(self, name: str) -> None:
        self.transport.push({"type": name})

    @property
    def seen(self) -> list[str]:
        return [event.type if isinstance(event, OtherEvent) else type(event).__name__ for event in self.events]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.supervisor.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def test_ready_after_proof_filter_and_resync() -> None:
    link = Link()
    assert link.supervisor.state.phase is Phase.STOPPED
    async with link.running():
        await asyncio.wait_for(link.supervisor.wait_ready(), LIMIT)
        assert link.supervisor.ready
        phases = [state.phase for state in link.states]
        assert phases == [Phase.CONNECTING, Phase.PROVING, Phase.RESYNCING, Phase.READY]
        asked = [(made.method, made.path) for made in link.transport.requests]
        assert asked == [
            ("GET", "/applications/callbackd"),
            ("POST", "/events/user/callbackd-proof"),
            ("PUT", "/applications/callbackd/eventFilter"),
        ]
        assert link.transport.requests[2].body == {"disallowed": [{"type": name} for name in UNWANTED_EVENTS]}
        assert link.resyncs == 1
        assert link.supervisor.state == LinkState(Phase.READY, NOW)
    assert link.supervisor.state.phase is Phase.STOPPED


async def test_no_call_is_made_before_the_link_is_proven() -> None:
    link = Link()
    with pytest.raises(NotReady, match="stopped"):
        await link.supervisor.client.originate("c-1", "PJSIP/1001", timeout=20)
    refused: list[NotReady] = []

    async def too_early(client: AriClient) -> None:
        try:
            await client.create_channel("c-1", "PJSIP/1001")
        except NotReady as error:
            refused.append(error)

    link.resync = too_early  # type: ignore[method-assign]
    link.supervisor._resync = too_early
    async with link.running():
        await link.until(Phase.READY)
    assert len(refused) == 1


async def test_an_open_socket_without_an_application_is_not_ready() -> None:
    link = Link()
    link.transport.on("GET", "/applications/callbackd", Response(404, {"message": "Application not found"}), once=True)
    async with link.running():
        lost = await link.until(Phase.LOST)
        assert lost.error is not None
        assert "does not know the application" in lost.error
        await link.until(Phase.READY)
    assert link.resyncs == 1
    assert link.transport.connections == 2


async def test_a_socket_that_is_deaf_is_not_ready() -> None:
    link = Link(Patience(proof=0.01))
    link.transport.echo = False
    async with link.running():
        lost = await link.until(Phase.LOST)
        assert lost.error is not None
        assert "came back within" in lost.error
        link.transport.echo = True
        await link.until(Phase.READY)
    assert link.resyncs == 1


async def test_a_clean_end_of_the_websocket_is_a_loss_like_any_other() -> None:
    link = Link()
    async with link.running():
        await link.until(Phase.READY)
        link.transport.drop()
        lost = await link.until(Phase.LOST)
        assert lost.error is not None
        assert "code 1000" in lost.error
        ready = await link.until(Phase.READY)
        assert ready.error is None
    assert link.resyncs == 2
    assert len(link.transport.asked("PUT", "/applications/callbackd/eventFilter")) == 2


async def test_not_ready_at_once_even_while_events_wait() -> None:
    link = Link()
    busy, go_on = asyncio.Event(), asyncio.Event()

    async def slow(event: Event) -> None:
        await link.handle(event)
        busy.set()
        await go_on.wait()

    link.supervisor._on_event = slow
    async with link.running():
        await link.until(Phase.READY)
        link.push("First")
        link.push("Second")
        await asyncio.wait_for(busy.wait(), LIMIT)
        link.transport.drop()
        await link.until(Phase.LOST)
        assert link.seen == ["First"]
        go_on.set()
        await link.until(Phase.READY)
    assert link.seen == ["First", "Second"]


async def test_events_come_in_order_one_at_a_time_and_proofs_not_at_all() -> None:
    link = Link()
    names = [f"Event{number}" for number in range(50)]

    async def resync(_client: AriClient) -> None:
        for name in names[:25]:
            link.push(name)

    link.supervisor._resync = resync
    async with link.running():
        await link.until(Phase.READY)
        for name in names[25:]:
            link.push(name)
        async with asyncio.timeout(LIMIT):
            for _ in names:
                await link.arrived.get()
    assert link.seen == names
    assert not any(isinstance(event, ChannelUserevent) for event in link.events)


async def test_a_handler_that_fails_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    link = Link()

    async def fails_once(event: Event) -> None:
        await link.handle(event)
        if len(link.events) == 1:
            raise ZeroDivisionError

    link.supervisor._on_event = fails_once
    async with link.running():
        await link.until(Phase.READY)
        link.push("First")
        link.push("Second")
        async with asyncio.timeout(LIMIT):
            await link.arrived.get()
            await link.arrived.get()
        assert link.supervisor.ready
    assert "an event was not handled" in caplog.text


async def test_a_flood_closes_the_socket_and_resyncs() -> None:
    link = Link(Patience(queue=10))
    busy, go_on = asyncio.Event(), asyncio.Event()

    async def slow(event: Event) -> None:
        await link.handle(event)
        busy.set()
        await go_on.wait()

    link.supervisor._on_event = slow
    async with link.running():
        await link.until(Phase.READY)
        link.push("First")
        await asyncio.wait_for(busy.wait(), LIMIT)
        for _ in range(11):
            link.push("Flood")
        lost = await link.until(Phase.LOST)
        assert lost.error is not None
        assert "faster" in lost.error
        go_on.set()
        await link.until(Phase.READY)
    assert link.seen == ["First"]
    assert link.resyncs == 2


async def test_silence_is_proven_again() -> None:
    link = Link(Patience(interval=0.001, proof=0.05))
    async with link.running():
        await link.until(Phase.READY)
        link.transport.echo = False
        lost = await link.until(Phase.LOST)
        assert lost.error is not None
        assert "came back" in lost.error


async def test_a_resync_that_fails_is_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    link = Link()

    async def fails_once(client: AriClient) -> None:
        await link.resync(client)
        if link.resyncs == 1:
            raise ZeroDivisionError

    link.supervisor._resync = fails_once
    async with link.running():
        lost = await link.until(Phase.LOST)
        assert lost.error is not None
        assert "ZeroDivisionError" in lost.error
        await link.until(Phase.READY)


async def test_a_loss_during_the_resync_is_not_forgotten() -> None:
    link = Link()

    async def loses_once(client: AriClient) -> None:
        await link.resync(client)
        if link.resyncs == 1:
            link.transport.drop()
            await link.until(Phase.LOST)

    link.supervisor._resync = loses_once
    async with link.running():
        await link.until(Phase.READY)
    assert link.resyncs == 2


async def test_replaced_is_a_fence() -> None:
    link = Link()
    async with link.running() as run:
        await link.until(Phase.READY)
        link.transport.push({"type": "ApplicationReplaced"})
        with pytest.raises(ApplicationReplaced):
            await asyncio.wait_for(run, LIMIT)
    assert link.supervisor.state.phase is Phase.FENCED
    assert link.supervisor.state.mend is not None
    assert link.transport.connections == 1
    with pytest.raises(NotReady, match="fenced"):
        await link.supervisor.client.originate("c-1", "PJSIP/1001", timeout=20)


async def test_back_off_doubles_up_to_its_limit_and_starts_again_after_a_stable_link() -> None:
    link = Link(Patience(first=1, longest=5, stable=0))
    link.transport.connect_errors = [Unreachable("nothing listens", perhaps_acted=False) for _ in range(5)]
    async with link.running():
        await link.until(Phase.READY)
        assert link.chance.bounds == [(0, 1), (0, 2), (0, 4), (0, 5), (0, 5)]
        link.transport.drop()
        await link.until(Phase.READY)
        assert link.chance.bounds[-1] == (0, 1)


async def test_a_link_that_flaps_does_not_start_again() -> None:
    link = Link(Patience(first=1, longest=5, stable=1000))
    async with link.running():
        for _ in range(3):
            await link.until(Phase.READY)
            link.transport.drop()
        await link.until(Phase.READY)
    assert link.chance.bounds == [(0, 1), (0, 2), (0, 4)]


async def test_trouble_is_logged_when_it_changes_not_when_it_repeats(caplog: pytest.LogCaptureFixture) -> None:
    link = Link()
    refused = [Unreachable("nothing listens", mend="start it", perhaps_acted=False) for _ in range(3)]
    denied = [refusal("GET", "/events", 401, None, username="callbackd") for _ in range(3)]
    link.transport.connect_errors = [*refused, *denied]
    with caplog.at_level(logging.INFO):
        async with link.running():
            await link.until(Phase.READY)
    lines = [record.getMessage() for record in caplog.records]
    assert lines == [
        "no link to Asterisk: nothing listens: start it",
        "no link to Asterisk: ARI refused the password of user 'callbackd' (401) [GET /events]: check ari.username and "
        "ari.password against ari.conf, then `module reload res_ari.so`",
        "the link to Asterisk is ready: url=http://asterisk.test/ari app=callbackd",
    ]
    assert [state.failures for state in link.states if state.phase is Phase.LOST] == [1, 2, 3, 4, 5, 6]


async def test_a_command_need_not_wait_for_a_mended_password() -> None:
    link = Link(retry_refusals=False)
    link.transport.connect_errors = [refusal("GET", "/events", 401, None, username="callbackd")]
    with pytest.raises(AuthenticationFailed):
        await asyncio.wait_for(link.supervisor.run(), LIMIT)


# ---- what a watchdog may believe ------------------------------------------------------------------------------------


Scene = Callable[[Link], Coroutine[Any, Any, None]]
SECONDS = 600


def _longest_silence(scene: Scene) -> float:
    """In virtual time: the longest silence of a link with everyday patience, looked at twice a second."""

    heard: list[float] = []

    async def watch() -> None:
        link = Link(Patience())
        link.chance.uniform = max  # type: ignore[method-assign, assignment]  # the longest waits
        async with link.running():
            await scene(link)
            for _ in range(SECONDS * 2):
                await asyncio.sleep(0.5)
                heard.append(link.supervisor.silent_for)

    run(watch())
    return max(heard)


async def _nothing(link: Link) -> None:
    """Nothing out of the ordinary."""


async def _down(link: Link) -> None:
    """An Asterisk that has not come back."""
    link.transport.connect_errors = [Unreachable("nobody there", perhaps_acted=False) for _ in range(SECONDS)]
    link.transport.drop()


async def _deaf(link: Link) -> None:
    """A socket that is open and dead: proofs fail, again and again."""
    await asyncio.wait_for(link.supervisor.wait_ready(), LIMIT)
    link.transport.echo = False


async def _stuck_handler(link: Link) -> None:
    await asyncio.wait_for(link.supervisor.wait_ready(), LIMIT)

    async def never(event: Event) -> None:
        await asyncio.Event().wait()

    link.supervisor._on_event = never
    link.push("ContactStatusChange")


async def _stuck_try(link: Link) -> None:
    """A try to connect that never comes to an end."""
    await asyncio.wait_for(link.supervisor.wait_ready(), LIMIT)
    stuck = asyncio.Event()

    @asynccontextmanager
    async def never(app: str) -> AsyncIterator[EventStream]:
        await stuck.wait()
        raise AssertionError
        yield

    link.transport.events = never  # type: ignore[method-assign]
    link.transport.drop()


@pytest.mark.parametrize("scene", [_nothing, _down, _deaf])
def test_a_link_that_is_proven_or_being_mended_is_never_silent_for_long(scene: Scene) -> None:
    assert _longest_silence(scene) < SILENCE / 2


@pytest.mark.parametrize("scene", [_stuck_handler, _stuck_try])
def test_a_link_that_hangs_falls_silent(scene: Scene) -> None:
    assert _longest_silence(scene) > SILENCE

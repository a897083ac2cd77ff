"""The link to Asterisk: connected, proven, resynchronised, and only then ready; again and again, for ever.

A websocket that is open proves nothing: Asterisk may have no application behind it, and would still ring phones for
it and drop whoever answers. So readiness means that `GET /applications/{app}` is 200 and that a user event posted to
the application came back on the socket; it is proven again whenever the socket has been silent for a while.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from callbackd.ari.client import UNWANTED_EVENTS, AriClient
from callbackd.ari.decoding import decode_event
from callbackd.ari.errors import (
    ApplicationReplaced,
    AriError,
    AuthenticationFailed,
    Forbidden,
    NotFound,
    NotReady,
    ProofFailed,
    StreamClosed,
)
from callbackd.ari.models import ApplicationReplacedEvent, ChannelUserevent, Event
from callbackd.ari.transport import EventStream, Transport

log = logging.getLogger(__name__)

PROOF_EVENT = "callbackd-proof"


class Phase(StrEnum):
    """Where the link stands. Only `ready` lets calls be made."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    PROVING = "proving"
    RESYNCING = "resyncing"
    READY = "ready"
    LOST = "lost"
    FENCED = "fenced"


@dataclass(frozen=True, slots=True)
class LinkState:
    """For status pages. `error` and `mend` are those of the last failure, until the link is ready again."""

    phase: Phase
    since: datetime
    error: str | None = None
    mend: str | None = None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """All in seconds. Waits between tries are random between 0 and a bound that doubles from `first` to `longest`.

    A link that was ready for `stable` starts again at `first`. `proof`: how long a proof may take; `interval`: after
    how much silence the next is due. `queue`: how many events may wait for the consumer before the link is given up.
    `resync`: how long a resynchronisation may take before it counts as silence.
    """

    first: float = 0.5
    longest: float = 15.0
    stable: float = 10.0
    proof: float = 5.0
    interval: float = 15.0
    queue: int = 10_000
    resync: float = 300.0


class Supervisor:
    """Keeps one application's link to one Asterisk.

    `resync(client)` is awaited after every proof, before the link is ready; it must not wait for events. If it raises,
    the link counts as lost. `on_event` is awaited with one event after another, in Asterisk's order, never two at
    once, from the moment the link is ready; events that came during proof and resync come first. After a loss what
    had still arrived is delivered, except when the queue overflowed. What it raises is logged and goes no further.

    `client` is for everybody: it raises NotReady where a leg would be made while the link is not ready.

    `retry_refusals` False makes `run` raise AuthenticationFailed and Forbidden instead of trying on (for commands;
    a daemon waits until someone mends ari.conf). `now` is the wall clock, `chance` the random source; all else is
    timed by the event loop's clock.
    """

    def __init__(
        self,
        transport: Transport,
        app: str,
        *,
        on_event: Callable[[Event], Awaitable[None]],
        resync: Callable[[AriClient], Awaitable[None]],
        now: Callable[[], datetime],
        chance: random.Random,
        patience: Patience | None = None,
        on_change: Callable[[LinkState], None] | None = None,
        retry_refusals: bool = True,
        unwanted_events: tuple[str, ...] = UNWANTED_EVENTS,
    ) -> None:
        self._transport = transport
        self._app = app
        self._on_event = on_event
        self._resync = resync
        self._now = now
        self._chance = chance
        self._patience = patience or Patience()
        self._on_change = on_change
        self._retry_refusals = retry_refusals
        self._unwanted_events = unwanted_events
        self._state = LinkState(Phase.STOPPED, now())
        self._became_ready = asyncio.Event()
        self._logged_error: str | None = None
        self._at_work: float | None = None
        self._handling_since: float | None = None
        self.client = AriClient(transport, app, gate=self._gate)

    @property
    def ready(self) -> bool:
        """True while calls may be made."""
        return self._state.phase is Phase.READY

    @property
    def state(self) -> LinkState:
        """The state now; a new object at every change."""
        return self._state

    @property
    def silent_for(self) -> float:
        """Seconds since anything was heard, tried or decided; and as long as one event is being handled, that.

        For a watchdog: whatever Asterisk does, a sound link is silent for no longer than its `Patience` says.
        """
        if self._at_work is None:
            return 0.0
        now = asyncio.get_running_loop().time()
        silent = now - self._at_work
        if self._state.phase is Phase.RESYNCING:
            silent = max(0.0, silent - self._patience.resync)
        return max(silent, 0.0 if self._handling_since is None else now - self._handling_since)

    async def wait_ready(self) -> None:
        """Returns once the link is ready, at once if it is."""
        await self._became_ready.wait()

    async def run(self) -> None:
        """Until cancelled. Raises ApplicationReplaced when fenced; after that nothing is tried again."""
        failures = 0
        loop = asyncio.get_running_loop()
        try:
            while True:
                session = _Session(self._patience.queue)
                try:
                    await self._hold(session)
                except AriError as error:
                    self._enter(Phase.FENCED if isinstance(error, ApplicationReplaced) else Phase.LOST, error)
                    if isinstance(error, ApplicationReplaced):
                        raise
                    if isinstance(error, AuthenticationFailed | Forbidden) and not self._retry_refusals:
                        raise
                if session.ready_at is not None and loop.time() - session.ready_at >= self._patience.stable:
                    failures = 0
                bound = min(self._patience.longest, self._patience.first * 2 ** min(failures, 32))
                failures += 1
                self._works()
                await asyncio.sleep(self._chance.uniform(0, bound))
        finally:
            if self._state.phase is not Phase.FENCED:
                self._enter(Phase.STOPPED)

    async def _hold(self, session: _Session) -> None:
        """One connection from its opening to its end; always raises AriError (or is cancelled)."""
        self._enter(Phase.CONNECTING)
        async with self._transport.events(self._app) as stream, _children() as start:
            start(self._pump(stream, session))
            self._proceed(session, Phase.PROVING)
            await self._prove(session)
            await self.client.set_event_filter(self._unwanted_events)
            self._proceed(session, Phase.RESYNCING)
            await self._resynchronise()
            self._proceed(session, Phase.READY)
            session.ready_at = asyncio.get_running_loop().time()
            start(self._keep_proving(session))
            await self._deliver(session)

    async def _pump(self, stream: EventStream, session: _Session) -> None:
        """The one reader of the websocket: receives, decodes, queues; handles nothing that could make it wait."""
        while session.failure is None:
            try:
                raw = await stream.receive()
            except AriError as error:
                self._give_up(session, error)
                return
            session.heard_at = self._works()
            match decode_event(raw):
                case None:
                    pass
                case ApplicationReplacedEvent():
                    self._give_up(session, ApplicationReplaced(self._app))
                case ChannelUserevent(eventname=name, userevent=variables) if name == PROOF_EVENT:
                    session.echo(variables)
                case event:
                    if not session.put(event):
                        self._give_up(session, StreamClosed("events came faster than they could be handled"))

    async def _deliver(self, session: _Session) -> None:
        """The one consumer. A handler at work when the link is lost is not interrupted."""
        while True:
            event = await session.queue.get()
            if event is None:
                raise session.failure or StreamClosed("the link ended")
            self._handling_since = self._works()
            try:
                await self._on_event(event)
            except Exception:
                log.exception(
                    "an event was not handled",
                    extra={"action": "ari_event_failed", "event_type": type(event).__name__},
                )
            finally:
                self._handling_since = None

    async def _keep_proving(self, session: _Session) -> None:
        """Proves the link again after every silence of `interval` seconds."""
        loop = asyncio.get_running_loop()
        while session.failure is None:
            silent_until = session.heard_at + self._patience.interval
            if loop.time() < silent_until:
                await asyncio.sleep(silent_until - loop.time())
                continue
            try:
                await self._prove(session)
            except AriError as error:
                self._give_up(session, error)

    async def _prove(self, session: _Session) -> None:
        """Raises what stands in the way: an error of a request, ProofFailed, or the end of the session."""
        nonce = f"{self._chance.getrandbits(64):016x}"
        echo = session.expect(nonce)
        try:
            async with asyncio.timeout(self._patience.proof):
                try:
                    await self.client.application()
                    await self.client.post_user_event(PROOF_EVENT, {"nonce": nonce})
                except NotFound as error:
                    raise ProofFailed(
                        f"Asterisk does not know the application '{self._app}' although its websocket is open",
                        method=error.method, path=error.path, status=error.status,
                    ) from None  # fmt: skip
                await echo
        except TimeoutError:
            raise ProofFailed(
                f"no event of the application '{self._app}' came back within {self._patience.proof:g} s"
            ) from None
        finally:
            session.forget(nonce)

    async def _resynchronise(self) -> None:
        try:
            await self._resync(self.client)
        except AriError:
            raise
        except Exception as error:
            log.exception("the resynchronisation failed", extra={"action": "ari_resync_failed"})
            raise AriError(f"the resynchronisation failed ({type(error).__name__})") from error

    def _proceed(self, session: _Session, phase: Phase) -> None:
        """On to the next phase, unless the session has ended meanwhile."""
        if session.failure is not None:
            raise session.failure
        self._enter(phase)

    def _give_up(self, session: _Session, error: AriError) -> None:
        """Not ready from this instant, whatever still waits in the queue."""
        if session.fail(error):
            self._enter(Phase.FENCED if isinstance(error, ApplicationReplaced) else Phase.LOST, error)

    def _gate(self) -> None:
        if not self.ready:
            raise NotReady(f"the link to Asterisk is {self._state.phase}", mend=self._state.mend)

    def _works(self) -> float:
        """Something was heard or done; the loop's time of it."""
        self._at_work = asyncio.get_running_loop().time()
        return self._at_work

    def _enter(self, phase: Phase, error: AriError | None = None) -> None:
        self._works()
        before = self._state
        if phase is before.phase and (error is None or str(error) == before.error):
            return
        told, mend, failures = before.error, before.mend, before.failures
        if phase is Phase.READY:
            told, mend, failures = None, None, 0
        elif error is not None:
            told, mend = str(error), error.mend
            failures += 1
        self._state = LinkState(phase, self._now(), told, mend, failures)
        if phase is Phase.READY:
            self._became_ready.set()
        else:
            self._became_ready.clear()
        self._log_change(before, error)
        if self._on_change is not None:
            self._on_change(self._state)

    def _log_change(self, before: LinkState, error: AriError | None) -> None:
        """One line when the link is ready, one when it is lost or its trouble changes; none per try."""
        extra = {"action": f"ari_{self._state.phase}", "app": self._app}
        if self._state.phase is Phase.READY:
            self._logged_error = None
            log.info("the link to Asterisk is ready: url=%s app=%s", self._transport.url, self._app, extra=extra)
        elif error is not None and str(error) != self._logged_error:
            self._logged_error = str(error)
            log.error("no link to Asterisk: %s", error.explanation, extra=extra)
        elif self._state.phase is not before.phase:
            log.debug("the link to Asterisk is %s", self._state.phase, extra=extra)


class _Session:
    """What one websocket's reader, prover and consumer share."""

    def __init__(self, limit: int) -> None:
        self.queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self.failure: AriError | None = None
        self.heard_at = 0.0
        self.ready_at: float | None = None
        self._limit = limit
        self._awaited: dict[str, asyncio.Future[None]] = {}

    def put(self, event: Event) -> bool:
        """False if the queue is full; then all that waits in it is lost and must be found by a resync."""
        if self.queue.qsize() >= self._limit:
            while not self.queue.empty():
                self.queue.get_nowait()
            return False
        self.queue.put_nowait(event)
        return True

    def expect(self, nonce: str) -> asyncio.Future[None]:
        """Done when the proof of that nonce came back; fails with the session."""
        if self.failure is not None:
            raise self.failure
        awaited: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._awaited[nonce] = awaited
        return awaited

    def echo(self, variables: Mapping[str, object]) -> None:
        """A proof came back; another program's, or a late one, is nothing."""
        awaited = self._awaited.get(str(variables.get("nonce")))
        if awaited is not None and not awaited.done():
            awaited.set_result(None)

    def forget(self, nonce: str) -> None:
        """The proof is over."""
        awaited = self._awaited.pop(nonce, None)
        if awaited is not None and not awaited.cancel() and not awaited.cancelled():
            awaited.exception()  # looked at, so that asyncio does not report it

    def fail(self, error: AriError) -> bool:
        """Ends the session, once: False if it had ended."""
        if self.failure is not None:
            return False
        self.failure = error
        self.queue.put_nowait(None)
        for awaited in self._awaited.values():
            if not awaited.done():
                awaited.set_exception(error)
        return True


@asynccontextmanager
async def _children() -> AsyncIterator[Callable[[Coroutine[None, None, None]], None]]:
    """Tasks that end with the block. Unlike a TaskGroup it lets the block's own exception through as it is."""
    tasks: list[asyncio.Task[None]] = []

    def start(work: Coroutine[None, None, None]) -> None:
        tasks.append(asyncio.create_task(work))

    try:
        yield start
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

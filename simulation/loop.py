"""An event loop of one daemon's life: it never sleeps, and it can be abandoned between any two of its steps."""

from __future__ import annotations

import asyncio
import heapq
from asyncio.events import _set_running_loop
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any, TypeVar, TypeVarTuple

from simulation.world import World

Arguments = TypeVarTuple("Arguments")
T = TypeVar("T")

PRUNE = 512
"""How many tasks are remembered before those that are done are forgotten."""


class Loop(asyncio.BaseEventLoop):
    """Whoever drives it calls `step` and `ring`; `steps` counts what has run, `faults` what nobody caught.

    A step is one handle: what a task does from one await to the next. Nothing is left to chance or to threads: what
    is ready runs in the order in which it became ready, timers in the order of their time and then of being set.
    """

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world
        self._timers: list[tuple[float, int, asyncio.TimerHandle]] = []
        self._timers_set = 0
        self._tasks: list[asyncio.Task[Any]] = []
        self._abandoned = False
        self.steps = 0
        self.faults: list[str] = []
        self.set_task_factory(self._new_task)
        self.set_exception_handler(self._fault)

    def time(self) -> float:
        """The world's."""
        return self._world.time

    def call_at(
        self,
        when: float,
        callback: Callable[[*Arguments], object],
        *args: *Arguments,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        """As in any loop, but timers of one instant ring in the order in which they were set."""
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        self._timers_set += 1
        heapq.heappush(self._timers, (when, self._timers_set, handle))
        return handle

    def run_in_executor(
        self,
        executor: object,  # noqa: ARG002
        func: Callable[[*Arguments], T],
        *args: *Arguments,
    ) -> asyncio.Future[T]:
        """Without a thread: a step of its own."""
        future: asyncio.Future[T] = self.create_future()

        def work() -> None:
            try:
                result = func(*args)
            except Exception as error:
                if not future.done():
                    future.set_exception(error)
            else:
                if not future.done():
                    future.set_result(result)

        self.call_soon(work)
        return future

    @property
    def ready(self) -> bool:
        """Something can be run without time going by."""
        return bool(self._ready)  # type: ignore[attr-defined]

    def step(self) -> bool:
        """Run the next thing that is ready. False if nothing is."""
        ready = self._ready  # type: ignore[attr-defined]
        while ready:
            handle = ready.popleft()
            if handle.cancelled():
                continue
            self.steps += 1
            _set_running_loop(self)
            try:
                handle._run()  # noqa: SLF001
            finally:
                _set_running_loop(None)
            return True
        return False

    def next_timer_at(self) -> float | None:
        """When the next timer rings; None if none is set."""
        while self._timers and self._timers[0][2].cancelled():
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    def ring(self) -> None:
        """Make ready the timers whose time has come."""
        now = self._world.time
        while self._timers and self._timers[0][0] <= now:
            handle = heapq.heappop(self._timers)[2]
            if not handle.cancelled():
                self._ready.append(handle)  # type: ignore[attr-defined]

    def abandon(self) -> None:
        """Never run again. What the coroutines still held is let go of, and what they do then reaches nobody."""
        faults = list(self.faults)
        self._abandoned = True
        while self._tasks:
            task = self._tasks.pop(0)
            if not task.done():
                task._log_destroy_pending = False  # type: ignore[attr-defined]  # noqa: SLF001
                self._let_go(task.get_coro())
        self._timers.clear()
        self.faults[:] = faults
        self.close()

    def _let_go(self, coroutine: object) -> None:
        _set_running_loop(self)
        try:
            if isinstance(coroutine, Coroutine):
                coroutine.close()
        except BaseException:  # noqa: S110
            pass  # its end reaches nobody
        finally:
            _set_running_loop(None)

    def _new_task(
        self, loop: asyncio.AbstractEventLoop, coroutine: Any, context: Context | None = None
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, context=context)
        if len(self._tasks) >= PRUNE and not self._abandoned:
            self._tasks = [each for each in self._tasks if not each.done()]
        self._tasks.append(task)
        return task

    def _fault(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        self.faults.append(f"{context.get('message')}: {error!r}")

    def _timer_handle_cancelled(self, handle: asyncio.TimerHandle) -> None:
        """Cancelled timers are dropped when their time comes."""

    def _write_to_self(self) -> None:
        """Nobody sleeps, so nobody has to be woken."""

    def _process_events(self, event_list: object) -> None:
        """There are no sockets."""

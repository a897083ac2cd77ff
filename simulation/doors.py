"""What people ask of the daemon, at the place where its doors hand a request over."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any

from callbackd.daemon import Daemon
from callbackd.domain.callback import State
from callbackd.engine.intake import Request
from callbackd.engine.refusals import Refused
from callbackd.store.interface import StoreError
from simulation.life import Life
from simulation.scenario import Deed, What
from simulation.stage import Stage


class Doors:
    """`life` is the daemon's present one; `pending` counts what it was asked and has not answered."""

    def __init__(self, stage: Stage, life: Callable[[], Life | None]) -> None:
        self.pending = 0
        self._stage = stage
        self._life = life
        self._asked_for: list[str] = []
        self._resumed: dict[str, int] = {}

    def do(self, deed: Deed) -> bool:
        """Ask it. False if it is nothing that is asked."""
        match deed.what:
            case What.REQUEST:
                self._ask(self._request(deed))
            case What.CANCEL:
                self._ask(self._cancel())
            case What.RESCHEDULE:
                self._ask(self._reschedule(deed))
            case What.PAUSE | What.RESUME:
                self._ask(self._pause(deed))
            case What.CALL_IN:
                self._ask(self._call_in(deed))
            case What.MENU:
                self._menu(deed)
            case _:
                return False
        return True

    def _ask(self, work: Callable[[Daemon], Coroutine[Any, Any, None]]) -> None:
        """At one of the daemon's doors; nobody opens while it is down."""
        life = self._life()
        if life is None or life.daemon is None:
            return

        async def asked(daemon: Daemon) -> None:
            self.pending += 1
            try:
                await work(daemon)
            except Refused as refused:
                self._stage.story.count(f"refused {refused.code.value}", f"   refused: {refused.code.value}")
            except StoreError:
                self._stage.story.count("unavailable", "   the store is unavailable")
            finally:
                if self._life() is life:
                    self.pending -= 1

        life.do(asked(life.daemon))

    def _request(self, deed: Deed) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            self._stage.story.count("requests", f"   {deed.number} asks {deed.who}")
            not_before = self._stage.clock.now() + timedelta(seconds=deed.amount) if deed.amount else None
            request = Request(deed.who, deed.number, not_before=not_before)
            accepted = await daemon.intake.request(request, deed.key or None)
            if deed.key:
                self._stage.judge.answered(deed.key, accepted.callback.id, made=accepted.created)
            self._stage.told.confirmed.setdefault(accepted.callback.id, self._stage.world.time)
            if accepted.callback.id not in self._asked_for:
                self._asked_for.append(accepted.callback.id)
            what = "new" if accepted.created else "was there"
            self._stage.story.count("confirmed", f"   confirmed to {deed.number}: {what}")

        return ask

    def _some_id(self) -> str | None:
        return self._stage.chance.choice(self._asked_for) if self._asked_for else None

    def _cancel(self) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            if (name := self._some_id()) is None:
                return
            self._stage.story.count("cancels", f"   cancel {self._stage.evidence.name(name)}")
            ended = await daemon.desk.cancel(name)
            if ended.state is State.CANCELLED:
                self._stage.told.cancelled.setdefault(name, self._stage.world.time)
                self._stage.story.count("cancelled", f"   cancelled: {self._stage.evidence.name(name)}")

        return ask

    def _reschedule(self, deed: Deed) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            if (name := self._some_id()) is None:
                return
            self._stage.story.count("moves", f"   move {self._stage.evidence.name(name)}")
            await daemon.desk.reschedule(name, self._stage.clock.now() + timedelta(seconds=deed.amount))

        return ask

    def _pause(self, deed: Deed) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            self._stage.story.count("pauses", f"   {deed.what} {deed.who}")
            if deed.what is What.RESUME:
                self._resumed[deed.who] = self._resumed.get(deed.who, 0) + 1
                self._stage.told.paused.pop(deed.who, None)
                await daemon.control.resume(deed.who, intake=True, dialling=True)
                return
            resumed = self._resumed.get(deed.who)
            await daemon.control.pause(deed.who, intake=False, dialling=True)
            if self._resumed.get(deed.who) == resumed:
                self._stage.told.paused.setdefault(deed.who, self._stage.world.time)

        return ask

    def _call_in(self, deed: Deed) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            self._stage.story.count("calls in", f"   {deed.number} calls in")
            call = f"in-{deed.at}"
            arrival = await daemon.callers.arrives(deed.number, call)
            for callback in arrival.cancelled:
                self._stage.told.cancelled.setdefault(callback.id, self._stage.world.time)
            self._stage.world.after(deed.amount, lambda: self._leaves(deed.number, call))

        return ask

    def _leaves(self, number: str, call: str) -> None:
        life = self._life()
        if life is not None and life.daemon is not None:
            life.daemon.callers.leaves(number, call)

    def _menu(self, deed: Deed) -> None:
        """A caller in the queue has chosen to be called back."""
        self._stage.story.count("menus", f"   {deed.number} is in the menu of {deed.who}")
        if not self._stage.asterisk.down:
            self._stage.asterisk.incoming(self._stage.phones[deed.number], deed.who)

"""Runs a scenario: lives of the daemon, one after another, in a world that goes wrong, before a judge."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from random import Random
from typing import Any

from callbackd.daemon import Daemon
from callbackd.domain.callback import State
from callbackd.engine.intake import Request
from callbackd.engine.refusals import Refused
from callbackd.store.interface import StoreError
from callbackd.store.sqlite import SqliteStore
from simulation.asterisk.network import Network, Weather
from simulation.asterisk.pbx import Asterisk
from simulation.asterisk.phones import Behaviour, Call, Directory, Phone
from simulation.asterisk.transport import SimulatedTransport
from simulation.clock import StrayClock
from simulation.disk import Disk, Trouble
from simulation.invariants import LONGEST_CALL, Judge, Told, Violated
from simulation.life import Life
from simulation.people import People
from simulation.rules import RuleBook
from simulation.scenario import Deed, Scenario, What, draw
from simulation.story import Story
from simulation.world import World

LOOK_AGAIN = 120.0
"""Seconds after which it is seen whether anything is left to be done, once nothing fails any more."""

STARTING = 2.0
"""Seconds for which a daemon is taken to start, and to find what the last one has left."""

AFTERWARDS = 90.0
"""Seconds for which a daemon is watched that has nothing to do any more."""

NAP = 900.0
"""Seconds without anything to do for which the daemon is stopped: so a night costs nothing, and is a restart."""

MOST_STEPS = 3_000_000
"""Of one scenario: beyond, the daemon spins."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a scenario went. `violated` None: as it must."""

    seed: int
    violated: str | None
    digest: str
    counts: dict[str, int]
    tail: list[str]
    steps: int
    busy_steps: int
    virtual_seconds: float


def run_seed(seed: int, *, aloud: bool = False) -> Result:
    """Run what a seed means."""
    return run(draw(seed), aloud=aloud)


def run(scenario: Scenario, *, aloud: bool = False) -> Result:
    """Run a scenario."""
    with _folder() as folder, _watched_log() as faults:
        simulation = Simulation(scenario, folder, faults, aloud=aloud)
        violated: str | None = None
        try:
            simulation.run()
        except Violated as error:
            violated = str(error)
            simulation.story.tell(f"VIOLATED: {violated}")
        finally:
            simulation.close()
        return Result(
            scenario.seed,
            violated,
            simulation.story.digest,
            dict(simulation.story.counts),
            simulation.story.tail(120),
            simulation.steps,
            simulation.busy_steps,
            simulation.world.time,
        )


class Simulation:
    """One scenario as it runs. `steps`: of all lives; `busy_steps`: of the last one, while something was under way."""

    def __init__(self, scenario: Scenario, folder: Path, faults: list[str], *, aloud: bool = False) -> None:
        self.scenario = scenario
        self.world = World(scenario.start, scenario.seed)
        self.story = Story(self.world, aloud=aloud)
        self.steps = 0
        self._chance = Random(f"run {scenario.seed}")
        self._faults = faults
        self._rules = RuleBook(self.world, folder)
        self._clock = StrayClock(self.world, scenario.drift)
        self._disk = Disk(self.world, Random(f"disk {scenario.seed}"))
        self._told = Told()
        self._directory = Directory()
        self._judge = Judge(self.world, self.story, self._rules, self._clock, self._told)
        self._people = People(Random(f"people {scenario.seed}"), scenario.manners, self._judge.start_key)
        self._client_phones = {number: Phone(number, self._client) for number in scenario.clients}
        self._asterisk = Asterisk(self.world, self._directory)
        self._weather = scenario.weather
        self._network = Network(self.world, self._asterisk, self._weather)
        self._life: Life | None = None
        self._transport: SimulatedTransport | None = None
        self._lives = 0
        self._asleep = False
        self._began_at = 0.0
        self.busy_steps = 0
        self._falls = list(scenario.falls)
        self._deeds_pending = 0
        self._known_ids: list[str] = []
        self._seen = 0
        self._settle_people()
        self._rules.write(scenario.book)
        shutil.copy(_template(), self._rules.database)
        self._judge.open(self._rules.database)

    def _settle_people(self) -> None:
        for number in self.scenario.agents:
            self._directory.add_phone(number, self._agent)
        if self.scenario.queue:
            self._directory.add_queue("support", "600", *(self._directory.phones[name] for name in self.scenario.queue))
        self._directory.add_trunk("trunk", self._lookup)

    def _lookup(self, number: str) -> Phone | None:
        return self._client_phones.get(number)

    def _agent(self, call: Call) -> Behaviour:
        self._judge.rang(call)
        return self._people.agent(call)

    def _client(self, call: Call) -> Behaviour:
        if call.incoming:
            self._judge.arrived(call)
            return self._people.caller()
        self._judge.rang(call)
        return self._people.client(call)

    # Driving.

    def run(self) -> None:
        """To the end. Raises `Violated`."""
        for deed in self.scenario.deeds:
            self.world.after(deed.at, partial(self._do, deed))
        self.world.after(self.scenario.troubled_until, self._calm)
        self._start()
        self._until(self.scenario.troubled_until)
        while self.world.time < self.scenario.ends_at and not self._judge.over_and_done:
            self._until(min(self.world.time + LOOK_AGAIN, self.scenario.ends_at))
            self._judge.gone(self.scenario.troubled_until)
            if (idle := self._judge.idle_for(self.scenario.ends_at - self.world.time)) > NAP:
                self._nap(idle - 60)
        over = self._judge.over_and_done
        self._go_home()
        self._until(self.world.time + (AFTERWARDS if over else LONGEST_CALL + 50))
        self._judge.rest(self.scenario.troubled_until)
        if self._life is None or self._life.daemon is None:
            raise Violated("the daemon does not run at the end")

    def close(self) -> None:
        """Let go of everything."""
        if self._life is not None:
            self._life.kill()
            self._life = None
        self._judge.close()

    def _until(self, end: float) -> None:
        world = self.world
        while True:
            life = self._life
            if life is not None and life.loop.step():
                self._stepped(life)
                continue
            self._judge.look()
            times = [end]
            if (at := world.next_at()) is not None:
                times.append(at)
            if life is not None and (at := life.loop.next_timer_at()) is not None:
                times.append(at)
            earliest = min(times)
            if earliest >= end and world.time >= end:
                return
            world.time = max(world.time, earliest)
            while world.happen():
                self._watch_phones()
                if self._life is not None and self._life.loop.ready:
                    break
            if self._life is not None:
                self._life.loop.ring()

    def _watch_phones(self) -> None:
        """Tell the judge of the calls that are over."""
        record = self._asterisk.record
        while self._seen < len(record):
            entry = record[self._seen]
            self._seen += 1
            if entry.what == "ended":
                self._judge.over(entry.leg, entry.number)

    def _stepped(self, life: Life) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Violated("the daemon spins")
        if self._faults or life.loop.faults:
            raise Violated(f"a fault of ours: {(self._faults + life.loop.faults)[0]}")
        if life.ended is not None:
            self._died(life)
        elif not self._people.calm and self._busy():
            self.busy_steps += 1
            if self._falls and self.busy_steps >= self._falls[0].steps:
                fall = self._falls.pop(0)
                self._kill(fall.down)

    def _busy(self) -> bool:
        """Something is under way that a kill could hurt."""
        starting = self.world.time < self._began_at + STARTING
        return starting or self._deeds_pending > 0 or self._asterisk.busy

    # Lives.

    def _start(self) -> None:
        """The service manager starts it, unless it runs."""
        if self._life is not None or self._asleep:
            return
        self._lives += 1
        self._began_at = self.world.time
        self.busy_steps = 0
        self._deeds_pending = 0
        self.story.count("lives", f"== life {self._lives} begins")
        self._transport = self._network.transport()
        self._life = Life(
            self.world,
            self._rules.settings,
            self._disk,
            self._transport,
            self._clock,
            Random(f"daemon {self.scenario.seed} {self._lives}"),
        )

    def _start_after(self, seconds: float) -> None:
        self.world.after(seconds, self._start)

    def _kill(self, down: float) -> None:
        life = self._life
        if life is None:
            return
        self.story.count("kills", f"== killed at step {life.loop.steps}, down for {down:.1f} s")
        self._end(life)
        self._start_after(down)

    def _died(self, life: Life) -> None:
        """It ended by itself."""
        self.story.tell(f"== life ended: {life.ended}")
        if life.fault is not None:
            raise Violated(f"the daemon ended by a fault of ours: {life.fault!r}")
        self._end(life)
        self._start_after(2.0)

    def _end(self, life: Life) -> None:
        if self._transport is not None:
            self._transport.abandon()
        life.kill()
        self._life = None
        self._judge.look()
        self._judge.promises()

    def _nap(self, seconds: float) -> None:
        """The machine is switched off in good order, and on again."""
        self.story.count("naps", f"== off for {seconds / 60:.0f} minutes")
        wakes_at = self.world.time + seconds
        self._asleep = True
        self._term(0)
        self._until(self.world.time + NAP / 3)
        if self._life is not None:
            raise Violated("the daemon did not stop")
        self._until(wakes_at)
        self._asleep = False
        self._start()

    # Deeds.

    def _do(self, deed: Deed) -> None:
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
                self._go_wrong(deed)

    def _ask(self, work: Callable[[Daemon], Coroutine[Any, Any, None]]) -> None:
        """At one of the daemon's doors; nobody opens while it is down."""
        life = self._life
        if life is None or life.daemon is None:
            return

        async def asked(daemon: Daemon) -> None:
            self._deeds_pending += 1
            try:
                await work(daemon)
            except Refused as refused:
                self.story.count(f"refused {refused.code.value}", f"   refused: {refused.code.value}")
            except StoreError:
                self.story.count("unavailable", "   the store is unavailable")
            finally:
                if self._life is life:
                    self._deeds_pending -= 1

        life.do(asked(life.daemon))

    def _request(self, deed: Deed) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            self.story.count("requests", f"   {deed.number} asks {deed.who}")
            not_before = self._clock.now() + timedelta(seconds=deed.amount) if deed.amount else None
            accepted = await daemon.intake.request(Request(deed.who, deed.number, not_before=not_before))
            self._told.confirmed.setdefault(accepted.callback.id, self.world.time)
            if accepted.callback.id not in self._known_ids:
                self._known_ids.append(accepted.callback.id)
            what = "new" if accepted.created else "was there"
            self.story.count("confirmed", f"   confirmed to {deed.number}: {what}")

        return ask

    def _some_id(self) -> str | None:
        return self._chance.choice(self._known_ids) if self._known_ids else None

    def _cancel(self) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            if (name := self._some_id()) is None:
                return
            self.story.count("cancels", f"   cancel {self._judge.name(name)}")
            ended = await daemon.desk.cancel(name)
            if ended.state is State.CANCELLED:
                self._told.cancelled.setdefault(name, self.world.time)
                self.story.count("cancelled", f"   cancelled: {self._judge.name(name)}")

        return ask

    def _reschedule(self, deed: Deed) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            if (name := self._some_id()) is None:
                return
            self.story.count("moves", f"   move {self._judge.name(name)}")
            await daemon.desk.reschedule(name, self._clock.now() + timedelta(seconds=deed.amount))

        return ask

    def _pause(self, deed: Deed) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            self.story.count("pauses", f"   {deed.what} {deed.who}")
            if deed.what is What.PAUSE:
                await daemon.control.pause(deed.who, intake=False, dialling=True)
            else:
                await daemon.control.resume(deed.who, intake=True, dialling=True)

        return ask

    def _call_in(self, deed: Deed) -> Callable[[Daemon], Coroutine[Any, Any, None]]:
        async def ask(daemon: Daemon) -> None:
            self.story.count("calls in", f"   {deed.number} calls in")
            call = f"in-{deed.at}"
            arrival = await daemon.callers.arrives(deed.number, call)
            for callback in arrival.cancelled:
                self._told.cancelled.setdefault(callback.id, self.world.time)
            self.world.after(deed.amount, lambda: self._leaves(deed.number, call))

        return ask

    def _leaves(self, number: str, call: str) -> None:
        if self._life is not None and self._life.daemon is not None:
            self._life.daemon.callers.leaves(number, call)

    def _menu(self, deed: Deed) -> None:
        """A caller in the queue has chosen to be called back."""
        self.story.count("menus", f"   {deed.number} is in the menu of {deed.who}")
        if not self._asterisk.down:
            self._asterisk.incoming(self._client_phones[deed.number], deed.who)

    def _go_wrong(self, deed: Deed) -> None:
        self.story.count(f"fault {deed.what}", f"!! {deed.what} {deed.who} {deed.amount:.2f}")
        world = self.world
        match deed.what:
            case What.TERM:
                self._term(deed.amount)
            case What.KILL:
                self._kill(deed.amount)
            case What.RELOAD if deed.book is not None:
                self._rules.write(deed.book)
                self._reload()
            case What.CLOCK:
                self._clock.step(deed.amount)
            case What.DISK:
                self._disk.trouble = Trouble(deed.who)
                self._disk.odds = self._chance.choice((1.0, 0.3, 0.05))
                world.after(deed.amount, self._mend_disk)
            case What.WEATHER if deed.weather is not None:
                if deed.weather.event_lost:
                    since, until = self._judge.events_lost
                    self._judge.events_lost = (since or world.time, max(until, world.time + deed.amount))
                self._set_weather(deed.weather)
                world.after(deed.amount, lambda: self._set_weather(Weather()))
            case What.SOCKET:
                self._break_socket(deed.who)
            case What.PART:
                self._network.part(deed.amount)
            case What.CRASH:
                self._judge.crashed_at.add(world.time)
                self._asterisk.restart(deed.amount, registered_after=self._chance.choice((0.0, 5.0)))
            case What.QUEUE:
                self._rest_member(deed.amount)
            case What.UNREGISTER:
                self._asterisk.register(self._directory.phones[deed.who], False)
                world.after(deed.amount, lambda: self._register(deed.who))
            case What.TRUNK:
                self._directory.trunks["trunk"].up = False
                world.after(deed.amount, self._mend_trunk)

    def _rest_member(self, seconds: float) -> None:
        """A member of the queue takes a pause."""
        if self.scenario.queue:
            member = self._directory.phones[self._chance.choice(self.scenario.queue)]
            self._asterisk.pause("support", member)
            self.world.after(seconds, partial(self._asterisk.pause, "support", member, False))

    def _break_socket(self, how: str) -> None:
        if how == "half open":
            self._network.half_open()
        elif how == "stall":
            self._network.stall(self._chance.uniform(0.1, 20))
        else:
            self._network.drop_websocket(clean=how == "clean")

    def _set_weather(self, weather: Weather) -> None:
        """The network's object stays: what is under way looks at it, too."""
        for name in Weather.__dataclass_fields__:
            setattr(self._network.weather, name, getattr(weather, name))

    def _term(self, again_after: float) -> None:
        life = self._life
        if life is None or life.daemon is None:
            return
        life.daemon.signalled()
        if again_after:
            self.world.after(again_after, lambda: self._term_again(life))

    def _term_again(self, life: Life) -> None:
        if self._life is life and life.daemon is not None:
            life.daemon.signalled()

    def _reload(self) -> None:
        if self._life is not None and self._life.daemon is not None:
            problems = self._life.daemon.reload()
            if problems:
                raise Violated(f"a good configuration was refused: {problems[0]}")

    def _register(self, number: str) -> None:
        self._asterisk.register(self._directory.phones[number])

    def _mend_disk(self) -> None:
        self._disk.trouble = Trouble.NONE

    def _mend_trunk(self) -> None:
        self._directory.trunks["trunk"].up = True

    def _calm(self) -> None:
        """From now on nothing fails, and the settings are the first ones again."""
        self.story.tell("== nothing fails any more")
        self._people.calm = True
        for call in self._asterisk.calls:
            if call.ended_at is None:
                self.world.after(self._chance.uniform(1, 300), call.hang_up)
        self._falls.clear()
        self._mend_disk()
        self._mend_trunk()
        self._set_weather(Weather())
        for number in self._directory.phones:
            self._register(number)
        if self._rules.book != self.scenario.book:
            self._rules.write(self.scenario.book)
            self._reload()
        self._start()
        for name in self.scenario.book.offices:
            self._ask(self._pause(Deed(0, What.RESUME, name)))

    def _go_home(self) -> None:
        """Whoever is still on the phone puts it down."""
        self.story.tell("== everybody goes home")
        for phone in (*self._directory.phones.values(), *self._client_phones.values()):
            for call in phone.calls:
                if call.ended_at is None:
                    call.hang_up()


@contextmanager
def _folder() -> Iterator[Path]:
    """For the files of a run; in memory where there is such a place: what a disk may lose is simulated, not tried."""
    memory = Path("/dev/shm")  # noqa: S108
    name = tempfile.mkdtemp(prefix="callbackd-simulation-", dir=memory if os.access(memory, os.W_OK) else None)
    try:
        yield Path(name)
    finally:
        shutil.rmtree(name, ignore_errors=True)


@cache
def _template() -> Path:
    """A database with its schema, made once."""
    import asyncio
    import atexit

    folder = tempfile.mkdtemp(prefix="callbackd-simulation-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "callbackd.sqlite3"

    async def make() -> None:
        await (await SqliteStore.open(path)).close()

    asyncio.run(make())
    return path


class _Catch(logging.Handler):
    """Keeps what the daemon logs as a fault of its own: an exception that it did not expect."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.faults: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] is not None and not isinstance(record.exc_info[1], StoreError):
            self.faults.append(f"{record.getMessage()}: {record.exc_info[1]!r}")


@contextmanager
def _watched_log() -> Iterator[list[str]]:
    """Whatever is logged with a traceback is a fault of ours."""
    catch = _Catch()
    log = logging.getLogger("callbackd")
    handlers, level, root_handlers = log.handlers[:], log.level, logging.getLogger().handlers[:]
    log.handlers[:], log.propagate = [catch], False
    log.setLevel(logging.ERROR)
    try:
        yield catch.faults
    finally:
        log.handlers[:], log.propagate = handlers, True
        log.setLevel(level)
        logging.getLogger().handlers[:] = root_handlers

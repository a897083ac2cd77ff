"""Runs a scenario: lives of the daemon, one after another, in a world that goes wrong, before a judge."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random

from simulation.asterisk.phones import Call
from simulation.asterisk.transport import SimulatedTransport
from simulation.doors import Doors
from simulation.judge.evidence import LONGEST_CALL, Violated
from simulation.life import Life
from simulation.mischief import CATCHES_UP, Mischief
from simulation.scenario import Deed, Scenario, What, draw
from simulation.stage import Stage
from simulation.surroundings import folder, template, watched_log

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
    with folder() as place, watched_log() as faults:
        simulation = Simulation(scenario, place, faults, aloud=aloud)
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
        self.steps = 0
        self.busy_steps = 0
        self._stage = Stage(scenario, folder, aloud=aloud)
        self.world = self._stage.world
        self.story = self._stage.story
        self._faults = faults
        self._judge = self._stage.judge
        self._life: Life | None = None
        self._doors = Doors(self._stage, lambda: self._life)
        self._mischief = Mischief(self._stage, lambda: self._life)
        self._transport: SimulatedTransport | None = None
        self._lives = 0
        self._asleep = False
        self._began_at = 0.0
        self._falls = list(scenario.falls)
        self._stage.rules.write(scenario.book)
        shutil.copy(template(), self._stage.rules.database)
        self._stage.evidence.open(self._stage.rules.database)

    # Driving.

    def run(self) -> None:
        """To the end. Raises `Violated`."""
        for deed in self.scenario.deeds:
            self.world.after(deed.at, partial(self._do, deed))
        self.world.after(self.scenario.troubled_until, self._calm)
        self._start()
        self._until(self.scenario.troubled_until)
        while self.world.time < self.scenario.ends_at and not self._judge.rest.over_and_done:
            self._until(min(self.world.time + LOOK_AGAIN, self.scenario.ends_at))
            if (idle := self._judge.rest.idle_for(self.scenario.ends_at - self.world.time)) > NAP:
                self._nap(idle - 60)
        over = self._judge.rest.over_and_done
        self._stage.go_home()
        self._until(self.world.time + (AFTERWARDS if over else LONGEST_CALL + 50))
        self._judge.rest.rest(self.scenario.troubled_until)
        if self._life is None or self._life.daemon is None:
            raise Violated("the daemon does not run at the end")

    @property
    def calls(self) -> list[Call]:
        """All calls that the daemon made, in their order."""
        return self._stage.evidence.calls

    def close(self) -> None:
        """Let go of everything."""
        if self._life is not None:
            self._life.kill()
            self._life = None
        self._stage.evidence.close()

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
                self._stage.watch_phones()
                if self._life is not None and self._life.loop.ready:
                    break
            if self._life is not None:
                self._life.loop.ring()

    def _stepped(self, life: Life) -> None:
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise Violated("the daemon spins")
        if self._faults or life.loop.faults:
            raise Violated(f"a fault of ours: {(self._faults + life.loop.faults)[0]}")
        if life.ended is not None:
            self._died(life)
        elif not self._stage.people.calm and self._busy():
            self.busy_steps += 1
            if self._falls and self.busy_steps >= self._falls[0].steps:
                fall = self._falls.pop(0)
                self._kill(fall.down)

    def _busy(self) -> bool:
        """Something is under way that a kill could hurt."""
        starting = self.world.time < self._began_at + STARTING
        return starting or self._doors.pending > 0 or self._stage.asterisk.busy

    # Lives.

    def _start(self) -> None:
        """The service manager starts it, unless it runs."""
        if self._life is not None or self._asleep:
            return
        self._lives += 1
        self._began_at = self.world.time
        self._judge.rest.begun()
        self._stage.evidence.daemon_runs = True
        self._stage.evidence.trouble(CATCHES_UP)
        self.busy_steps = 0
        self._doors.pending = 0
        self.story.count("lives", f"== life {self._lives} begins")
        self._transport = self._stage.network.transport()
        self._life = Life(
            self.world,
            self._stage.rules,
            self._stage.disk,
            self._transport,
            self._stage.clock,
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
        self._stage.evidence.daemon_runs = False
        self._judge.look()
        self._judge.rest.promises()

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

    # Deeds.

    def _do(self, deed: Deed) -> None:
        if self._doors.do(deed):
            return
        self.story.count(f"fault {deed.what}", f"!! {deed.what} {deed.who} {deed.amount:.2f}")
        match deed.what:
            case What.TERM:
                self._term(deed.amount)
            case What.KILL:
                self._kill(deed.amount)
            case _:
                self._mischief.do(deed)

    def _calm(self) -> None:
        """From now on nothing fails."""
        self._falls.clear()
        self._mischief.end()
        self._start()
        for name in self.scenario.book.offices:
            self._doors.do(Deed(0, What.RESUME, name))

"""An hour of heavy traffic in virtual time: the whole daemon keeps nothing of it but what is in its database."""

from __future__ import annotations

import asyncio
import gc
import random
import tracemalloc
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

import callbackd
from simulation.office import Office
from simulation.people import Manners
from simulation.rules import Book
from simulation.run import Simulation
from simulation.scenario import TRUNK, Deed, Scenario, What

FIRST = 60.0
"""Seconds of traffic before the first look: what is made once has then been made."""
REST = 1200.0
"""Seconds after the last request until everybody is off the phone and nothing is due."""
HOUR = 3600.0
EVERY = 6.0
"""Seconds between two requests, on average; between two callers in the menu four times as much."""
DESKS = 10

WATCHES = 1
"""Whoever looks after talks once a minute may be about to look once more after the last."""

BYTES_PER_REQUEST = 4000
"""What may stay of a request in memory that callbackd's code has taken. It stays for the simulation: its PBX and judge
remember every call and every sound by the names that callbackd gave them. 1,950 were measured, twice that is let by.
"""

PACKAGE = str(Path(callbackd.__file__).parent / "*")


@dataclass
class Look:
    """What there is at an instant at which nobody is on the phone."""

    tasks: int
    timers: int
    bytes_taken: int
    objects: dict[str, int] = field(default_factory=dict)


OBJECTS = (
    *("Call", "AttemptPlay", "OfferPlay", "_LineState", "_LegState", "Speech", "Voice", "Menu"),
    *("_Write", "_Question"),
)
"""Objects that live no longer than a call, a caller's visit, or a question to the store."""


def scenario() -> Scenario:
    chance = random.Random(7)  # noqa: S311
    book = Book(
        {
            f"desk{desk}": Office(
                f"desk{desk}",
                (f"PJSIP/{1001 + desk}",),
                TRUNK,
                max_reschedules=1,
                delay=20,
                client=True,
                offer_delay=20,
                retry_delay=5,
                after_failure=3,
                client_ring=10,
                expire_after=300,
            )
            for desk in range(DESKS)
        }
    )
    clients = tuple(f"+1416555{index:04d}" for index in range(1000, 3000))
    begins = FIRST + REST
    deeds = []
    for since, until in ((0.0, FIRST), (begins, begins + HOUR)):
        at = since + 1.0
        while at < until:
            deeds.append(Deed(at, What.REQUEST, f"desk{chance.randrange(DESKS)}", chance.choice(clients)))
            if chance.random() < 0.25:
                deeds.append(Deed(at + 1, What.MENU, f"desk{chance.randrange(DESKS)}", chance.choice(clients)))
            at += chance.expovariate(1 / EVERY)
    end = begins + HOUR + REST
    return Scenario(
        seed=7,
        start=datetime(2026, 11, 3, 15, tzinfo=UTC),
        book=book,
        agents=tuple(str(1001 + desk) for desk in range(DESKS)),
        clients=clients,
        queue=(),
        manners=Manners(diligence=0.9, reach=0.6, vanishing=0.0),
        drift=0.0,
        deeds=tuple(deeds),
        falls=(),
        troubled_until=end,
        ends_at=end + HOUR,
    )


def kept(simulation: Simulation) -> dict[str, int]:
    """How much is kept for those on the phone."""
    assert simulation._life is not None
    daemon = simulation._life.daemon
    assert daemon is not None
    return {
        "calls": len(daemon._calls),
        "lines": len(daemon._phones),
        "voices": len(daemon._lobby),
        "menus": len(daemon._menus),
    }


def look(simulation: Simulation) -> Look:
    life = simulation._life
    assert life is not None
    assert life.daemon is not None
    gc.collect()
    taken = tracemalloc.take_snapshot().filter_traces([tracemalloc.Filter(True, PACKAGE)])
    names = [type(each).__name__ for each in gc.get_objects() if str(type(each).__module__).startswith("callbackd.")]
    return Look(
        tasks=len(asyncio.all_tasks(life.loop)),
        timers=sum(not timer.cancelled() for timer in (each[2] for each in life.loop._timers)),
        bytes_taken=sum(each.size for each in taken.statistics("filename")),
        objects={name: names.count(name) for name in OBJECTS},
    )


@pytest.mark.timeout(900)
def test_an_hour_of_heavy_traffic_leaves_nothing_in_memory(tmp_path: Path) -> None:
    planned = scenario()
    simulation = Simulation(planned, tmp_path, [])
    looks: list[Look] = []

    def look_when_quiet() -> None:
        seen = kept(simulation)
        if any(seen.values()):
            simulation.world.after(1.0, look_when_quiet)
        else:
            looks.append(look(simulation))

    for at in (FIRST + REST / 2, planned.troubled_until - REST / 2):
        simulation.world.after(at, look_when_quiet)
    tracemalloc.start()
    try:
        simulation.run()
    finally:
        tracemalloc.stop()
        simulation.close()
    first, last = looks
    requests = simulation.story.counts["requests"]
    assert requests > 0.8 * HOUR / EVERY, "the traffic was heavy"
    assert last.objects == first.objects
    assert last.tasks == first.tasks
    assert last.timers <= first.timers + WATCHES
    assert last.bytes_taken - first.bytes_taken < requests * BYTES_PER_REQUEST

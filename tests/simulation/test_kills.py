"""One call-back, and a kill at every step of it: whatever the daemon was about to do, what must hold holds."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from functools import cache

import pytest

from simulation import stage
from simulation.asterisk.phones import Behaviour, Press
from simulation.office import Office
from simulation.people import Manners, People
from simulation.rules import Book
from simulation.run import Result, Simulation, run
from simulation.scenario import TRUNK, Deed, Fall, Scenario, What
from simulation.surroundings import folder, watched_log

PORTIONS = 4
DOWN = 5.0

CALLBACK = Scenario(
    seed=2,
    start=datetime(2026, 11, 2, 15, tzinfo=UTC),
    book=Book({"support": Office("support", ("PJSIP/1001",), TRUNK, delay=60)}),
    agents=("1001",),
    clients=("+14165550123",),
    queue=(),
    manners=Manners(diligence=1.0, reach=1.0, vanishing=0.0),
    drift=0.0,
    deeds=(Deed(60.0, What.REQUEST, "support", "+14165550123"),),
    falls=(),
    troubled_until=400.0,
    ends_at=7200.0,
)


IN_THE_MENU = replace(
    CALLBACK,
    deeds=(Deed(60.0, What.MENU, "support", "+14165550123"),),
    troubled_until=300.0,
)


@cache
def busy_steps() -> int:
    """How many steps there are to be killed at, from the request to the end."""
    result = run(CALLBACK)
    assert result.violated is None
    assert result.counts["client rung"] == 1
    assert result.counts["ended completed"] == 1
    return result.busy_steps


def killed_at(step: int) -> Result:
    """The same, with a kill after so many steps."""
    return run(replace(CALLBACK, falls=(Fall(step, DOWN),)))


def test_the_callback_takes_many_steps() -> None:
    assert 200 < busy_steps() < 5000


@pytest.mark.parametrize("portion", range(PORTIONS))
def test_killed_at_any_step_nothing_is_lost_and_nobody_is_rung_twice(portion: int) -> None:
    for step in range(1 + portion, busy_steps(), PORTIONS):
        result = killed_at(step)
        assert result.violated is None, f"killed at step {step}: {result.violated}\n" + "\n".join(result.tail)
        assert result.counts["kills"] == 1
        asked_again = result.counts.get("confirmed", 0) == 0
        assert asked_again or sum(count for what, count in result.counts.items() if what.startswith("ended ")) == 1


def test_killed_again_and_again_it_ends_all_the_same() -> None:
    result = run(replace(CALLBACK, falls=tuple(Fall(step, DOWN) for step in (40, 60, 70, 200, 220, 240, 260))))
    assert result.violated is None, "\n".join(result.tail)
    assert result.counts["kills"] == 7
    assert result.counts["ended completed"] == 1


@pytest.mark.parametrize("after", [0.3, 0.8, 1.3, 2.1, 3.0, 5.5])
def test_a_tone_that_stands_in_for_a_sound_keeps_no_caller_from_the_queue(
    monkeypatch: pytest.MonkeyPatch, after: float
) -> None:
    monkeypatch.setattr(stage, "WITHOUT_SOUNDS", 1.0)
    monkeypatch.setattr(People, "caller", lambda _: Behaviour())
    result = run(replace(IN_THE_MENU, deeds=(*IN_THE_MENU.deeds, Deed(60.0 + after, What.KILL, amount=DOWN))))
    assert result.violated is None, "\n".join(result.tail)
    assert result.counts["kills"] == 1


def test_a_client_whose_agent_vanished_is_not_left_in_silence_when_the_daemon_stops(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The apology is being said, at the second signal: nobody would hang up after it."""
    leaves = Behaviour(answer_after=0.0, presses=(Press("1", 1.0),), hang_up_after=4.5)
    monkeypatch.setattr(People, "agent", lambda *_: leaves)
    monkeypatch.setattr(People, "client", lambda *_: Behaviour(signal_after=0.1, answer_after=2.5))
    stops_at = 65.2
    scenario = replace(CALLBACK, deeds=(*CALLBACK.deeds, Deed(stops_at, What.TERM, amount=0.1)))
    with folder() as place, watched_log() as faults:
        simulation = Simulation(scenario, place, faults)
        simulation.run()
        simulation.close()
        agent, client = simulation.calls[:2]
    assert agent.ended_at is not None
    assert agent.ended_at < stops_at
    assert client.ended_at is not None
    assert client.ended_at - stops_at < 1.0
    assert [heard.media for heard in client.heard] == ["sound:callbackd/client-apology"]

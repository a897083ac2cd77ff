"""A disk that says that a commit failed, and kept it all the same: what was written is found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulation.disk import Trouble
from simulation.run import Simulation
from simulation.surroundings import watched_log
from tests.simulation.test_kills import CALLBACK

CLAIMED = 60.004
"""When the call-back has been confirmed, and is about to be claimed."""


@pytest.mark.parametrize("seconds", [0.01, 20.0])
def test_a_claim_that_was_kept_is_put_back_and_tried_again(seconds: float, tmp_path: Path) -> None:
    with watched_log() as faults:
        simulation = Simulation(CALLBACK, tmp_path, faults)
        disk = simulation._stage.disk

        def turn(trouble: Trouble) -> None:
            disk.trouble = trouble

        simulation.world.after(CLAIMED, lambda: turn(Trouble.LASTING))
        simulation.world.after(CLAIMED + seconds, lambda: turn(Trouble.NONE))
        try:
            simulation.run()
        finally:
            simulation.close()
    assert disk.failures > 0
    assert simulation.story.counts["outcome interrupted"] == 1
    assert simulation.story.counts["agent rung"] == 1, "nobody was rung for the claim that seemed to have failed"
    assert simulation.story.counts["ended completed"] == 1

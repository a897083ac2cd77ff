"""What a phone plays of packets that come in time, late, and all at once."""

from __future__ import annotations

from array import array
from itertools import pairwise

from rig.audio import FRAME, FRAME_SECONDS
from rig.playout import Playout


def played(playout: Playout, arrivals: list[float], stamps: list[int] | None = None, begins: int = 0) -> list[int]:
    """Packets 1, 2, 3 ... that arrived then; which of them plays in each 20 ms (0: none)."""
    gaps = [0.0, *(after - before for before, after in pairwise(arrivals))]
    for number, (arrived, gap) in enumerate(zip(arrivals, gaps, strict=True)):
        stamp = (stamps[number] if stamps else number) * FRAME
        samples = array("h", [number + 1]) * FRAME
        playout.play(samples, arrived, stamp, gap, begins=number + 1 == begins)
    return [playout.samples[at] for at in range(FRAME // 2, len(playout.samples), FRAME)]


def frames(*numbers: int) -> list[float]:
    """Instants, in frames of 20 ms."""
    return [number * FRAME_SECONDS for number in numbers]


def test_in_time_they_follow_one_another() -> None:
    for playout in (Playout.strict(), Playout.patient()):
        assert played(playout, [0.0, 0.021, 0.038, 0.062]) == [1, 2, 3, 4]


def test_what_comes_all_at_once_after_a_gap_is_lost_on_the_strict_and_whole_for_the_patient() -> None:
    arrivals = frames(0, 1, *[12] * 11)
    assert played(Playout.patient(), arrivals) == list(range(1, 14))
    strict = played(Playout.strict(), arrivals)
    assert strict[:12] == [1, 2, *[0] * 10]
    assert set(strict[12:]) < set(range(3, 14))


def test_a_long_gap_is_one_for_both_and_what_follows_is_whole_for_the_patient() -> None:
    arrivals = frames(0, 1, *[31] * 10)
    assert played(Playout.strict(), arrivals)[:31] == [1, 2, *[0] * 29]
    assert played(Playout.patient(), arrivals) == [1, 2, *[0] * 29, *range(3, 13)]


def test_a_talk_spurt_begins_when_it_arrives() -> None:
    for playout in (Playout.strict(), Playout.patient()):
        assert played(playout, frames(0, 1, 7, 8), begins=3) == [1, 2, 0, 0, 0, 0, 0, 3, 4]


def test_a_time_stamp_that_jumps_says_nothing() -> None:
    for playout in (Playout.strict(), Playout.patient()):
        assert played(playout, frames(0, 1, 2, 3), stamps=[0, 1, 90, 91]) == [1, 2, 3, 4]
    for playout in (Playout.strict(), Playout.patient()):
        assert played(playout, frames(0, 1, 2, 3), stamps=[90, 91, 7, 8]) == [1, 2, 3, 4]

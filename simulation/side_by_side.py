"""Scenarios in several processes at once. A module of its own: what a process is given is found there by its name."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from multiprocessing import get_context

from simulation.run import Result, run_seed


def results(seeds: range, jobs: int) -> Iterator[Result]:
    """What became of each seed: in their order with one job, else as they end."""
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    with get_context("forkserver").Pool(jobs, initializer=_leave_interrupts_to_the_parent) as pool:
        yield from pool.imap_unordered(run_seed, seeds, chunksize=4)


def _leave_interrupts_to_the_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)

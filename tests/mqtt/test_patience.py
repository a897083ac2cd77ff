"""Waiting longer and longer, and complaining once."""

from __future__ import annotations

import asyncio
import logging
from random import Random

import pytest

from callbackd.wire.patience import Backoff, Patience, Trouble, failure_of
from tests.mqtt.journal import Journal


def test_waits_double_with_jitter_up_to_the_longest_and_start_anew() -> None:
    backoff = Backoff(Patience(first=1.0, longest=60.0), Random(3))  # noqa: S311
    bounds = [1, 2, 4, 8, 16, 32, 60, 60, 60]
    waits = [backoff.next() for _ in bounds]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    assert len(set(waits)) == len(waits)
    backoff.reset()
    assert backoff.next() <= 1.0


def test_each_reason_is_told_once_until_it_is_over(journal: Journal) -> None:
    trouble = Trouble(logging.getLogger("callbackd.test"), "no post", box="red")
    for reason in ("rain", "rain", "snow", "rain"):
        trouble.tell(reason)
    trouble.over()
    trouble.over()
    trouble.tell("rain")
    assert [line.split(" ", 3)[3] for line in journal.lines] == [
        "no post: trying again box=red reason=rain",
        "no post: trying again box=red reason=snow",
        "no post: works again box=red",
        "no post: trying again box=red reason=rain",
    ]


async def test_the_first_of_several_failures_is_given() -> None:
    async def fail() -> None:
        async with asyncio.TaskGroup() as group:
            async with asyncio.TaskGroup() as inner:
                inner.create_task(_raise(ValueError("inner")))
            group.create_task(_raise(KeyError("outer")))

    assert isinstance(await failure_of(fail()), ValueError)
    assert await failure_of(asyncio.sleep(0)) is None


async def test_being_cancelled_is_not_lost_in_a_failure() -> None:
    began = asyncio.Event()

    async def fail_when_cancelled() -> None:
        began.set()
        try:
            await asyncio.sleep(3600)
        finally:
            raise ValueError("on the way out")

    task = asyncio.create_task(failure_of(fail_when_cancelled()))
    await began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def _raise(error: Exception) -> None:
    raise error

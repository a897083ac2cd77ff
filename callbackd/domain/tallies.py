"""What came of the requests of a day, counted: the records that reports are made of.

Everything belongs to the day on which the client asked, whenever it happened. A try is an attempt that rang the
client (one that counted), numbered from 1 for each call-back.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from callbackd.domain.callback import Outcome, State

MOST_TRIES = 9
"""Tries with a higher number are counted under this one."""

WAITS = tuple(timedelta(minutes=minutes) for minutes in (5, 15, 60, 240, 1440))
"""Bounds of the time that clients waited until they were spoken to; the last class is above the last bound."""

QUARTER = timedelta(minutes=15)
"""How finely the times of requests are told: every zone's hours and days begin at a multiple of it."""


@dataclass(frozen=True, slots=True, order=True)
class RequestTally:
    """`requests` of day number `day` whose call-backs are now in `state`; the further attempts that they brought.

    A waiting call-back is `scheduled` here, whether it is due or not.
    """

    day: int
    state: State
    requests: int
    auto: int
    agent: int
    client: int


@dataclass(frozen=True, slots=True, order=True)
class TryTally:
    """`count` tries with that number and that outcome."""

    day: int
    number: int
    outcome: Outcome
    count: int


@dataclass(frozen=True, slots=True, order=True)
class OutcomeTally:
    """`count` attempts that ended with that outcome, whether they counted or not."""

    day: int
    outcome: Outcome
    count: int


@dataclass(frozen=True, slots=True, order=True)
class WaitTally:
    """`count` call-backs whose client was spoken to after waiting from request to answer, `waited` in all.

    `wait_class` is how many of `WAITS` that time exceeded. Spoken to: the attempt ended as `answered`.
    """

    day: int
    wait_class: int
    count: int
    waited: timedelta


@dataclass(frozen=True, slots=True, order=True)
class QuarterTally:
    """`count` requests within the quarter of an hour that begins at `at`."""

    at: datetime
    count: int


@dataclass(frozen=True, slots=True)
class Tallies:
    """All of them, each in its own order. `day` is the place in the days that were asked for."""

    requests: tuple[RequestTally, ...] = ()
    tries: tuple[TryTally, ...] = ()
    outcomes: tuple[OutcomeTally, ...] = ()
    waits: tuple[WaitTally, ...] = ()
    quarters: tuple[QuarterTally, ...] = ()

    def later(self, days: int) -> Tallies:
        """The same, of days that have their place so many days later."""
        return Tallies(
            requests=tuple(replace(each, day=each.day + days) for each in self.requests),
            tries=tuple(replace(each, day=each.day + days) for each in self.tries),
            outcomes=tuple(replace(each, day=each.day + days) for each in self.outcomes),
            waits=tuple(replace(each, day=each.day + days) for each in self.waits),
            quarters=self.quarters,
        )


def together(parts: Iterable[Tallies]) -> Tallies:
    """The tallies of parts that share no day and follow one another."""
    kept = list(parts)
    return Tallies(
        requests=tuple(each for part in kept for each in part.requests),
        tries=tuple(each for part in kept for each in part.tries),
        outcomes=tuple(each for part in kept for each in part.outcomes),
        waits=tuple(each for part in kept for each in part.waits),
        quarters=tuple(each for part in kept for each in part.quarters),
    )


def wait_class(waited: timedelta) -> int:
    """How many of `WAITS` it exceeds."""
    return sum(waited > bound for bound in WAITS)

"""The route breaker: failures in a row on different numbers mean our route, not their phones.

A pure machine over a small record. While it is open, dialling of the profile's route pauses, and one call-back at a
time probes whether the route works again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from callbackd.domain.callback import ROUTE_SUSPECT, Outcome
from callbackd.domain.hours import utc

RUN = 3
"""So many different numbers in a row."""

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=15)

_ROUTE_WORKS = frozenset(
    {
        Outcome.ANSWERED,
        Outcome.CLIENT_BUSY,
        Outcome.CLIENT_NO_ANSWER,
        Outcome.CLIENT_UNREACHABLE,
        Outcome.CLIENT_MACHINE,
    }
)


@dataclass(frozen=True, slots=True)
class Breaker:
    """`suspects`: the run so far as (number, call-back id, outcome), one per number, the latest last.

    `open_until` is None while the breaker is closed, else the end of the present pause; `probes` counts the probes
    that failed since it opened.
    """

    suspects: tuple[tuple[str, str, str], ...] = ()
    open_until: datetime | None = None
    probes: int = 0

    @property
    def is_open(self) -> bool:
        """True while dialling pauses and while it is being probed."""
        return self.open_until is not None


class Change(StrEnum):
    """What a client leg did to the breaker."""

    NOTHING = "nothing"
    OPENED = "opened"
    STILL_OPEN = "still_open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`put_back`: ids of call-backs whose `client_invalid` belongs to the run: they wait again instead of ending."""

    change: Change = Change.NOTHING
    put_back: tuple[str, ...] = ()


def after_client_leg(
    breaker: Breaker, number: str, callback_id: str, outcome: Outcome, at: datetime
) -> tuple[Breaker, Verdict]:
    """Tell the breaker how a client leg ended (of an attempt or of an offer): its client outcome.

    Three `client_invalid`, `client_rejected` or `route_failed` in a row on different numbers open it; any other client
    outcome ends the run and closes it. An outcome that says nothing of the route (the agent left, cancelled,
    interrupted) changes nothing. Open, a failure before the pause is over (a call that was already out) belongs to
    the run; one after it is a failed probe and doubles the pause, from 1 to 15 minutes.
    """
    at = utc(at)
    if outcome in _ROUTE_WORKS:
        change = Change.CLOSED if breaker.is_open else Change.NOTHING
        return Breaker(), Verdict(change)
    if outcome not in ROUTE_SUSPECT:
        return breaker, Verdict()
    suspect = (number, callback_id, str(outcome))
    if breaker.open_until is not None:
        again = (callback_id,) if outcome is Outcome.CLIENT_INVALID else ()
        if at >= breaker.open_until:
            probes = breaker.probes + 1
            breaker = Breaker(breaker.suspects, at + pause_after(probes), probes)
        return breaker, Verdict(Change.STILL_OPEN, again)
    others = tuple(entry for entry in breaker.suspects if entry[0] != number)
    suspects = (*others, suspect)
    if len(suspects) < RUN:
        return Breaker(suspects), Verdict()
    put_back = tuple(entry[1] for entry in suspects if entry[2] == Outcome.CLIENT_INVALID)
    return Breaker(suspects, at + pause_after(0)), Verdict(Change.OPENED, put_back)


def may_dial(breaker: Breaker, at: datetime, probing_now: bool) -> bool:
    """May an attempt or an offer of this route start?

    While the breaker is open: once the pause is over, one at a time; `probing_now` says that one is under way.
    """
    at = utc(at)
    return breaker.open_until is None or (at >= breaker.open_until and not probing_now)


def pause_after(failed_probes: int) -> timedelta:
    """How long dialling pauses before the next probe: 1 min, doubling to 15 min."""
    return min(FIRST_PAUSE * (1 << min(max(failed_probes, 0), 10)), LONGEST_PAUSE)

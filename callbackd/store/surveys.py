"""What people look at beyond one call-back, in SQLite: what takes its time over a connection of its own."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Protocol

from callbackd.domain.callback import Attempt, CallBack, Offer, Outcome, State
from callbackd.domain.hours import Span
from callbackd.domain.tallies import (
    MOST_TRIES,
    QUARTER,
    WAITS,
    OutcomeTally,
    QuarterTally,
    RequestTally,
    Tallies,
    TryTally,
    WaitTally,
)
from callbackd.store import rows
from callbackd.store.instants import MILLISECOND, from_ms, to_ms, to_ms_or_none
from callbackd.store.interface import Page, Query
from callbackd.store.paging import LAST, Selection, page

FEW_DAYS = 2
"""Figures of so many days are quickly told."""

_STATES = json.dumps([state.value for state in State])
_WAIT_NAMES = ("first_wait", "second_wait", "third_wait", "fourth_wait", "fifth_wait")


class Surveys(Protocol):
    """Those parts of a store's promises; whoever is one has two connections for them."""

    async def _browse(self, name: str, parameters: Mapping[str, Any]) -> Sequence[sqlite3.Row]:
        """Ask what is quickly told."""

    async def _survey(self, name: str, parameters: Mapping[str, Any]) -> Sequence[sqlite3.Row]:
        """Ask what takes its time: nothing else waits for it but its like."""

    async def queued(self, profile: str, now: datetime, limit: int, offset: int = 0) -> Sequence[CallBack]:
        """See `Browses.queued`. As many steps as the place in the order, and one for each that rests."""
        return await self._waiting("list_queued", profile, now, limit, offset)

    async def coming(self, profile: str, now: datetime, limit: int, offset: int = 0) -> Sequence[CallBack]:
        """See `Browses.coming`."""
        return await self._waiting("list_coming", profile, now, limit, offset)

    async def _waiting(self, name: str, profile: str, now: datetime, limit: int, offset: int) -> Sequence[CallBack]:
        asked = {"profile": profile, "now": to_ms(now), "limit": limit, "offset": offset, "reach": limit + offset}
        return [rows.callback_from_row(row) for row in await self._browse(name, asked)]

    async def live_attempts(self) -> Sequence[Attempt]:
        """See `Browses.live_attempts`."""
        found = [rows.attempt_from_row(row) for row in await self._browse("live_attempts", {})]
        return sorted(found, key=lambda attempt: attempt.callback_id)

    async def live_offers(self) -> Sequence[Offer]:
        """See `Browses.live_offers`."""
        found = [rows.offer_from_row(row) for row in await self._browse("live_offers", {})]
        return sorted(found, key=lambda offer: offer.callback_id)

    async def endings(self, profile: str, since: datetime, until: datetime) -> Mapping[State, int]:
        """See `Browses.endings`."""
        asked = {"profile": profile, "since": to_ms(since), "until": to_ms(until)}
        return {State(row["state"]): row["n"] for row in await self._browse("count_endings", asked)}

    async def tallies(self, profile: str, days: Sequence[Span]) -> Tallies:
        """See `Browses.tallies`."""
        asked: dict[str, Any] = {
            "profile": profile,
            "days": json.dumps([[to_ms(day.opens), to_ms(day.closes)] for day in days]),
            "states": _STATES,
        }
        ask = self._browse if len(days) <= FEW_DAYS else self._survey
        requests = await ask("tally_requests", asked)
        quarters = await ask("tally_quarters", {**asked, "quarter": QUARTER // MILLISECOND})
        waits = {name: wait // MILLISECOND for name, wait in zip(_WAIT_NAMES, WAITS, strict=True)}
        attempts = await ask("tally_attempts", {**asked, **waits, "most_tries": MOST_TRIES})
        return await asyncio.to_thread(_tallies, requests, quarters, attempts)

    async def _search(self, query: Query) -> Page:
        """A listing that no index of its own answers."""
        selection = Selection.of(query)
        until = LAST if query.until is None else to_ms(query.until)
        before, before_id = min((selection.before, selection.before_id), (until, ""))
        found = await self._survey(
            "search",
            {
                "profile": query.profile,
                "number": query.number,
                "digits": query.digits,
                "name": None if query.name is None else folded(query.name),
                "states": json.dumps([state.value for state in selection.states]),
                "due_after": selection.due_after,
                "due_until": selection.due_until,
                "since": to_ms_or_none(query.since),
                "before": before,
                "before_id": before_id,
                "limit": query.limit + 1,
            },
        )
        return page([rows.callback_from_row(row) for row in found], query.limit)


def folded(text: str | None) -> str | None:
    """The text as names are compared: upper and lower case are one in every script. A function of SQL here."""
    return None if text is None else unicodedata.normalize("NFC", text).casefold()


def _tallies(
    requests: Iterable[sqlite3.Row], quarters: Iterable[sqlite3.Row], attempts: Iterable[sqlite3.Row]
) -> Tallies:
    tries: Counter[tuple[int, int, Outcome]] = Counter()
    outcomes: Counter[tuple[int, Outcome]] = Counter()
    waits: dict[tuple[int, int], tuple[int, int]] = {}
    for row in attempts:
        outcome = Outcome(row["outcome"])
        outcomes[row["day"], outcome] += row["n"]
        if row["try"]:
            tries[row["day"], row["try"], outcome] += row["n"]
        if row["wait_class"] is not None:
            count, waited = waits.get((row["day"], row["wait_class"]), (0, 0))
            waits[row["day"], row["wait_class"]] = (count + row["n"], waited + row["waited"])
    return Tallies(
        requests=tuple(
            sorted(
                RequestTally(row["day"], State(row["state"]), row["n"], row["auto"], row["agent"], row["client"])
                for row in requests
            )
        ),
        tries=tuple(sorted(TryTally(*key, count) for key, count in tries.items())),
        outcomes=tuple(sorted(OutcomeTally(*key, count) for key, count in outcomes.items())),
        waits=tuple(
            sorted(WaitTally(*key, count, timedelta(milliseconds=waited)) for key, (count, waited) in waits.items())
        ),
        quarters=tuple(sorted(QuarterTally(from_ms(row["at"]), row["n"]) for row in quarters)),
    )

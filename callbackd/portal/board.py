"""The page Now: what is on the phone, what waits and why, today's figures; the same piece for all who look at once."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo

from callbackd.domain.callback import Attempt, CallBack, Offer, Outcome, State
from callbackd.engine.control import ProfileStatus
from callbackd.engine.outlook import Live, Waiting
from callbackd.engine.reports import Today
from callbackd.portal import words
from callbackd.portal.obstacles import Told, told
from callbackd.portal.pages import Pages
from callbackd.portal.services import Services
from callbackd.portal.walls import clock

FRESH = 0.4
"""Seconds for which one look serves everybody who asks."""

FIGURES_FRESH = 2.0
"""Seconds for which today's figures do."""

PAGE = 50
"""Waiting call-backs that are shown at a time."""

EACH = 10
"""Of each profile, where several are shown."""

MOST_LIVE = 200
"""Calls that are shown at a time."""

MOST_SLOTS = 8
"""Calls for which room is kept while they are not there."""

NOT_REACHED = (State.EXHAUSTED, State.CUT_OFF, State.EXPIRED, State.UNREACHABLE_NUMBER, State.BLOCKED)
"""Dispositions of clients whom nobody spoke to, though they wanted it."""


@dataclass(frozen=True, slots=True)
class LiveRow:
    """One call: since when it runs, and since when it is in its present state."""

    callback: CallBack
    zone: tzinfo
    run: Attempt | Offer
    is_offer: bool
    since: datetime
    state_since: datetime


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """One that waits, its place in the line, and what keeps it: the first reason, and all."""

    callback: CallBack
    place: int
    why: Told
    all_why: str


@dataclass(frozen=True, slots=True)
class Line:
    """The line of one profile; `status` is None of a profile that is no more."""

    id: str
    label: str
    zone: tzinfo
    status: ProfileStatus | None
    standing: tuple[Told, ...]
    queued: int
    coming: int
    rows: tuple[WaitingRow, ...]
    page: int
    pages: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Today, over the profiles that are shown: each in the day of its own target."""

    requests: int = 0
    reached: int = 0
    not_reached: int = 0
    first_tries: int = 0
    first_reached: int = 0
    spoken_to: int = 0
    waited: timedelta = timedelta(0)

    @property
    def mean_wait(self) -> timedelta | None:
        """From request to answer, of today's requests that were answered."""
        return self.waited / self.spoken_to if self.spoken_to else None

    @property
    def first_try_share(self) -> int | None:
        """Percent of the first tries of today's requests that were answered."""
        return round(100 * self.first_reached / self.first_tries) if self.first_tries else None


@dataclass(frozen=True, slots=True)
class Piece:
    """What is sent: the HTML, and a tag that changes when it does."""

    html: str
    tag: str


@dataclass(slots=True)
class _Kept:
    piece: Piece | None = None
    made: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Board:
    """Makes the page's moving part, at most once per `FRESH` for each thing that is asked for."""

    def __init__(self, services: Services, pages: Pages) -> None:
        self._services = services
        self._pages = pages
        self._kept: dict[tuple[str | None, int], _Kept] = {}
        self._figures: dict[str | None, tuple[float, Figures]] = {}

    async def piece(self, profile: str | None, page: int) -> Piece:
        """The moving part for a profile or (None) for all; `page` of the line, from 1. Raises `StoreError`."""
        for key in [key for key, kept in self._kept.items() if not kept.lock.locked() and self._old(kept, 60.0)]:
            del self._kept[key]
        kept = self._kept.setdefault((profile, page), _Kept())
        async with kept.lock:
            if kept.piece is None or self._old(kept, FRESH):
                kept.made = time.monotonic()
                kept.piece = await self._make(profile, page)
            return kept.piece

    async def profiles(self) -> Sequence[tuple[str, str]]:
        """Id and label of every profile, and of those that are gone and still have call-backs."""
        known = {name: profile.label for name, profile in sorted(self._services.rules.profiles.items())}
        return list(known.items())

    @staticmethod
    def _old(kept: _Kept, seconds: float) -> bool:
        return time.monotonic() - kept.made >= seconds

    async def _make(self, profile: str | None, page: int) -> Piece:
        services = self._services
        now = services.desk.now()
        statuses = {status.profile.id: status for status in await services.control.profiles()}
        gone = set(await services.desk.profiles_with_callbacks()) - set(statuses)
        names = [name for name in (*statuses, *sorted(gone)) if profile in (None, name)]
        live = [each for each in await services.outlook.live() if profile in (None, each.callback.profile)]
        share = PAGE if len(names) <= 1 else EACH
        lines = [await self._line(name, statuses.get(name), page, share, now) for name in names]
        html = self._pages.text(
            "now_live.html",
            profile=profile,
            troubles=await self._troubles(),
            figures=await self._figures_of(profile, list(statuses)),
            live=[self._live_row(each) for each in live[:MOST_LIVE]],
            live_count=len(live),
            limit=services.rules.limits.max_concurrent,
            slots=self._slots(names),
            lines=lines,
            waiting_count=sum(line.queued + line.coming for line in lines),
            several=len(names) > 1,
            state_text=state_text,
        )
        return Piece(html, hashlib.sha256(html.encode()).hexdigest()[:16])

    def _slots(self, names: Sequence[str]) -> int:
        """For how many calls room is kept, so that nothing below them moves when one begins or ends."""
        rules = self._services.rules
        wanted = sum(rules.profiles[name].target.max_concurrent for name in names if name in rules.profiles)
        return max(1, min(wanted, rules.limits.max_concurrent, MOST_SLOTS))

    async def _troubles(self) -> list[tuple[str, str, str]]:
        """What is wrong with the daemon itself: tone, what, and the mend."""
        condition = self._services.health.condition()
        found = []
        if condition.stopping:
            found.append(("warn", "callbackd is stopping.", "Calls in progress end; no new ones begin."))
        elif condition.ari_state != "ready":
            since = f"{condition.ari_since:%H:%M:%S} UTC"
            text = f"No link to Asterisk since {since}: {condition.ari_error or condition.ari_state}."
            found.append(("bad", text, condition.ari_mend or "Nothing can be dialled meanwhile; requests are kept."))
        pause = await self._services.control.global_pause()
        if pause.dialling:
            found.append(("warn", "Dialling is paused for all profiles.", "Resume it under Profiles."))
        elif self._services.rules.limits.max_concurrent == 0:
            found.append(("warn", "Dialling is paused by a limit of 0.", "See limits.max_concurrent."))
        if pause.intake:
            found.append(("warn", "No requests are taken, in any profile.", "Resume intake under Profiles."))
        return found

    async def _line(self, name: str, status: ProfileStatus | None, page: int, share: int, now: datetime) -> Line:
        outlook = self._services.outlook
        zone = self._services.reports.zone(name)
        counts = status.counts if status is not None else await self._services.desk.counts_of(name)
        queued, coming = counts.get(State.QUEUED, 0), counts.get(State.SCHEDULED, 0)
        pages = max(1, -(-(queued + coming) // share))
        page = min(page, pages)
        offset = (page - 1) * share

        def at(instant: datetime) -> str:
            return clock(instant, zone, now)

        def why(waiting: Waiting, place: int) -> list[Told]:
            before = 0 if place == 1 else None
            return [told(obstacle, at, waiting.callback, before) for obstacle in waiting.obstacles]

        found = enumerate(await outlook.waiting(name, share, offset), offset + 1)
        rows = [self._waiting_row(each.callback, why(each, place), place) for place, each in found]
        return Line(
            id=name,
            label=name if status is None else status.profile.label,
            zone=zone,
            status=status,
            standing=tuple(told(obstacle, at) for obstacle in await outlook.standing(name)),
            queued=queued,
            coming=coming,
            rows=tuple(rows),
            page=page,
            pages=pages,
        )

    def _waiting_row(self, callback: CallBack, why: Sequence[Told], place: int) -> WaitingRow:
        return WaitingRow(callback, place, why[0], "; ".join(each.text for each in why))

    def _live_row(self, live: Live) -> LiveRow:
        run = live.run
        if isinstance(run, Offer):
            latest = run.answered_at or run.dialled_at or run.started_at
        elif live.callback.state is State.CONNECTED:
            latest = run.client_answered_at or run.started_at
        elif live.callback.state is State.CLIENT:
            latest = run.client_dialled_at or run.started_at
        else:
            latest = run.agent_answered_at or run.started_at
        zone = self._services.reports.zone(live.callback.profile)
        return LiveRow(live.callback, zone, run, isinstance(run, Offer), run.started_at, latest)

    async def _figures_of(self, profile: str | None, names: Sequence[str]) -> Figures:
        if profile is not None and profile not in names:
            return Figures()  # nothing is kept of names that are made up
        kept = self._figures.get(profile)
        if kept is not None and time.monotonic() - kept[0] < FIGURES_FRESH:
            return kept[1]
        days = [await self._services.reports.today(name) for name in names if profile in (None, name)]
        figures = figures_of(days)
        self._figures[profile] = (time.monotonic(), figures)
        return figures


def figures_of(days: Sequence[Today]) -> Figures:
    """The sum of days."""
    tries = [each for day in days for each in day.tallies.tries if each.number == 1]
    waits = [each for day in days for each in day.tallies.waits]
    return Figures(
        requests=sum(each.requests for day in days for each in day.tallies.requests),
        reached=sum(day.ended.get(State.COMPLETED, 0) for day in days),
        not_reached=sum(day.ended.get(state, 0) for day in days for state in NOT_REACHED),
        first_tries=sum(each.count for each in tries),
        first_reached=sum(each.count for each in tries if each.outcome is Outcome.ANSWERED),
        spoken_to=sum(each.count for each in waits),
        waited=sum((each.waited for each in waits), timedelta(0)),
    )


def state_text(row: LiveRow) -> str:
    """What happens at this moment, finer than the state."""
    run = row.run
    if isinstance(run, Offer):
        return "offer: client listens" if run.answered_at else "offer: client rings"
    if row.callback.state is State.AGENT and run.agent_answered_at is not None:
        return "agent listens"
    return words.STATES[row.callback.state]

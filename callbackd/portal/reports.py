"""Reports: what came of the requests of days past."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callbackd.engine.reports import MOST_DAYS
from callbackd.portal.pages import Pages
from callbackd.portal.report import Told, told
from callbackd.portal.services import Services

RANGES = ((1, "today"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year"))
DAYS_UNLESS_SAID = 7

FRESH = 30.0
"""Seconds for which a report is kept: days past do not change much."""

MOST_KEPT = 20

_Key = tuple[tuple[str, ...], date, date]


def report_routes(services: Services, pages: Pages) -> list[Route]:
    """``/reports``."""
    kept: dict[_Key, tuple[float, Told]] = {}
    one_at_a_time = asyncio.Lock()

    async def report(request: Request) -> Response:
        """Figures per profile and day, drawn as charts."""
        asked = request.query_params
        profile = asked.get("profile", "")
        names = sorted(services.rules.profiles)
        chosen = (profile,) if profile in names else tuple(names)
        problem = None
        today = max((services.reports.day_at(name) for name in chosen), default=services.desk.now().date())
        first, last, days = today - timedelta(days=DAYS_UNLESS_SAID - 1), today, DAYS_UNLESS_SAID
        try:
            if asked.get("since") or asked.get("until"):
                last = date.fromisoformat(asked.get("until") or today.isoformat())
                first = date.fromisoformat(asked.get("since") or last.isoformat())
                days = 0
            elif asked.get("days"):
                days = int(asked["days"])
                first = today - timedelta(days=days - 1)
            if not 1 <= (last - first).days + 1 <= MOST_DAYS or not 2000 <= first.year < 2200:
                raise ValueError
        except (ValueError, OverflowError):
            problem = f"Choose a first and a last day, at most {MOST_DAYS} days apart."
            first, last, days = today - timedelta(days=DAYS_UNLESS_SAID - 1), today, DAYS_UNLESS_SAID
        return pages.page(
            request,
            "reports.html",
            422 if problem else 200,
            problem=problem,
            profile=profile if profile in names else "",
            profiles=[(name, services.rules.profiles[name].label) for name in names],
            first=first,
            last=last,
            days=days,
            ranges=RANGES,
            zones=sorted({services.rules.profiles[name].target.timezone for name in chosen}),
            report=await made(chosen, first, last) if chosen else None,
        )

    async def made(chosen: Sequence[str], first: date, last: date) -> Told:
        key = (tuple(chosen), first, last)
        async with one_at_a_time:
            found = kept.get(key)
            if found is not None and time.monotonic() - found[0] < FRESH:
                return found[1]
            found_days = [await services.reports.of(name, first, last) for name in chosen]
            answer = await asyncio.to_thread(told, found_days)
            while len(kept) >= MOST_KEPT:
                del kept[next(iter(kept))]
            kept[key] = (time.monotonic(), answer)
            return answer

    return [Route("/reports", report)]

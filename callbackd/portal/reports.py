"""Reports: what came of the requests of days past."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callbackd.engine.reports import MOST_DAYS
from callbackd.portal.counting import Asked, Counting, Progress
from callbackd.portal.pages import Pages
from callbackd.portal.services import Services

RANGES = ((1, "today"), (7, "7 days"), (30, "30 days"), (90, "90 days"), (365, "a year"))
DAYS_UNLESS_SAID = 7


@dataclass(frozen=True, slots=True)
class _Choice:
    """What an address asks for. `days`: as many up to today, or 0; `problem` if it can't be asked so."""

    profile: str
    asked: Asked
    days: int
    problem: str | None


def report_routes(services: Services, pages: Pages) -> list[Route]:
    """``/reports``, and how far one is that is still being counted."""
    counting = Counting(services.reports)

    async def report(request: Request) -> Response:
        """Figures per profile and day, drawn as charts."""
        choice = chosen(request.query_params)
        asked, profiles = choice.asked, services.rules.profiles
        found = await counting.report(asked) if asked.profiles else None
        return pages.page(
            request,
            "reports.html",
            422 if choice.problem else 200,
            problem=choice.problem,
            profile=choice.profile,
            profiles=[(name, profiles[name].label) for name in sorted(profiles)],
            first=asked.first,
            last=asked.last,
            days=choice.days,
            ranges=RANGES,
            zones=sorted({profiles[name].target.timezone for name in asked.profiles}),
            progress=found if isinstance(found, Progress) else None,
            report=None if isinstance(found, Progress) else found,
        )

    async def progress(request: Request) -> Response:
        """How far the count is; nothing once it is over: then the page itself has the report, or says what is wrong."""
        found = counting.progress(chosen(request.query_params).asked)
        return Response(status_code=204) if found is None else pages.page(request, "counting.html", progress=found)

    def chosen(typed: Mapping[str, str]) -> _Choice:
        profile = typed.get("profile", "")
        known = sorted(services.rules.profiles)
        names = (profile,) if profile in known else tuple(known)
        problem = None
        if profile and profile not in known:
            problem = "There is no such profile, or no longer: these are the figures of all of them."
        today = max((services.reports.day_at(name) for name in names), default=services.desk.now().date())
        first, last, days = today - timedelta(days=DAYS_UNLESS_SAID - 1), today, DAYS_UNLESS_SAID
        try:
            if typed.get("since") or typed.get("until"):
                last = date.fromisoformat(typed.get("until") or today.isoformat())
                first = date.fromisoformat(typed.get("since") or last.isoformat())
                days = 0
            elif typed.get("days"):
                days = int(typed["days"])
                first = today - timedelta(days=days - 1)
            if not 1 <= (last - first).days + 1 <= MOST_DAYS or not 2000 <= first.year < 2200:
                raise ValueError
        except (ValueError, OverflowError):
            problem = f"Choose a first and a last day, at most {MOST_DAYS} days apart."
            first, last, days = today - timedelta(days=DAYS_UNLESS_SAID - 1), today, DAYS_UNLESS_SAID
        return _Choice(profile if profile in known else "", Asked(names, first, last), days, problem)

    return [Route("/reports", report), Route("/live/reports", progress)]

"""Profiles: how each stands, its settings and hours, pausing it, and what would follow if an attempt failed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from callbackd.domain.callback import Kind, Outcome
from callbackd.domain.hours import closes_at, wall_clock
from callbackd.domain.profile import Profile
from callbackd.domain.what_if import Answer, explain, outcome_unless_said
from callbackd.domain.written_times import written_time
from callbackd.engine.control import ProfileStatus
from callbackd.portal.guard import FormRefused, form_of
from callbackd.portal.obstacles import told
from callbackd.portal.pages import Pages
from callbackd.portal.services import Services
from callbackd.portal.sessions import Sessions
from callbackd.portal.settings_told import settings_told
from callbackd.portal.walls import clock
from callbackd.portal.week import week_of

KINDS = (Kind.AUTO, Kind.AGENT, Kind.CLIENT)
OUTCOMES = tuple(outcome for outcome in Outcome if outcome is not Outcome.CANCELLED)
MOST_USED = 1000


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What was asked, as it was typed, and the answer; `problem` if it can't be asked so."""

    failed_at: str
    used: str
    kind: Kind
    outcome: str
    answer: Answer | None = None
    question: str = ""
    due: str = ""
    problem: str | None = None


def profile_routes(services: Services, pages: Pages, sessions: Sessions) -> list[Route]:
    """The routes under ``/profiles``."""
    control = services.control

    async def everything(request: Request) -> Response:
        """All of them side by side."""
        now = services.desk.now()
        return pages.page(
            request,
            "profiles.html",
            pause=await control.global_pause(),
            profiles=[_standing(status, services) for status in await control.profiles()],
            limit=services.rules.limits.max_concurrent,
            week_of=lambda profile: week_of(profile, now),
        )

    async def show(request: Request) -> Response:
        """One profile in full."""
        status = await control.profile(request.path_params["profile_id"])
        now, zone = services.desk.now(), ZoneInfo(status.profile.target.timezone)
        standing = await services.outlook.standing(status.profile.id)
        return pages.page(
            request,
            "profile.html",
            **_standing(status, services),
            standing=[told(each, lambda at: clock(at, zone, now)) for each in standing],
            groups=settings_told(status.profile),
            week=week_of(status.profile, now),
            what_if=what_if(request, status.profile),
            kinds=KINDS,
            outcomes=OUTCOMES,
        )

    def what_if(request: Request, profile: Profile) -> WhatIf:
        asked, now = request.query_params, services.desk.now().replace(microsecond=0)
        zone = ZoneInfo(profile.target.timezone)
        kind = Kind(asked["kind"]) if asked.get("kind") in set(KINDS) else Kind.AUTO
        known = asked.get("outcome") if asked.get("outcome") in set(OUTCOMES) else None
        told_so = WhatIf(
            failed_at=asked.get("failed_at", "").strip()[:60] or f"{now.astimezone(zone):%Y-%m-%dT%H:%M}",
            used=asked.get("used", "0").strip()[:10],
            kind=kind,
            outcome=known or "",
        )
        if "used" not in asked:
            return told_so
        try:
            ended_at = written_time(told_so.failed_at, zone, now)
            used = _whole(told_so.used)
        except ValueError as error:
            return replace(told_so, problem=f"{error}.")
        outcome = Outcome(known) if known else outcome_unless_said(kind)
        answer = explain(profile, kind, outcome, used, ended_at)
        what = "an offer ends, the client pressed 1" if kind is Kind.CLIENT else f"an attempt ends as {outcome}"
        due = "" if answer.due is None else f" {wall_clock(answer.due, zone)} ({profile.target.timezone})"
        return replace(told_so, answer=answer, question=f"{what}, {wall_clock(ended_at, zone)}", due=due)

    async def change(request: Request) -> Response:
        """Pause or resume intake or dialling, of one profile."""
        profile_id = request.path_params["profile_id"]
        await _change(request, profile_id)
        return RedirectResponse(f"/profiles/{profile_id}", HTTPStatus.SEE_OTHER)

    async def change_everything(request: Request) -> Response:
        """The same for the whole daemon."""
        await _change(request, None)
        return RedirectResponse("/profiles", HTTPStatus.SEE_OTHER)

    async def _change(request: Request, profile_id: str | None) -> None:
        fields = await form_of(request, sessions)
        part, pauses = fields.get("part"), fields.get("to") == "pause"
        if part not in ("intake", "dialling") or fields.get("to") not in ("pause", "resume"):
            raise FormRefused(422, "Say what to pause or resume: intake or dialling.")
        act = control.pause if pauses else control.resume
        await act(profile_id, intake=part == "intake", dialling=part == "dialling")

    return [
        Route("/profiles", everything),
        Route("/profiles/everything/pausing", change_everything, methods=["POST"]),
        Route("/profiles/{profile_id}", show),
        Route("/profiles/{profile_id}/pausing", change, methods=["POST"]),
    ]


def _standing(status: ProfileStatus, services: Services) -> dict[str, Any]:
    profile, now = status.profile, services.desk.now()
    return {
        "profile": profile,
        "status": status,
        "zone": ZoneInfo(profile.target.timezone),
        "closes_at": closes_at(profile.target.hours, now) if status.open_now else None,
    }


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_USED):
        raise ValueError(f"reschedules used: expected a whole number from 0 to {MOST_USED}")
    return int(text)

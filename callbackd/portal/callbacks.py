"""One call-back: its story, and what can be done with it; and the search for many."""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from callbackd.domain.callback import WAITING, State
from callbackd.domain.profile import Keys
from callbackd.domain.written_times import written_time_to_come
from callbackd.engine.desk import Story
from callbackd.engine.refusals import Code, Refused
from callbackd.portal.board import Piece
from callbackd.portal.guard import form_of
from callbackd.portal.now import moving
from callbackd.portal.obstacles import told
from callbackd.portal.pages import Pages
from callbackd.portal.search import GROUPS, Asked, exported, meant
from callbackd.portal.services import Services
from callbackd.portal.sessions import Sessions
from callbackd.portal.story import Teller
from callbackd.portal.walls import clock

DONE = {
    "cancelled": "Cancelled.",
    "now": "It is due now, and takes its turn.",
    "moved": "Moved.",
}
"""What is said after something was done, by the word in the address."""


def callback_routes(services: Services, pages: Pages, sessions: Sessions) -> list[Route]:
    """The routes under ``/callbacks``."""
    desk = services.desk

    async def search(request: Request) -> Response:
        """Call-backs by number, name, state, profile and date."""
        asked = Asked.of(request.query_params)
        found = meant(asked, services.rules, desk.now(), request.query_params.get("cursor"))
        page = None if found.problems else await desk.list(found.query)
        return pages.page(
            request,
            "search.html",
            422 if found.problems else 200,
            asked=asked,
            problems=found.problems,
            profiles=sorted(services.rules.profiles),
            states=list(State),
            groups=list(GROUPS),
            found=page,
            later=bool(request.query_params.get("cursor")),
            zone=found.zone,
            zone_of=services.reports.zone,
        )

    async def export(request: Request) -> Response:
        """The same as CSV."""
        found = meant(Asked.of(request.query_params), services.rules, desk.now())
        if found.problems:
            return pages.failed(request, 422, "Not exported", " ".join(found.problems.values()))
        name = f"call-backs-{desk.now():%Y%m%d-%H%M%S}.csv"
        return StreamingResponse(
            exported(desk, found.query, services.rules),
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"'},
        )

    async def show(request: Request) -> Response:
        """The whole story."""
        return await page_of(request)

    async def page_of(request: Request, status: int = 200, error: str | None = None, at: str = "") -> Response:
        story = await desk.story(request.path_params["callback_id"])
        done = DONE.get(request.query_params.get("done", ""))
        view = await view_of(story)
        return pages.page(request, "callback.html", status, error=error, at=at, done=done, **view)

    async def live(request: Request) -> Response:
        """The story's moving part alone."""
        story = await desk.story(request.path_params["callback_id"])
        view = await view_of(story)
        form_token = sessions.form_token(request.state.session)
        html = pages.text("callback_live.html", form_token=form_token, **view)
        return moving(request, Piece(html, hashlib.sha256(html.encode()).hexdigest()[:16]), services)

    async def view_of(story: Story) -> dict[str, Any]:
        callback, now = story.callback, desk.now()
        profile = services.rules.profiles.get(callback.profile)
        zone = services.reports.zone(callback.profile)
        state = callback.state_at(now)
        why = []
        if state in WAITING:
            waiting = await services.outlook.why_one(callback)
            before = await desk.waiting_before(callback)
            why = [told(each, lambda at: clock(at, zone, now), callback, before) for each in waiting.obstacles]
        return {
            "callback": callback,
            "state": state,
            "label": callback.profile if profile is None else profile.label,
            "known": profile is not None,
            "zone": zone,
            "why": why,
            "chapters": Teller(zone, now, Keys() if profile is None else profile.agent.keys).chapters(story),
            "can_cancel": not state.ended and state is not State.CONNECTED,
            "can_move": state in WAITING,
            "others": await others_of(story),
        }

    async def others_of(story: Story) -> list[Any]:
        """Other call-backs of the same number, the newest few."""
        found = meant(Asked(number=story.callback.number), services.rules, desk.now()).query
        page = await desk.list(found)
        return [each for each in page.items if each.id != story.callback.id][:5]

    async def cancel(request: Request) -> Response:
        """End it."""
        await form_of(request, sessions)
        try:
            await desk.cancel(request.path_params["callback_id"])
        except Refused as refused:
            return await refuse(request, refused)
        return _back(request, "cancelled")

    async def reschedule(request: Request) -> Response:
        """Try now, or at a time on the wall of the target."""
        fields = await form_of(request, sessions)
        text = fields.get("at", "").strip()[:60]
        now_wanted = fields.get("when") == "now"
        callback_id = request.path_params["callback_id"]
        story = await desk.story(callback_id)
        profile = services.rules.profiles.get(story.callback.profile)
        zone = ZoneInfo("UTC" if profile is None else profile.target.timezone)
        try:
            at = None if now_wanted else written_time_to_come(text, zone, desk.now())
        except ValueError as error:
            return await page_of(request, 422, f"Not moved: {error}.", text)
        try:
            await desk.reschedule(callback_id, at)
        except Refused as refused:
            return await refuse(request, refused)
        return _back(request, "now" if now_wanted else "moved")

    async def refuse(request: Request, refused: Refused) -> Response:
        if refused.code is Code.NOT_FOUND:
            raise refused
        status = {Code.STATE_FORBIDS: 409, Code.UNAVAILABLE: 503}.get(refused.code, 422)
        return await page_of(request, status, f"Not done: {refused.message}.")

    return [
        Route("/callbacks", search),
        Route("/callbacks.csv", export),
        Route("/callbacks/{callback_id}", show),
        Route("/callbacks/{callback_id}/cancel", cancel, methods=["POST"]),
        Route("/callbacks/{callback_id}/reschedule", reschedule, methods=["POST"]),
        Route("/live/callbacks/{callback_id}", live),
    ]


def _back(request: Request, done: str) -> Response:
    """To the call-back, so that loading that page again repeats nothing."""
    callback_id = request.path_params["callback_id"]
    return RedirectResponse(f"/callbacks/{callback_id}?done={done}", HTTPStatus.SEE_OTHER)

"""The first page: Now."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callbackd.portal.board import Board, Piece
from callbackd.portal.pages import Pages
from callbackd.portal.services import Services
from callbackd.portal.sessions import Sessions
from callbackd.portal.stream import Signals
from callbackd.portal.walls import milliseconds

MOST_PAGES = 100_000


def now_routes(services: Services, pages: Pages, sessions: Sessions, board: Board) -> list[Route]:
    """``/``, its moving part, and the stream that tells when to ask for it."""

    async def now(request: Request) -> Response:
        """What happens, what waits and why."""
        profile, page = _asked(request)
        piece = await board.piece(profile, page)
        chosen = f"?profile={profile}" if profile else ""
        paged = f"{'&' if chosen else '?'}page={page}" if page > 1 else ""
        return pages.page(
            request,
            "now.html",
            profile=profile,
            profiles=await board.profiles(),
            piece=piece.html,
            piece_tag=piece.tag,
            live=f"/live/now{chosen}{paged}",
        )

    async def live(request: Request) -> Response:
        """The moving part alone; 304 if it is still what the page has."""
        piece = await board.piece(*_asked(request))
        return moving(request, piece, services)

    async def events(request: Request) -> Response:
        """Says when something has happened, for as long as who asks is logged in."""
        over = partial(sessions.over, request.state.session)
        return Signals(services.feed, over, request.scope.get("callbackd.closing"))

    return [Route("/", now), Route("/live/now", live), Route("/live/events", events)]


def moving(request: Request, piece: Piece, services: Services) -> Response:
    """A moving part as the pages' script takes it: with its tag, and the clock by which running times are shown."""
    headers = {"ETag": f'"{piece.tag}"', "X-Now": str(milliseconds(services.desk.now()))}
    if request.headers.get("if-none-match") == f'"{piece.tag}"':
        return Response(status_code=304, headers=headers)
    return Response(piece.html, headers={**headers, "Content-Type": "text/html; charset=utf-8"})


def _asked(request: Request) -> tuple[str | None, int]:
    profile = request.query_params.get("profile") or None
    text = request.query_params.get("page", "1")
    page = int(text) if text.isascii() and text.isdigit() and len(text) < 7 else 1
    return (None if profile is None else profile[:40]), max(1, min(page, MOST_PAGES))

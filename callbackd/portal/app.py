"""The portal as an ASGI application, and how it stands before the API on the same port."""

from __future__ import annotations

import logging
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

import callbackd
from callbackd.engine.refusals import Code, Refused
from callbackd.portal.board import Board
from callbackd.portal.callbacks import callback_routes
from callbackd.portal.door import door_routes
from callbackd.portal.doorkeeper import Doorkeeper
from callbackd.portal.guard import FormRefused, SafeHeaders, SessionGuard
from callbackd.portal.now import now_routes
from callbackd.portal.pages import Pages, static_response
from callbackd.portal.profiles import profile_routes
from callbackd.portal.reports import report_routes
from callbackd.portal.services import Services
from callbackd.portal.sessions import Sessions
from callbackd.store.interface import CursorInvalid, StoreError

log = logging.getLogger(__name__)

PATHS = frozenset({"/", "/login", "/logout", "/callbacks.csv"})
FOLDERS = ("/callbacks", "/profiles", "/reports", "/live", "/static")
"""What is the portal's; all else is the API's."""


def create_portal(services: Services, token: str) -> ASGIApp:
    """The pages over `services`, for whoever has `token`."""
    now = services.desk.now
    sessions = Sessions(token, now)
    pages = Pages(sessions, now, callbackd.__version__)
    board = Board(services, pages)

    async def static(request: Request) -> Response:
        file = pages.static.get(request.path_params["name"])
        if file is None:
            raise HTTPException(HTTPStatus.NOT_FOUND)
        return static_response(file, request)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, Refused)
        missing = error.code in (Code.NOT_FOUND, Code.UNKNOWN_PROFILE)
        return pages.failed(request, 404 if missing else 422, "Not found" if missing else "Refused", error.message)

    async def form_refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, FormRefused)
        return pages.failed(request, error.status, "Refused", str(error))

    async def of_http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        status = HTTPStatus(error.status_code)
        message = "There is nothing at this address." if status is HTTPStatus.NOT_FOUND else status.description
        answer = pages.failed(request, status, status.phrase, message)
        answer.headers.update(error.headers or {})
        return answer

    async def cursor(request: Request, _: Exception) -> Response:
        return pages.failed(request, 422, "Refused", "This page of the search is not one that was given.")

    async def unavailable(request: Request, error: Exception) -> Response:
        log.error("the store failed a page: %s", error)
        return pages.failed(request, 503, "Unavailable", "The database can't be used now: see the log.")

    async def internal(request: Request, _: Exception) -> Response:
        return pages.failed(request, 500, "A fault of ours", "The daemon failed to make this page: see its log.")

    app = Starlette(
        routes=[
            Route("/static/{name}", static),
            *door_routes(pages, sessions, Doorkeeper(now), token),
            *now_routes(services, pages, sessions, board),
            *callback_routes(services, pages, sessions),
            *profile_routes(services, pages, sessions),
            *report_routes(services, pages),
        ],
        middleware=[Middleware(SessionGuard, sessions=sessions, pages=pages)],
        exception_handlers={
            Refused: refused,
            FormRefused: form_refused,
            HTTPException: of_http,
            CursorInvalid: cursor,
            StoreError: unavailable,
            Exception: internal,
        },
    )
    app.router.redirect_slashes = False  # such a redirect names the host and scheme that we see, not the browser's
    return SafeHeaders(app)


class Beside:
    """The portal and the API behind one address: each path is one's or the other's, whoever asks and however."""

    def __init__(self, portal: ASGIApp, api: ASGIApp) -> None:
        self._portal = portal
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._portal if scope["type"] == "http" and is_ours(scope["path"]) else self._api
        await app(scope, receive, send)


def is_ours(path: str) -> bool:
    """Whether a path is the portal's."""
    return path in PATHS or any(path == folder or path.startswith(f"{folder}/") for folder in FOLDERS)

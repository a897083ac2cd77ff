"""Logging in and out."""

from __future__ import annotations

import hmac
import ipaddress
import logging
import math
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from callbackd.portal.doorkeeper import Doorkeeper
from callbackd.portal.guard import cookie_header, form_of
from callbackd.portal.pages import Pages
from callbackd.portal.sessions import Sessions

log = logging.getLogger(__name__)


def door_routes(pages: Pages, sessions: Sessions, doorkeeper: Doorkeeper, token: str) -> list[Route]:
    """``/login``, ``/logout`` and ``/live/session``."""

    async def login(request: Request) -> Response:
        """The form; who is logged in goes on."""
        if request.method != "POST":
            if request.state.session is not None:
                return RedirectResponse("/", HTTPStatus.SEE_OTHER)
            wanted = safe_path(request.query_params.get("next"))
            return pages.page(request, "login.html", next=wanted, error=None, wait=0)
        fields = await form_of(request, None)
        wanted = safe_path(fields.get("next"))
        address = address_of(request)
        if wait := math.ceil(doorkeeper.wait(address).total_seconds()):
            answer = pages.page(request, "login.html", 429, next=wanted, error="Too many tries.", wait=wait)
            answer.headers["Retry-After"] = str(wait)
            return answer
        if not hmac.compare_digest(fields.get("token", "").strip().encode(), token.encode()):
            doorkeeper.failed(address)
            log.warning("portal: a wrong token", extra={"address": address})
            return pages.page(request, "login.html", 401, next=wanted, error="That is not the token.", wait=0)
        doorkeeper.succeeded(address)
        log.info("portal: logged in", extra={"address": address})
        answer = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = cookie_header(sessions.cookie(sessions.begin()), request)
        return answer

    async def logout(request: Request) -> Response:
        """Ends this session, in every window."""
        await form_of(request, sessions)
        sessions.end(request.state.session)
        answer = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
        answer.headers["Set-Cookie"] = cookie_header("", request)
        return answer

    async def session(request: Request) -> Response:  # noqa: ARG001
        """204 for who is logged in. Who follows a link from elsewhere is shown the login page although they are: their
        browser sends the cookie only to what our own pages ask for. That page asks this, and goes on."""
        return Response(status_code=HTTPStatus.NO_CONTENT)

    return [
        Route("/login", login, methods=["GET", "POST"]),
        Route("/logout", logout, methods=["POST"]),
        Route("/live/session", session),
    ]


def address_of(request: Request) -> str:
    """Who asks. Where that is this machine it may be a reverse proxy, whose word on it is the last of
    ``X-Forwarded-For``: else one who guesses behind it would keep everybody out."""
    peer = request.client.host if request.client else ""
    told = ",".join(request.headers.getlist("x-forwarded-for")).rpartition(",")[2].strip()
    try:
        return str(ipaddress.ip_address(told)) if ipaddress.ip_address(peer).is_loopback else peer
    except ValueError:
        return peer


def safe_path(path: str | None) -> str:
    """Where to go after the login: a path of ours, or the first page."""
    ours = (
        path is not None
        and path.startswith("/")
        and path[1:2] not in ("/", "\\")
        and path.isascii()
        and path.isprintable()
        and len(path) <= 500
    )
    return path if ours and path is not None else "/"

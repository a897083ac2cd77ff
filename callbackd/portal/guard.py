"""What stands before every page: who is asking, from where, and what browsers may do with the answer."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request, cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callbackd.portal.pages import Pages
from callbackd.portal.sessions import COOKIE, LIFETIME, Session, Sessions

OPEN_PATHS = frozenset({"/login"})
"""What is told without a session, besides static files: they hold nothing of the site."""

FORM_LIMIT = 16 * 1024
"""Bytes of a form."""

MOST_FIELDS = 40

POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "connect-src 'self'",
        "font-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
"""Nothing is loaded from elsewhere, no script and no style stands in a page, nobody frames it."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not no-referrer: with that a browser hides the origin of our own forms from us.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


_ELSEWHERE = "This came from another site. If it did not: a proxy before callbackd must pass the Host header on."


class FormRefused(Exception):
    """A form that can't be taken: `status` and the text say why."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class SafeHeaders:
    """Sets the headers of every answer; what has no other word on it is not to be kept anywhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def safely(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, safely)


class SessionGuard:
    """Lets through who is logged in; everybody else gets the login page (or nothing, where a page asks for a piece).

    A change that a browser says comes from another site is refused. Who is let through is in ``scope["state"]``.
    """

    def __init__(self, app: ASGIApp, sessions: Sessions, pages: Pages) -> None:
        self._app = app
        self._sessions = sessions
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope)
        session = self._sessions.read(cookie_of(request.headers))
        request.state.session = session
        changes = scope["method"] not in ("GET", "HEAD")
        if changes and not _from_here(request.headers):
            refused = self._pages.failed(request, 403, "Refused", _ELSEWHERE)
            await refused(scope, receive, send)
        elif session is None and not (scope["path"] in OPEN_PATHS or scope["path"].startswith("/static/")):
            await self._login(request, scope, receive, send)
        else:
            await self._app(scope, receive, self._renewing(session, request, send))

    async def _login(self, request: Request, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] + (f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else "")
        wanted = path if scope["method"] == "GET" and not scope["path"].startswith("/live/") else "/"
        answer = self._pages.page(request, "login.html", 401, next=wanted, error=None, wait=0)
        await answer(scope, receive, send)

    def _renewing(self, session: Session | None, request: Request, send: Send) -> Send:
        renewed = None if session is None else self._sessions.renewed(session)
        if renewed is None:
            return send

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if "set-cookie" not in headers:
                    headers.append("Set-Cookie", cookie_header(self._sessions.cookie(renewed), request))
            await send(message)

        return with_cookie


def cookie_of(headers: Headers) -> str | None:
    """Our cookie; None if there is none, or if there are several different ones. Others of the same host (cookies know
    no ports) may be as odd as they like."""
    found = {cookies[COOKIE] for line in headers.getlist("cookie") if COOKIE in (cookies := cookie_parser(line))}
    return found.pop() if len(found) == 1 else None


def cookie_header(value: str, request: Request) -> str:
    """The header that has a browser keep the cookie; an empty value has it forget it."""
    age = int(LIFETIME.total_seconds()) if value else 0
    secure = request.url.scheme == "https" or request.headers.get("x-forwarded-proto", "").lower() == "https"
    text = f"{COOKIE}={value}; Path=/; Max-Age={age}; HttpOnly; SameSite=Strict"
    return f"{text}; Secure" if secure else text


async def form_of(request: Request, sessions: Sessions | None) -> dict[str, str]:
    """The fields of a form, each once. With `sessions` it must carry this session's token. Raises `FormRefused`."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/x-www-form-urlencoded":
        raise FormRefused(415, "This is not a form.")
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > FORM_LIMIT:
            raise FormRefused(413, "The form is too large.")
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
    except ValueError:
        raise FormRefused(422, "The form can't be read.") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise FormRefused(422, "A field is given twice.")
    if sessions is not None and not sessions.is_form_token(request.state.session, fields.pop("form_token", "")):
        raise FormRefused(403, "This form is out of date: go back, load the page again, and repeat it.")
    return fields


def _from_here(headers: Headers) -> bool:
    """What the browser says of where a change comes from; one that says nothing is judged by the form's token."""
    site = headers.get("sec-fetch-site")
    origin = headers.get("origin")
    return site in (None, "same-origin") and (origin is None or _host_of(origin) == headers.get("host"))


def _host_of(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:
        return ""

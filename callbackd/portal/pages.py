"""Templates and static files: read once when the daemon starts, and from then on nothing but memory."""

from __future__ import annotations

import hashlib
import mimetypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from callbackd.portal import walls, words
from callbackd.portal.sessions import Session, Sessions

FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class StaticFile:
    """One file that pages load; `version` changes with its content."""

    content: bytes
    media_type: str
    version: str


class Pages:
    """Makes answers of templates. Everything that is filled in is escaped."""

    def __init__(self, sessions: Sessions, now: Callable[[], datetime], version: str) -> None:
        self._sessions = sessions
        self._now = now
        package = files(__package__)
        self.static = {
            name: StaticFile(content, _media_type(name), hashlib.sha256(content).hexdigest()[:12])
            for name, content in _contents(package / "static").items()
        }
        templates = {name: content.decode() for name, content in _contents(package / "templates").items()}
        self._environment = Environment(
            loader=DictLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            clock=walls.clock,
            clock_within=walls.clock_within,
            day=walls.day,
            in_utc=walls.in_utc,
            iso=walls.iso,
            ms=walls.milliseconds,
            duration=words.duration,
            stopwatch=words.stopwatch,
        )
        self._environment.globals.update(
            version=version,
            words=words,
            static=lambda name: f"/static/{name}?v={self.static[name].version}",
        )

    def text(self, template: str, **values: Any) -> str:
        """A template filled in."""
        return self._environment.get_template(template).render(now=self._now(), **values)

    def page(
        self,
        request: Request,
        template: str,
        code: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        """A page, or a piece of one, for whoever asks."""
        session: Session | None = getattr(request.state, "session", None)
        whose = {
            "form_token": "" if session is None else self._sessions.form_token(session),
            "logged_in": session is not None,
            "path": request.url.path,
        }
        return HTMLResponse(self.text(template, **whose, **values), code, headers)

    def failed(self, request: Request, status: int, title: str, message: str) -> Response:
        """A page that says what went wrong."""
        return self.page(request, "failed.html", status, title=title, message=message)


def static_response(file: StaticFile, request: Request) -> Response:
    """A static file. One whose version is in its address may be kept for ever; any other is asked about each time."""
    tag = f'"{file.version}"'
    kept = FOREVER if request.query_params.get("v") == file.version else "no-cache"
    headers = {"Content-Type": file.media_type, "Cache-Control": kept, "ETag": tag}
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=headers)
    return Response(file.content, headers=headers)


def _contents(folder: Any) -> dict[str, bytes]:
    return {entry.name: entry.read_bytes() for entry in folder.iterdir() if entry.is_file()}


def _media_type(name: str) -> str:
    guessed = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
    suffix = name[name.rfind(".") :]
    return guessed.get(suffix) or mimetypes.guess_type(name)[0] or "text/plain; charset=utf-8"

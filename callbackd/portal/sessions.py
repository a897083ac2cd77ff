"""Who is logged in: a signed cookie that needs no memory, so that a restart of the daemon logs nobody out."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

COOKIE = "callbackd_session"

LIFETIME = timedelta(hours=12)
"""How long a session lives without being used."""

LONGEST = timedelta(days=30)
"""How long one lives in all: a wall screen is logged in again once a month."""

RENEWED_AFTER = timedelta(minutes=10)
"""A session that is used gets a new cookie this often."""

LOOKED_AT = 15.0
"""Seconds after which the clock is looked at anew where the end of a session is waited for: clocks are set."""

MOST_ENDED = 10_000
"""Logged-out sessions that are remembered; the oldest makes room."""


@dataclass(frozen=True, slots=True)
class Session:
    """One login: its own random name, when it began, and when its cookie was made."""

    nonce: str
    began: datetime
    made: datetime


class Sessions:
    """Makes sessions and knows its own. The keys are derived from the token: with a new token nobody is logged in."""

    def __init__(self, token: str, now: Callable[[], datetime]) -> None:
        if not token:
            raise ValueError("an empty token would let everybody in")
        self._now = now
        self._cookie_key = hmac.digest(token.encode(), b"callbackd portal: session cookie", hashlib.sha256)
        self._form_key = hmac.digest(token.encode(), b"callbackd portal: forms", hashlib.sha256)
        self._ended: dict[str, datetime] = {}
        self._waited_for: dict[str, set[asyncio.Event]] = {}

    def begin(self) -> Session:
        """A new one."""
        now = self._whole_now()
        return Session(secrets.token_urlsafe(18), now, now)

    def cookie(self, session: Session) -> str:
        """What the browser keeps."""
        text = f"{session.nonce}.{int(session.began.timestamp())}.{int(session.made.timestamp())}"
        return f"{text}.{self._signature(text)}"

    def read(self, cookie: str | None) -> Session | None:
        """The session that a cookie is of; None if it was not made here, has run out, or was logged out."""
        if cookie is None or len(cookie) > 200 or not cookie.isascii():
            return None
        text, _, signature = cookie.rpartition(".")
        if not hmac.compare_digest(self._signature(text), signature):
            return None
        nonce, began, made = text.split(".")
        session = Session(nonce, _instant(began), _instant(made))
        return session if self._left(session) and nonce not in self._ended else None

    def renewed(self, session: Session) -> Session | None:
        """The same with a new cookie, if it is time for one."""
        now = self._whole_now()
        return replace(session, made=now) if now >= session.made + RENEWED_AFTER else None

    def end(self, session: Session) -> None:
        """Logged out: no cookie of it is taken any more. A restart forgets this, but not when the cookie runs out."""
        self._ended.pop(session.nonce, None)
        while len(self._ended) >= MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        self._ended[session.nonce] = self._now()
        for logged_out in self._waited_for.get(session.nonce, ()):
            logged_out.set()

    async def over(self, session: Session) -> None:
        """Returns when the session is logged out, or when the time of its cookie is over."""
        if session.nonce in self._ended:
            return
        logged_out = asyncio.Event()
        waiting = self._waited_for.setdefault(session.nonce, set())
        waiting.add(logged_out)
        try:
            while not logged_out.is_set() and (left := self._left(session)):
                with suppress(TimeoutError):
                    await asyncio.wait_for(logged_out.wait(), min(left.total_seconds(), LOOKED_AT))
        finally:
            waiting.discard(logged_out)
            if not waiting and self._waited_for.get(session.nonce) is waiting:
                del self._waited_for[session.nonce]

    def form_token(self, session: Session) -> str:
        """What every form of this session carries, and no other site can know."""
        return hmac.new(self._form_key, session.nonce.encode(), hashlib.sha256).hexdigest()

    def is_form_token(self, session: Session, text: str) -> bool:
        """Whether a form came from a page of this session."""
        return hmac.compare_digest(self.form_token(session).encode(), text.encode())

    def _left(self, session: Session) -> timedelta:
        """What is left of its time; nothing once it is over."""
        return max(timedelta(0), min(session.made + LIFETIME, session.began + LONGEST) - self._now())

    def _signature(self, text: str) -> str:
        return hmac.new(self._cookie_key, text.encode(), hashlib.sha256).hexdigest()

    def _whole_now(self) -> datetime:
        return self._now().replace(microsecond=0)


def _instant(seconds: str) -> datetime:
    return datetime.fromtimestamp(int(seconds), UTC)

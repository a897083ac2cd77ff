"""What can go wrong between us and Asterisk.

AriError                        method, path, status, Asterisk's own text, and a mend where one is known
├── Unreachable                 no answer: refused, timed out, or died in transit
├── StreamClosed                the websocket of events ended, cleanly or not
├── ProofFailed                 the websocket is open, but what we send does not come back on it
├── NotReady                    a call was asked for while the link to Asterisk is not proven
├── ApplicationReplaced         another program took our application: a fence, never retried
├── MalformedReply              an answer that is not what Asterisk's own description promises
└── Refused                     Asterisk answered, with a status other than success
    ├── AuthenticationFailed    401
    ├── Forbidden               403: the user is read-only
    ├── NotFound                404
    ├── Conflict                409
    ├── Unprocessable           any other 4xx: 400, 412, 422 ...
    └── ServerError             5xx
        └── AllocationFailed    500 "Allocation failed": endpoint unknown or not registered

No error holds a password, a query or a body: telephone numbers travel in those.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class AriError(Exception):
    """Base of all. `str()` is one line fit for a log or a status page, without the mend."""

    def __init__(
        self,
        message: str,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        mend: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.method = method
        self.path = path
        self.status = status
        self.mend = mend

    def __str__(self) -> str:
        request = f" [{self.method} {self.path}]" if self.method and self.path else ""
        status = f" ({self.status})" if self.status is not None else ""
        return f"{self.message}{status}{request}"

    @property
    def explanation(self) -> str:
        """The error and, where one is known, its mend: one line for people."""
        return f"{self}: {self.mend}" if self.mend else str(self)


class Unreachable(AriError):
    """No answer came.

    `perhaps_acted`: the request was (at least partly) sent, so Asterisk may have acted on it. `seen_absent`: asked
    afterwards, Asterisk knew no channel of that id; it was never made, or has already gone and its events say so.
    """

    def __init__(
        self,
        message: str,
        *,
        method: str | None = None,
        path: str | None = None,
        mend: str | None = None,
        perhaps_acted: bool,
        seen_absent: bool = False,
    ) -> None:
        super().__init__(message, method=method, path=path, mend=mend)
        self.perhaps_acted = perhaps_acted
        self.seen_absent = seen_absent


class StreamClosed(AriError):
    """The websocket of events ended; events may have been lost."""


class ProofFailed(AriError):
    """Asterisk does not send this application's events to our websocket."""


class NotReady(AriError):
    """No leg may be made now: its events might never reach us."""


class ApplicationReplaced(AriError):
    """Another program connected under our application's name; our websocket stays open and deaf."""

    def __init__(self, app: str) -> None:
        super().__init__(
            f"another program took over the ARI application '{app}'",
            mend="run one callbackd per application name: stop the other one, or give one of them another ari.app",
        )


class MalformedReply(AriError):
    """The answer lacks what every Asterisk sends: probably something else listens there."""


class Refused(AriError):
    """Asterisk answered with an error; `message` is its text."""

    @property
    def not_in_stasis(self) -> bool:
        """The channel exists but is not (or not yet, or no longer) in a Stasis application: 409, or 422 in a bridge."""
        return "not in stasis" in self.message.casefold()


class AuthenticationFailed(Refused):
    """401: the user is unknown or the password wrong; Asterisk does not say which."""


class Forbidden(Refused):
    """403: the user may read but not write."""


class NotFound(Refused):
    """404: the channel, bridge, playback or application is not (or no longer) there."""


class Conflict(Refused):
    """409: the id is taken, or the channel is in the wrong state for the request."""


class Unprocessable(Refused):
    """Any other 4xx: Asterisk understood, and will not."""


class ServerError(Refused):
    """5xx: Asterisk failed."""


class AllocationFailed(ServerError):
    """500 "Allocation failed": the endpoint is unknown or not registered; no event will follow."""


def refusal(
    method: str, path: str, status: int, body: object, *, username: str | None = None, url: str | None = None
) -> Refused:
    """The error that a status other than 2xx means. `username` and `url` only make its text and mend more helpful."""
    text = asterisk_text(body)
    who = f"user '{username}'" if username else "the ARI user"
    if status == 401:
        return AuthenticationFailed(
            f"ARI refused the password of {who}",
            method=method, path=path, status=status,
            mend="check ari.username and ari.password against ari.conf, then `module reload res_ari.so`",
        )  # fmt: skip
    if status == 403:
        return Forbidden(
            f"ARI does not let {who} write" + (f" ({text})" if text else ""),
            method=method, path=path, status=status,
            mend=f"set read_only=no for {who} in ari.conf, then `module reload res_ari.so`",
        )  # fmt: skip
    if status == 404:
        if text is None:  # ARI's own always say what was not found
            return NotFound(
                f"no ARI at {url or 'this address'}",
                method=method,
                path=path,
                status=status,
                mend=(
                    "check that ari.url ends in /ari (after http.conf's prefix, if any), that ari.conf says "
                    "enabled=yes and that res_ari is loaded"
                ),
            )
        return NotFound(text, method=method, path=path, status=status)
    if status == 409:
        return Conflict(text or "conflict", method=method, path=path, status=status)
    if status >= 500:
        if text == "Allocation failed":
            return allocation_failed(method, path)
        return ServerError(text or "server error", method=method, path=path, status=status)
    return Unprocessable(text or "refused", method=method, path=path, status=status)


def allocation_failed(method: str, path: str) -> AllocationFailed:
    """500 "Allocation failed", or a 409 that turned out to mean it."""
    return AllocationFailed(
        "Allocation failed",
        method=method, path=path, status=500,
        mend="check that the endpoint exists and is registered (`pjsip show endpoint ...`)",
    )  # fmt: skip


def asterisk_text(body: object) -> str | None:
    """Asterisk's own words: `message`, or `error` where it says that instead."""
    if isinstance(body, Mapping):
        fields: Mapping[Any, Any] = body
        for key in ("message", "error"):
            if isinstance(fields.get(key), str):
                return str(fields[key])
    return None

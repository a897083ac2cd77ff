"""What stands before every route: the token, and limits on the size of headers and bodies."""

from __future__ import annotations

import hmac
from http import HTTPStatus

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callbackd.http.errors import Rejected, error_response

OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics"})
"""What is told without a token."""

BODY_LIMIT = 64 * 1024
"""Bytes."""

HEADERS_LIMIT = 16 * 1024
"""Bytes of all names and values together."""


class TokenGuard:
    """Answers 401 to whatever comes without the token, whether the path exists or not."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        if not token:
            raise ValueError("an empty token would let everybody in")
        self._app = app
        self._token = token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
            return
        if scope["type"] != "http" or scope["path"] in OPEN_PATHS or self._has_token(scope):
            await self._app(scope, receive, send)
            return
        refusal = error_response(
            HTTPStatus.UNAUTHORIZED,
            "unauthorized",
            "send the token: Authorization: Bearer TOKEN",
            {"WWW-Authenticate": "Bearer"},
        )
        await refusal(scope, receive, send)

    def _has_token(self, scope: Scope) -> bool:
        found: list[bytes] = [value for name, value in scope["headers"] if name == b"authorization"]
        if len(found) != 1:
            return False
        scheme, _, token = found[0].partition(b" ")
        return scheme.lower() == b"bearer" and hmac.compare_digest(token.strip(b" "), self._token)


class SizeGuard:
    """Refuses headers and bodies larger than their limits, announced or not, before a body is held in memory."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_LIMIT:
                raise _too_large_a_body()
            return message

        if (refused := _too_large(scope)) is not None:
            await error_response(refused.status_code, refused.code, refused.detail)(scope, receive, send)
            return
        await self._app(scope, counted, send)


def _too_large(scope: Scope) -> Rejected | None:
    """What the headers tell."""
    if sum(len(name) + len(value) for name, value in scope["headers"]) > HEADERS_LIMIT:
        message = f"the headers are larger than {HEADERS_LIMIT // 1024} KiB"
        return Rejected(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "too_large", message)
    if any(name == b"content-length" and _exceeds(value, BODY_LIMIT) for name, value in scope["headers"]):
        return _too_large_a_body()
    return None


def _too_large_a_body() -> Rejected:
    message = f"the body is larger than {BODY_LIMIT // 1024} KiB"
    return Rejected(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", message)


def _exceeds(content_length: bytes, limit: int) -> bool:
    return len(content_length) > 12 or (content_length.isdigit() and int(content_length) > limit)

"""Every error the API answers with, in one shape: ``{"error": {"code", "message"}}``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import CursorInvalid, StoreError
from callbackd.wire.errors import ErrorBody, explain

_log = logging.getLogger(__name__)

STATUS: Mapping[Code, HTTPStatus] = {
    Code.UNKNOWN_PROFILE: HTTPStatus.NOT_FOUND,
    Code.NOT_FOUND: HTTPStatus.NOT_FOUND,
    Code.INVALID: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.NUMBER_MALFORMED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.NUMBER_NOT_ALLOWED: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.NUMBER_PREMIUM: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.NUMBER_SHORT: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.NUMBER_EMERGENCY: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.NUMBER_BLOCKED: HTTPStatus.FORBIDDEN,
    Code.NUMBER_LIMIT: HTTPStatus.TOO_MANY_REQUESTS,
    Code.INTAKE_PAUSED: HTTPStatus.CONFLICT,
    Code.STATE_FORBIDS: HTTPStatus.CONFLICT,
    Code.IDEMPOTENCY_MISMATCH: HTTPStatus.UNPROCESSABLE_ENTITY,
    Code.UNAVAILABLE: HTTPStatus.SERVICE_UNAVAILABLE,
}
"""The status that goes with each of the engine's codes."""

_OF_HTTP = {
    HTTPStatus.BAD_REQUEST: (HTTPStatus.UNPROCESSABLE_ENTITY, Code.INVALID.value, "the body can't be read as JSON"),
    HTTPStatus.NOT_FOUND: (HTTPStatus.NOT_FOUND, Code.NOT_FOUND.value, "there is nothing at this path"),
    HTTPStatus.METHOD_NOT_ALLOWED: (
        HTTPStatus.METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this path does not take this method",
    ),
}
"""What the framework's own errors become; its 400 means a body that is no JSON."""


class Rejected(HTTPException):
    """A request refused before the engine has seen it."""

    def __init__(self, status: HTTPStatus, code: str, message: str) -> None:
        super().__init__(status, message)
        self.code = code


def invalid(message: str) -> Rejected:
    """What is malformed; the message names where."""
    return Rejected(STATUS[Code.INVALID], Code.INVALID, message)


def error_response(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **beside: Any
) -> JSONResponse:
    """The answer to a request that fails; `beside` is put beside the error."""
    body = ErrorBody.of(code, message)
    return JSONResponse({**beside, **body.model_dump()}, status_code=int(status), headers=headers)


def handle_errors(app: FastAPI) -> None:
    """Give every error of `app` the one shape."""
    app.add_exception_handler(Refused, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(CursorInvalid, _cursor)
    app.add_exception_handler(StoreError, _unavailable)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Rejected, _rejected)
    app.add_exception_handler(Exception, _internal)


async def _refused(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)
    return error_response(STATUS[error.code], error.code, error.message)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    return error_response(STATUS[Code.INVALID], Code.INVALID, explain(error.errors()))


async def _cursor(_: Request, __: Exception) -> JSONResponse:
    return error_response(STATUS[Code.INVALID], Code.INVALID, "cursor: not one that a listing gave as next")


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    _log.error("the store failed a request: %s", error)
    return error_response(STATUS[Code.UNAVAILABLE], Code.UNAVAILABLE, "the database can't be used now: see the log")


async def _of_http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    fallback = (status, status.phrase.lower().replace(" ", "_"), status.description or status.phrase)
    status, code, message = _OF_HTTP.get(status, fallback)
    return error_response(status, code, message, error.headers)


async def _rejected(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Rejected)
    return error_response(error.status_code, error.code, error.detail)


async def _internal(_: Request, __: Exception) -> JSONResponse:
    return error_response(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the daemon failed: see its log")

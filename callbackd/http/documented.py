"""How the OpenAPI document tells the errors of a route."""

from __future__ import annotations

from typing import Any

from callbackd.wire.errors import ErrorBody

Responses = dict[int | str, dict[str, Any]]


def fails(**reasons: str) -> Responses:
    """The documentation of errors: ``_404="unknown profile"``."""
    return {int(status[1:]): {"model": ErrorBody, "description": reason} for status, reason in reasons.items()}


ALWAYS = fails(_401="no valid token", _422="malformed", _503="the database can't be used now")
WITH_BODY = fails(_413="the body is too large", _415="the body is not JSON")

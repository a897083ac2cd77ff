"""Every error a door tells in JSON, in one shape: ``{"error": {"code", "message"}}``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

from pydantic import BaseModel

_TOLD_AT_MOST = 5
_KEY_SHOWN = 40
_MESSAGE_LIMIT = 400


class Error(BaseModel):
    """Why: `code` for programs, `message` for people."""

    code: str
    message: str


class ErrorBody(BaseModel):
    """The body of every error."""

    error: Error

    @classmethod
    def of(cls, code: str, message: str) -> Self:
        """The error with that code; a long message is cut."""
        return cls(error=Error(code=code, message=message[:_MESSAGE_LIMIT]))


def explain(problems: Sequence[Mapping[str, Any]]) -> str:
    """Validation errors for people: each field and what is wrong, never the value that was found there.

    The first part of a problem's `loc` is where the field was: ``body`` or ``query``.
    """
    told = "; ".join(_explain(problem) for problem in problems[:_TOLD_AT_MOST])
    more = f"; and {len(problems) - _TOLD_AT_MOST} more" if len(problems) > _TOLD_AT_MOST else ""
    return told + more


def _explain(problem: Mapping[str, Any]) -> str:
    place: Sequence[str | int] = problem["loc"]
    if problem["type"] == "json_invalid":
        at = f" at character {place[-1]}" if isinstance(place[-1], int) else ""
        return f"the body is not JSON: {problem['ctx']['error']}{at}"
    path = ".".join(str(part)[:_KEY_SHOWN] for part in place[1:])
    field = path if path.isascii() and path.isprintable() else ascii(path)
    if problem["type"] == "extra_forbidden":
        return f"{field[:_KEY_SHOWN]}: there is no such {'parameter' if place[0] == 'query' else 'key'}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    return f"{field[:_KEY_SHOWN] or 'the body'}: {message[:1].lower()}{message[1:]}"

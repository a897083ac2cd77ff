"""What an examination finds."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Result(StrEnum):
    """How bad it is: `failed` keeps callbackd from its work, or from a part of it."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line: what was looked at, how it is, and what to do about it unless it is well."""

    check: str
    result: Result
    message: str
    mend: str | None = None


def ok(check: str, message: str) -> Finding:
    """It is well."""
    return Finding(check, Result.OK, message)


def warning(check: str, message: str, mend: str) -> Finding:
    """It will do, or could not be made sure of."""
    return Finding(check, Result.WARNING, message, mend)


def failed(check: str, message: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(check, Result.FAILED, message, mend)

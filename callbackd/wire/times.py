"""Instants as the doors read and write them: RFC 3339; written in UTC with milliseconds."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from callbackd.domain.instants import rfc3339

_FORM = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_YEARS = range(2000, 2200)


def read_instant(value: Any) -> datetime:
    """The instant that an RFC 3339 text with a zone names, in UTC, in whole milliseconds.

    Raises `ValueError` for anything else, and for years in which no call-back can be (arithmetic on it stays safe).
    """
    if not isinstance(value, str) or len(value) > 40 or not _FORM.fullmatch(value):
        raise ValueError("expected a time with its zone as in RFC 3339, such as 2026-11-02T15:00:00Z")
    try:
        instant = datetime.fromisoformat(value.upper())
    except ValueError:
        raise ValueError("there is no such time") from None
    if instant.year not in _YEARS:
        raise ValueError(f"expected a year from {_YEARS[0]} to {_YEARS[-1]}")
    instant = instant.astimezone(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


AskedInstant = Annotated[
    datetime, BeforeValidator(read_instant), WithJsonSchema({"type": "string", "format": "date-time"})
]
ToldInstant = Annotated[datetime, PlainSerializer(rfc3339), WithJsonSchema({"type": "string", "format": "date-time"})]

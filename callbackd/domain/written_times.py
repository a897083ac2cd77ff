"""Times as people write them, at the wall of a target."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, tzinfo

_WALL_CLOCK = re.compile(r"(?:([0-9]{4}-[0-9]{2}-[0-9]{2})[ T])?([0-9]{1,2}:[0-9]{2})")
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)
_YEARS = range(2000, 2200)


def has_zone(text: str) -> bool:
    """Whether the time is RFC 3339, so that it needs no zone of a target."""
    return _RFC_3339.fullmatch(text) is not None


def written_time(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The instant, in UTC, of RFC 3339 or of ``[YYYY-MM-DD] HH:MM`` on the wall in `zone`; without a date, today.

    Of a time that comes twice, when the clocks go back, the first is meant. Raises `ValueError`, in words for people,
    for what is no time, and for one that the clocks jump over.
    """
    if has_zone(text):
        instant = datetime.fromisoformat(text.upper())
    elif match := _WALL_CLOCK.fullmatch(text):
        instant = _on_the_wall(match[1], match[2], zone, now)
    else:
        raise ValueError("expected [YYYY-MM-DD] HH:MM, or RFC 3339 such as 2026-11-02T15:00:00Z")
    if instant.year not in _YEARS:
        raise ValueError(f"expected a year from {_YEARS[0]} to {_YEARS[-1]}")
    return instant.astimezone(UTC)


def written_time_to_come(text: str, zone: tzinfo, now: datetime) -> datetime:
    """The same; but a time without a date that has passed today is refused: it would mean now, or tomorrow?"""
    instant = written_time(text, zone, now)
    if instant < now and ":" in text and "-" not in text:
        raise ValueError(f"{text} has passed today in {zone}: say which day")
    return instant


def _on_the_wall(day: str | None, clock: str, zone: tzinfo, now: datetime) -> datetime:
    try:
        date = now.astimezone(zone).date() if day is None else datetime.fromisoformat(day).date()
        wall = datetime.combine(date, time.fromisoformat(clock.zfill(5)))
    except ValueError:
        raise ValueError("there is no such time") from None
    if date.year not in _YEARS:
        raise ValueError(f"expected a year from {_YEARS[0]} to {_YEARS[-1]}")
    instant = wall.replace(tzinfo=zone).astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) != wall:
        raise ValueError(f"{wall:%H:%M} does not exist on {wall:%Y-%m-%d} in {zone}: the clocks jump over it")
    return instant

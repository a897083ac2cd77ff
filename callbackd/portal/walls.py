"""Instants as people at a target read them."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clock(at: datetime, zone: tzinfo, now: datetime, seconds: bool = False) -> str:
    """``10:30`` today, ``Tue 3 Nov 10:30`` on another day, with the year in another year."""
    there, here = at.astimezone(zone), now.astimezone(zone)
    time = f"{there:%H:%M:%S}" if seconds else f"{there:%H:%M}"
    if there.date() == here.date():
        return time
    return f"{day(at, zone, now)} {time}"


def clock_within(at: datetime, zone: tzinfo, day_of: datetime) -> str:
    """``10:30:15`` on the day of another instant, else with its date."""
    return clock(at, zone, day_of, seconds=True)


def day(at: datetime, zone: tzinfo, now: datetime) -> str:
    """``Tue 3 Nov``, with the year in another year."""
    there, here = at.astimezone(zone), now.astimezone(zone)
    date = f"{_WEEKDAYS[there.weekday()]} {there.day} {_MONTHS[there.month - 1]}"
    return date if there.year == here.year else f"{date} {there.year}"


def in_utc(at: datetime) -> str:
    """``2026-11-02 15:00:00 UTC``."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso(at: datetime) -> str:
    """For machines."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def milliseconds(at: datetime) -> int:
    """Since 1970, as browsers count."""
    return int(at.timestamp() * 1000)

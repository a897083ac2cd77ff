"""Durations as people write them: ``30``, ``30s``, ``10m``, ``1h30m``, ``7d``."""

from __future__ import annotations

import re
from datetime import timedelta

from callbackd.config.readers import Form, Reader, Unfit

_FORM = re.compile(
    r"(?P<bare>[0-9]{1,9})"
    r"|(?=[0-9])(?:(?P<days>[0-9]{1,9})d)?(?:(?P<hours>[0-9]{1,9})h)?(?:(?P<minutes>[0-9]{1,9})m)?(?:(?P<seconds>[0-9]{1,9})s)?"
)

_WRITTEN = (
    r"^\s*(?:[0-9]{1,9}|(?=[0-9])(?:[0-9]{1,9}d)?(?:[0-9]{1,9}h)?(?:[0-9]{1,9}m)?(?:[0-9]{1,9}s)?)\s*$"
)
"""The same for JSON Schema, which knows no names of groups."""


def parse_duration(text: str) -> timedelta:
    """The duration `text` stands for; a bare number is seconds, units go from large to small, each once.

    Raises `Unfit` if it isn't one.
    """
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise Unfit("expected a duration such as 30, 30s, 10m, 1h30m or 7d")
    seconds = match["bare"] or match["seconds"] or "0"
    try:
        return timedelta(
            days=int(match["days"] or 0),
            hours=int(match["hours"] or 0),
            minutes=int(match["minutes"] or 0),
            seconds=int(seconds),
        )
    except OverflowError:
        raise Unfit("no such long duration") from None


def duration(shortest: str, longest: str) -> Reader[timedelta]:
    """A reader of durations from `shortest` to `longest`, both allowed."""
    least, most = parse_duration(shortest), parse_duration(longest)

    def read(text: str) -> timedelta:
        try:
            value = parse_duration(text)
        except Unfit as error:
            raise Unfit(f"{error}, from {shortest} to {longest}") from None
        if not least <= value <= most:
            raise Unfit(f"expected a duration from {shortest} to {longest}")
        return value

    seconds = {"minimum": int(least.total_seconds()), "maximum": int(most.total_seconds())}
    return Reader(
        read,
        Form(
            f"{shortest}-{longest}",
            {"anyOf": [{"type": "integer", **seconds}, {"type": "string", "pattern": _WRITTEN}]},
        ),
    )


def format_duration(value: timedelta) -> str:
    """`value` in the same notation: ``1h30m``; whole seconds only."""
    rest = int(value.total_seconds())
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"

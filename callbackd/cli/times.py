"""Times as people type them on the command line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, tzinfo

import click

from callbackd.domain.written_times import has_zone, written_time, written_time_to_come

__all__ = ["has_zone", "parse_time", "parse_time_to_come"]


def parse_time(text: str, zone: tzinfo, now: datetime, option: str) -> datetime:
    """See `written_time`. Raises `click.BadParameter`, which names `option`."""
    return _parsed(written_time, text, zone, now, option)


def parse_time_to_come(text: str, zone: tzinfo, now: datetime, option: str) -> datetime:
    """See `written_time_to_come`. Raises `click.BadParameter`, which names `option`."""
    return _parsed(written_time_to_come, text, zone, now, option)


def _parsed(
    read: Callable[[str, tzinfo, datetime], datetime], text: str, zone: tzinfo, now: datetime, option: str
) -> datetime:
    try:
        return read(text, zone, now)
    except ValueError as error:
        raise click.BadParameter(f"{error}.", param_hint=f"'{option}'") from None

"""Instants as the store keeps them: whole milliseconds since 1970 in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MILLISECOND = timedelta(milliseconds=1)


def to_ms(instant: datetime) -> int:
    """The millisecond in which an instant lies. Raises `ValueError` for a naive one."""
    if instant.utcoffset() is None:
        raise ValueError(f"an instant without a time zone: {instant.isoformat()}")
    return (instant - EPOCH) // MILLISECOND


def from_ms(milliseconds: int) -> datetime:
    """The instant, in UTC, at which a millisecond begins."""
    return EPOCH + milliseconds * MILLISECOND


def to_ms_or_none(instant: datetime | None) -> int | None:
    """`to_ms` where there may be none."""
    return None if instant is None else to_ms(instant)


def from_ms_or_none(milliseconds: int | None) -> datetime | None:
    """`from_ms` where there may be none."""
    return None if milliseconds is None else from_ms(milliseconds)

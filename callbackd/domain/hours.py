"""Target hours: wall-clock intervals in the target's time zone, and what they say of an instant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, order=True)
class Interval:
    """Half-open, in minutes from the midnight that begins its day: opens < closes; past 1440 it runs overnight."""

    opens: int
    closes: int


@dataclass(frozen=True, slots=True)
class TargetHours:
    """A target's week and its dated exceptions.

    `week` maps a weekday (0 = Monday) to its intervals in order; a weekday left out is closed. `exceptions` replaces
    a date's intervals; an empty tuple is closed all day.
    """

    zone: ZoneInfo
    week: Mapping[int, tuple[Interval, ...]] = field(default_factory=dict)
    exceptions: Mapping[date, tuple[Interval, ...]] = field(default_factory=dict)

"""The profiles and limits in force: what a reload replaces in one step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from callbackd.domain.profile import Profile


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds over all profiles. 0 live attempts means paused."""

    max_concurrent: int = 20
    dials_per_number: int = 6
    requests_per_number: int = 20


@dataclass(slots=True)
class Rules:
    """What decisions use: always read it anew, a reload replaces its fields."""

    profiles: Mapping[str, Profile]
    limits: Limits

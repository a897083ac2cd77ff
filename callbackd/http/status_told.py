"""What the API tells of the daemon itself."""

from __future__ import annotations

from typing import Self

from pydantic import BaseModel

from callbackd.http.profiles_told import ToldProfile
from callbackd.http.services import Condition
from callbackd.wire.times import ToldInstant


class ToldAri(BaseModel):
    """The link to Asterisk: its `state`, and what failed last unless it is `ready`.

    `version`: the Asterisk that was last met, null before the first; `lacks`: what it is too old for.
    """

    state: str
    since: ToldInstant
    error: str | None
    mend: str | None
    version: str | None
    lacks: list[str]

    @classmethod
    def of(cls, condition: Condition) -> Self:
        return cls(
            state=condition.ari_state,
            since=condition.ari_since,
            error=condition.ari_error,
            mend=condition.ari_mend,
            version=condition.asterisk,
            lacks=list(condition.asterisk_lacks),
        )


class ToldStatus(BaseModel):
    """How the daemon stands.

    `paused`, `paused_by_limit` and `intake_paused` are of the whole daemon; `live` is bounded by `max_concurrent`.
    `checks` has ``ok`` or what is missing for each part. `outbox`: for each consumer of the outbox, how many event ids
    it is behind.
    """

    version: str
    now: ToldInstant
    started_at: ToldInstant
    stopping: bool
    ready: bool
    checks: dict[str, str]
    ari: ToldAri
    paused: bool
    paused_by_limit: bool
    intake_paused: bool
    max_concurrent: int
    waiting: int
    live: int
    outbox: dict[str, int]
    profiles: list[ToldProfile]


class Reloaded(BaseModel):
    """The profiles that are in force now."""

    profiles: list[str]

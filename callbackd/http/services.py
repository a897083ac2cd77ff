"""What the API stands on: the engine's doors, as Protocols, so that it runs against the engine or a test's own."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callbackd.domain.callback import CallBack, TimelineEvent
from callbackd.engine.control import ProfileStatus
from callbackd.engine.desk import Story
from callbackd.engine.intake import Accepted, Request
from callbackd.engine.profiles import Rules
from callbackd.store.interface import Forgotten, Page, Pause, Query


class TakesRequests(Protocol):
    """`callbackd.engine.intake.Intake`."""

    async def request(self, request: Request, idempotency_key: str | None = None) -> Accepted:
        """Keep a request; durable when it returns. Raises `Refused`."""


class KeepsCallBacks(Protocol):
    """`callbackd.engine.desk.Desk`."""

    def now(self) -> datetime:
        """The instant at which waiting call-backs are told to be scheduled or queued."""

    async def list(self, query: Query) -> Page:
        """One page of call-backs. Raises `CursorInvalid`."""

    async def story(self, callback_id: str) -> Story:
        """Everything about one call-back. Raises `Refused`."""

    async def cancel(self, callback_id: str) -> CallBack:
        """End it as `cancelled`. Raises `Refused`."""

    async def reschedule(self, callback_id: str, at: datetime | None) -> CallBack:
        """Move the due time of one that waits; None is now. Raises `Refused`."""


class ForgetsNumbers(Protocol):
    """`callbackd.engine.erasure.Eraser`."""

    async def forget(self, number: str, *, cancel: bool = False, unblock: bool = False) -> tuple[Forgotten, bool]:
        """Erase all that is known of an E.164 number, and whether it has left the disk too. Raises `Refused`."""


class Operates(Protocol):
    """`callbackd.engine.control.Control`."""

    async def pause(self, profile: str | None, *, intake: bool, dialling: bool) -> Pause:
        """Pause what is True, of a profile or (None) of everything. Raises `Refused`."""

    async def resume(self, profile: str | None, *, intake: bool, dialling: bool) -> Pause:
        """The opposite. Raises `Refused`."""

    def reload(self) -> Sequence[str]:
        """Read the configuration again. With problems the old one stays; the problems are returned."""

    async def global_pause(self) -> Pause:
        """What is paused for all profiles."""

    async def profile(self, profile_id: str) -> ProfileStatus:
        """How one profile stands. Raises `Refused`."""

    async def profiles(self) -> Sequence[ProfileStatus]:
        """How all profiles stand, in order of id."""


class Follows(Protocol):
    """`callbackd.engine.feed.Feed`."""

    def follow(self, after: int, at_once: int = 500) -> AsyncGenerator[Sequence[TimelineEvent], None]:
        """Portions of events with a higher id than `after`, for ever; waits for more. Raises `StoreError`."""


class Measures(Protocol):
    """`callbackd.metrics.metrics.Metrics`."""

    async def exposition(self) -> bytes:
        """Everything that is measured, in Prometheus's text format."""

    async def lag(self) -> Mapping[str, int]:
        """For each consumer of the outbox, how many ids it is behind the last event. Raises `StoreError`."""

    async def last_event(self) -> int:
        """The id of the last event in the outbox; 0 before the first. Raises `StoreError`."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How the daemon itself is. `ari_since`: since when its link is in that state; `ari_mend` is for people.

    `asterisk`: the version last met, None before the first; `asterisk_lacks`: what that version can't do.
    """

    version: str
    started_at: datetime
    stopping: bool
    ari_state: str
    ari_since: datetime
    ari_error: str | None = None
    ari_mend: str | None = None
    asterisk: str | None = None
    asterisk_lacks: tuple[str, ...] = ()


class Health(Protocol):
    """Says whether the daemon can do its work."""

    async def readiness(self) -> Mapping[str, str | None]:
        """Each part the daemon needs (``ari``, ``database``…): None if it is ready, else what is missing.

        Answers within a few seconds whatever the parts do. The texts are told to anybody: no secret, no path.
        """

    def condition(self) -> Condition:
        """How the daemon is now; told to those who have the token."""


@dataclass(frozen=True, slots=True)
class Services:
    """All that the API needs. `rules` are the ones in force, read anew at each use."""

    intake: TakesRequests
    desk: KeepsCallBacks
    rules: Rules
    health: Health
    control: Operates
    feed: Follows
    metrics: Measures
    eraser: ForgetsNumbers

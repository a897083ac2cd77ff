"""What the API stands on: the engine's doors, as Protocols, so that it runs against the engine or a test's own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callbackd.domain.callback import CallBack
from callbackd.engine.desk import Story
from callbackd.engine.intake import Accepted, Request
from callbackd.engine.profiles import Rules
from callbackd.store.interface import Page, Query


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


class Health(Protocol):
    """Says whether the daemon can do its work."""

    async def readiness(self) -> Mapping[str, str | None]:
        """Each part the daemon needs (``ari``, ``database``…): None if it is ready, else what is missing.

        Answers within a few seconds whatever the parts do. The texts are told to anybody: no secret, no path.
        """


@dataclass(frozen=True, slots=True)
class Services:
    """All that the API needs. `rules` are the ones in force, read anew at each use."""

    intake: TakesRequests
    desk: KeepsCallBacks
    rules: Rules
    health: Health

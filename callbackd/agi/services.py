"""What the scripts stand on: the engine's doors, as Protocols, so that they run against the engine or a test's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from callbackd.domain.callback import CallBack
from callbackd.engine.callers import Arrival
from callbackd.engine.intake import Accepted, Request


class TakesRequests(Protocol):
    """`callbackd.engine.intake.Intake`."""

    async def request(self, request: Request, idempotency_key: str | None = None) -> Accepted:
        """Keep a request; durable when it returns. Raises `Refused`."""


class KnowsCallers(Protocol):
    """`callbackd.engine.callers.Callers`."""

    async def callbacks_of(self, number: str, profile: str | None = None) -> Sequence[CallBack]:
        """Those of the number that have not ended, oldest first. Raises `Refused`."""

    async def before(self, callback: CallBack) -> int:
        """How many are before it."""

    async def cancel(self, number: str, profile: str | None = None) -> Sequence[CallBack]:
        """Cancel all of the number; those that were cancelled. Raises `Refused`."""

    async def arrives(self, number: str, call: str, profile: str | None = None) -> Arrival:
        """The number is on the line to us, in `call`. Raises `Refused`."""

    def leaves(self, number: str, call: str) -> bool:
        """The call is over; True if it held something. Raises `Refused`."""


@dataclass(frozen=True, slots=True)
class Services:
    """All that the scripts need."""

    intake: TakesRequests
    callers: KnowsCallers

"""What the portal stands on: the engine's doors, and the daemon's word on how it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callbackd.engine.control import Control
from callbackd.engine.desk import Desk
from callbackd.engine.feed import Feed
from callbackd.engine.outlook import Outlook
from callbackd.engine.profiles import Rules
from callbackd.engine.reports import Reports


class Condition(Protocol):
    """How the daemon itself is; errors and mends are for people."""

    @property
    def version(self) -> str: ...

    @property
    def started_at(self) -> datetime: ...

    @property
    def stopping(self) -> bool: ...

    @property
    def ari_state(self) -> str: ...

    @property
    def ari_since(self) -> datetime: ...

    @property
    def ari_error(self) -> str | None: ...

    @property
    def ari_mend(self) -> str | None: ...


class Health(Protocol):
    """Says whether the daemon can do its work."""

    async def readiness(self) -> Mapping[str, str | None]:
        """Each part the daemon needs: None if it is ready, else what is missing."""

    def condition(self) -> Condition:
        """How the daemon is now."""


@dataclass(frozen=True, slots=True)
class Services:
    """All that the portal needs. `rules` are the ones in force, read anew at each use."""

    desk: Desk
    control: Control
    outlook: Outlook
    reports: Reports
    feed: Feed
    rules: Rules
    health: Health

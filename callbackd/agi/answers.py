"""What a dialplan is told: four channel variables, all four set by every script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

_SAFE = re.compile(r"[A-Za-z0-9_]*")


class Status(StrEnum):
    """``CALLBACKD_STATUS``: a closed list."""

    ACCEPTED = "ACCEPTED"
    DUPLICATE = "DUPLICATE"
    REFUSED = "REFUSED"
    CLOSED = "CLOSED"
    ERROR = "ERROR"
    CANCELLED = "CANCELLED"
    WAITING = "WAITING"
    NONE = "NONE"
    HELD = "HELD"
    RELEASED = "RELEASED"


@dataclass(frozen=True, slots=True)
class Answer:
    """`callback` is the call-back's id, `reason` the code of a refusal, `waiting` how many are before it."""

    status: Status
    callback: str = ""
    reason: str = ""
    waiting: int | None = None

    def variables(self) -> Mapping[str, str]:
        """In the order in which they are set: the status last, so that with it all is there. Empty: nothing to tell."""
        return {
            "CALLBACKD_ID": self.callback,
            "CALLBACKD_REASON": self.reason,
            "CALLBACKD_WAITING": "" if self.waiting is None else str(self.waiting),
            "CALLBACKD_STATUS": self.status.value,
        }

    def commands(self) -> list[bytes]:
        """The same as AGI commands. Raises `ValueError` if a value holds what the dialplan could take for its own."""
        commands = []
        for name, value in self.variables().items():
            if not _SAFE.fullmatch(value):
                raise ValueError(f"{name} may hold letters, digits and _ only")
            commands.append(f'SET VARIABLE {name} "{value}"\n'.encode("ascii"))
        return commands

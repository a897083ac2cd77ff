"""Why the engine refuses what it is asked: a closed list of codes, each with a text for people."""

from __future__ import annotations

from enum import StrEnum


class Code(StrEnum):
    """The codes, as every door tells them."""

    UNKNOWN_PROFILE = "unknown_profile"
    NOT_FOUND = "not_found"
    INVALID = "invalid"
    NUMBER_MALFORMED = "number_malformed"
    NUMBER_NOT_ALLOWED = "number_not_allowed"
    NUMBER_PREMIUM = "number_premium"
    NUMBER_SHORT = "number_short"
    NUMBER_EMERGENCY = "number_emergency"
    NUMBER_BLOCKED = "number_blocked"
    NUMBER_LIMIT = "number_limit"
    INTAKE_PAUSED = "intake_paused"
    STATE_FORBIDS = "state_forbids"
    IDEMPOTENCY_MISMATCH = "idempotency_mismatch"
    UNAVAILABLE = "unavailable"


class Refused(Exception):
    """The engine refuses; nothing has changed. `code` says why, `message` says it to people."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

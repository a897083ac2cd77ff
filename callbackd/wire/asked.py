"""What the doors are asked in JSON: strict, so that a mistake is told and not guessed at."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from callbackd.engine import intake
from callbackd.wire.times import AskedInstant


class CallBackRequest(BaseModel):
    """A request for a call-back."""

    model_config = ConfigDict(strict=True, extra="forbid")

    profile: str
    number: str = Field(description="As people write it, or E.164.", examples=["+14165550123", "(416) 555-0123"])
    name: str | None = Field(None, description=f"The client's name, at most {intake.NAME_LIMIT} characters.")
    reason: str | None = Field(None, description=f"At most {intake.REASON_LIMIT} characters.")
    not_before: AskedInstant | None = Field(None, description="RFC 3339 with a zone.")
    priority: int | None = Field(
        None, description=f"Higher goes first: {intake.PRIORITIES[0]} to {intake.PRIORITIES[-1]}; 0 unless given."
    )
    language: str | None = Field(None, description="A language tag such as en or en_GB.")

    def as_request(self) -> intake.Request:
        """The same for the engine, which has the rules."""
        return intake.Request(
            profile=self.profile,
            number=self.number,
            name=self.name,
            reason=self.reason,
            not_before=self.not_before,
            priority=0 if self.priority is None else self.priority,
            language=self.language,
        )


class Move(BaseModel):
    """To when a call-back is moved."""

    model_config = ConfigDict(strict=True, extra="forbid")

    at: AskedInstant | None = Field(None, description="RFC 3339 with a zone; now if it is left out.")


class Cancellation(BaseModel):
    """Which call-back is cancelled."""

    model_config = ConfigDict(strict=True, extra="forbid")

    id: str

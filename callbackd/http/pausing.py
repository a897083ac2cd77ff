"""What is asked when something is paused or resumed."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request
from pydantic import BaseModel, ConfigDict, Field

from callbackd.http.asked import json_body
from callbackd.http.errors import invalid


class Pausing(BaseModel):
    """Which parts are meant: those that are true. Neither given: both."""

    model_config = ConfigDict(strict=True, extra="forbid")

    intake: bool | None = Field(None, description="The taking of requests.")
    dialling: bool | None = Field(None, description="The dialling of those that wait.")


@dataclass(frozen=True, slots=True)
class Parts:
    """What is to be paused or resumed; at least one."""

    intake: bool
    dialling: bool


async def parts_asked(request: Request, body: Pausing | None = None) -> Parts:
    """The parts that a body, which may be left out, names. A body that names none is refused."""
    if await request.body():
        await json_body(request)
    asked = body or Pausing(intake=None, dialling=None)
    if asked.intake is None and asked.dialling is None:
        return Parts(intake=True, dialling=True)
    if not asked.intake and not asked.dialling:
        raise invalid("intake and dialling: set to true what is meant, or give neither for both")
    return Parts(intake=bool(asked.intake), dialling=bool(asked.dialling))

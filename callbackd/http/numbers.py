"""The routes of numbers: forgetting one."""

from __future__ import annotations

from typing import Self

from fastapi import APIRouter, Depends
from pydantic import BaseModel, ConfigDict, Field

from callbackd.engine.refusals import Code, Refused
from callbackd.http.asked import json_body
from callbackd.http.callbacks import meant_number
from callbackd.http.documented import ALWAYS, WITH_BODY, fails
from callbackd.http.services import Services
from callbackd.store.interface import Forgotten


class Forgetting(BaseModel):
    """Whom to forget."""

    model_config = ConfigDict(strict=True, extra="forbid")

    number: str = Field(description="E.164, or as people write it.", examples=["+14165550123"])
    profile: str | None = Field(None, description="Whose country a number without + is of.")
    cancel: bool | None = Field(None, description="Cancel first what has not ended.")
    unblock: bool | None = Field(None, description="Erase its place on the block-list too: it may be called again.")


class ToldForgotten(BaseModel):
    """What was erased, in rows.

    `undelivered` are those of the `events` that MQTT or a webhook had not had, and now never gets; `keys` are
    idempotency keys, `dials` and `suspects` what limits and route breakers remembered. `blocked`: the number stays on
    the block-list; `unblocked`: it was taken off. `off_disk`: no trace is left in the database's files either; if
    false, a reader still holds the log, or the disk fails: what was erased leaves it within the hour, or once the disk
    is mended.
    """

    callbacks: int
    attempts: int
    offers: int
    events: int
    undelivered: int
    keys: int
    dials: int
    suspects: int
    unblocked: bool
    blocked: bool
    off_disk: bool

    @classmethod
    def of(cls, forgotten: Forgotten, washed: bool) -> Self:
        return cls(
            callbacks=forgotten.callbacks,
            attempts=forgotten.attempts,
            offers=forgotten.offers,
            events=forgotten.events,
            undelivered=forgotten.undelivered,
            keys=forgotten.keys,
            dials=forgotten.dials,
            suspects=forgotten.suspects,
            unblocked=forgotten.unblocked,
            blocked=forgotten.blocked,
            off_disk=washed,
        )


def number_routes(services: Services) -> APIRouter:
    """The routes under ``/numbers``."""
    routes = APIRouter(prefix="/numbers", tags=["numbers"], responses=ALWAYS)

    @routes.post(
        "/forget",
        dependencies=[Depends(json_body)],
        responses={
            **fails(_404="unknown profile", _409="it has call-backs that have not ended: their ids are named"),
            **WITH_BODY,
        },
    )
    async def forget_number(body: Forgetting) -> ToldForgotten:
        """Erase all that is known of a number: its call-backs that ended, their attempts, offers, events and
        idempotency keys, delivered or not, and what limits remember of it. Its place on the block-list protects the
        person and is kept, unless `unblock`. What has not ended is refused, unless `cancel`."""
        if body.profile is not None and body.profile not in services.rules.profiles:
            raise Refused(Code.UNKNOWN_PROFILE, f"no profile {body.profile[:40]!r}")
        number = meant_number(body.number, body.profile, services.rules)
        forgotten, washed = await services.eraser.forget(number, cancel=bool(body.cancel), unblock=bool(body.unblock))
        return ToldForgotten.of(forgotten, washed)

    return routes

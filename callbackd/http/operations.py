"""The routes about the daemon itself: how it is, pausing it, and having it read its files again."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Response

from callbackd.http.documented import ALWAYS, WITH_BODY, fails
from callbackd.http.errors import error_response
from callbackd.http.pausing import Parts, parts_asked
from callbackd.http.profiles_told import ToldProfile
from callbackd.http.services import Services
from callbackd.http.status_told import Reloaded, ToldAri, ToldStatus

_INVALID = fails(_422="the configuration has problems, which stand in `problems`; the old one stays in force")


def operation_routes(services: Services) -> APIRouter:
    """``/status``, ``/pause``, ``/resume`` and ``/reload``."""
    routes = APIRouter(tags=["daemon"], responses=ALWAYS)
    control = services.control

    @routes.get("/status")
    async def status() -> ToldStatus:
        """How the daemon and every profile stand; what is not ready is told, not an error."""
        found = await services.health.readiness()
        condition = services.health.condition()
        profiles = await control.profiles()
        pause = await control.global_pause()
        now = services.desk.now()
        told = [ToldProfile.of(profile, now) for profile in profiles]
        limit = services.rules.limits.max_concurrent
        return ToldStatus(
            version=condition.version,
            now=now,
            started_at=condition.started_at,
            stopping=condition.stopping,
            ready=all(text is None for text in found.values()),
            checks={part: text or "ok" for part, text in found.items()},
            ari=ToldAri.of(condition),
            paused=pause.dialling or limit == 0,
            paused_by_limit=limit == 0,
            intake_paused=pause.intake,
            max_concurrent=limit,
            waiting=sum(profile.waiting for profile in told),
            live=sum(profile.live for profile in told),
            outbox=dict(await services.metrics.lag()),
            profiles=told,
        )

    @routes.post("/pause", responses=WITH_BODY)
    async def pause_everything(parts: Annotated[Parts, Depends(parts_asked)]) -> ToldStatus:
        """Take no requests (`intake`), dial nothing (`dialling`), or both, in all profiles. Kept over a restart."""
        await control.pause(None, intake=parts.intake, dialling=parts.dialling)
        return await status()

    @routes.post("/resume", responses=WITH_BODY)
    async def resume_everything(parts: Annotated[Parts, Depends(parts_asked)]) -> ToldStatus:
        """The opposite. Profiles that are paused themselves stay so."""
        await control.resume(None, intake=parts.intake, dialling=parts.dialling)
        return await status()

    @routes.post("/reload", response_model=Reloaded, responses=_INVALID)
    async def reload() -> Reloaded | Response:
        """Read the configuration again: profiles, limits, drain, retention and log come into force, or none does."""
        problems = control.reload()
        if not problems:
            return Reloaded(profiles=sorted(services.rules.profiles))
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        return error_response(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "configuration_invalid",
            f"{problems[0][:300]}{more}",
            problems=list(problems),
        )

    return routes

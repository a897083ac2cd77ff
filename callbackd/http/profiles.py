"""The routes of profiles: how each stands, and pausing it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends

from callbackd.http.documented import ALWAYS, WITH_BODY, fails
from callbackd.http.pausing import Parts, parts_asked
from callbackd.http.profiles_told import ToldProfileInFull, ToldProfiles
from callbackd.http.services import Services

_NO_SUCH = fails(_404="unknown profile")


def profile_routes(services: Services) -> APIRouter:
    """The routes under ``/profiles``."""
    routes = APIRouter(prefix="/profiles", tags=["profiles"], responses=ALWAYS)
    control, desk = services.control, services.desk

    @routes.get("")
    async def list_profiles() -> ToldProfiles:
        """Every profile: how it stands, and its settings in force."""
        statuses = await control.profiles()
        now = desk.now()
        return ToldProfiles(items=[ToldProfileInFull.of(status, now) for status in statuses])

    @routes.get("/{profile_id}", responses=_NO_SUCH)
    async def show_profile(profile_id: str) -> ToldProfileInFull:
        """One profile: how it stands, and its settings in force."""
        return ToldProfileInFull.of(await control.profile(profile_id), desk.now())

    @routes.post("/{profile_id}/pause", responses={**_NO_SUCH, **WITH_BODY})
    async def pause_profile(profile_id: str, parts: Annotated[Parts, Depends(parts_asked)]) -> ToldProfileInFull:
        """Take no requests for it (`intake`), dial nothing of it (`dialling`), or both. Kept over a restart."""
        await control.pause(profile_id, intake=parts.intake, dialling=parts.dialling)
        return await show_profile(profile_id)

    @routes.post("/{profile_id}/resume", responses={**_NO_SUCH, **WITH_BODY})
    async def resume_profile(profile_id: str, parts: Annotated[Parts, Depends(parts_asked)]) -> ToldProfileInFull:
        """The opposite. What is paused for the whole daemon stays so."""
        await control.resume(profile_id, intake=parts.intake, dialling=parts.dialling)
        return await show_profile(profile_id)

    return routes

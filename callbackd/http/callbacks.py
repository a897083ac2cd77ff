"""The routes of call-backs."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Response

from callbackd.domain.numbers import Refusal, normalise
from callbackd.engine.profiles import Rules
from callbackd.engine.refusals import Code, Refused
from callbackd.http.asked import Listing, idempotency_key, json_body, once_each
from callbackd.http.documented import ALWAYS, WITH_BODY, fails
from callbackd.http.services import Services
from callbackd.http.told import ToldPage, ToldStory
from callbackd.store.interface import Query as StoreQuery
from callbackd.wire.asked import CallBackRequest, Move
from callbackd.wire.told import ToldCallBack

LISTED_UNLESS_SAID = 100

_NO_SUCH = fails(_404="no call-back has this id")
_FORBIDDEN = fails(_409="its state forbids it")
_REQUEST = fails(
    _403="the number asked never to be called",
    _404="unknown profile",
    _409="intake is paused",
    _422="malformed, or a number that may not be called: see the code",
    _429="that number's requests or dials of the day are used up",
)


def callback_routes(services: Services) -> APIRouter:
    """The routes under ``/callbacks``."""
    routes = APIRouter(prefix="/callbacks", tags=["call-backs"], responses=ALWAYS)
    desk = services.desk

    @routes.post(
        "",
        status_code=HTTPStatus.CREATED,
        dependencies=[Depends(json_body)],
        responses={
            200: {"model": ToldCallBack, "description": "the number has one there that has not ended: this one"},
            **WITH_BODY,
            **_REQUEST,
        },
    )
    async def request_callback(
        body: CallBackRequest, key: Annotated[str | None, Depends(idempotency_key)], response: Response
    ) -> ToldCallBack:
        """Ask for a call-back."""
        accepted = await services.intake.request(body.as_request(), key)
        response.status_code = HTTPStatus.CREATED if accepted.created else HTTPStatus.OK
        response.headers["Location"] = f"/api/v1/callbacks/{accepted.callback.id}"
        return ToldCallBack.of(accepted.callback, desk.now())

    @routes.get("", dependencies=[Depends(once_each)])
    async def list_callbacks(listing: Annotated[Listing, Query()]) -> ToldPage:
        """List call-backs, newest request first."""
        now = desk.now()
        query = StoreQuery(
            now=now,
            states=listing.state,
            profile=listing.profile,
            number=None if listing.number is None else meant_number(listing.number, listing.profile, services.rules),
            limit=listing.limit or LISTED_UNLESS_SAID,
            cursor=listing.cursor,
        )
        return ToldPage.of(await desk.list(query), now)

    @routes.get("/{callback_id}", responses=_NO_SUCH)
    async def show_callback(callback_id: str) -> ToldStory:
        """One call-back with its attempts, offers and events."""
        return ToldStory.of_story(await desk.story(callback_id), desk.now())

    @routes.post("/{callback_id}/cancel", responses={**_NO_SUCH, **_FORBIDDEN})
    async def cancel_callback(callback_id: str) -> ToldCallBack:
        """Cancel a call-back; what is ringing is taken down."""
        return ToldCallBack.of(await desk.cancel(callback_id), desk.now())

    @routes.post(
        "/{callback_id}/reschedule",
        dependencies=[Depends(json_body)],
        responses={**_NO_SUCH, **_FORBIDDEN, **WITH_BODY},
    )
    async def reschedule_callback(callback_id: str, body: Move) -> ToldCallBack:
        """Move the due time of a call-back that waits."""
        return ToldCallBack.of(await desk.reschedule(callback_id, body.at), desk.now())

    return routes


def meant_number(text: str, profile_id: str | None, rules: Rules) -> str:
    """The E.164 number that is listed for `text`: read with the profile's country, or with that of every profile.

    Raises `Refused` if it is not a number, or if it is a different one in different countries.
    """
    profiles = [profile for profile in rules.profiles.values() if profile_id in (None, profile.id)]
    readings = [normalise(text, country) for country in {profile.client.country for profile in profiles} or {None}]
    numbers = {reading for reading in readings if not isinstance(reading, Refusal)}
    if len(numbers) == 1:
        return numbers.pop()
    if numbers:
        raise Refused(Code.INVALID, "number: profiles of different countries read it differently; begin it with +")
    refusal = next(reading for reading in readings if isinstance(reading, Refusal))
    raise Refused(Code(refusal.code), f"number: {refusal.message}")

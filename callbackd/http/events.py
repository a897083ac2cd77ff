"""Server-sent events: the outbox as it grows, for whoever keeps the connection open."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from callbackd.domain.callback import EventType
from callbackd.http.asked import PROFILE_ID, none_if_empty, refuse_repeated, split_words
from callbackd.http.documented import ALWAYS
from callbackd.http.errors import invalid
from callbackd.http.event_stream import STREAM, EventStream, Filter
from callbackd.http.services import Services

_LARGEST_ID_DIGITS = 18


def _split_types(value: Any) -> Any:
    return split_words(value, EventType)


class Wanted(BaseModel):
    """Which events are wanted; all unless said."""

    model_config = ConfigDict(extra="forbid")

    profile: Annotated[str | None, BeforeValidator(none_if_empty)] = Field(None, pattern=PROFILE_ID)
    type: Annotated[list[EventType], BeforeValidator(_split_types)] = Field(
        default=[], description="Types of events; repeated, or with commas."
    )


async def _last_event_id(
    request: Request,
    last_event_id: Annotated[
        str | None, Header(description="The id of the last event that was seen; 0 is from the first one kept.")
    ] = None,
) -> int | None:
    """After which event to begin; None: with what happens from now on."""
    if last_event_id is None:
        return None
    given = request.headers.getlist("last-event-id")
    if len(given) > 1:
        raise invalid("Last-Event-ID: given more than once")
    text = given[0]
    if not (text.isascii() and text.isdigit() and len(text) <= _LARGEST_ID_DIGITS):
        raise invalid("Last-Event-ID: expected the id of an event, a whole number")
    return int(text)


async def _profile_once(request: Request) -> None:
    refuse_repeated(request, ("profile",))


def event_routes(services: Services) -> APIRouter:
    """``/events``."""
    routes = APIRouter(tags=["events"], responses=ALWAYS)

    @routes.get(
        "/events",
        dependencies=[Depends(_profile_once)],
        response_class=Response,
        responses={200: {"content": {STREAM: {"schema": {"type": "string"}}}, "description": "events, until hung up"}},
    )
    async def follow_events(
        request: Request, wanted: Annotated[Wanted, Query()], seen: Annotated[int | None, Depends(_last_event_id)]
    ) -> EventStream:
        """What happens to call-backs, as server-sent events: each once, in order of id, `Last-Event-ID` resumes."""
        after = await services.metrics.last_event() if seen is None else seen
        chosen = Filter(wanted.profile, frozenset(wanted.type))
        return EventStream(services.feed, after, chosen, request.scope.get("callbackd.closing"))

    return routes

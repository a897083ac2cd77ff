"""What the API tells: the JSON of a call-back, its attempts, offers and events."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from callbackd.domain.callback import (
    Attempt,
    CallBack,
    EventType,
    Kind,
    Offer,
    OfferOutcome,
    Outcome,
    Reschedules,
    State,
    Step,
    TimelineEvent,
)
from callbackd.engine.desk import Story
from callbackd.http.times import ToldInstant
from callbackd.store.interface import Page


class ToldReschedules(BaseModel):
    """How many further attempts each kind has brought."""

    auto: int
    agent: int
    client: int

    @classmethod
    def of(cls, reschedules: Reschedules) -> Self:
        return cls(auto=reschedules.auto, agent=reschedules.agent, client=reschedules.client)


class ToldNext(BaseModel):
    """What a waiting call-back waits for. `rests_until`: not before then, though it keeps its place in the order."""

    step: Step
    kind: Kind
    rests_until: ToldInstant | None


class ToldCallBack(BaseModel):
    """A call-back. `state` is a live state or a disposition; `tries` counts the attempts that rang the client."""

    id: str
    profile: str
    number: str
    name: str | None
    reason: str | None
    language: str | None
    priority: int
    state: State
    requested_at: ToldInstant
    not_before: ToldInstant | None
    due_at: ToldInstant
    expires_at: ToldInstant
    ended_at: ToldInstant | None
    reschedules: ToldReschedules
    tries: int
    next: ToldNext | None

    @classmethod
    def of(cls, callback: CallBack, now: datetime) -> Self:
        """As it stands at `now`."""
        waits = not callback.state.ended and not callback.state.on_the_phone
        return cls(
            id=callback.id,
            profile=callback.profile,
            number=callback.number,
            name=callback.name,
            reason=callback.reason,
            language=callback.language,
            priority=callback.priority,
            state=callback.state_at(now),
            requested_at=callback.requested_at,
            not_before=callback.not_before,
            due_at=callback.due_at,
            expires_at=callback.expires_at,
            ended_at=callback.ended_at,
            reschedules=ToldReschedules.of(callback.reschedules),
            tries=callback.counted,
            next=ToldNext(step=callback.next_step, kind=callback.next_kind, rests_until=callback.rest_until)
            if waits
            else None,
        )


class ToldAttempt(BaseModel):
    """One agent-first cycle; `outcome` and `counted` are null while it is live."""

    number: int
    kind: Kind
    outcome: Outcome | None
    client_outcome: Outcome | None
    cause: int | None
    started_at: ToldInstant
    agent_answered_at: ToldInstant | None
    client_dialled_at: ToldInstant | None
    client_answered_at: ToldInstant | None
    ended_at: ToldInstant | None
    armed: bool
    counted: bool | None

    @classmethod
    def of(cls, attempt: Attempt) -> Self:
        return cls(
            number=attempt.number,
            kind=attempt.kind,
            outcome=attempt.outcome,
            client_outcome=attempt.client_outcome,
            cause=attempt.cause,
            started_at=attempt.started_at,
            agent_answered_at=attempt.agent_answered_at,
            client_dialled_at=attempt.client_dialled_at,
            client_answered_at=attempt.client_answered_at,
            ended_at=attempt.ended_at,
            armed=attempt.armed,
            counted=attempt.counted,
        )


class ToldOffer(BaseModel):
    """One automated call to the client; `key` is what they pressed."""

    number: int
    outcome: OfferOutcome | None
    client_outcome: Outcome | None
    cause: int | None
    key: str | None
    started_at: ToldInstant
    dialled_at: ToldInstant | None
    answered_at: ToldInstant | None
    ended_at: ToldInstant | None

    @classmethod
    def of(cls, offer: Offer) -> Self:
        return cls(
            number=offer.number,
            outcome=offer.outcome,
            client_outcome=offer.client_outcome,
            cause=offer.cause,
            key=offer.key,
            started_at=offer.started_at,
            dialled_at=offer.dialled_at,
            answered_at=offer.answered_at,
            ended_at=offer.ended_at,
        )


class ToldEvent(BaseModel):
    """Something that happened, with what belongs to its type beside it."""

    model_config = ConfigDict(extra="allow")

    id: int
    seq: int
    at: ToldInstant
    type: EventType

    @classmethod
    def of(cls, event: TimelineEvent) -> Self:
        return cls.model_validate({**event.data, "id": event.id, "seq": event.seq, "at": event.at, "type": event.type})


class ToldStory(ToldCallBack):
    """A call-back with all that happened to it."""

    attempts: list[ToldAttempt]
    offers: list[ToldOffer]
    events: list[ToldEvent]

    @classmethod
    def of_story(cls, story: Story, now: datetime) -> Self:
        """As it stands at `now`."""
        callback = ToldCallBack.of(story.callback, now)
        return cls(
            **dict(callback),
            attempts=[ToldAttempt.of(attempt) for attempt in story.attempts],
            offers=[ToldOffer.of(offer) for offer in story.offers],
            events=[ToldEvent.of(event) for event in story.timeline],
        )


class ToldPage(BaseModel):
    """One page of a listing, newest request first; `next` is the cursor of the following one, or null."""

    items: list[ToldCallBack]
    next: str | None

    @classmethod
    def of(cls, page: Page, now: datetime) -> Self:
        """As they stand at `now`."""
        return cls(items=[ToldCallBack.of(callback, now) for callback in page.items], next=page.next)


class Readiness(BaseModel):
    """Whether the daemon can do its work; `checks` holds ``ok``, or what is missing, for each part."""

    ready: bool
    checks: dict[str, str]

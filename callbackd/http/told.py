"""What only the API tells: a call-back's attempts, offers and events together, pages, and health."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel

from callbackd.domain.callback import Attempt, Kind, Offer, OfferOutcome, Outcome
from callbackd.engine.desk import Story
from callbackd.store.interface import Page
from callbackd.wire.times import ToldInstant
from callbackd.wire.told import ToldCallBack, ToldEvent


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

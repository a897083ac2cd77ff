"""What every door tells: the JSON of a call-back and of an event."""

from __future__ import annotations

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict

from callbackd.domain.callback import CallBack, EventType, Kind, Reschedules, State, Step, TimelineEvent
from callbackd.wire.times import ToldInstant


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


class ToldNews(ToldEvent):
    """An event where it stands alone: with the call-back that it belongs to, and its profile."""

    callback_id: str
    profile: str

    @classmethod
    def of(cls, event: TimelineEvent) -> Self:
        own = {"id": event.id, "seq": event.seq, "at": event.at, "type": event.type}
        return cls.model_validate({**event.data, **own, "callback_id": event.callback_id, "profile": event.profile})

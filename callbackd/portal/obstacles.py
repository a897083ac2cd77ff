"""Why a call-back is not being dialled, in words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from callbackd.domain.callback import CallBack, Kind, Step
from callbackd.engine.room import Obstacle, Reason
from callbackd.portal.words import refusal

Clock = Callable[[datetime], str]
"""Tells an instant on the wall of the target."""


@dataclass(frozen=True, slots=True)
class Told:
    """A reason in words. `tone`: calm is the ordinary course of things, warn asks for somebody's attention."""

    text: str
    tone: str
    until: datetime | None = None


_WARN = frozenset(
    {Reason.NO_PROFILE, Reason.STOPPING, Reason.NO_LINK, Reason.PAUSED, Reason.REFUSED, Reason.ROUTE_PAUSED}
    | {Reason.TARGET_RESTS, Reason.NO_AGENT}
)


def told(obstacle: Obstacle, clock: Clock, callback: CallBack | None = None, before: int | None = None) -> Told:
    """The reason in words; `callback` is whose it is, `before` how many are before it in the line, if that is known."""
    text = _text(obstacle, clock, callback, before)
    return Told(text, "warn" if obstacle.reason in _WARN else "calm", obstacle.until)


def _text(obstacle: Obstacle, clock: Clock, callback: CallBack | None, before: int | None) -> str:
    until = None if obstacle.until is None else clock(obstacle.until)
    match obstacle.reason:
        case Reason.NO_PROFILE:
            return "its profile is gone from the configuration"
        case Reason.NOT_DUE:
            return f"due {until}: {_why_due(callback)}" if callback else f"due {until}"
        case Reason.STOPPING:
            return "callbackd is stopping: no new calls"
        case Reason.NO_LINK:
            return "no link to Asterisk"
        case Reason.PAUSED:
            return "dialling is paused"
        case Reason.CLOSED:
            return f"closed until {until}" if until else "closed, and never opens again"
        case Reason.RESTS:
            return f"rests until {until}"
        case Reason.NUMBER_BUSY:
            return "number busy: another call-back of it is on the phone"
        case Reason.CALLING_IN:
            return "the client is on a call to us"
        case Reason.REFUSED:
            why = refusal(obstacle.detail or "")
            return f"{why}; looked at again {until}" if until else why
        case Reason.ALL_BUSY:
            return f"all lines in use ({_calls(obstacle.limit)} at most)"
        case Reason.ROUTE_PAUSED:
            return f"route paused, its calls failed: one is {f'tried from {until}' if until else 'being tried'}"
        case Reason.TARGET_BUSY:
            return f"agents in use ({_calls(obstacle.limit)} at a time)"
        case Reason.TARGET_RESTS:
            return f"nobody at the target: rung again from {until}"
        case Reason.QUEUE_SETTLES:
            return "the queue is just being called"
        case Reason.NO_AGENT:
            return "no agent available in the queue"
        case Reason.TURN:
            return "next" if before == 0 else f"waits its turn, {before} before it" if before else "waits its turn"


def _why_due(callback: CallBack) -> str:
    if callback.next_step is Step.OFFER:
        return "the client is then asked for one more try"
    match callback.next_kind:
        case Kind.REQUEST if callback.not_before is not None:
            return "not to be called before"
        case Kind.REQUEST:
            return "first attempt"
        case Kind.AUTO:
            return "tried again, the client was not reached"
        case Kind.AGENT:
            return "tried again, the agent asked for it"
        case Kind.CLIENT:
            return "tried again, the client asked for it"


def _calls(number: int | None) -> str:
    return "1 call" if number == 1 else f"{number} calls"

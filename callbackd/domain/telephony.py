"""What phones do and what is asked of them: the events and effects that the attempt and the offer are told in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from callbackd.domain.callback import EventType, Outcome, Step
from callbackd.domain.prompts import Phrase


class Role(StrEnum):
    """Whose leg it is."""

    AGENT = "agent"
    CLIENT = "client"
    OFFER = "offer"


@dataclass(frozen=True, slots=True, order=True)
class Leg:
    """A leg of an attempt or an offer; `index` tells agent endpoints that are rung together apart."""

    role: Role
    index: int = 0


CLIENT = Leg(Role.CLIENT)
OFFER = Leg(Role.OFFER)


@dataclass(frozen=True, slots=True)
class Line:
    """One attempt or offer as the phones need it: who it is, how the client is dialled and what is said in what tongue.

    `sequence` is the attempt's or the offer's number. `prompts` replaces spoken phrases: name -> media URIs.
    """

    callback_id: str
    step: Step
    sequence: int
    number: str
    name: str | None
    client_endpoint: str
    caller_id: str | None
    language: str
    prompts: Mapping[str, tuple[str, ...]]


# What happens. ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LegRinging:
    """The network says that the phone rings."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LegProgress:
    """The network took the call and sends sound of its own."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """Somebody, or something, answered."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class LegEnded:
    """The leg is gone for good, or never came to be. `verdict` says why, `cause` is its Q.850 cause if known."""

    leg: Leg
    verdict: Outcome
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class DigitPressed:
    """A key of ``0-9 * #`` was pressed on a leg's phone."""

    leg: Leg
    digit: str


@dataclass(frozen=True, slots=True)
class SpeechEnded:
    """What was said on the leg with that number is over."""

    leg: Leg
    utterance: int


@dataclass(frozen=True, slots=True)
class TimeUp:
    """A timer that was started has run out."""

    timer: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The checks at key 1 passed: the client may be dialled."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The checks at key 1 refuse; `reason` is a code."""

    reason: str


@dataclass(frozen=True, slots=True)
class CancelAsked:
    """The call-back was cancelled while it was live."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """The call can't be followed any more: the PBX or the daemon lost it. `legs` are those that are still up.

    `undialled`: the client's dial could not be written down, and so was not made. `since`: when it was lost, if that
    is not now.
    """

    legs: frozenset[Leg] = frozenset()
    undialled: bool = False
    since: datetime | None = None


Happening = (
    LegRinging
    | LegProgress
    | LegAnswered
    | LegEnded
    | DigitPressed
    | SpeechEnded
    | TimeUp
    | Cleared
    | Refused
    | CancelAsked
    | Interrupted
)


# What is asked for. -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ring:
    """Ring an agent's endpoint; the phone itself gives up after `limit`, should we be gone by then."""

    leg: Leg
    endpoint: str
    limit: timedelta


@dataclass(frozen=True, slots=True)
class DialClient:
    """Dial the client, and let the agent (if there is one) hear them."""

    leg: Leg
    agent: Leg | None
    limit: timedelta


@dataclass(frozen=True, slots=True)
class HangUp:
    """End a leg. Its `LegEnded` follows."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class Say:
    """Say phrases to one leg alone, in place of what is being said to it. `loop` repeats them until hushed."""

    leg: Leg
    phrases: tuple[Phrase, ...]
    utterance: int
    loop: bool = False


@dataclass(frozen=True, slots=True)
class Hush:
    """Say no more to the leg."""

    leg: Leg


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Tell `TimeUp` after that long; starting a timer again moves it."""

    timer: str
    after: timedelta


@dataclass(frozen=True, slots=True)
class StopTimer:
    timer: str


@dataclass(frozen=True, slots=True)
class Recheck:
    """Make the admission checks again: `Cleared` or `Refused` follows."""


@dataclass(frozen=True, slots=True)
class Note:
    """Something for the timeline; written with the next `Save`, or once the other effects are carried out."""

    type: EventType
    data: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Save:
    """Write the state as it now is, with a timeline event, before any later effect is carried out.

    `dialled` notes a dial of the client's number.
    """

    type: EventType
    data: Mapping[str, Any] = field(default_factory=dict)
    dialled: bool = False


@dataclass(frozen=True, slots=True)
class Finish:
    """Every leg is gone: decide what follows."""


Effect = Ring | DialClient | HangUp | Say | Hush | StartTimer | StopTimer | Recheck | Note | Save | Finish
Effects = tuple[Effect, ...]

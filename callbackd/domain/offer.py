"""The client offer as a state machine, told like the attempt: an automated call in which 1 asks for another try."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from callbackd.domain import prompts
from callbackd.domain.callback import EventType, Offer, OfferOutcome, Outcome
from callbackd.domain.limits import DIAL_GRACE, SPEECH_LIMIT, TEARDOWN_LIMIT
from callbackd.domain.profile import Profile
from callbackd.domain.prompts import Phrase
from callbackd.domain.telephony import (
    OFFER,
    CancelAsked,
    DialClient,
    DigitPressed,
    Effects,
    Finish,
    HangUp,
    Happening,
    Interrupted,
    LegAnswered,
    LegEnded,
    LegProgress,
    LegRinging,
    Save,
    Say,
    SpeechEnded,
    StartTimer,
    StopTimer,
    TimeUp,
)

PLAYS = 3
"""How often the offer is played in all."""

KEYS = {"1": OfferOutcome.ANOTHER_TRY, "2": OfferOutcome.DECLINED, "3": OfferOutcome.NEVER_AGAIN}
"""What the client may press."""

_OF_A_LEG = (LegRinging, LegProgress, LegAnswered, LegEnded, DigitPressed, SpeechEnded)
_SAID_NO = (OfferOutcome.DECLINED, OfferOutcome.NEVER_AGAIN)


@dataclass(frozen=True, slots=True)
class OfferScript:
    """What the offer needs of its profile, as it was when the offer began."""

    ring: timedelta
    key_wait: timedelta

    @classmethod
    def of(cls, profile: Profile) -> OfferScript:
        """The client's ring time-out, and the wait for a key that agents have too."""
        return cls(ring=profile.client.ring, key_wait=profile.agent.key_wait)


@dataclass(frozen=True, slots=True)
class OfferCore:
    """What all states share. `utterance` numbers what is said."""

    script: OfferScript
    offer: Offer
    up: bool = True
    utterance: int = 0
    network_took: bool = False


@dataclass(frozen=True, slots=True)
class Calling:
    """The client's phone is rung."""

    core: OfferCore


@dataclass(frozen=True, slots=True)
class Asking:
    """The client hears the offer."""

    core: OfferCore
    plays: int = 1


@dataclass(frozen=True, slots=True)
class SayingGoodbye:
    """The client's key, or their silence, is acknowledged."""

    core: OfferCore
    outcome: OfferOutcome


@dataclass(frozen=True, slots=True)
class HangingUp:
    """The leg is being taken down."""

    core: OfferCore
    outcome: OfferOutcome


@dataclass(frozen=True, slots=True)
class OfferFinished:
    """The leg is gone; `offer` has its outcome."""

    offer: Offer


LiveOffer = Calling | Asking | SayingGoodbye | HangingUp
OfferState = LiveOffer | OfferFinished
Next = tuple[OfferState, Effects]


def begin(script: OfferScript, offer: Offer, at: datetime) -> tuple[Calling, Effects]:
    """Dial the client; the dial is written down before it is made."""
    core = OfferCore(script, replace(offer, dialled_at=at))
    return Calling(core), (
        Save(EventType.CLIENT_DIALLED, dialled=True),
        StartTimer("client", script.ring),
        DialClient(OFFER, None, script.ring + DIAL_GRACE),
    )


def advance(state: LiveOffer, happening: Happening, at: datetime) -> Next:
    """The next state after what happened at that instant, and the effects, to be carried out in order."""
    core = state.core
    if isinstance(happening, _OF_A_LEG) and happening.leg != OFFER:
        return state, ()
    if isinstance(happening, TimeUp) and happening.timer == "speech":
        happening = SpeechEnded(OFFER, core.utterance)
    if isinstance(happening, SpeechEnded) and happening.utterance != core.utterance:
        return state, ()
    if isinstance(happening, LegEnded):
        if not core.up:
            return state, ()
        core = replace(core, up=False, offer=replace(core.offer, cause=happening.cause or core.offer.cause))
        state = replace(state, core=core)
    if isinstance(happening, Interrupted):
        core = replace(core, up=core.up and OFFER in happening.legs)
        if happening.undialled:
            core = replace(core, offer=replace(core.offer, dialled_at=None))
        decided = state.outcome if isinstance(state, SayingGoodbye | HangingUp) else OfferOutcome.INTERRUPTED
        return _end(core, decided, at)
    match state:
        case Calling():
            return _calling(state, happening, at)
        case Asking():
            return _asking(state, happening, at)
        case SayingGoodbye():
            return _saying_goodbye(state, happening, at)
        case HangingUp():
            if isinstance(happening, LegEnded) or happening == TimeUp("teardown"):
                return _finish(core, state.outcome, at)
            if isinstance(happening, CancelAsked) and state.outcome not in _SAID_NO:
                return HangingUp(core, OfferOutcome.CANCELLED), ()
            return state, ()


def _say(core: OfferCore, phrases: tuple[Phrase, ...]) -> tuple[OfferCore, Effects]:
    core = replace(core, utterance=core.utterance + 1)
    return core, (Say(OFFER, phrases, core.utterance), StartTimer("speech", SPEECH_LIMIT))


def _end(core: OfferCore, outcome: OfferOutcome, at: datetime) -> Next:
    stop: Effects = (StopTimer("client"), StopTimer("key"), StopTimer("speech"))
    if not core.up:
        state, effects = _finish(core, outcome, at)
        return state, (*stop, *effects)
    return HangingUp(core, outcome), (*stop, HangUp(OFFER), StartTimer("teardown", TEARDOWN_LIMIT))


def _finish(core: OfferCore, outcome: OfferOutcome, at: datetime) -> Next:
    return OfferFinished(replace(core.offer, ended_at=at, outcome=outcome)), (StopTimer("teardown"), Finish())


def _calling(state: Calling, happening: Happening, at: datetime) -> Next:
    core = state.core
    match happening:
        case LegRinging() | LegProgress():
            return Calling(replace(core, network_took=True)), ()
        case LegAnswered():
            offer = replace(core.offer, answered_at=at, client_outcome=Outcome.ANSWERED)
            core, effects = _say(replace(core, offer=offer, network_took=True), prompts.OFFER_INTRODUCTION)
            return Asking(core), (StopTimer("client"), *effects, Save(EventType.OFFER_ANSWERED))
        case LegEnded(_, verdict, _):
            return _not_answered(core, verdict, at)
        case TimeUp("client"):
            return _not_answered(core, Outcome.CLIENT_NO_ANSWER if core.network_took else Outcome.ROUTE_FAILED, at)
        case CancelAsked():
            return _end(core, OfferOutcome.CANCELLED, at)
    return state, ()


def _not_answered(core: OfferCore, verdict: Outcome, at: datetime) -> Next:
    core = replace(core, offer=replace(core.offer, client_outcome=verdict))
    failed = verdict is Outcome.ROUTE_FAILED
    return _end(core, OfferOutcome.ROUTE_FAILED if failed else OfferOutcome.NOT_ANSWERED, at)


def _asking(state: Asking, happening: Happening, at: datetime) -> Next:
    core = state.core
    match happening:
        case DigitPressed(_, digit) if digit in KEYS:
            core, effects = _say(replace(core, offer=replace(core.offer, key=digit)), prompts.offer(digit))
            save = Save(EventType.KEY_PRESSED, {"key": digit})
            return SayingGoodbye(core, KEYS[digit]), (StopTimer("key"), save, *effects)
        case DigitPressed() | TimeUp("key"):
            if state.plays >= PLAYS:
                core, effects = _say(core, prompts.offer(None))
                return SayingGoodbye(core, OfferOutcome.NO_KEY), (StopTimer("key"), *effects)
            core, effects = _say(core, prompts.OFFER_CHOICES)
            return Asking(core, state.plays + 1), (StopTimer("key"), *effects)
        case SpeechEnded():
            return state, (StopTimer("speech"), StartTimer("key", core.script.key_wait))
        case LegEnded():
            return _end(core, OfferOutcome.NO_KEY, at)
        case CancelAsked():
            return _end(core, OfferOutcome.CANCELLED, at)
    return state, ()


def _saying_goodbye(state: SayingGoodbye, happening: Happening, at: datetime) -> Next:
    if isinstance(happening, SpeechEnded | LegEnded):
        return _end(state.core, state.outcome, at)
    if isinstance(happening, CancelAsked) and state.outcome not in _SAID_NO:
        return SayingGoodbye(state.core, OfferOutcome.CANCELLED), ()
    return state, ()

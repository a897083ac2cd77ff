"""Plays an attempt or an offer by hand: says what people and phones do, and keeps what was asked of the phones."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from callbackd.domain import attempt as attempts
from callbackd.domain import offer as offers
from callbackd.domain.attempt_states import AttemptState, Finished, Script
from callbackd.domain.callback import Attempt, EventType, Kind, Offer, Outcome
from callbackd.domain.offer import OfferFinished, OfferScript, OfferState
from callbackd.domain.profile import Keys
from callbackd.domain.prompts import Digits, Number, Phrase, Prompt
from callbackd.domain.telephony import (
    CLIENT,
    OFFER,
    CancelAsked,
    Cleared,
    DialClient,
    DigitPressed,
    Effect,
    Effects,
    Finish,
    HangUp,
    Happening,
    Hush,
    Interrupted,
    Leg,
    LegAnswered,
    LegEnded,
    LegProgress,
    LegRinging,
    Note,
    Recheck,
    Refused,
    Ring,
    Role,
    Save,
    Say,
    SpeechEnded,
    StartTimer,
    StopTimer,
    TimeUp,
)

START = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
NUMBER = "+14165550123"


def agent_leg(index: int = 0) -> Leg:
    """The leg of the target's endpoint of that place."""
    return Leg(Role.AGENT, index)


def in_words(phrases: Iterable[Phrase]) -> str:
    """What is said, as one line: the names of prompts, digits and numbers."""
    words = []
    for phrase in phrases:
        match phrase:
            case Prompt(name):
                words.append(name)
            case Digits(text):
                words.append(text)
            case Number(value):
                words.append(str(value))
    return " ".join(words)


@dataclass(slots=True)
class Rulebook:
    """What the reschedule rules would answer: `Prospects` with the answers given."""

    agent_on: bool = True
    possible: bool = True
    auto: bool = True

    def agent_rescheduling(self) -> bool:
        """Agent Rescheduling is on."""
        return self.agent_on

    def agent_may_reschedule(self, at: datetime) -> bool:
        """A reschedule of kind `agent` could still follow."""
        return self.agent_on and self.possible

    def will_retry(self, client_outcome: Outcome, armed: bool, at: datetime) -> bool:
        """The client will be called again."""
        if client_outcome is Outcome.ROUTE_FAILED:
            return True
        if client_outcome is Outcome.CLIENT_INVALID or not self.possible:
            return False
        return armed or (self.auto and client_outcome is not Outcome.ANSWERED)


@dataclass
class Driver:
    """What the two kinds of call share: the time, the timers that run, and what each leg hears."""

    now: datetime = START
    prompt: bool = True
    asked: list[Effect] = field(default_factory=list)
    timers: dict[str, datetime] = field(default_factory=dict)
    hearing: dict[Leg, Say | None] = field(default_factory=dict)
    heard: list[str] = field(default_factory=list)
    latest: tuple[Effect, ...] = ()

    def _carry_out(self, effects: Effects) -> None:
        """Keep what was asked; a leg that is hung up goes at once, unless the PBX is not `prompt`."""
        self.latest = effects
        gone: list[Leg] = []
        for effect in effects:
            self.asked.append(effect)
            match effect:
                case StartTimer(timer, after):
                    self.timers[timer] = self.now + after
                case StopTimer(timer):
                    self.timers.pop(timer, None)
                case Say(leg, phrases):
                    self.hearing[leg] = effect
                    self.heard.append(in_words(phrases))
                case Hush(leg):
                    self.hearing[leg] = None
                case HangUp(leg):
                    gone.append(leg)
                case Finish():
                    self.timers.clear()
        if self.prompt:
            for leg in gone:
                self.happens(LegEnded(leg, Outcome.INTERRUPTED))

    def happens(self, happening: Happening) -> None:
        """Tell the machine."""
        raise NotImplementedError

    @property
    def over(self) -> bool:
        """The machine has finished."""
        raise NotImplementedError

    def waits(self, seconds: float) -> None:
        """Let time pass: timers that run out are told in their order."""
        until = self.now + timedelta(seconds=seconds)
        while self.timers:
            timer, at = min(self.timers.items(), key=lambda item: item[1])
            if at > until:
                break
            self.now = at
            del self.timers[timer]
            self.happens(TimeUp(timer))
        self.now = until

    def hears_it_out(self, leg: Leg | None = None) -> None:
        """What is being said to the leg is over."""
        say = self.hearing[agent_leg() if leg is None else leg]
        assert say is not None, "nothing is being said"
        assert not say.loop, "a loop does not end"
        self.happens(SpeechEnded(say.leg, say.utterance))

    def hears(self, leg: Leg | None = None) -> str | None:
        """What is being said to the leg."""
        say = self.hearing.get(agent_leg() if leg is None else leg)
        return None if say is None else in_words(say.phrases)

    def count(self, kind: type[Effect]) -> int:
        """How often that was asked for."""
        return sum(isinstance(effect, kind) for effect in self.asked)

    @property
    def hung_up(self) -> list[Leg]:
        """The legs that were to be hung up, in order."""
        return [effect.leg for effect in self.asked if isinstance(effect, HangUp)]

    @property
    def timeline(self) -> list[EventType]:
        """What was noted or saved, in order."""
        return [effect.type for effect in self.asked if isinstance(effect, Note | Save)]

    def cancelled(self) -> None:
        """The call-back is cancelled."""
        self.happens(CancelAsked())

    def interrupted(self, *up: Leg) -> None:
        """The PBX lost the call, but for these legs."""
        self.happens(Interrupted(frozenset(up)))


class AttemptCall(Driver):
    """An attempt that has begun: its agents' phones ring."""

    def __init__(
        self,
        *,
        endpoints: int = 1,
        keys: Keys | None = None,
        rules: Rulebook | None = None,
        counted: int = 0,
        prompt_repeats: int = 3,
        prompt: bool = True,
    ) -> None:
        super().__init__(prompt=prompt)
        self.rules = rules or Rulebook()
        script = Script(
            endpoints=tuple(f"PJSIP/100{index + 1}" for index in range(endpoints)),
            number=NUMBER,
            try_number=counted + 1 if counted else None,
            ring=timedelta(seconds=20),
            key_wait=timedelta(seconds=8),
            prompt_repeats=prompt_repeats,
            after_failure=timedelta(seconds=10),
            client_ring=timedelta(seconds=30),
            keys=keys or Keys(),
        )
        machine, effects = attempts.begin(script, Attempt("cb", 1, Kind.REQUEST, START))
        self.state: AttemptState = machine
        self._carry_out(effects)

    def happens(self, happening: Happening) -> None:
        """Tell the machine."""
        if isinstance(self.state, Finished):
            return
        self.state, effects = attempts.advance(self.state, happening, self.now, self.rules)
        self._carry_out(effects)

    # What people and phones do.

    def agent_answers(self, index: int = 0) -> None:
        """An agent picks up."""
        self.happens(LegAnswered(agent_leg(index)))

    def agent_fails(self, verdict: Outcome, index: int = 0, cause: int | None = None) -> None:
        """An agent's phone could not be reached, or is busy."""
        self.happens(LegEnded(agent_leg(index), verdict, cause))

    def agent_hangs_up(self, index: int = 0) -> None:
        """An agent who had answered puts the phone down."""
        self.happens(LegEnded(agent_leg(index), Outcome.AGENT_NO_ANSWER, 16))

    def agent_presses(self, digits: str, index: int = 0) -> None:
        """Key after key."""
        for digit in digits:
            self.happens(DigitPressed(agent_leg(index), digit))

    def checks_pass(self) -> None:
        """The client may be dialled."""
        assert isinstance(self.latest[-1], Recheck)
        self.happens(Cleared())

    def checks_refuse(self, reason: str = "number_blocked") -> None:
        """The client may not be dialled."""
        assert isinstance(self.latest[-1], Recheck)
        self.happens(Refused(reason))

    def client_rings(self) -> None:
        """The network says that it rings."""
        self.happens(LegRinging(CLIENT))

    def client_progress(self) -> None:
        """The network sends sound of its own."""
        self.happens(LegProgress(CLIENT))

    def client_answers(self) -> None:
        """The client picks up."""
        self.happens(LegAnswered(CLIENT))

    def client_fails(self, verdict: Outcome, cause: int | None = None) -> None:
        """The client's phone was not reached."""
        self.happens(LegEnded(CLIENT, verdict, cause))

    def client_hangs_up(self) -> None:
        """The client side ends."""
        self.happens(LegEnded(CLIENT, Outcome.ANSWERED, 16))

    # Shortcuts.

    def listening(self) -> AttemptCall:
        """The agent has answered."""
        self.agent_answers()
        return self

    def dialling(self) -> AttemptCall:
        """The agent has pressed the start key and the client is being dialled."""
        self.agent_answers()
        self.agent_presses(self.keys.start)
        self.checks_pass()
        return self

    def talking(self) -> AttemptCall:
        """The two are bridged."""
        self.dialling()
        self.client_rings()
        self.client_answers()
        return self

    # What came of it.

    @property
    def keys(self) -> Keys:
        """The agent's keys."""
        assert not isinstance(self.state, Finished)
        return self.state.core.script.keys

    @property
    def over(self) -> bool:
        """Every leg is gone."""
        return isinstance(self.state, Finished)

    @property
    def record(self) -> Attempt:
        """The attempt as it stands."""
        return self.state.attempt if isinstance(self.state, Finished) else self.state.core.attempt

    @property
    def outcome(self) -> Outcome | None:
        """How it ended; None while it is live."""
        return self.record.outcome

    @property
    def dialled(self) -> bool:
        """The client was dialled."""
        return self.count(DialClient) > 0

    @property
    def rung(self) -> list[str]:
        """The endpoints that were rung."""
        return [effect.endpoint for effect in self.asked if isinstance(effect, Ring)]


class OfferCall(Driver):
    """An offer that has begun: the client's phone is being rung."""

    def __init__(self, *, prompt: bool = True) -> None:
        super().__init__(prompt=prompt)
        script = OfferScript(ring=timedelta(seconds=30), key_wait=timedelta(seconds=8))
        machine, effects = offers.begin(script, Offer("cb", 1, START), START)
        self.state: OfferState = machine
        self._carry_out(effects)

    def happens(self, happening: Happening) -> None:
        """Tell the machine."""
        if isinstance(self.state, OfferFinished):
            return
        self.state, effects = offers.advance(self.state, happening, self.now)
        self._carry_out(effects)

    def answered(self) -> OfferCall:
        """The client picks up."""
        self.happens(LegRinging(OFFER))
        self.happens(LegAnswered(OFFER))
        return self

    def presses(self, digit: str) -> None:
        """The client presses a key."""
        self.happens(DigitPressed(OFFER, digit))

    def fails(self, verdict: Outcome) -> None:
        """The client's phone was not reached."""
        self.happens(LegEnded(OFFER, verdict))

    def hangs_up(self) -> None:
        """The client puts the phone down."""
        self.happens(LegEnded(OFFER, Outcome.ANSWERED, 16))

    @property
    def over(self) -> bool:
        """The leg is gone."""
        return isinstance(self.state, OfferFinished)

    @property
    def record(self) -> Offer:
        """The offer as it stands."""
        return self.state.offer if isinstance(self.state, OfferFinished) else self.state.core.offer

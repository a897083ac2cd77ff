"""Phones with scripted people behind them, in place of a PBX; they check what no phone system may do."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from callbackd.domain.callback import Outcome, Step
from callbackd.domain.telephony import (
    DialClient,
    DigitPressed,
    Effect,
    HangUp,
    Happening,
    Hush,
    Leg,
    LegAnswered,
    LegEnded,
    LegRinging,
    Line,
    Ring,
    Role,
    Say,
    SpeechEnded,
)

SPEECH = 3.0
"""Seconds that anything takes to say."""


@dataclass(frozen=True)
class Person:
    """What somebody, and their phone, do. All in seconds; `None` for never.

    The phone rings after `rings`. After `after` it is answered, or fails with `verdict`. `keys` are pressed so long
    after the answer. They hang up `leaves` after the answer.
    """

    after: float | None = 2.0
    verdict: Outcome | None = None
    rings: float | None = 0.5
    keys: tuple[tuple[float, str], ...] = ()
    leaves: float | None = None


def agent(*keys: tuple[float, str], after: float | None = 2.0, leaves: float | None = None) -> Person:
    """An agent who answers and presses keys."""
    return Person(after=after, keys=keys, leaves=leaves)


def ready_agent(after: float = 2.0) -> Person:
    """An agent who presses 1."""
    return agent((3.0, "1"), after=after)


NO_AGENT = Person(after=None)
TALKER = Person(after=5.0, leaves=120.0)


def fails(verdict: Outcome, after: float = 3.0) -> Person:
    """A phone that is not reached."""
    rings = None if verdict in (Outcome.ROUTE_FAILED, Outcome.CLIENT_INVALID, Outcome.AGENT_UNREACHABLE) else 0.5
    return Person(after=after, verdict=verdict, rings=rings)


Key = tuple[str, Step, int]


@dataclass
class _Call:
    line: Line
    up: set[Leg] = field(default_factory=set)
    rung: set[Leg] = field(default_factory=set)
    answered: set[Leg] = field(default_factory=set)
    pressed: str = ""
    saying: dict[Leg, int] = field(default_factory=dict)
    gone: set[Leg] = field(default_factory=set)


class FakePhones:
    """Keeps `callbackd.engine.phones.Phones`. `tell` is where the calls' signals go.

    `agents` and `clients` say who picks up; `dials` are the clients' legs as (loop time, number, step, sequence).
    `trouble` holds whatever must never happen and did.
    """

    def __init__(self) -> None:
        self.tell: Callable[[str, object], None] = lambda _callback_id, _signal: None
        self.agents: Callable[[Line, Ring], Person] = lambda _line, _ring: ready_agent()
        self.clients: Callable[[Line], Person] = lambda _line: TALKER
        self.queues: dict[str, bool] = {}
        self.dials: list[tuple[float, str, Step, int]] = []
        self.rings: list[tuple[float, str, str]] = []
        self.trouble: list[str] = []
        self.said: list[tuple[Leg, str]] = []
        self.adopted: list[frozenset[Leg]] = []
        self.hushed: list[Leg] = []
        self.looks = 0
        self.unseen = False
        self._calls: dict[Key, _Call] = {}

    # What the engine asks.

    def open(self, line: Line) -> None:
        """Follow a call."""
        self._calls[_key(line)] = _Call(line)

    def adopt(self, line: Line, legs: frozenset[Leg]) -> None:
        """Follow a call that was up before."""
        self._calls[_key(line)] = _Call(line, up=set(legs), answered=set(legs))
        self.adopted.append(legs)

    async def close(self, line: Line) -> None:
        """Whatever is left goes."""
        self._calls.pop(_key(line), None)

    async def perform(self, line: Line, effect: Effect) -> Sequence[Happening]:
        """Let phones ring and people hear."""
        call = self._calls[_key(line)]
        match effect:
            case Ring(leg):
                self._once(call, leg)
                self.rings.append((self._time(), line.number, effect.endpoint))
                self._play(call, leg, self.agents(line, effect), ended=Outcome.AGENT_NO_ANSWER)
            case DialClient(leg, beside):
                self._once(call, leg)
                if beside is not None and (beside not in call.up & call.answered or "1" not in call.pressed):
                    self.trouble.append(f"{line.number} was dialled without an agent who pressed 1")
                if any(other is not call and self._client_up(other, line.number) for other in self._calls.values()):
                    self.trouble.append(f"{line.number} has two live legs")
                self.dials.append((self._time(), line.number, line.step, line.sequence))
                self._play(call, leg, self.clients(line), ended=Outcome.ANSWERED)
            case HangUp(leg):
                self._later(0.05, call, LegEnded(leg, Outcome.INTERRUPTED))
            case Say(leg, phrases, utterance, loop):
                self.said.extend((leg, getattr(phrase, "name", "")) for phrase in phrases)
                call.saying[leg] = utterance
                if not loop:
                    self._later(SPEECH, call, SpeechEnded(leg, utterance))
            case Hush(leg):
                self.hushed.append(leg)
                call.saying.pop(leg, None)
        return ()

    async def interpret(self, line: Line, signal: object) -> Sequence[Happening]:
        """Our signals are happenings, with the call that they are for."""
        assert isinstance(signal, tuple)
        key, happening = signal
        call = self._calls.get(key)
        if key != _key(line) or call is None:
            return ()
        match happening:
            case LegEnded(leg) | LegRinging(leg) | LegAnswered(leg) | DigitPressed(leg) if leg not in call.up:
                return ()
            case SpeechEnded(leg, utterance) if call.saying.get(leg) != utterance:
                return ()
            case LegEnded(leg):
                call.up.discard(leg)
            case LegAnswered(leg):
                call.answered.add(leg)
            case DigitPressed(leg, digit) if leg.role is Role.AGENT:
                call.pressed += digit
        return (happening,)

    async def unseen_answer(self, line: Line, leg: Leg) -> Sequence[Happening] | None:
        """Every answer is seen here."""
        return ()

    async def still_up(self, lines: Sequence[Line]) -> Sequence[frozenset[Leg]] | None:
        """As somebody sees who looks."""
        self.looks += 1
        if self.unseen:
            return None
        calls = [self._calls.get(_key(line)) for line in lines]
        return [frozenset() if call is None else frozenset(call.up - call.gone) for call in calls]

    def agents_available(self, queue: str) -> bool:
        """Whether somebody is logged in."""
        return self.queues.get(queue, False)

    # What tests do and look at.

    def happens(self, callback_id: str, happening: Happening) -> None:
        """Something happens to the live call of a call-back now."""
        for key in self._calls:
            if key[0] == callback_id:
                self.tell(callback_id, (key, happening))

    def gone_unheard(self, callback_id: str, *legs: Leg) -> None:
        """Legs of a live call end, and the events are lost."""
        for key, call in self._calls.items():
            if key[0] == callback_id:
                call.gone.update(legs)

    @property
    def numbers(self) -> list[str]:
        """The clients' numbers in the order in which they were dialled."""
        return [number for _, number, _, _ in self.dials]

    # Within.

    def _play(self, call: _Call, leg: Leg, person: Person, ended: Outcome) -> None:
        call.up.add(leg)
        if person.rings is not None:
            self._later(person.rings, call, LegRinging(leg))
        if person.after is None:
            return
        if person.verdict is not None:
            self._later(person.after, call, LegEnded(leg, person.verdict))
            return
        self._later(person.after, call, LegAnswered(leg))
        for after, digit in person.keys:
            self._later(person.after + after, call, DigitPressed(leg, digit))
        if person.leaves is not None:
            self._later(person.after + person.leaves, call, LegEnded(leg, ended, 16))

    def _once(self, call: _Call, leg: Leg) -> None:
        if leg in call.rung:
            self.trouble.append(f"{leg} of {call.line.callback_id} was rung twice")
        call.rung.add(leg)

    def _client_up(self, call: _Call, number: str) -> bool:
        return call.line.number == number and any(leg.role is not Role.AGENT for leg in call.up)

    def _later(self, seconds: float, call: _Call, happening: Happening) -> None:
        key = _key(call.line)
        asyncio.get_running_loop().call_later(seconds, lambda: self.tell(key[0], (key, happening)))

    def _time(self) -> float:
        return asyncio.get_running_loop().time()


def _key(line: Line) -> Key:
    return (line.callback_id, line.step, line.sequence)


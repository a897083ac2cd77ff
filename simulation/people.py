"""Random people behind the phones: what agents and clients do with a call, drawn when they are rung."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from simulation.asterisk.phones import (
    ABSENT,
    BUSY,
    CONGESTED,
    LOCAL_BUSY,
    LOCAL_CONGESTION,
    NO_ANSWER,
    NO_SUCH_NUMBER,
    REJECTED,
    Behaviour,
    Call,
    Press,
    Refusal,
    Signal,
    refuses,
    sip,
    voicemail,
)

_REFUSALS = (BUSY, BUSY, BUSY, ABSENT, REJECTED, NO_SUCH_NUMBER, CONGESTED, sip(403), sip(410), sip(484), sip(408))
_LOCAL_REFUSALS = (LOCAL_BUSY, LOCAL_CONGESTION)
_SIGNALS = (Signal.RINGING, Signal.RINGING, Signal.RINGING, Signal.PROGRESS, Signal.NOTHING)


@dataclass(frozen=True, slots=True)
class Manners:
    """How likely things are, each from 0 to 1.

    `diligence`: an agent who is rung answers and presses the start key. `reach`: a client who is rung answers.
    `vanishing`: a phone is gone without a word in the middle of a call.
    """

    diligence: float
    reach: float
    vanishing: float


class People:
    """Asked for a behaviour at each call. `start_key` tells what the agents of a leg must press."""

    def __init__(self, chance: Random, manners: Manners, start_key: Callable[[str], str]) -> None:
        self._chance = chance
        self._start_key = start_key
        self.manners = manners
        self.calm = False
        """Nobody vanishes any more, and nobody talks for ever."""

    def agent(self, call: Call) -> Behaviour:
        """What an agent does."""
        chance = self._chance
        if any(each is not call and each.ended_at is None for each in call.phone.calls):
            return refuses(BUSY)
        start = self._start_key(call.leg)
        answer = chance.choice((0.0, chance.uniform(0.2, 4), chance.uniform(0.2, 4), chance.uniform(0, 24)))
        if chance.random() < self.manners.diligence:
            first = Press(start, chance.uniform(0.1, 12))
            behaviour = Behaviour(
                signal_after=chance.uniform(0.02, 0.4),
                answer_after=answer,
                presses=(first, *self._later_presses(first.after)),
                hang_up_after=chance.choice(
                    (chance.uniform(120, 600), chance.uniform(120, 600), chance.uniform(first.after, first.after + 120))
                ),
            )
        else:
            behaviour = self._unwilling(answer, start)
        return self._perhaps_vanishing(behaviour)

    def client(self, call: Call) -> Behaviour:
        """What a client does."""
        chance = self._chance
        if any(each is not call and each.ended_at is None for each in call.phone.calls):
            return refuses(BUSY)
        if chance.random() >= self.manners.reach:
            return self._perhaps_vanishing(self._unreached(call.endpoint.startswith("Local/")))
        answer = chance.choice((0.0, chance.uniform(0.3, 8), chance.uniform(0.3, 8), chance.uniform(0, 40)))
        talks = chance.choice((chance.uniform(0, 5), chance.uniform(0, 40), chance.uniform(10, 200)))
        presses: tuple[Press, ...] = ()
        if chance.random() < 0.6:
            presses = (Press(chance.choice(("1", "1", "1", "2", "3", "9", "5", "#1")), chance.uniform(0.2, 25)),)
        return self._perhaps_vanishing(
            Behaviour(
                signal=chance.choice(_SIGNALS),
                signal_after=chance.uniform(0.02, 2),
                answer_after=answer,
                presses=presses,
                hang_up_after=chance.choice((talks, talks, talks, talks, None)),
            )
        )

    def caller(self) -> Behaviour:
        """What somebody does who waits in a queue and was sent to the menu."""
        chance = self._chance
        keys = chance.choice(("1", "1", "1", "2", "21416555010%d#1" % chance.randrange(10), "*", "9", ""))  # noqa: UP031
        presses = (Press(keys, chance.uniform(0.1, 15), gap=chance.uniform(0.2, 2)),) if keys else ()
        if chance.random() < 0.4:
            presses = (*presses, Press("1", chance.uniform(10, 25)))
        return Behaviour(
            presses=presses, hang_up_after=chance.choice((None, chance.uniform(0, 40), chance.uniform(20, 90)))
        )

    def _later_presses(self, after: float) -> tuple[Press, ...]:
        chance = self._chance
        count = chance.choice((0, 0, 0, 1, 1, 2, 3))
        return tuple(Press(chance.choice("9991205*"), after + chance.uniform(0.1, 60)) for _ in range(count))

    def _unwilling(self, answer: float, start: str) -> Behaviour:
        chance = self._chance
        before = answer + chance.uniform(0, 30)
        return chance.choice(
            (
                NO_ANSWER,
                NO_ANSWER,
                refuses(BUSY, chance.uniform(0.05, 5)),
                refuses(REJECTED, chance.uniform(0.05, 5), Signal.RINGING),
                Behaviour(answer_after=answer, presses=(Press("2", chance.uniform(0.1, 20)),)),
                Behaviour(answer_after=answer),
                Behaviour(answer_after=answer, hang_up_after=chance.uniform(0, 20)),
                Behaviour(answer_after=answer, presses=(Press("9", 1.0), Press("5", 3.0)), hang_up_after=before),
                Behaviour(answer_after=answer, presses=(Press("9", 1.0), Press(start, chance.uniform(2, 9)))),
            )
        )

    def _unreached(self, local: bool) -> Behaviour:
        chance = self._chance
        refusals: tuple[Refusal, ...] = _LOCAL_REFUSALS if local and chance.random() < 0.3 else _REFUSALS
        return chance.choice(
            (
                NO_ANSWER,
                NO_ANSWER,
                refuses(chance.choice(refusals), chance.uniform(0.05, 20), chance.choice(_SIGNALS)),
                refuses(chance.choice(refusals), chance.uniform(0.05, 20), chance.choice(_SIGNALS)),
                voicemail(chance.uniform(2, 25), greets=chance.uniform(1, 6), records=chance.uniform(1, 60)),
                Behaviour(signal=Signal.NOTHING),
            )
        )

    def _perhaps_vanishing(self, behaviour: Behaviour) -> Behaviour:
        if self.calm:
            return replace(behaviour, hang_up_after=behaviour.hang_up_after or self._chance.uniform(60, 240))
        if self._chance.random() < self.manners.vanishing:
            return replace(behaviour, vanish_after=self._chance.uniform(0, 40))
        return behaviour

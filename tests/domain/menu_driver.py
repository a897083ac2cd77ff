"""A caller in the intake menu, told in sentences."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from callbackd.domain import menu
from callbackd.domain.menu import (
    Ask,
    Effect,
    EndCall,
    Gone,
    HandBack,
    Happening,
    Kept,
    Leave,
    MenuState,
    Over,
    Pressed,
    Speak,
    Spoken,
)
from callbackd.domain.prompts import Clock, Digits, Number, Phrase, Prompt, Weekday
from callbackd.domain.telephony import StartTimer, StopTimer, TimeUp
from tests.domain.office import profile

OWN = "+14165550123"


def words(phrases: tuple[Phrase, ...]) -> str:
    """What is said, in a form to compare."""
    return " ".join(_word(phrase) for phrase in phrases)


def _word(phrase: Phrase) -> str:
    match phrase:
        case Prompt(name):
            return name.removeprefix("menu-")
        case Digits(text):
            return text
        case Number(value):
            return str(value)
        case Weekday(day):
            return f"day-{day}"
        case Clock(hour, minute):
            return f"{hour}:{minute:02d}"


class Caller:
    """Somebody who stands in the menu; nobody stays in it for ever."""

    def __init__(self, own: str | None = OWN) -> None:
        self.timers: dict[str, timedelta] = {}
        self.said: list[str] = []
        self.effects: list[Effect] = []
        self.utterance: int | None = None
        office = profile()
        office = replace(office, agent=replace(office.agent, key_wait=timedelta(seconds=8)))
        self.state: MenuState
        self.state, effects = menu.begin(office, own)
        self._carry_out(effects)

    def happens(self, happening: Happening) -> Caller:
        """Tell the machine."""
        if not isinstance(self.state, Over):
            self.state, effects = menu.advance(self.state, happening)
            self._carry_out(effects)
        return self

    def presses(self, keys: str) -> Caller:
        """One key after another."""
        for key in keys:
            self.happens(Pressed(key))
        return self

    def hears_it_out(self) -> Caller:
        """Listens to the end."""
        assert self.utterance is not None
        return self.happens(Spoken(self.utterance))

    def is_silent(self) -> Caller:
        """Listens to the end and presses nothing."""
        self.hears_it_out()
        assert "key" in self.timers
        return self.runs_out("key")

    def runs_out(self, timer: str) -> Caller:
        """A timer that runs comes to its end."""
        del self.timers[timer]
        return self.happens(TimeUp(timer))

    def hangs_up(self) -> Caller:
        """Puts the phone down."""
        return self.happens(Gone())

    def is_kept(self, *, created: bool = True, before: int | None = 0) -> Caller:
        """The engine keeps what was asked for."""
        return self.happens(Kept(created, before, None))

    def daemon_stops(self, *, now: bool = False) -> Caller:
        """We are about to stop."""
        return self.happens(HandBack(now))

    @property
    def hears(self) -> str:
        """What is being said."""
        return self.said[-1]

    @property
    def asked(self) -> list[Ask]:
        """The requests that were made."""
        return [effect for effect in self.effects if isinstance(effect, Ask)]

    @property
    def back(self) -> bool:
        """They are in the queue again."""
        return isinstance(self.state, Over) and self.effects[-1] == Leave()

    @property
    def hung_up(self) -> bool:
        """They were hung up."""
        return EndCall() in self.effects

    def _carry_out(self, effects: tuple[Effect, ...]) -> None:
        for effect in effects:
            self.effects.append(effect)
            match effect:
                case Speak(phrases, utterance):
                    self.said.append(words(phrases))
                    self.utterance = utterance
                case menu.Quiet():
                    self.utterance = None
                case StartTimer(timer, after):
                    self.timers[timer] = after
                case StopTimer(timer):
                    self.timers.pop(timer, None)

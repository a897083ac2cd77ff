"""The intake menu as a state machine: a caller who waits in a queue asks to be called back instead.

The request is made exactly when 1 confirms a number: hanging up before leaves nothing, hanging up after leaves a
call-back. Every other way out leads back to where the caller came from, the queue.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from callbackd.domain import prompts
from callbackd.domain.numbers import MOST_DIGITS
from callbackd.domain.profile import Profile
from callbackd.domain.prompts import Phrase
from callbackd.domain.telephony import StartTimer, StopTimer, TimeUp

TRIES = 3
"""How often a question is asked in all. A number that is refused uses up one time of asking for a number."""

WHOLE_LIMIT = timedelta(minutes=5)
"""After that the caller is back in the queue, whatever they do; one whose call-back is kept hears it to the end."""

SPEECH_LIMIT = timedelta(seconds=45)
"""Nothing that is said takes so long: its end was never told."""


@dataclass(frozen=True, slots=True)
class Visit:
    """One caller in the menu: their channel's id, and what is said in what tongue."""

    id: str
    profile: str
    language: str
    prompts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


# What happens. ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Pressed:
    """The caller pressed a key of ``0-9 * #``."""

    digit: str


@dataclass(frozen=True, slots=True)
class Spoken:
    """What was said with that number is over."""

    utterance: int


@dataclass(frozen=True, slots=True)
class Gone:
    """The caller hung up, or was taken elsewhere."""


@dataclass(frozen=True, slots=True)
class Kept:
    """There is a call-back. `created`: there was none before.

    `before`: how many come first, None if that is not known. `opens`: when the line opens, on the target's wall clock,
    if it is shut.
    """

    created: bool
    before: int | None
    opens: datetime | None


@dataclass(frozen=True, slots=True)
class NumberRefused:
    """This number is not called; another may be."""


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No call-backs are taken now."""


@dataclass(frozen=True, slots=True)
class HandBack:
    """We are about to stop. `now`: not even a goodbye can be waited for."""

    now: bool = False


Happening = Pressed | Spoken | Gone | Kept | NumberRefused | Unavailable | HandBack | TimeUp


# What is asked for. -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """Pick up."""


@dataclass(frozen=True, slots=True)
class Speak:
    """Say phrases, in place of what is being said."""

    phrases: tuple[Phrase, ...]
    utterance: int


@dataclass(frozen=True, slots=True)
class Quiet:
    """Say no more."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Make the request: `Kept`, `NumberRefused` or `Unavailable` follows. `own`: they call from that number."""

    number: str
    own: bool


@dataclass(frozen=True, slots=True)
class MarkKept:
    """Let the dialplan know that this caller has a call-back, should it get them back."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Hand the caller back to the dialplan, at once."""


@dataclass(frozen=True, slots=True)
class EndCall:
    """Hang up: they were told goodbye."""


Effect = Answer | Speak | Quiet | Ask | MarkKept | Leave | EndCall | StartTimer | StopTimer
Effects = tuple[Effect, ...]


# How it stands. -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MenuCore:
    """What all states share.

    `own` is the number they call from, in E.164, if it may be dialled. `refused` counts numbers that were refused;
    `utterance` numbers what is said.
    """

    own: str | None
    key_wait: timedelta
    refused: int = 0
    utterance: int = 0


@dataclass(frozen=True, slots=True)
class Offering:
    """Shall we call the number you call from?"""

    core: MenuCore
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Entering:
    """Which number shall we call? `first`: it is the first question, so that * without a digit leads back."""

    core: MenuCore
    digits: str = ""
    tries: int = 1
    first: bool = False


@dataclass(frozen=True, slots=True)
class Confirming:
    """Is that the number?"""

    core: MenuCore
    digits: str
    tries: int = 1


@dataclass(frozen=True, slots=True)
class Deciding:
    """The request is being made."""

    core: MenuCore


@dataclass(frozen=True, slots=True)
class TellingWhatFollows:
    """The call-back is kept; they hear so, and goodbye."""

    core: MenuCore


@dataclass(frozen=True, slots=True)
class Returning:
    """They hear that they go back to the queue."""

    core: MenuCore


@dataclass(frozen=True, slots=True)
class Over:
    """They left: hung up, or back."""


LiveMenu = Offering | Entering | Confirming | Deciding | TellingWhatFollows | Returning
MenuState = LiveMenu | Over
Next = tuple[MenuState, Effects]


def begin(profile: Profile, own: str | None) -> tuple[LiveMenu, Effects]:
    """Pick up and ask the first question. `own` as in `MenuCore`."""
    core = MenuCore(own, profile.agent.key_wait)
    start: Effects = (Answer(), StartTimer("whole", WHOLE_LIMIT))
    if own is None:
        core, effects = _say(core, prompts.MENU_OFFER + prompts.MENU_ENTER)
        return Entering(core, first=True), (*start, *effects)
    core, effects = _say(core, prompts.MENU_OFFER + prompts.own_number(own))
    return Offering(core), (*start, *effects)


def advance(state: LiveMenu, happening: Happening) -> Next:
    """The next state after what happened, and the effects, to be carried out in order."""
    if happening == TimeUp("speech"):
        happening = Spoken(state.core.utterance)
    if isinstance(happening, Spoken) and happening.utterance != state.core.utterance:
        return state, ()
    match happening:
        case Gone():
            return Over(), ()
        case HandBack(now) if now or not isinstance(state, TellingWhatFollows):
            return _leave()
        case TimeUp("whole") if not isinstance(state, TellingWhatFollows | Returning):
            return _back(state.core)
        case Unavailable() if not isinstance(state, TellingWhatFollows | Returning):
            return _back(state.core, prompts.MENU_SORRY)
    match state:
        case Offering():
            return _offering(state, happening)
        case Entering():
            return _entering(state, happening)
        case Confirming():
            return _confirming(state, happening)
        case Deciding():
            return _deciding(state, happening)
        case TellingWhatFollows():
            return (Over(), (EndCall(),)) if isinstance(happening, Spoken) else (state, ())
        case Returning():
            return _leave() if isinstance(happening, Spoken | Pressed) else (state, ())


def _offering(state: Offering, happening: Happening) -> Next:
    core = state.core
    match happening:
        case Pressed("1") if core.own is not None:
            return _ask(core, core.own, own=True)
        case Pressed("2"):
            return _enter(core)
        case Pressed("*"):
            return _leave()
        case Pressed() | TimeUp("key") if core.own is not None:
            if state.tries >= TRIES:
                return _back(core)
            core, effects = _say(core, prompts.own_number(core.own or ""))
            return Offering(core, state.tries + 1), effects
        case Spoken():
            return state, _listen(core)
    return state, ()


def _entering(state: Entering, happening: Happening) -> Next:
    core = state.core
    match happening:
        case Pressed("*") if not state.digits and state.first:
            return _leave()
        case Pressed("*"):
            core, effects = _say(core, prompts.MENU_ENTER)
            return replace(state, core=core, digits="", first=False), effects
        case Pressed("#") | TimeUp("key"):
            if state.digits:
                return _confirm(core, state.digits)
            if state.tries >= TRIES:
                return _back(core)
            core, effects = _say(core, prompts.MENU_ENTER)
            return replace(state, core=core, tries=state.tries + 1), effects
        case Pressed(digit):
            digits = state.digits + digit
            quiet: Effects = () if state.digits else (Quiet(), StopTimer("speech"))
            core = replace(core, utterance=core.utterance + 1)  # what was said, if anything, is over
            # One more than any number has is enough to be refused; the rest is not kept.
            return replace(state, core=core, digits=digits[: MOST_DIGITS + 1]), (*quiet, *_listen(core))
        case Spoken():
            return state, _listen(core)
    return state, ()


def _confirming(state: Confirming, happening: Happening) -> Next:
    core = state.core
    match happening:
        case Pressed("1"):
            return _ask(core, state.digits, own=False)
        case Pressed("2" | "*"):
            return _enter(core)
        case Pressed() | TimeUp("key"):
            if state.tries >= TRIES:
                return _back(core)
            core, effects = _say(core, prompts.keyed_number(state.digits))
            return replace(state, core=core, tries=state.tries + 1), effects
        case Spoken():
            return state, _listen(core)
    return state, ()


def _deciding(state: Deciding, happening: Happening) -> Next:
    core = state.core
    match happening:
        case Kept(created, before, opens):
            core, effects = _say(core, prompts.what_follows(created=created, before=before, opens=opens))
            return TellingWhatFollows(core), (StopTimer("whole"), MarkKept(), *effects)
        case NumberRefused():
            core = replace(core, refused=core.refused + 1)
            if core.refused >= TRIES:
                return _back(core, prompts.MENU_REFUSED + prompts.MENU_BACK)
            return _enter(core, prompts.MENU_REFUSED)
    return state, ()


def _ask(core: MenuCore, number: str, *, own: bool) -> Next:
    core = replace(core, utterance=core.utterance + 1)
    return Deciding(core), (StopTimer("key"), StopTimer("speech"), Quiet(), Ask(number, own))


def _enter(core: MenuCore, first: tuple[Phrase, ...] = ()) -> Next:
    core, effects = _say(core, first + prompts.MENU_ENTER)
    return Entering(core, tries=core.refused + 1), effects


def _confirm(core: MenuCore, digits: str) -> Next:
    core, effects = _say(core, prompts.keyed_number(digits))
    return Confirming(core, digits), effects


def _back(core: MenuCore, phrases: tuple[Phrase, ...] = prompts.MENU_BACK) -> Next:
    core, effects = _say(core, phrases)
    return Returning(core), (StopTimer("whole"), *effects)


def _leave() -> Next:
    return Over(), (Quiet(), Leave())


def _say(core: MenuCore, phrases: tuple[Phrase, ...]) -> tuple[MenuCore, Effects]:
    core = replace(core, utterance=core.utterance + 1)
    return core, (StopTimer("key"), Speak(phrases, core.utterance), StartTimer("speech", SPEECH_LIMIT))


def _listen(core: MenuCore) -> Effects:
    return (StopTimer("speech"), StartTimer("key", core.key_wait))

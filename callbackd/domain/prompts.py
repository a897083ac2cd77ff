"""Everything that is said on a call, by name, and the phrases it is put together from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from callbackd.domain.callback import Outcome
from callbackd.domain.profile import Keys

PROMPTS = frozenset(
    {
        "agent-armed",
        "agent-armed-none",
        "agent-cancelled",
        "agent-choices",
        "agent-declined",
        "agent-disarmed",
        "agent-intro",
        "agent-timeout",
        "agent-try",
        "agent-withheld",
        "beep-confirm",
        "client-apology",
        "connecting",
        "failed-busy",
        "failed-hung-up",
        "failed-invalid",
        "failed-no-answer",
        "failed-rejected",
        "failed-route",
        "failed-unreachable",
        "menu-accepted",
        "menu-back",
        "menu-before",
        "menu-choices",
        "menu-closed",
        "menu-confirm",
        "menu-duplicate",
        "menu-enter",
        "menu-goodbye",
        "menu-next",
        "menu-number-is",
        "menu-offer",
        "menu-refused",
        "menu-sorry",
        "offer-again",
        "offer-choices",
        "offer-declined",
        "offer-goodbye",
        "offer-intro",
        "offer-never",
        "press",
        "press-to-retry",
        "ringing",
        "to-decline",
        "to-hear-again",
        "to-retry-later",
        "to-start",
        "will-not-retry",
        "will-retry",
    }
)
"""The names a profile may replace under `prompts`."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """A recorded phrase; `name` is one of `PROMPTS`."""

    name: str


@dataclass(frozen=True, slots=True)
class Digits:
    """Characters of ``0-9 * #`` read one by one."""

    text: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number read as a whole."""

    value: int


@dataclass(frozen=True, slots=True)
class Weekday:
    """A day of the week; 0 is Monday."""

    day: int


@dataclass(frozen=True, slots=True)
class Clock:
    """A time of the day on the wall: hour 0 to 23, minute 0 to 59."""

    hour: int
    minute: int


Phrase = Prompt | Digits | Number | Weekday | Clock

CONNECTING: tuple[Phrase, ...] = (Prompt("connecting"),)
RINGING: tuple[Phrase, ...] = (Prompt("ringing"),)
TIMED_OUT: tuple[Phrase, ...] = (Prompt("agent-timeout"),)
DECLINED: tuple[Phrase, ...] = (Prompt("agent-declined"),)
WITHHELD: tuple[Phrase, ...] = (Prompt("agent-withheld"),)
CANCELLED: tuple[Phrase, ...] = (Prompt("agent-cancelled"),)
APOLOGY: tuple[Phrase, ...] = (Prompt("client-apology"),)

_FAILURES = {
    Outcome.ANSWERED: "failed-hung-up",
    Outcome.CLIENT_BUSY: "failed-busy",
    Outcome.CLIENT_NO_ANSWER: "failed-no-answer",
    Outcome.CLIENT_REJECTED: "failed-rejected",
    Outcome.CLIENT_UNREACHABLE: "failed-unreachable",
    Outcome.CLIENT_INVALID: "failed-invalid",
    Outcome.CLIENT_MACHINE: "failed-hung-up",
    Outcome.ROUTE_FAILED: "failed-route",
}


def introduction(number: str, try_number: int | None) -> tuple[Phrase, ...]:
    """That it is a call-back, the number digit by digit and, from the second try on, which try it is."""
    phrases: tuple[Phrase, ...] = (Prompt("agent-intro"), Digits(number.removeprefix("+")))
    if try_number is not None:
        phrases += (Prompt("agent-try"), Number(try_number))
    return phrases


def choices(keys: Keys) -> tuple[Phrase, ...]:
    """Which keys the agent has."""
    if (keys.start, keys.decline, keys.again) == ("1", "2", "*"):
        return (Prompt("agent-choices"),)
    return (
        *(Prompt("press"), Digits(keys.start), Prompt("to-start")),
        *(Prompt("press"), Digits(keys.decline), Prompt("to-decline")),
        *(Prompt("press"), Digits(keys.again), Prompt("to-hear-again")),
    )


def failure(client_outcome: Outcome, will_retry: bool, retry_key: str | None) -> tuple[Phrase, ...]:
    """What happened to the client leg and what follows; `retry_key` when the agent may still ask for a try."""
    phrases: tuple[Phrase, ...] = (
        Prompt(_FAILURES.get(client_outcome, "failed-route")),
        Prompt("will-retry" if will_retry else "will-not-retry"),
    )
    if retry_key == "9":
        return (*phrases, Prompt("press-to-retry"))
    if retry_key is not None:
        return (*phrases, Prompt("press"), Digits(retry_key), Prompt("to-retry-later"))
    return phrases


def armed(armed_now: bool, possible: bool) -> tuple[Phrase, ...]:
    """The confirmation of the reschedule key."""
    if not armed_now:
        return (Prompt("beep-confirm"), Prompt("agent-disarmed"))
    return (Prompt("beep-confirm"), Prompt("agent-armed" if possible else "agent-armed-none"))


def offer(keyed: str | None) -> tuple[Phrase, ...]:
    """The answer to the client's key in an offer; None is goodbye without one."""
    return (Prompt({"1": "offer-again", "2": "offer-declined", "3": "offer-never"}.get(keyed or "", "offer-goodbye")),)


OFFER_INTRODUCTION: tuple[Phrase, ...] = (Prompt("offer-intro"), Prompt("offer-choices"))
OFFER_CHOICES: tuple[Phrase, ...] = (Prompt("offer-choices"),)

MENU_OFFER: tuple[Phrase, ...] = (Prompt("menu-offer"),)
MENU_ENTER: tuple[Phrase, ...] = (Prompt("menu-enter"),)
MENU_REFUSED: tuple[Phrase, ...] = (Prompt("menu-refused"),)
MENU_SORRY: tuple[Phrase, ...] = (Prompt("menu-sorry"),)
MENU_BACK: tuple[Phrase, ...] = (Prompt("menu-back"),)


def own_number(number: str) -> tuple[Phrase, ...]:
    """The number that a waiting caller calls from, digit by digit, and what they may press."""
    return (Prompt("menu-number-is"), Digits(number.removeprefix("+")), Prompt("menu-choices"))


def keyed_number(digits: str) -> tuple[Phrase, ...]:
    """The number that a waiting caller keyed, digit by digit, and the question whether it is right."""
    return (Prompt("menu-number-is"), Digits(digits), Prompt("menu-confirm"))


def what_follows(*, created: bool, before: int | None, opens: datetime | None) -> tuple[Phrase, ...]:
    """That the call-back is kept, what follows, and goodbye.

    `opens`: when the line opens, on the target's wall clock, if it is shut; else `before` is told, if it is known.
    """
    phrases: tuple[Phrase, ...] = (Prompt("menu-accepted" if created else "menu-duplicate"),)
    if opens is not None:
        phrases += (Prompt("menu-closed"), Weekday(opens.weekday()), Clock(opens.hour, opens.minute))
    elif before is not None:
        phrases += (Prompt("menu-before"), Number(before)) if before else (Prompt("menu-next"),)
    return (*phrases, Prompt("menu-goodbye"))

"""Phrases as Asterisk media URIs, and what is played instead of a sound that is missing."""

from __future__ import annotations

from collections.abc import Mapping

from callbackd.domain.prompts import Clock, Digits, Number, Phrase, Prompt, Weekday

FOLDER = "callbackd"
"""The folder under Asterisk's sounds/<language>/ that our prompts are installed in."""

LAST_RESORT = "tone:440/200,0/200"
"""Played for a moment where even the stand-ins are missing: a missing sound must not silence a call."""

_TONES = {"ringing": ("tone:ring",)}

_STAND_INS: dict[str, tuple[str, ...]] = {
    "agent-intro": ("sound:vm-from-phonenumber",),
    "agent-choices": (
        *("sound:vm-press", "digits:1", "sound:vm-tocallnum"),
        *("sound:vm-press", "digits:2", "sound:vm-tocancel"),
        *("sound:vm-press", "digits:*", "sound:vm-repeat"),
    ),
    "press": ("sound:vm-press",),
    "to-start": ("sound:vm-tocallnum",),
    "to-decline": ("sound:vm-tocancel",),
    "to-hear-again": ("sound:vm-repeat",),
    "agent-timeout": ("sound:vm-goodbye",),
    "agent-declined": ("sound:vm-goodbye",),
    "agent-cancelled": ("sound:cancelled",),
    "offer-goodbye": ("sound:vm-goodbye",),
    "offer-declined": ("sound:vm-goodbye",),
    "offer-never": ("sound:vm-goodbye",),
    "connecting": ("tone:425/100,0/100",),
    "menu-number-is": ("sound:vm-from-phonenumber",),
    "menu-choices": (
        *("sound:vm-press", "digits:1", "sound:vm-tocallnum"),
        *("sound:vm-press", "digits:2", "sound:vm-tomakecall"),
        *("sound:vm-press", "digits:*", "sound:vm-tocancel"),
    ),
    "menu-enter": ("sound:vm-enter-num-to-call",),
    "menu-confirm": (
        *("sound:vm-press", "digits:1", "sound:vm-tocallnum"),
        *("sound:vm-press", "digits:2", "sound:vm-tocancel"),
    ),
    "menu-refused": ("sound:pbx-invalid",),
    "menu-goodbye": ("sound:vm-goodbye",),
}
"""From Asterisk's core sounds. Prompts that are not here have a beep."""


def media(phrase: Phrase, replaced: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What is played for a phrase; `replaced` is the profile's `prompts`."""
    match phrase:
        case Digits(text):
            return (f"digits:{text}",)
        case Number(value):
            return (f"number:{value}",)
        case Weekday(day):
            return (f"sound:digits/day-{(day + 1) % 7}",)
        case Clock(hour, minute):
            return _clock(hour, minute)
        case Prompt(name):
            return replaced.get(name) or _TONES.get(name) or (f"sound:{FOLDER}/{name}",)


def _clock(hour: int, minute: int) -> tuple[str, ...]:
    """A time of the day as Asterisk's own English voice tells it: nine o'clock a.m., one oh five p.m."""
    past: tuple[str, ...] = ("sound:digits/oclock",)
    if minute:
        tens, ones = divmod(minute, 10)
        if minute < 10:
            past = ("sound:digits/oh", f"sound:digits/{minute}")
        elif minute <= 20:
            past = (f"sound:digits/{minute}",)
        else:
            past = (f"sound:digits/{tens}0", *((f"sound:digits/{ones}",) if ones else ()))
    return (f"sound:digits/{hour % 12 or 12}", *past, f"sound:digits/{'p-m' if hour >= 12 else 'a-m'}")


def stand_in(phrase: Phrase) -> tuple[str, ...]:
    """What is played if one of those is missing."""
    if isinstance(phrase, Prompt):
        return _STAND_INS.get(phrase.name, ("sound:beep",))
    return (LAST_RESORT,)


_SPELLED = {"*": "star", "#": "pound"}


def files(uri: str) -> tuple[str, ...]:
    """What is played for a URI, one after another: Asterisk can't stop a `digits:` or `number:` once it has begun, but
    can stop the sounds that these are made of."""
    scheme, _, text = uri.partition(":")
    if scheme == "digits" and text and set(text) <= set("0123456789*#"):
        return tuple(f"sound:digits/{_SPELLED.get(letter, letter)}" for letter in text)
    if scheme == "number" and text.isdecimal() and int(text) <= 20:
        return (f"sound:digits/{int(text)}",)
    return (uri,)


def endless(uri: str) -> bool:
    """A tone plays until it is stopped."""
    return uri.startswith("tone:")


def joins(uri: str) -> bool:
    """Whether it can be one of a list: it ends by itself, and can be stopped at any moment."""
    return uri.startswith("sound:")

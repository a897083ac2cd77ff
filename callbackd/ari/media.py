"""Phrases as Asterisk media URIs, and what is played instead of a sound that is missing."""

from __future__ import annotations

from collections.abc import Mapping

from callbackd.domain.prompts import Digits, Number, Phrase, Prompt

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
}
"""From Asterisk's core sounds. Prompts that are not here have a beep."""


def media(phrase: Phrase, replaced: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """What is played for a phrase; `replaced` is the profile's `prompts`."""
    match phrase:
        case Digits(text):
            return (f"digits:{text}",)
        case Number(value):
            return (f"number:{value}",)
        case Prompt(name):
            return replaced.get(name) or _TONES.get(name) or (f"sound:{FOLDER}/{name}",)


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

"""Readers of plain values: each turns a value's text into what a setting means by it, or says what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from callbackd.config.near_miss import did_you_mean

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

Reads = Callable[[str], T]
"""Turns a value's text into what it means, or raises `Unfit`."""


class Unfit(ValueError):
    """A value that a setting can't have. Its text says what is allowed; it never repeats the value."""


class Confidential(Unfit):
    """The same, of a value that may hold a password and must not be shown."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a value may be: in `words`, for people, and as JSON Schema, for editors."""

    words: str
    schema: Mapping[str, object]


class Reader(Generic[T]):
    """A reader that can tell the form of what it takes. The form never forbids what it would read."""

    __slots__ = ("_read", "form")

    def __init__(self, read: Reads[T], form: Form) -> None:
        self._read = read
        self.form = form

    def __call__(self, text: str) -> T:
        return self._read(text)


def reads(form: Form) -> Callable[[Reads[T]], Reader[T]]:
    """Makes a function a reader of that form."""
    return lambda read: Reader(read, form)


def text_form(words: str, pattern: str | None = None, **more: object) -> Form:
    """The form of a text. YAML may take it for a number where it looks like one, and it is a text all the same."""
    like_a_number = pattern is None or any(re.fullmatch(pattern, text) for text in ("600", "+1"))
    type_: object = ["string", "number"] if like_a_number else "string"
    return Form(words, {"type": type_, **({"pattern": f"^(?:{pattern})$"} if pattern else {}), **more})


_WORDS_OF_A_SWITCH = ("on", "off", "yes", "no", "true", "false")
_ANY_CASE = "|".join("".join(f"[{c.upper()}{c}]" for c in word) for word in _WORDS_OF_A_SWITCH)
_SWITCH = {
    "anyOf": [{"enum": [True, False, "on", "off", "yes", "no"]}, {"type": "string", "pattern": f"^(?:{_ANY_CASE})$"}]
}


@reads(Form("on, off", _SWITCH))
def boolean(text: str) -> bool:
    """A switch: on/off, yes/no or true/false, whatever the case."""
    match text.lower():
        case "on" | "yes" | "true":
            return True
        case "off" | "no" | "false":
            return False
        case _:
            raise Unfit("expected on or off")


def whole_number(least: int, most: int) -> Reader[int]:
    """A reader of whole numbers from `least` to `most`, both allowed."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise Unfit(f"expected a whole number from {least} to {most}")
        return int(text)

    number = {"type": "integer", "minimum": least, "maximum": most}
    written = {"type": "string", "pattern": "^[+-]?[0-9]{1,9}$"}
    return Reader(read, Form(f"{least}-{most}", {"anyOf": [number, written]}))


def choice(names: type[E]) -> Reader[E]:
    """A reader of one of the values of `names`."""

    def read(text: str) -> E:
        values = [name.value for name in names]
        if text not in values:
            raise Unfit(f"expected {_either(values)}{did_you_mean(text, values)}")
        return names(text)

    told = ", ".join(f"`{name.value}`" for name in names)
    return Reader(read, Form(told, {"enum": [name.value for name in names]}))


def line(longest: int) -> Reader[str]:
    """A reader of one line of text for people: not empty, at most `longest` characters, no control characters."""

    def read(text: str) -> str:
        if not text.strip() or len(text) > longest or not text.isprintable():
            raise Unfit(f"expected one line of text, at most {longest} characters")
        return text.strip()

    return Reader(read, text_form(f"1-{longest} characters", minLength=1, maxLength=longest))


def word(form: str, expected: str) -> Reader[str]:
    """A reader of text that has the `form` of a regular expression as a whole."""
    pattern = re.compile(form)

    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise Unfit(f"expected {expected}")
        return text

    return Reader(read, text_form(expected, form))


def _either(values: list[str]) -> str:
    *most, last = values
    return f"{', '.join(most)} or {last}" if most else last

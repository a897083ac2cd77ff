"""Readers of plain values: each turns a value's text into what a setting means by it, or says what is allowed."""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from callbackd.config.near_miss import did_you_mean

T = TypeVar("T")
E = TypeVar("E", bound=StrEnum)

Reads = Callable[[str], T]
"""Turns a value's text into what it means, or raises `Unfit`."""


class Unfit(ValueError):
    """A value that a setting can't have. Its text says what is allowed; it never repeats the value."""


class Confidential(Unfit):
    """The same, of a value that may hold a password and must not be shown."""


def boolean(text: str) -> bool:
    """A switch: on/off, yes/no or true/false, whatever the case."""
    match text.lower():
        case "on" | "yes" | "true":
            return True
        case "off" | "no" | "false":
            return False
        case _:
            raise Unfit("expected on or off")


def whole_number(least: int, most: int) -> Reads[int]:
    """A reader of whole numbers from `least` to `most`, both allowed."""

    def read(text: str) -> int:
        if not re.fullmatch(r"[+-]?[0-9]{1,9}", text) or not least <= int(text) <= most:
            raise Unfit(f"expected a whole number from {least} to {most}")
        return int(text)

    return read


def choice(names: type[E]) -> Reads[E]:
    """A reader of one of the values of `names`."""

    def read(text: str) -> E:
        values = [name.value for name in names]
        if text not in values:
            raise Unfit(f"expected {_either(values)}{did_you_mean(text, values)}")
        return names(text)

    return read


def line(longest: int) -> Reads[str]:
    """A reader of one line of text for people: not empty, at most `longest` characters, no control characters."""

    def read(text: str) -> str:
        if not text.strip() or len(text) > longest or not text.isprintable():
            raise Unfit(f"expected one line of text, at most {longest} characters")
        return text.strip()

    return read


def word(form: str, expected: str) -> Reads[str]:
    """A reader of text that has the `form` of a regular expression as a whole."""
    pattern = re.compile(form)

    def read(text: str) -> str:
        if not pattern.fullmatch(text):
            raise Unfit(f"expected {expected}")
        return text

    return read


def _either(values: list[str]) -> str:
    *most, last = values
    return f"{', '.join(most)} or {last}" if most else last

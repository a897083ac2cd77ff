"""The script that a dialplan names, with its parameters: ``request?profile=support&number=%2B14165550123``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from callbackd.engine.refusals import Code, Refused
from callbackd.wire.times import read_instant

MOST_PARAMETERS = 20

_NAME = re.compile(r"[a-z][a-z_]{0,19}")
_VALUE = re.compile(r"(?:[A-Za-z0-9._~!$'()*+,;:@/?-]|%[0-9A-Fa-f]{2})*")
_ESCAPED = re.compile(rb"%([0-9A-Fa-f]{2})")
_WHOLE = re.compile(r"[+-]?[0-9]{1,9}")


@dataclass(frozen=True, slots=True)
class Query:
    """A script's name and its parameters, decoded. One that is empty is as good as not given."""

    script: str
    parameters: Mapping[str, str]

    def text(self, name: str) -> str | None:
        """What was given; None if nothing was."""
        return self.parameters.get(name) or None

    def required(self, name: str) -> str:
        """What was given, which may be empty. Raises `Refused` if the parameter is not there."""
        if name not in self.parameters:
            raise _invalid(f"{name} is missing")
        return self.parameters[name]

    def whole_number(self, name: str) -> int | None:
        """Raises `Refused`."""
        text = self.text(name)
        if text is not None and not _WHOLE.fullmatch(text):
            raise _invalid(f"{name}: expected a whole number")
        return None if text is None else int(text)

    def instant(self, name: str) -> datetime | None:
        """RFC 3339 with its zone; in UTC, in whole milliseconds. Raises `Refused`."""
        text = self.text(name)
        if text is None:
            return None
        try:
            return read_instant(text)
        except ValueError as error:
            raise _invalid(f"{name}: {error}") from None


def read_query(text: str, scripts: Mapping[str, frozenset[str]]) -> Query:
    """The script and its parameters, out of those that `scripts` knows. Raises `Refused`.

    Strict: every character that a URI's value may not hold must be escaped, escapes must be of UTF-8, a ``+`` is a
    plus. So whoever forgets URIENCODE() is told, and a caller's name can't smuggle in a parameter.
    """
    script, mark, query = text.partition("?")
    if script not in scripts:
        raise _invalid(f"there is no such script; there are {', '.join(sorted(scripts))}")
    pieces = query.split("&") if mark else []
    if len(pieces) > MOST_PARAMETERS:
        raise _invalid(f"more than {MOST_PARAMETERS} parameters")
    parameters: dict[str, str] = {}
    for place, piece in enumerate(pieces, start=1):
        name, equals, value = piece.partition("=")
        if not equals or not _NAME.fullmatch(name):
            raise _invalid(f"parameter {place} is not of the form name=value; encode values with URIENCODE()")
        if name not in scripts[script]:
            raise _invalid(f"{script} has no parameter {name}; it has {', '.join(sorted(scripts[script]))}")
        if name in parameters:
            raise _invalid(f"{name} comes twice")
        parameters[name] = _decoded(name, value)
    return Query(script, parameters)


def _decoded(name: str, value: str) -> str:
    if not _VALUE.fullmatch(value):
        raise _invalid(f"{name} is not URI-encoded: write {name}=${{URIENCODE(...)}}")
    try:
        return _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), value.encode("ascii")).decode()
    except UnicodeDecodeError:
        raise _invalid(f"{name} is not UTF-8") from None


def _invalid(message: str) -> Refused:
    return Refused(Code.INVALID, message)

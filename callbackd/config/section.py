"""Reading a section of a file: each setting is asked for by name, and what nobody asked for is reported."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self, TypeVar

from callbackd.config.near_miss import did_you_mean
from callbackd.config.nodes import Mapping, Node, Scalar, Sequence, is_null, quoted, shown
from callbackd.config.problems import Place, Problems
from callbackd.config.readers import Confidential, Reads, Unfit

T = TypeVar("T")

_WORD = re.compile(r"[A-Za-z0-9_-]{1,40}")


@dataclass(slots=True)
class Asked:
    """What a reading asked for under one path. `read` None: it looked at the value as it was written."""

    read: object = None
    default: object = None
    required: bool = False
    several: bool = False
    is_section: bool = False


class Witness:
    """Remembers what was asked for, in order: so that settings are described from what reads them."""

    def __init__(self) -> None:
        self.asked: dict[str, Asked] = {}

    def of(self, path: str) -> Asked:
        """What is remembered of a path."""
        return self.asked.setdefault(path, Asked())


class Section:
    """One section of a file while it is read.

    Every method answers with something usable, the default at worst, and tells `problems` what was wrong: so
    reading goes on and all mistakes are found at once. Use as a context manager: leaving it reports keys that no
    one asked for. `name` is the dotted path shown in messages, empty for the file itself. A `witness` remembers
    everything that is asked for.
    """

    def __init__(
        self, name: str, node: Mapping, place: Place, problems: Problems, witness: Witness | None = None
    ) -> None:
        self.name = name
        self.place = place
        self.problems = problems
        self.witness = witness
        self._entries = {key.text: (key, value) for key, value in node.entries}
        self._known: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None:
            return
        for text, (key, _) in self._entries.items():
            if text not in self._known:
                where = f" in {self.name}" if self.name else ""
                meant = did_you_mean(text, self._known)
                allowed = f"{'' if meant else ';'} allowed: {', '.join(self._known)}"
                self.problems.error(key.place, f"unknown setting {quoted(text)}{where}{meant}{allowed}")

    def path(self, key: str) -> str:
        """`key` as messages name it: ``agent.keys.start``; in quotes if it is no such word."""
        name = key if _WORD.fullmatch(key) else quoted(key)
        return f"{self.name}.{name}" if self.name else name

    def has(self, key: str) -> bool:
        """Whether `key` was written with a value."""
        return key in self._entries and not is_null(self._entries[key][1])

    def take(self, key: str) -> Node | None:
        """What was written under `key`, to be read by the caller; None if the key is absent."""
        if key not in self._known:
            self._known.append(key)
            self._note(key)
        entry = self._entries.get(key)
        return None if entry is None else entry[1]

    def place_of(self, key: str) -> Place:
        """Where `key`'s value stands; the section's own place if it isn't there."""
        entry = self._entries.get(key)
        return self.place if entry is None else entry[1].place

    def wrong(self, key: str, node: Node, reason: str) -> None:
        """Report that what was found under `key` does not fit, and why."""
        self.problems.error(node.place, f"{self.path(key)}: found {shown(node)}; {reason}")

    def missing(self, key: str, expected: str) -> None:
        """Report that `key` must be set."""
        self._note(key, required=True)
        self.problems.error(self.place, f"{self.path(key)} is missing: {expected}")

    def setting(self, key: str, read: Reads[T], default: T) -> T:
        """The value of `key`, or `default` if it is absent, wrong, or waits for a variable that isn't set."""
        self._note(key, read=read, default=default)
        node = self.take(key)
        if node is None:
            return default
        value = self._read(key, node, read)
        return default if value is None else value

    def optional(self, key: str, read: Reads[T]) -> T | None:
        """The value of `key`; None if it is absent or wrong, or is ``null``."""
        self._note(key, read=read)
        node = self.take(key)
        if node is None or is_null(node):
            return None
        return self._read(key, node, read)

    def required(self, key: str, read: Reads[str], expected: str) -> str:
        """The text of `key`, which must be set; what stands in for a wrong one is never used."""
        self._note(key, read=read)
        node = self.take(key)
        if node is None:
            self.missing(key, expected)
            return ""
        if isinstance(node, Scalar) and node.unset:
            return node.text
        return self._read(key, node, read) or ""

    def texts(self, key: str, read: Reads[str]) -> tuple[str, ...]:
        """The texts under `key`, which may be one or a list of them; none if the key is absent."""
        return tuple(
            item.text if value is None else value
            for item, value in self._items(key, read)
            if value is not None or item.unset
        )

    def list_of(self, key: str, read: Reads[T]) -> tuple[T, ...]:
        """The values under `key`, one or a list of them; those that wait for a variable are left out."""
        return tuple(value for _, value in self._items(key, read) if value is not None)

    def _items(self, key: str, read: Reads[T]) -> Iterator[tuple[Scalar, T | None]]:
        self._note(key, read=read, several=True)
        node = self.take(key)
        if node is None:
            return
        for item in node.items if isinstance(node, Sequence) else (node,):
            value = self._read(key, item, read)
            if isinstance(item, Scalar):
                yield item, value

    def section(self, key: str) -> Section:
        """The section under `key`; absent or left empty, it is one that has nothing set."""
        self._note(key, is_section=True)
        node = self.take(key)
        entry = self._entries.get(key)
        place = self.place if entry is None else entry[0].place
        if node is not None and not isinstance(node, Mapping) and not is_null(node):
            self.wrong(key, node, "expected a section (key: value)")
        empty = Mapping((), place)
        found = node if isinstance(node, Mapping) else empty
        return Section(self.path(key), found, place, self.problems, self.witness)

    def service(self, key: str) -> Section | None:
        """The section of a service that is off unless its section is there; one left empty is a mistake."""
        node = self.take(key)
        if node is None:
            return None
        if is_null(node):
            self.wrong(key, node, f"write '{key}: {{}}' for the defaults, or leave the line out to have it off")
            return None
        return self.section(key)

    def _note(self, key: str, **what: object) -> None:
        if self.witness is not None:
            asked = self.witness.of(f"{self.name}.{key}" if self.name else key)
            for name, value in what.items():
                setattr(asked, name, value)

    def _read(self, key: str, node: Node, read: Reads[T]) -> T | None:
        if isinstance(node, Scalar) and node.unset:
            return None
        try:
            if isinstance(node, Scalar) and not node.is_null:
                return read(node.text)
            _ = read("")
            reason = "expected one value"
        except Confidential as error:
            self.problems.error(node.place, f"{self.path(key)}: {error}")
            return None
        except Unfit as error:
            reason = str(error)
        self.wrong(key, node, reason)
        return None

"""The values of a YAML file before any meaning is given to them: text, lists and mappings that know their place."""

from __future__ import annotations

from dataclasses import dataclass

from callbackd.config.problems import Place


@dataclass(frozen=True, slots=True, eq=False)
class Scalar:
    """One value, still text: what it means is for the setting that asks for it to say.

    `written` is the value as the file has it, `text` the same after ``${NAME}`` was replaced; error messages
    show `written`, so that nothing from the environment is ever printed. `unset` says that a variable in it is
    not set, so that there is nothing to check. `plain` means without quotes.
    """

    text: str
    written: str
    place: Place
    plain: bool = True
    unset: bool = False

    @property
    def is_null(self) -> bool:
        """Nothing was written: an empty value, ``~`` or ``null`` without quotes."""
        return self.plain and self.written in {"", "~", "null", "Null", "NULL"}


@dataclass(frozen=True, slots=True, eq=False)
class Sequence:
    """A list."""

    items: tuple[Node, ...]
    place: Place


@dataclass(frozen=True, slots=True, eq=False)
class Mapping:
    """Keys and values in the order of the file; no two keys have the same text."""

    entries: tuple[tuple[Scalar, Node], ...]
    place: Place


Node = Scalar | Sequence | Mapping


def is_null(node: Node) -> bool:
    """Whether `node` is a value that was left empty."""
    return isinstance(node, Scalar) and node.is_null


def shown(node: Node) -> str:
    """`node` as an error message says it was found: short, printable, on one line."""
    match node:
        case Sequence():
            return "a list"
        case Mapping():
            return "a section (key: value)"
        case Scalar() if node.is_null:
            return "nothing"
        case Scalar():
            return quoted(node.written)


def quoted(text: str) -> str:
    """Someone's text in quotes: at most 60 characters of it, and nothing that isn't printable."""
    cut = text if len(text) <= 60 else text[:60] + "…"
    return "'" + "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in cut) + "'"

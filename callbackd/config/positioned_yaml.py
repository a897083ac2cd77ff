"""YAML whose values remember where they stand, without YAML 1.1's surprises.

Nothing is guessed from how a value looks: ``NO``, ``on``, ``12:30``, ``010`` and ``2026-12-25`` stay the text that
was written, and the setting that asks says what it means.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from callbackd.config.nodes import Mapping, Node, Scalar, Sequence, quoted
from callbackd.config.problems import Place, Problems

MAX_BYTES = 256 * 1024
"""No file of ours comes near this; a larger one is a mistake (a log, a recording)."""
MAX_DEPTH = 20
"""Levels of nesting; the deepest setting has five."""
MAX_VALUES = 5_000
"""Values in a file with its aliases written out, so that aliases of aliases can't blow up."""

_STANDARD_TAGS = {
    "tag:yaml.org,2002:str",
    "tag:yaml.org,2002:seq",
    "tag:yaml.org,2002:map",
    "!",
}
# A reference ${NAME} is text in every style of YAML here, although unquoted braces end a value inside { }: the parser
# sees two private characters for its braces, so that every place stays right, and values get the braces back.
_REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_HIDDEN = re.compile("\\$\ue000([A-Za-z_][A-Za-z0-9_]*)\ue001")
_SURROGATES = re.compile("[\ud800-\udfff]")


def parse(file: str, content: bytes, problems: Problems) -> Node | None:
    """The one document in `content`, or None after telling `problems` why there is none.

    Mistakes that leave the rest readable (a duplicate key) are told as well, and the document is still given.
    """
    if len(content) > MAX_BYTES:
        problems.error(Place(file), f"is larger than {MAX_BYTES // 1024} KiB: not a file of settings")
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8", errors="replace")
        place = _place_of_index(file, before, len(before))
        problems.error(place, f"is not UTF-8 (byte 0x{content[error.start]:02x}); save the file as UTF-8")
        return None
    try:
        return _Composer(file, text, problems).document()
    except _Unreadable as error:
        problems.error(error.place, error.message)
        return None


class _Unreadable(Exception):
    def __init__(self, place: Place, message: str) -> None:
        self.place = place
        self.message = message
        super().__init__(message)


@dataclass(slots=True)
class _Built:
    """A finished node with what it weighs when aliases are written out."""

    node: Node
    values: int
    depth: int


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been read yet; a mapping's children are key, value, key, value..."""

    is_mapping: bool
    place: Place
    anchor: str | None
    children: list[_Built] = field(default_factory=list)


class _Composer:
    """Builds nodes from PyYAML's events, on a stack of its own: no recursion, whatever the input."""

    def __init__(self, file: str, text: str, problems: Problems) -> None:
        self._file = file
        self._text = _REFERENCE.sub("$\ue000\\1\ue001", text)
        self._problems = problems
        self._anchors: dict[str, _Built | None] = {}
        self._stack: list[_Open] = []
        self._values = 0
        self._root: _Built | None = None

    def document(self) -> Node:
        for event in self._events():
            match event:
                case yaml.DocumentStartEvent() if self._root is not None:
                    raise _Unreadable(self._place(event), "a second document starts here ('---'); one per file")
                case yaml.AliasEvent():
                    self._add(self._aliased(event))
                case yaml.ScalarEvent():
                    self._scalar(event)
                case yaml.SequenceStartEvent() | yaml.MappingStartEvent():
                    self._start(event)
                case yaml.SequenceEndEvent() | yaml.MappingEndEvent():
                    self._end()
        if self._root is None:
            raise _Unreadable(Place(self._file), "is empty")
        return self._root.node

    def _events(self) -> Iterator[yaml.Event]:
        try:
            loader = yaml.BaseLoader(self._text)
        except yaml.reader.ReaderError as error:
            place = _place_of_index(self._file, self._text, error.position)
            raise _Unreadable(
                place, f"a character that YAML does not allow (U+{ord(self._text[error.position]):04X})"
            ) from None
        try:
            while True:
                try:
                    if not loader.check_event():
                        return
                    event: yaml.Event = loader.get_event()  # type: ignore[no-untyped-call]
                except yaml.MarkedYAMLError as error:
                    mark = error.problem_mark or error.context_mark or loader.get_mark()
                    raise self._syntax(error, mark.index, Place(self._file, mark.line + 1, mark.column + 1)) from None
                except (ValueError, OverflowError):
                    mark = loader.get_mark()
                    place = Place(self._file, mark.line + 1, mark.column + 1)
                    raise _Unreadable(place, "a number or escape here that no character has") from None
                yield event
        finally:
            loader.dispose()

    def _syntax(self, error: yaml.MarkedYAMLError, index: int, place: Place) -> _Unreadable:
        """PyYAML's complaint as a sysadmin reads it; never more of the file's text than one character."""
        problem, context = error.problem or "not understood", error.context or ""
        started = error.context_mark
        at = self._text[index : index + 1]
        for sign, name in (("*", "alias"), ("&", "anchor"), ("!", "tag")):
            if name in context or (name == "tag" and name in problem):
                start = Place(self._file, started.line + 1, started.column + 1) if started else place
                return _Unreadable(start, f'not YAML: a value that starts with {sign} must be quoted: "{sign}"')
        if at == "\t":
            return _Unreadable(place, "a tab; YAML is indented with spaces")
        if "cannot start any token" in problem:
            return _Unreadable(place, f"not YAML: {problem}; quote the value")
        if started is None or not context:
            return _Unreadable(place, f"not YAML: {problem}")
        mend = "; quote a value that has { } [ ] in it" if "flow" in context and at in set("{}[]") else ""
        return _Unreadable(place, f"not YAML: {problem} ({context} that starts on line {started.line + 1}){mend}")

    def _place(self, event: yaml.Event) -> Place:
        mark = event.start_mark
        return Place(self._file, mark.line + 1, mark.column + 1) if mark else Place(self._file)

    def _aliased(self, event: yaml.AliasEvent) -> _Built:
        name = event.anchor or ""
        if name not in self._anchors:
            raise _Unreadable(self._place(event), "no anchor (&name) of this name comes before this alias (*name)")
        built = self._anchors[name]
        if built is None:
            raise _Unreadable(self._place(event), "an alias inside the very value it stands for")
        if len(self._stack) + built.depth > MAX_DEPTH:
            raise _Unreadable(self._place(event), f"nested more than {MAX_DEPTH} levels deep")
        self._count(built.values, self._place(event))
        return built

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        place = self._place(event)
        self._refuse_tag(event.tag, place)
        if _SURROGATES.search(event.value):
            raise _Unreadable(place, "an escape in this text stands for no character")
        self._count(1, place)
        text = _HIDDEN.sub(r"${\1}", event.value)
        built = _Built(Scalar(text, text, place, plain=event.style is None), 1, 1)
        self._name(event.anchor, built, place)
        self._add(built)

    def _start(self, event: yaml.SequenceStartEvent | yaml.MappingStartEvent) -> None:
        place = self._place(event)
        self._refuse_tag(event.tag, place)
        if len(self._stack) >= MAX_DEPTH:
            raise _Unreadable(place, f"nested more than {MAX_DEPTH} levels deep")
        self._count(1, place)
        self._name(event.anchor, None, place)
        self._stack.append(_Open(isinstance(event, yaml.MappingStartEvent), place, event.anchor))

    def _end(self) -> None:
        finished = self._stack.pop()
        node: Node
        if finished.is_mapping:
            node = self._mapping(finished)
        else:
            node = Sequence(tuple(child.node for child in finished.children), finished.place)
        built = _Built(
            node,
            1 + sum(child.values for child in finished.children),
            1 + max((child.depth for child in finished.children), default=0),
        )
        if finished.anchor is not None:
            self._anchors[finished.anchor] = built
        self._add(built)

    def _add(self, built: _Built) -> None:
        if self._stack:
            self._stack[-1].children.append(built)
        else:
            self._root = built

    def _name(self, anchor: str | None, built: _Built | None, place: Place) -> None:
        if anchor is None:
            return
        if anchor in self._anchors:
            raise _Unreadable(place, "an anchor (&name) of this name comes before already")
        self._anchors[anchor] = built

    def _count(self, values: int, place: Place) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            raise _Unreadable(place, f"more than {MAX_VALUES} values, aliases written out")

    def _refuse_tag(self, tag: str | None, place: Place) -> None:
        if tag is not None and tag not in _STANDARD_TAGS:
            raise _Unreadable(place, "tags (!name) are not used here; quote a text that begins with !")

    def _mapping(self, finished: _Open) -> Mapping:
        entries: dict[str, tuple[Scalar, Node]] = {}
        merged: list[Node] = []
        pairs = zip(finished.children[::2], finished.children[1::2], strict=True)
        for key, value in ((key.node, value.node) for key, value in pairs):
            if not isinstance(key, Scalar):
                self._problems.error(key.place, "a key must be a word, not a list or a section")
            elif key.plain and key.text == "<<":
                merged.extend(value.items if isinstance(value, Sequence) else (value,))
            elif key.text in entries:
                first = entries[key.text][0].place
                self._problems.error(
                    key.place,
                    f"duplicate key {quoted(key.text)}: first on line {first.line}, again on line {key.place.line}",
                )
            else:
                entries[key.text] = (key, value)
        for node in merged:
            if isinstance(node, Mapping):
                for key, value in node.entries:
                    entries.setdefault(key.text, (key, value))
            else:
                self._problems.error(node.place, "'<<' takes a section, or a list of sections")
        return Mapping(tuple(entries.values()), finished.place)


def _place_of_index(file: str, text: str, index: int) -> Place:
    before = text[:index]
    return Place(file, before.count("\n") + 1, index - (before.rfind("\n") + 1) + 1)

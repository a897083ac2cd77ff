"""YAML as it was written: text with its place, nothing guessed, and no input that hurts."""

from __future__ import annotations

import time

import pytest

from callbackd.config.nodes import Mapping, Node, Scalar, Sequence
from callbackd.config.positioned_yaml import MAX_BYTES, parse
from callbackd.config.problems import Problems


def plain(node: Node | None) -> object:
    """The node as ordinary values, all of them text."""
    match node:
        case Scalar():
            return node.text
        case Sequence():
            return [plain(item) for item in node.items]
        case Mapping():
            return {key.text: plain(value) for key, value in node.entries}
        case None:
            return None


def values(text: str) -> object:
    problems = Problems()
    node = parse("f", text.encode(), problems)
    assert problems.in_order() == ()
    return plain(node)


def complaints(content: str | bytes) -> list[str]:
    problems = Problems()
    parse("f", content.encode() if isinstance(content, str) else content, problems)
    return [str(problem) for problem in problems.in_order()]


@pytest.mark.parametrize(
    "written", ["NO", "no", "on", "off", "yes", "12:30", "010", "0x1F", "1_000", "1.50", "2026-12-25", "~", "null"]
)
def test_a_value_stays_the_text_that_was_written(written: str) -> None:
    assert values(f"a: {written}") == {"a": written}
    assert values(f"{written}: a") == {written: "a"}


def test_every_value_knows_its_place() -> None:
    node = parse("f", "a: 1\nb:\n  - x\n  - {c: 'é', d: y}\n".encode(), Problems())
    assert isinstance(node, Mapping)
    (_, (key, items)) = node.entries
    assert isinstance(items, Sequence)
    inner = items.items[1]
    assert isinstance(inner, Mapping)
    assert (key.place.line, key.place.column) == (2, 1)
    assert (inner.place.line, inner.place.column) == (4, 5)
    assert [(v.place.line, v.place.column) for _, v in inner.entries] == [(4, 9), (4, 17)]


def test_a_byte_order_mark_is_nothing() -> None:
    assert plain(parse("f", b"\xef\xbb\xbfa: 1\n", Problems())) == {"a": "1"}


def test_anchors_aliases_and_merges() -> None:
    text = """
        week: &week {mon-fri: 09:00-17:00, sat: closed}
        same: *week
        more: {<<: *week, sat: 10:00-12:00}
        both: {<<: [{a: 1}, {a: 2, b: 3}]}
    """
    assert values(text) == {
        "week": {"mon-fri": "09:00-17:00", "sat": "closed"},
        "same": {"mon-fri": "09:00-17:00", "sat": "closed"},
        "more": {"sat": "10:00-12:00", "mon-fri": "09:00-17:00"},
        "both": {"a": "1", "b": "3"},
    }


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("a: 1\nb: 2\na: 3\n", "f:3:1: duplicate key 'a': first on line 1, again on line 3"),
        ("a: {x: 1, 'x': 2}", "f:1:11: duplicate key 'x': first on line 1, again on line 1"),
        ("[a, b]: 1\n", "f:1:1: a key must be a word, not a list or a section"),
        ("a: {<<: 3}\n", "f:1:9: '<<' takes a section, or a list of sections"),
        ("a:\n\tb: 1\n", "f:2:1: a tab; YAML is indented with spaces"),
        ("again: *\n", 'f:1:8: not YAML: a value that starts with * must be quoted: "*"'),
        ("a: *secret\n", "f:1:4: no anchor (&name) of this name comes before this alias (*name)"),
        ("a: &x [*x]\n", "f:1:8: an alias inside the very value it stands for"),
        ("a: &x 1\nb: &x 2\n", "f:2:4: an anchor (&name) of this name comes before already"),
        ("a: !secret x\n", "f:1:4: tags (!name) are not used here; quote a text that begins with !"),
        ("a: !!python/object:os.system x\n", "f:1:4: tags (!name) are not used here; quote a text that begins with !"),
        ("a: !h!x y\n", 'f:1:4: not YAML: a value that starts with ! must be quoted: "!"'),
        ("a: b: c\n", "f:1:5: not YAML: mapping values are not allowed here"),
        ("a: `x`\n", "f:1:4: not YAML: found character '`' that cannot start any token; quote the value"),
        (
            "a: [b\n",
            "f:2:1: not YAML: expected ',' or ']', but got '<stream end>' "
            "(while parsing a flow sequence that starts on line 1)",
        ),
        (
            "a: {b: PJSIP/{number}}\n",
            "f:1:14: not YAML: expected ',' or '}', but got '{' "
            "(while parsing a flow mapping that starts on line 1); quote a value that has { } [ ] in it",
        ),
        ("a: 1\n---\nb: 2\n", "f:2:1: a second document starts here ('---'); one per file"),
        ("", "f: is empty"),
        ("# nothing\n", "f: is empty"),
        (b"a: 1\nb: caf\xe9\n", "f:2:7: is not UTF-8 (byte 0xe9); save the file as UTF-8"),
        ("a: 1\n".encode("utf-16"), "f:1:1: is not UTF-8 (byte 0xff); save the file as UTF-8"),
        ("a: 1\nb: \x01", "f:2:4: a character that YAML does not allow (U+0001)"),
        ('a: "\\ud800"', "f:1:4: an escape in this text stands for no character"),
        ('a: "\\UFFFFFFFF"', "f:1:7: a number or escape here that no character has"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(content: str | bytes, complaint: str) -> None:
    assert complaints(content) == [complaint]


def test_the_rest_of_a_file_with_a_duplicate_key_is_read() -> None:
    problems = Problems()
    assert plain(parse("f", b"a: 1\na: 2\nb: 3\n", problems)) == {"a": "1", "b": "3"}


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "[[],"])
def test_deep_nesting_is_refused_and_quickly(opening: str) -> None:
    before = time.process_time()
    assert complaints(opening * 40_000)[0].endswith("nested more than 20 levels deep")
    assert time.process_time() - before < 5


def test_aliases_of_aliases_cannot_blow_up() -> None:
    laughs = "a0: &a0 [ha, ha, ha, ha, ha, ha, ha, ha, ha, ha]\n"
    laughs += "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 12))
    [complaint] = complaints(laughs)
    assert complaint.endswith("more than 5000 values, aliases written out")


def test_aliases_cannot_nest_deeper_than_what_is_written_out() -> None:
    deep = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}]\n" for n in range(1, 40))
    [complaint] = complaints(deep)
    assert complaint.endswith("nested more than 20 levels deep")


def test_a_file_that_is_too_large_is_refused() -> None:
    assert complaints(b"#" * (MAX_BYTES + 1)) == ["f: is larger than 256 KiB: not a file of settings"]

"""docs/events.md has every type of event, and every field that the program gives one."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from callbackd.domain.callback import EventType

ROOT = Path(__file__).resolve().parent.parent.parent
ROWS = re.findall(r"^\| `(\w+)` \| [^|]+ \| ([^|]*) \|$", (ROOT / "docs/events.md").read_text(), re.MULTILINE)
DOCUMENTED = {name: set(re.findall(r"`(\w+)`", fields)) for name, fields in ROWS}


def test_every_type_and_no_other_in_order() -> None:
    assert [name for name, _ in ROWS] == [type_.value for type_ in EventType]


def _written() -> Iterator[tuple[str, set[str]]]:
    """Where the source makes an event of a type with its fields at hand: the type, and the fields."""
    for path in (ROOT / "callbackd").rglob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if not isinstance(call, ast.Call) or not isinstance(call.func, ast.Name):
                continue
            if call.func.id not in {"TimelineEvent", "Note", "Save"}:
                continue
            types = [a.attr for a in call.args if isinstance(a, ast.Attribute) and ast.unparse(a.value) == "EventType"]
            fields = {
                key.value
                for argument in call.args
                if isinstance(argument, ast.Dict)
                for key in argument.keys
                if isinstance(key, ast.Constant) and isinstance(key.value, str)
            }
            if types and fields:
                yield EventType[types[0]].value, fields


def test_every_field_that_is_written_is_documented() -> None:
    found = list(_written())
    assert len(found) > 10
    for type_, fields in found:
        assert fields <= DOCUMENTED[type_], type_


@pytest.mark.parametrize(("function", "type_"), [("_attempt_data", "attempt_ended"), ("_offer_data", "offer_ended")])
def test_the_fields_of_an_end(function: str, type_: str) -> None:
    tree = ast.parse((ROOT / "callbackd/engine/settlement.py").read_text())
    (made,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == function]
    (fields,) = [node for node in ast.walk(made) if isinstance(node, ast.Dict)]
    assert {key.value for key in fields.keys if isinstance(key, ast.Constant)} == DOCUMENTED[type_]

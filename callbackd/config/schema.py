"""The settings described: from the readers that read them, so that what is told is what is taken.

For editors as JSON Schema, for the reference pages as rows. A schema never forbids what `callbackd check` takes; what
takes more than one value to judge (overlapping hours, keys that begin alike) only `check` tells.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from callbackd.config.descriptions import PROFILE, SETTINGS
from callbackd.config.durations import format_duration
from callbackd.config.hours import FULL_NAMES, WEEKDAYS
from callbackd.config.nodes import Mapping as Section
from callbackd.config.positioned_yaml import parse
from callbackd.config.problems import Problems
from callbackd.config.profiles import media_uri, read_profile
from callbackd.config.readers import Form, Reader, text_form
from callbackd.config.section import Asked, Witness
from callbackd.config.settings import read_settings
from callbackd.domain.prompts import PROMPTS

Schema = dict[str, Any]

DRAFT = "http://json-schema.org/draft-07/schema#"
"""What every editor understands."""


class Document(StrEnum):
    """The files that can be described."""

    PROFILE = "profile"
    SETTINGS = "settings"


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of a reference: `default` is as it would be written; None where there is none, or it is `required`."""

    path: str
    description: str
    allowed: str
    default: str | None
    required: bool


def json_schema(document: Document) -> Schema:
    """The JSON Schema of that file."""
    asked, descriptions = _asked(document)
    root: Schema = {
        "$schema": DRAFT,
        "title": "Call-Back Profile" if document is Document.PROFILE else "callbackd.yaml",
        "definitions": {"variable": {"type": "string", "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"}},
        **_object(),
    }
    if document is Document.PROFILE:
        root["definitions"]["media"] = _several(media_uri.form.schema, 1)
    objects = {"": root}
    for path, what in asked.items():
        parent, _, key = path.rpartition(".")
        described: Schema = {"description": descriptions[path].replace("`", "")}
        if (default := _default(what)) is not None:
            described["default"] = default
        schema = {**described, **_schema_of(path, what)}
        objects[parent]["properties"][key.removesuffix("[]")] = schema
        if what.is_section:
            objects[path] = schema
        elif path.endswith("[]"):
            objects[path] = schema["items"]
    for path, what in asked.items():
        if what.required:
            _require(path, objects)
    if document is Document.SETTINGS:
        objects["mqtt"]["not"] = {"required": ["password", "password_file"]}
    return root


def _require(path: str, objects: Mapping[str, Schema]) -> None:
    """That setting must be there, and so must the section that it is in; a service's and a list's only if they are."""
    parent, _, key = path.rpartition(".")
    if path in _OR_A_FILE:
        objects[parent]["oneOf"] = [{"required": [key]}, {"required": [f"{key}_file"]}]
    else:
        objects[parent].setdefault("required", []).append(key)
    if parent and not parent.endswith("[]") and parent not in objects[""].setdefault("required", []):
        objects[""]["required"].append(parent)


def reference(document: Document) -> list[Setting]:
    """Every setting of that file, in the order in which it is read; sections themselves are not settings."""
    asked, descriptions = _asked(document)
    return [
        Setting(
            path,
            descriptions[path],
            _form(path, what).words + (", or a list" if what.several else ""),
            _default_in_words(path, what),
            what.required,
        )
        for path, what in asked.items()
        if not what.is_section and not path.endswith("[]")
    ]


_VARIABLE: Schema = {"$ref": "#/definitions/variable"}
_INTERVAL = r"^\s*[0-9]{1,2}:[0-9]{2}\s*-\s*[0-9]{1,2}:[0-9]{2}\s*$"
_DATE = "^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])$"


def _any_case(text: str) -> str:
    return "".join(f"[{letter.upper()}{letter}]" for letter in text)


_DAY = "|".join(
    f"{_any_case(short)}(?:{_any_case(full.removeprefix(short))})?"
    for short, full in zip(WEEKDAYS, FULL_NAMES, strict=True)
)
_DAYS = rf"\s*(?:{_DAY})\s*(?:-\s*(?:{_DAY})\s*)?"


def _openings(keys: str) -> Schema:
    interval: Schema = {"anyOf": [{"type": "string", "pattern": _INTERVAL}, _VARIABLE]}
    closed: Schema = {"type": "string", "pattern": f"^{_any_case('closed')}$"}
    openings: Schema = {"anyOf": [closed, *interval["anyOf"], {"type": "array", "minItems": 1, "items": interval}]}
    return {"type": "object", "propertyNames": {"pattern": keys}, "additionalProperties": openings}


_SECRET = text_form("one line, in quotes if it has special characters")
_SECRET_FILE = text_form("a path; a relative one starts at this file's folder", minLength=1)
_AS_WRITTEN: Mapping[str, Form] = {
    "target.hours": Form("weekdays, below", {**_openings(f"^{_DAYS}(?:,{_DAYS})*$"), "minProperties": 1}),
    "target.exceptions": Form("dates, below", {**_openings(_DATE), "type": ["object", "null"]}),
    "prompts": Form("name: media URI, or a list", {}),
    "ari.password": _SECRET,
    "ari.password_file": _SECRET_FILE,
    "mqtt.password": _SECRET,
    "mqtt.password_file": _SECRET_FILE,
    "webhooks[].secret": _SECRET,
    "webhooks[].secret_file": _SECRET_FILE,
}
"""What is read in a way of its own."""

_OR_A_FILE = frozenset({"ari.password", "webhooks[].secret"})
_SERVICES = frozenset({"agi", "http", "mqtt"})
_DEFAULTS = {
    "label": "the id",
    "target.timezone": "`UTC`; required with hours",
    "target.hours": "always open",
    "offer.delay": "`rescheduling.delay`",
    "http.token_file": "`api-token` beside the database",
    "agi.allow_from": "this machine",
    "webhooks[].events": "all",
}
_EVERYTHING = b"agi: {}\nhttp: {}\nmqtt: {}\nwebhooks: [{}]\n"


def _asked(document: Document) -> tuple[dict[str, Asked], Mapping[str, str]]:
    """Everything that the reader of that file asks for, and what it is for: read with nothing set, every service on."""
    witness, problems = Witness(), Problems()
    node = parse(document.value, _EVERYTHING if document is Document.SETTINGS else b"{}", problems)
    assert isinstance(node, Section)
    if document is Document.PROFILE:
        read_profile(document.value, node, problems, witness)
        return witness.asked, PROFILE
    read_settings(Path(document.value), node, problems, witness)
    asked = {path.replace("[1]", "[]"): what for path, what in witness.asked.items()}
    return {"webhooks[]" if path == "webhooks" else path: what for path, what in asked.items()}, SETTINGS


def _object() -> Schema:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def _form(path: str, what: Asked) -> Form:
    return what.read.form if isinstance(what.read, Reader) else _AS_WRITTEN[path]


def _schema_of(path: str, what: Asked) -> Schema:
    if what.is_section:
        return _object() if path in _SERVICES else _or_empty(_object())
    if path == "webhooks[]":
        return {"type": ["array", "null"], "items": _object()}
    if path == "prompts":
        return {
            **_or_empty(_object()),
            "properties": dict.fromkeys(sorted(PROMPTS), _several(media_uri.form.schema, 1)),
        }
    schema = dict(_form(path, what).schema)
    if "propertyNames" in schema:
        return schema
    if what.several:
        return _several(schema, 1 if what.required else 0)
    either = schema.get("anyOf")
    alternatives: list[object] = [*either] if isinstance(either, list) else [schema]
    if what.default is None and not what.required:
        alternatives.append({"type": "null"})
    return {"anyOf": [*alternatives, _VARIABLE]}


def _or_empty(schema: Schema) -> Schema:
    return {**schema, "type": ["object", "null"]}


def _several(schema: Mapping[str, object], least: int) -> Schema:
    """One, or a list."""
    one = {"anyOf": [schema, _VARIABLE]}
    return {"anyOf": [*one["anyOf"], {"type": "array", "minItems": least, "items": one}]}


def _default(what: Asked) -> str | int | bool | None:
    match what.default:
        case None:
            return None
        case timedelta() as length:
            return format_duration(length)
        case bool() | int() | str() as plain:
            return plain.value if isinstance(plain, StrEnum) else plain
        case other:
            return str(other)


def _default_in_words(path: str, what: Asked) -> str | None:
    if path in _DEFAULTS:
        return _DEFAULTS[path]
    default = _default(what)
    if default is None:
        return None
    if isinstance(default, bool):
        return f"`{'on' if default else 'off'}`"
    if path.startswith("agent.keys."):
        return f'`"{default}"`'
    return f"`{default}`"

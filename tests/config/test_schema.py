"""The JSON Schemas that editors use: generated from what reads the files, never stricter, and of use."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from callbackd.config.descriptions import PROFILE, SETTINGS
from callbackd.config.load import load
from callbackd.config.problems import ConfigurationInvalid
from callbackd.config.schema import Document, json_schema, reference
from callbackd.share import SAMPLES, SCHEMAS

VALIDATORS = {document: jsonschema_rs.validator_for(json_schema(document)) for document in Document}


class Yaml12(yaml.SafeLoader):
    """YAML as editors read it: only true and false are booleans, and 12:30 is no number."""


class Yaml11(yaml.SafeLoader):
    """YAML as old editors read it: on and off are booleans too. Dates are left as they are."""


def _resolvers(keep: dict[str, str]) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    found: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern in keep.items():
        for first in "-+0123456789.tTfFnNyYoO~":
            found.setdefault(first, []).append((f"tag:yaml.org,2002:{tag}", re.compile(pattern)))
    return found


_NUMBERS = {"int": r"^[-+]?[0-9]+$", "float": r"^[-+]?[0-9]*\.[0-9]+$", "null": r"^(~|null|Null|NULL)$"}
Yaml12.yaml_implicit_resolvers = _resolvers({**_NUMBERS, "bool": r"^(true|True|TRUE|false|False|FALSE)$"})
Yaml11.yaml_implicit_resolvers = _resolvers({**_NUMBERS, "bool": r"^(?i:on|off|yes|no|true|false)$"})
for _loader in (Yaml12, Yaml11):
    _loader.yaml_implicit_resolvers[""] = [("tag:yaml.org,2002:null", re.compile("^$"))]


def told(document: Document, text: str, loader: type[yaml.SafeLoader] = Yaml12) -> list[str]:
    """What an editor says of it."""
    content = yaml.load(text, loader)  # noqa: S506  a safe loader
    return [error.message for error in VALIDATORS[document].iter_errors(content)]


@pytest.mark.parametrize("document", Document)
def test_the_files_are_current(document: Document) -> None:
    """After a change: scripts/make-docs."""
    assert json.loads((SCHEMAS / f"{document}.schema.json").read_text()) == json_schema(document)


@pytest.mark.parametrize("document", Document)
def test_the_schemas_are_schemas(document: Document) -> None:
    jsonschema_rs.meta.validate(json_schema(document))


def test_every_setting_is_described_and_no_other() -> None:
    def properties(schema: dict[str, Any], path: str = "") -> set[str]:
        found = set()
        for name, inner in schema.get("properties", {}).items():
            assert inner.get("description") or path == "prompts.", f"{path}{name}"
            if path != "prompts.":
                found |= {f"{path}{name}[]" if "items" in inner else f"{path}{name}"}
                found |= properties(inner, f"{path}{name}.") | properties(inner.get("items", {}), f"{path}{name}[].")
        return found

    assert properties(json_schema(Document.PROFILE)) == set(PROFILE)
    assert properties(json_schema(Document.SETTINGS)) == set(SETTINGS)


def test_what_is_required_and_what_is_the_default() -> None:
    rows = {row.path: row for row in reference(Document.PROFILE)}
    assert {path for path, row in rows.items() if row.required} == {
        "target.endpoint",
        "client.endpoint",
        "client.allow",
    }
    assert rows["rescheduling.delay"].default == "`10m`"
    assert rows["rescheduling.max_reschedules"].allowed == "0-20"
    assert rows["agent.keys.reschedule"].default == '`"9"`'


# ---- what is taken is never refused ---------------------------------------------------------------------------------


def files_of_samples() -> list[Path]:
    return [SAMPLES / "callbackd.yaml", *sorted((SAMPLES / "profiles").glob("*.yaml"))]


@pytest.mark.parametrize("loader", [Yaml12, Yaml11])
@pytest.mark.parametrize("path", files_of_samples(), ids=lambda path: path.name)
def test_the_samples_are_well_and_name_their_schema(path: Path, loader: type[yaml.SafeLoader]) -> None:
    document = Document.PROFILE if path.parent.name == "profiles" else Document.SETTINGS
    assert told(document, path.read_text(), loader) == []
    named = re.match(r"# yaml-language-server: \$schema=(\S+)\n", path.read_text())
    assert named is not None
    assert (path.parent / named[1]).resolve() == (SCHEMAS / f"{document}.schema.json").resolve()


LEAST = 'target: {{endpoint: PJSIP/1001{target}}}\nclient: {{endpoint: "PJSIP/{{number}}@t", allow: {allow}}}\n{more}\n'
GOOD = [
    {"target": ", timezone: Europe/Berlin, hours: {mon-fri: 09:00-17:00}"},
    {
        "target": ", timezone: UTC, hours: {'Mon - Wed, friday': [9:00-12:30, 13:00-24:00], Sat: closed, "
        "sun: [22:00-06:00]}"
    },
    {"target": ", timezone: UTC, hours: {mon: 09:00-17:00}, exceptions: {2026-12-25: closed, 2026-12-24: 09:00-12:00}"},
    {"target": ", queue: 600, max_concurrent: 0"},
    {"target": ", queue: ~"},
    {"allow": "+1"},
    {"allow": '["+1", "+49"]'},
    {"more": "rescheduling: {auto: on, agent: OFF, client: Yes, delay: 90, cut_off: 0, max_reschedules: 3}"},
    {"more": "rescheduling: {auto: true, agent: 'no', delay: 1h30m, after_cut_off: drop}"},
    {"more": "rescheduling:"},
    {"more": "expire_after: 7d\nlabel: 600\nlanguage: pt_BR"},
    {"more": 'agent: {ring: 20s, key_wait: "8", keys: {start: 1, reschedule: "*9"}}'},
    {"more": "agent: {ring: '${RING}', keys: {start: '${KEY}'}}"},
    {"more": "prompts: {client-apology: sound:custom/sorry, agent-intro: [sound:a, tone:ring]}"},
    {"more": "prompts: {}\non_inbound: keep\noffer: {attempts: 2, delay: ~}"},
]
BAD = [
    {"target": ", hours: {someday: 09:00-17:00}, timezone: UTC"},
    {"target": ", hours: {mon: 9-17}, timezone: UTC"},
    {"target": ", hours: {mon: []}, timezone: UTC"},
    {"target": ", exceptions: {12-25: closed}, timezone: UTC"},
    {"target": ", max_concurrent: many"},
    {"target": ", max_concurrent: 1001"},
    {"target": ", que: support"},
    {"allow": "[]"},
    {"allow": '"0049"'},
    {"more": "rescheduling: {auto: maybe}"},
    {"more": "rescheduling: {delay: 10 minutes}"},
    {"more": "rescheduling: {delay: 86401}"},
    {"more": "rescheduling: {max_reschedules: 21}"},
    {"more": "rescheduling: {after_cut_off: next}"},
    {"more": "lable: x"},
    {"more": "agent: {keys: {start: A}}"},
    {"more": "prompts: {agent-hello: sound:x}"},
    {"more": "prompts: {agent-intro: hello.wav}"},
    {"more": "on_inbound: ignore"},
]


def profile_of(parts: dict[str, str]) -> str:
    return LEAST.format(**{"target": "", "allow": '["+1"]', "more": "", **parts})


def accepted(folder: Path, settings: str, profile: str) -> bool:
    """What `callbackd check` says."""
    (folder / "profiles").mkdir(exist_ok=True)
    (folder / "secret").write_text("x")
    (folder / "callbackd.yaml").write_text(settings)
    (folder / "profiles/one.yaml").write_text(profile)
    try:
        load(folder / "callbackd.yaml", strict_env=False, environ={})
    except ConfigurationInvalid:
        return False
    return True


SETTINGS_LEAST = "ari: {password: x}\n"


@pytest.mark.parametrize("parts", GOOD, ids=str)
def test_a_good_profile_is_good_for_both(tmp_path: Path, parts: dict[str, str]) -> None:
    assert accepted(tmp_path, SETTINGS_LEAST, profile_of(parts))
    assert told(Document.PROFILE, profile_of(parts)) == []


@pytest.mark.parametrize("parts", BAD, ids=str)
def test_a_bad_profile_is_bad_for_both(tmp_path: Path, parts: dict[str, str]) -> None:
    assert not accepted(tmp_path, SETTINGS_LEAST, profile_of(parts))
    assert told(Document.PROFILE, profile_of(parts))


@pytest.mark.parametrize(
    ("settings", "good"),
    [
        (SETTINGS_LEAST, True),
        (
            "ari: {password_file: secret, url: 'https://pbx.example.com/x/ari'}\nagi: {}\nhttp: {listen: '[::1]:8780'}",
            True,
        ),
        (f"{SETTINGS_LEAST}agi: {{listen: 127.0.0.1:4573, allow_from: [127.0.0.1, 10.0.0.0/8]}}", True),
        (f"{SETTINGS_LEAST}mqtt: {{url: mqtts://broker, username: x, password: '${{P}}'}}\nlimits:", True),
        (f"{SETTINGS_LEAST}webhooks: [{{url: https://crm.example.com/x, secret: s, events: [attempt_ended]}}]", True),
        (f"{SETTINGS_LEAST}drain: 90\nretention: 30d\nlog: {{level: debug, numbers: full}}\nwebhooks: []", True),
        ("ari: {password: '${P}', username: x}", True),
        ("{}", False),
        ("ari: {}", False),
        ("ari: {password: x, password_file: secret}", False),
        ("ari: {password: x, url: http://127.0.0.1:8088}", False),
        (f"{SETTINGS_LEAST}agi:", False),
        (f"{SETTINGS_LEAST}http: {{listen: 8780}}", False),
        (f"{SETTINGS_LEAST}drain: 2h", None),
        (f"{SETTINGS_LEAST}drain: 7200", False),
        (f"{SETTINGS_LEAST}log: {{level: loud}}", False),
        (f"{SETTINGS_LEAST}webhooks: [{{url: https://crm.example.com/x}}]", False),
        (f"{SETTINGS_LEAST}webhooks: [{{secret: x}}]", False),
        (f"{SETTINGS_LEAST}mqtt: {{username: x, password: x, password_file: secret}}", False),
        (f"{SETTINGS_LEAST}datebase: x", False),
    ],
)
def test_settings(tmp_path: Path, settings: str, good: bool | None) -> None:
    """None: only `check` can tell that it is wrong."""
    assert accepted(tmp_path, settings, profile_of({})) is bool(good)
    assert (told(Document.SETTINGS, settings) == []) is (good is not False)

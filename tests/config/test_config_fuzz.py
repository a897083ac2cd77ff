"""Whatever is in the files, loading answers with a configuration or with `ConfigurationInvalid`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callbackd.config import ConfigurationInvalid, load

from .config_files import PROFILE, SETTINGS, write

SAMPLES = Path(__file__).parents[2] / "config"
SAMPLE_PROFILE = (SAMPLES / "profiles" / "support.yaml").read_text()
SAMPLE_SETTINGS = (SAMPLES / "callbackd.yaml").read_text()

fuzz = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

PIECES = st.sampled_from(
    [
        '[', ']', '{', '}', ':', '-', '&a', '*a', '<<', '!!int',
        "'", '"', '\\', '#', '|', '>', '%', '${', '${X}', '${EMPTY}',
        '$${', 'null', '~', 'on', '12:30', '22:00-06:00', 'closed', '2026-12-25', 'mon-fri', '+1',
        'é', '٣', '{number}', 'PJSIP/1', '\\ud800', '/', '..', 'http://[', '@', '1e9',
        '-1', '100d', '', ' ', '\n', '\t', '- ', ': ', '\u2028', '\x85',
        '\ufeff',
        "9" * 5000,
    ]
)  # fmt: skip
TEXT = st.one_of(st.text(max_size=60), st.lists(PIECES, max_size=12).map("".join))


def survives(folder: Path, settings_text: str | bytes, profile: str | bytes) -> None:
    path = write(folder, settings_text, support=profile)
    for strict in (True, False):
        try:
            found = load(path, strict_env=strict, environ={"EMPTY": ""}).warnings
        except ConfigurationInvalid as error:
            found = error.problems
        assert all(str(problem).isprintable() for problem in found)


@fuzz
@given(st.binary(max_size=300))
def test_any_bytes(tmp_path: Path, content: bytes) -> None:
    survives(tmp_path, content, content)


@fuzz
@given(TEXT)
def test_any_text(tmp_path: Path, text: str) -> None:
    content = text.encode("utf-8", "surrogatepass")
    survives(tmp_path, content, content)


@pytest.mark.parametrize(("sample", "is_profile"), [(SAMPLE_PROFILE, True), (SAMPLE_SETTINGS, False)])
@fuzz
@given(data=st.data())
def test_the_samples_with_any_value_replaced(
    tmp_path: Path, data: st.DataObject, sample: str, is_profile: bool
) -> None:
    """A value, key or stretch of the sample gives way to something else: what people do by mistake, and worse."""
    spots = [match.span(1) for match in re.finditer(r"([A-Za-z0-9_/@:+*.,<>\[\]{}\"' -]+?)(?=:|\s{2,}#|\n)", sample)]
    start, end = data.draw(st.sampled_from(spots))
    text = sample[:start] + data.draw(TEXT) + sample[end:]
    content = text.encode("utf-8", "surrogatepass")
    survives(tmp_path, SETTINGS if is_profile else content, content if is_profile else PROFILE)


@fuzz
@given(
    section=st.sampled_from(["", "target", "agent", "client", "rescheduling", "offer", "prompts"]),
    key=st.sampled_from(
        [
            "endpoint",
            "hours",
            "exceptions",
            "timezone",
            "keys",
            "allow",
            "cut_off",
            "delay",
            "label",
            "ringing",
            "queue",
        ]
    ),
    value=st.recursive(
        TEXT.map(lambda text: "'" + re.sub(r"[^\x20-\x7eéü٣]", "?", text).replace("'", "''") + "'"),
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda items: "[" + ", ".join(items) + "]")
            | st.lists(st.tuples(inner, inner), max_size=3).map(
                lambda pairs: "{" + ", ".join(f"? {k} : {v}" for k, v in pairs) + "}"
            )
        ),
        max_leaves=8,
    ),
)
def test_any_shape_under_any_setting(tmp_path: Path, section: str, key: str, value: str) -> None:
    survives(tmp_path, SETTINGS, f"{section}: {{{key}: {value}}}\n" if section else f"{key}: {value}\n")

"""``${NAME}`` in values: replaced after parsing, strict when running, never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from callbackd.config import ConfigurationInvalid, load

from .config_files import PROFILE, problems, read, read_profile, write


def test_any_value_may_name_a_variable(tmp_path: Path) -> None:
    text = PROFILE + "label: ${WHO} line\nrescheduling: {auto: '${AUTO}', max_reschedules: ${MAX}}\n"
    profile = read_profile(tmp_path, text, env={"WHO": "Sales", "AUTO": "off", "MAX": "3"})
    assert profile.label == "Sales line"
    assert profile.rescheduling.auto is False
    assert profile.rescheduling.max_reschedules == 3


def test_what_a_variable_holds_is_never_read_as_yaml(tmp_path: Path) -> None:
    password = "x: [1, &a *a # ${NOT} '"
    settings = read(tmp_path, "ari: {password: '${P}'}", env={"P": password}).settings
    assert settings.ari.password.reveal() == password


def test_the_characters_themselves(tmp_path: Path) -> None:
    assert read(tmp_path, "ari: {password: '$${P}'}", env={}).settings.ari.password.reveal() == "${P}"


def test_an_unset_variable_is_an_error_to_run(tmp_path: Path) -> None:
    assert problems(tmp_path, "ari:\n  password: ${NOT_SET}\n") == [
        "callbackd.yaml:2:13: the environment variable NOT_SET is not set"
    ]


def test_an_unset_variable_is_a_warning_to_check(tmp_path: Path) -> None:
    profile = 'target: {endpoint: "${E}", timezone: "${Z}", hours: {mon: "${H}"}, max_concurrent: "${M}"}\n'
    profile += 'client: {endpoint: "${E}", allow: ["${A}"], ring: "${R}"}\n'
    path = write(tmp_path, "ari: {password_file: '${F}'}\nagi: {allow_from: '${L}'}\n", support=profile)
    configuration = load(path, strict_env=False, environ={})
    assert [str(w).removeprefix(f"{tmp_path}/").split(" ", 1)[1] for w in configuration.warnings] == [
        f"warning: the environment variable {name} is not set" for name in ("F", "L", "E", "Z", "H", "M", "E", "A", "R")
    ]
    assert configuration.profiles["support"].target.max_concurrent == 1


@pytest.mark.parametrize("reference", ["${", "${}", "${A-B}", "${CALLERID(num)}", "${X:-y}", "${1}"])
def test_what_is_not_a_reference(tmp_path: Path, reference: str) -> None:
    assert problems(tmp_path, f"ari: {{password: '{reference}'}}", env={"X": "1"}) == [
        "callbackd.yaml:1:17: '${' must be followed by a variable's name and '}', as in ${NAME}; "
        "write $${ for the characters"
    ]


def test_an_error_shows_the_reference_and_not_what_it_holds(tmp_path: Path) -> None:
    assert problems(tmp_path, "ari: {password: a}\ndrain: ${D}\n", env={"D": "hush"}) == [
        "callbackd.yaml:2:8: drain: found '${D}'; expected a duration such as 30, 30s, 10m, 1h30m or 7d, from 0s to 1h"
    ]


def test_the_process_environment_is_the_usual_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, "ari: {password: '${CALLBACKD_TEST_PASSWORD}'}")
    with pytest.raises(ConfigurationInvalid):
        load(path, strict_env=True)
    monkeypatch.setenv("CALLBACKD_TEST_PASSWORD", "hush")
    assert load(path, strict_env=True).settings.ari.password.reveal() == "hush"

"""Finding and loading a configuration: all files, all problems, in order, each with its mend."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from callbackd.config import ConfigurationInvalid, Problem, Severity, find, load

from .config_files import PROFILE, SETTINGS, problems, read, write

SAMPLES = Path(__file__).parents[2] / "config"


def test_the_samples_load() -> None:
    configuration = load(SAMPLES / "callbackd.yaml", strict_env=True, environ={"CALLBACKD_ARI_PASSWORD": "hush"})
    assert configuration.warnings == ()
    assert list(configuration.profiles) == ["sales", "support"]
    assert configuration.profiles["support"].label == "Support line"


def test_the_samples_can_be_checked_without_their_variables() -> None:
    configuration = load(SAMPLES / "callbackd.yaml", strict_env=False, environ={})
    assert [w.message for w in configuration.warnings] == ["the environment variable CALLBACKD_ARI_PASSWORD is not set"]


def test_the_samples_commented_lines_load_too(tmp_path: Path) -> None:
    """What is commented out in the sample is right when a sysadmin takes the # away."""
    for name in ("ari-password", "mqtt-password", "webhook-secret"):
        (tmp_path / name).write_text("hush\n")
    (tmp_path / "ca.pem").touch()
    text = (SAMPLES / "callbackd.yaml").read_text()
    text = text.replace("  password: ${CALLBACKD_ARI_PASSWORD}", "#").replace("webhooks: []", "webhooks:")
    text = text.replace("  # password_file", "  password_file").replace("  # token_file", "  token_file")
    mqtt = text.index("# mqtt:")
    text = text[:mqtt] + text[mqtt:].replace("\n# ", "\n").replace("\n# ", "\n").replace("\n#", "\n").lstrip("# ")
    text = text.replace("/etc/callbackd/ca.pem", "ca.pem").replace("mqtt://127", "mqtts://127")
    settings = read(tmp_path, text).settings
    assert settings.mqtt is not None
    assert settings.mqtt.username == "callbackd"
    assert settings.webhooks[0].events == ("attempt_ended",)
    assert settings.http is not None
    assert settings.http.token_file == Path("/var/lib/callbackd/api-token")


def test_a_problem_is_a_line_that_editors_can_jump_to() -> None:
    assert str(Problem("a.yaml", 3, 7, "is wrong")) == "a.yaml:3:7: is wrong"
    assert str(Problem("a.yaml", 3, 7, "is odd", Severity.WARNING)) == "a.yaml:3:7: warning: is odd"
    assert str(Problem("a.yaml", 0, 0, "no such file")) == "a.yaml: no such file"


def test_all_problems_of_all_files_in_order(tmp_path: Path) -> None:
    assert problems(
        tmp_path, "drain: x\nari: {password: y}\nlog: 1\n", b="label: [\n", a=PROFILE + "offer: 1\nlabel: {}\n"
    ) == [
        "callbackd.yaml:1:8: drain: found 'x'; expected a duration such as 30, 30s, 10m, 1h30m or 7d, from 0s to 1h",
        "callbackd.yaml:3:6: log: found '1'; expected a section (key: value)",
        "profiles/a.yaml:3:8: offer: found '1'; expected a section (key: value)",
        "profiles/a.yaml:4:8: label: found a section (key: value); expected one line of text, at most 80 characters",
        "profiles/b.yaml:2:1: not YAML: expected the node content, but found '<stream end>' "
        "(while parsing a flow node that starts on line 2)",
    ]


def test_profiles_are_read_even_if_the_settings_are_not_yaml(tmp_path: Path) -> None:
    found = problems(tmp_path, "a: [", support=PROFILE + "offer: 1\n")
    assert [line.split(":")[0] for line in found] == ["callbackd.yaml", "profiles/support.yaml"]


def test_errors_come_with_the_warnings(tmp_path: Path) -> None:
    path = write(tmp_path, "ari: {password: x}\nlimits: {max_concurrent: 0}\nlog: 1\n")
    with pytest.raises(ConfigurationInvalid) as caught:
        load(path, strict_env=True, environ={})
    assert [p.severity for p in caught.value.problems] == [Severity.WARNING, Severity.ERROR]
    assert str(caught.value) == "\n".join(str(p) for p in caught.value.problems)


def test_warnings_alone_are_lived_with(tmp_path: Path) -> None:
    warnings = read(tmp_path, "ari: {password: x}\nlimits: {max_concurrent: 0}\n").warnings
    assert [str(w).partition(": ")[2] for w in warnings] == ["warning: limits.max_concurrent: 0 pauses all dialling"]


def test_the_same_mistake_through_an_alias_is_told_once(tmp_path: Path) -> None:
    profile = PROFILE + "agent: {ring: &t 9m, retry_delay: 1s}\noffer: &o {attempts: x}\n"
    assert len(problems(tmp_path, support=profile)) == 2


def test_profiles_cannot_be_changed_by_who_reads_them(tmp_path: Path) -> None:
    profiles = read(tmp_path).profiles
    with pytest.raises(TypeError):
        profiles["x"] = profiles["support"]  # type: ignore[index]


NOBODY = 65534


@contextlib.contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything: be somebody else for a while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class TestFiles:
    def said(self, path: Path) -> list[str]:
        with pytest.raises(ConfigurationInvalid) as caught:
            load(path, strict_env=True, environ={})
        return [str(p).replace(f"{path.parent}/", "") for p in caught.value.problems]

    def test_a_missing_file(self, tmp_path: Path) -> None:
        assert self.said(tmp_path / "callbackd.yaml") == [
            "callbackd.yaml: no such file; make it, or name another with --config or CALLBACKD_CONFIG"
        ]

    def test_a_folder(self, tmp_path: Path) -> None:
        (tmp_path / "callbackd.yaml").mkdir()
        assert self.said(tmp_path / "callbackd.yaml") == ["callbackd.yaml: is a folder, not a file"]

    def test_a_device(self) -> None:
        assert self.said(Path("/dev/zero")) == ["zero: is not a regular file"]

    def test_a_name_that_no_file_has(self, tmp_path: Path) -> None:
        assert self.said(tmp_path / "a\0b") == ["a\0b: is not a file's name"]

    def test_an_unreadable_file(self, tmp_path: Path) -> None:
        path = write(tmp_path)
        path.chmod(0)
        with as_nobody():
            said = self.said(path)
        assert said == [
            "callbackd.yaml: can't be read: permission denied; let the user that runs callbackd read it"
        ]

    def test_a_missing_folder_of_profiles(self, tmp_path: Path) -> None:
        path = write(tmp_path, SETTINGS + "profiles: other\n")
        assert self.said(path) == ["other: no such folder; make it and put a profile in it, such as support.yaml"]

    def test_a_file_instead_of_the_folder(self, tmp_path: Path) -> None:
        path = write(tmp_path, SETTINGS + "profiles: callbackd.yaml\n")
        assert self.said(path) == [
            "callbackd.yaml: is not a folder; 'profiles' names the folder that holds the profiles"
        ]

    def test_an_empty_folder_of_profiles(self, tmp_path: Path) -> None:
        path = write(tmp_path)
        (tmp_path / "profiles" / "support.yaml").rename(tmp_path / "profiles" / "support.yaml.bak")
        (tmp_path / "profiles" / ".hidden.yaml").touch()
        assert self.said(path) == ["profiles: holds no profile; put one in it, such as support.yaml"]

    def test_an_empty_profile(self, tmp_path: Path) -> None:
        assert problems(tmp_path, support="") == ["profiles/support.yaml: is empty"]

    @pytest.mark.parametrize("text", ["- a\n", "just text\n"])
    def test_a_file_that_holds_no_settings(self, tmp_path: Path, text: str) -> None:
        [found] = problems(tmp_path, support=text)
        assert found.startswith("profiles/support.yaml:1:1: found ")
        assert found.endswith("; expected settings (key: value)")

    def test_a_profile_that_ends_in_yml_is_not_overlooked(self, tmp_path: Path) -> None:
        path = write(tmp_path)
        (tmp_path / "profiles" / "sales.yml").write_text(PROFILE)
        assert self.said(path) == ["profiles/sales.yml: a profile's name ends in .yaml; rename it to sales.yaml"]

    @pytest.mark.parametrize("name", ["a", "0", "a_b-c", "x" * 32])
    def test_ids(self, tmp_path: Path, name: str) -> None:
        path = write(tmp_path, SETTINGS, **{name: PROFILE})
        assert list(load(path, strict_env=True, environ={}).profiles) == [name]

    @pytest.mark.parametrize(
        ("name", "meant"),
        [
            ("Support", "; did you mean 'support'?"),
            ("my line", "; did you mean 'my-line'?"),
            ("-a", ""),
            ("x" * 33, ""),
            ("süd", ""),
        ],
    )
    def test_names_that_are_no_ids(self, tmp_path: Path, name: str, meant: str) -> None:
        assert self.said(write(tmp_path, SETTINGS, **{name: PROFILE})) == [
            f"profiles/{name}.yaml: '{name}' can't be a profile's id; expected 1 to 32 of a-z 0-9 _ -, "
            f"beginning with a letter or digit{meant}"
        ]


class TestFinding:
    def test_the_option_comes_first(self, tmp_path: Path) -> None:
        environ = {"CALLBACKD_CONFIG": "/other.yaml"}
        assert find(tmp_path / "a.yaml", environ, ()) == tmp_path / "a.yaml"
        assert find("a.yaml", environ, ()) == Path("a.yaml")

    def test_then_the_variable(self, tmp_path: Path) -> None:
        usual = tmp_path / "usual.yaml"
        usual.touch()
        assert find(None, {"CALLBACKD_CONFIG": "/other.yaml"}, [usual]) == Path("/other.yaml")
        assert find(None, {"CALLBACKD_CONFIG": ""}, [usual]) == usual

    def test_then_the_first_of_the_usual_places(self, tmp_path: Path) -> None:
        first, second = tmp_path / "1.yaml", tmp_path / "2.yaml"
        second.touch()
        assert find(None, {}, [first, second]) == second
        first.touch()
        assert find(None, {}, [first, second]) == first

    def test_nowhere(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigurationInvalid) as caught:
            find(None, {}, [tmp_path / "a", tmp_path / "b"])
        assert str(caught.value) == (
            f"callbackd.yaml: not found: looked for {tmp_path}/a and {tmp_path}/b; "
            "name it with --config or CALLBACKD_CONFIG, or have a first one written: callbackd init /etc/callbackd"
        )

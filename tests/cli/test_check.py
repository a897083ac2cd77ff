"""``callbackd check``, and what every command says of a configuration that is wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import callbackd
from callbackd.cli.main import main
from tests.cli.shell import Shell


def test_all_is_well(shell: Shell) -> None:
    result = shell.run("check")
    assert result.exit_code == 0
    assert result.stdout.endswith("ok, 0 errors, 0 warnings; profiles: sales, support\n")


def _spoil(shell: Shell) -> Path:
    path = shell.folder / "profiles" / "support.yaml"
    path.write_text(path.read_text().replace("max_reschedules: 2", "max_reschedule: 2").replace("label:", "lable:"))
    return path


def test_every_error_is_told_on_its_line(shell: Shell) -> None:
    path = _spoil(shell)
    result = shell.run("check")
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"{path}:1:1: ")
    assert lines[1].startswith(f"{path}:11:")
    assert lines[2].endswith("2 errors, 0 warnings")


def test_as_json(shell: Shell) -> None:
    assert json.loads(shell.run("check", "--json").stdout) == {
        "ok": True,
        "file": str(shell.folder / "callbackd.yaml"),
        "profiles": ["sales", "support"],
        "errors": [],
        "warnings": [],
    }
    path = _spoil(shell)
    result = shell.run("check", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert not told["ok"]
    assert [(error["file"], error["line"]) for error in told["errors"]] == [(str(path), 1), (str(path), 11)]


def test_a_variable_that_is_not_set_is_a_warning(shell: Shell) -> None:
    path = shell.folder / "callbackd.yaml"
    path.write_text(path.read_text().replace("secret", "${CALLBACKD_NOT_SET_HERE}"))
    result = shell.run("check")
    assert result.exit_code == 0
    assert "warning: " in result.stdout
    assert "1 warning;" in result.stdout


def test_a_file_that_is_not_there(shell: Shell) -> None:
    (shell.folder / "callbackd.yaml").unlink()
    assert shell.run("check").exit_code == 1


@pytest.mark.parametrize("command", [["when", "support"], ["list"], ["show", "x"], ["request", "support", "1"]])
def test_the_other_commands_tell_one_line(shell: Shell, command: list[str]) -> None:
    _spoil(shell)
    result = shell.run(*command)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1
    assert "callbackd check" in result.stderr


def test_the_environment_names_the_file(shell: Shell) -> None:
    environment = {"CALLBACKD_CONFIG": str(shell.folder / "callbackd.yaml")}
    assert CliRunner(env=environment).invoke(main, ["check"]).exit_code == 0


def test_version() -> None:
    result = CliRunner().invoke(main, ["--version"])
    assert result.stdout == f"callbackd {callbackd.__version__}\n"


@pytest.mark.parametrize("command", [[], *([name] for name in sorted(main.commands))])
def test_every_command_teaches_by_example(command: list[str]) -> None:
    result = CliRunner().invoke(main, [*command, "--help"])
    assert result.exit_code == 0
    assert "Example" in result.stdout
    assert "  callbackd " in result.stdout


@pytest.mark.parametrize("arguments", [["no-such-command"], ["--no-such-option"], ["show"], ["request", "support"]])
def test_usage_errors(arguments: list[str]) -> None:
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_run_hands_over_to_the_daemon(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[Path] = []

    def stand_in(path: Path) -> int:
        started.append(path)
        return 7

    monkeypatch.setattr("callbackd.process.run", stand_in)
    assert shell.run("run").exit_code == 7
    assert started == [shell.folder / "callbackd.yaml"]

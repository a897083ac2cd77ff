"""``callbackd when``: the worked examples of the specification, and the ways to ask."""

from __future__ import annotations

import json

import pytest

from tests.cli.shell import Shell


@pytest.mark.parametrize(
    ("ended", "due"),
    [
        ("2026-11-02 10:00", "2026-11-02T10:30:00-05:00"),
        ("2026-11-02 11:45", "2026-11-02T13:00:00-05:00"),
        ("2026-11-02 16:00", "2026-11-02T16:30:00-05:00"),
        ("2026-11-02 16:01", "2026-11-03T09:00:00-05:00"),
        ("2026-11-06 16:45", "2026-11-09T09:00:00-05:00"),
        ("2026-11-02T15:00:00Z", "2026-11-02T10:30:00-05:00"),
        ("2026-11-02T10:00:00-05:00", "2026-11-02T10:30:00-05:00"),
    ],
)
def test_the_worked_examples(shell: Shell, ended: str, due: str) -> None:
    result = shell.run("when", "support", "--failed-at", ended, "--json")
    assert result.exit_code == 0
    answer = json.loads(result.stdout)
    assert (answer["decision"], answer["kind"], answer["due_local"]) == ("retry", "auto", due)
    assert answer["why"]


def test_people_read_the_rules_and_the_wall_clock(shell: Shell) -> None:
    result = shell.run("when", "support", "--failed-at", "2026-11-02 16:01", "--outcome", "client_busy")
    lines = result.stdout.splitlines()
    assert lines[0] == "Support line (support): an attempt ends as client_busy, Mon 2 Nov 2026 16:01 EST"
    assert any("past the cut-off at Mon 2 Nov 2026 16:30 EST" in line for line in lines)
    assert lines[-1] == "tried again (auto) from Tue 3 Nov 2026 09:00 EST (America/Toronto)"


def test_without_a_time_it_is_now(shell: Shell) -> None:
    assert shell.run("when", "support").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "decision", "word"),
    [
        (["support", "--used", "2"], "end", "exhausted"),
        (["sales", "--used", "2"], "offer", None),
        (["support", "--kind", "agent"], "retry", "agent"),
        (["support", "--kind", "agent", "--outcome", "client_busy"], "retry", "agent"),
        (["sales", "--kind", "client"], "retry", "client"),
        (["support", "--outcome", "answered"], "end", "completed"),
        (["support", "--outcome", "client_invalid"], "end", "unreachable_number"),
        (["support", "--outcome", "agent_no_answer"], "rest", None),
        (["support", "--outcome", "route_failed"], "rest", None),
        (["support", "--outcome", "withheld"], "rest", None),
    ],
)
def test_every_kind_of_answer(shell: Shell, arguments: list[str], decision: str, word: str | None) -> None:
    asked = ["when", *arguments, "--failed-at", "2026-11-02 10:00"]
    answer = json.loads(shell.run(*asked, "--json").stdout)
    assert answer["decision"] == decision
    assert word in (answer["disposition"], answer["kind"])
    assert (answer["due_at"] is None) == (decision == "end" or "withheld" in arguments)
    assert shell.run(*asked).exit_code == 0


@pytest.mark.parametrize(
    ("failed_at", "told"),
    [
        ("2026-03-08 02:30", "does not exist on 2026-03-08 in America/Toronto"),
        ("2026-02-30 10:00", "there is no such time"),
        ("2026-11-02 25:00", "there is no such time"),
        ("2026-11-02", "expected [YYYY-MM-DD] HH:MM"),
        ("2026-11-02T10:00:00", "expected [YYYY-MM-DD] HH:MM"),
        ("noon", "expected [YYYY-MM-DD] HH:MM"),
        ("9999-12-31 23:59", "expected a year from 2000 to 2199"),
        ("0001-01-01T00:00:00+14:00", "expected a year from 2000 to 2199"),
        ("", "expected [YYYY-MM-DD] HH:MM"),
        ("\uff11\uff12:00", "expected [YYYY-MM-DD] HH:MM"),
    ],
)
def test_a_time_that_is_none_is_a_usage_error(shell: Shell, failed_at: str, told: str) -> None:
    result = shell.run("when", "support", "--failed-at", failed_at)
    assert result.exit_code == 2
    assert "--failed-at" in result.stderr
    assert told in " ".join(result.stderr.split())


def test_a_time_that_comes_twice_is_the_first(shell: Shell) -> None:
    answer = json.loads(shell.run("when", "support", "--failed-at", "2026-11-01 01:30", "--json").stdout)
    assert answer["failed_at"] == "2026-11-01T05:30:00.000Z"


@pytest.mark.parametrize(
    "arguments",
    [["--used", "-1"], ["--used", "two"], ["--kind", "request"], ["--outcome", "lost"]]
    + [["--kind", "client", "--outcome", "answered"], ["--no-such"]],
)
def test_mistakes_in_the_command_line_are_usage_errors(shell: Shell, arguments: list[str]) -> None:
    assert shell.run("when", "support", *arguments).exit_code == 2


def test_an_unknown_profile_is_refused_with_the_name_that_was_meant(shell: Shell) -> None:
    result = shell.run("when", "suport")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("callbackd: no profile 'suport'")
    assert "support" in result.stderr
    assert result.stderr.count("\n") == 1

"""``callbackd check``: everything that is wrong with the configuration, at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from callbackd.cli.configuration import ConfigurationFile
from callbackd.cli.failure import REFUSED
from callbackd.cli.plain import plain, print_json

if TYPE_CHECKING:
    from callbackd.config import Problem


@click.command(
    epilog="\b\nExamples:\n  callbackd check\n  callbackd --config /tmp/new/callbackd.yaml check && callbackd reload",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def check(file: ConfigurationFile, as_json: bool) -> None:
    """Check the settings and every profile.

    Each error is printed with its place: file, line and column. Exit 1 if there is one. A variable of the environment
    that is not set here is only a warning: the daemon may have it.
    """
    from callbackd.config import ConfigurationInvalid, Severity, load

    path = file.path()
    profiles: list[str] = []
    try:
        configuration = load(path, strict_env=False)
    except ConfigurationInvalid as error:
        problems: Sequence[Problem] = error.problems
    else:
        problems, profiles = configuration.warnings, list(configuration.profiles)
    errors = [problem for problem in problems if problem.severity is Severity.ERROR]
    warnings = [problem for problem in problems if problem.severity is Severity.WARNING]
    if as_json:
        print_json(
            {
                "ok": not errors,
                "file": str(path),
                "profiles": profiles,
                "errors": [_shape(problem) for problem in errors],
                "warnings": [_shape(problem) for problem in warnings],
            }
        )
    else:
        for problem in problems:
            click.echo(plain(str(problem)))
        found = f"{_count(len(errors), 'error')}, {_count(len(warnings), 'warning')}"
        click.echo(plain(f"{path}: {found}" if errors else f"{path}: ok, {found}; profiles: {', '.join(profiles)}"))
    if errors:
        raise click.exceptions.Exit(REFUSED)


def _shape(problem: Problem) -> dict[str, str | int]:
    return {
        "file": problem.file,
        "line": problem.line,
        "column": problem.column,
        "severity": problem.severity.value,
        "message": problem.message,
    }


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"

"""How a command fails: one line on stderr that names the cause and the mend, and an exit code that scripts can use."""

from __future__ import annotations

from typing import IO, Any

import click

from callbackd.cli.plain import plain

REFUSED = 1
"""Refused, not found, or wrong."""

UNREACHABLE = 3
"""The daemon can't be reached. (2, a mistake in the command line, is click's own.)"""


class Failure(click.ClickException):
    """Ends the command with a line and exit code 1."""

    exit_code = REFUSED

    def show(self, file: IO[Any] | None = None) -> None:
        """Print the line, made safe for a terminal."""
        click.echo(f"callbackd: {plain(self.message)}", file=file, err=file is None)


class Unreachable(Failure):
    """The same, with exit code 3."""

    exit_code = UNREACHABLE

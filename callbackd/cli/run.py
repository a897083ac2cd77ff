"""``callbackd run``: the daemon."""

from __future__ import annotations

import click

from callbackd.cli.configuration import ConfigurationFile


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd run\n"
    "  callbackd --config /etc/callbackd/callbackd.yaml run\n\n"
    "Under systemd, it runs as the service callbackd.",
)
@click.pass_obj
def run(file: ConfigurationFile) -> None:
    """Run the daemon; it logs to stderr.

    SIGTERM or SIGINT: it starts nothing new, waits for calls in progress as long as `drain` says, and leaves; a
    second one stops it at once. SIGHUP: it reads the configuration again.
    """
    path = file.path()
    from callbackd import process

    raise click.exceptions.Exit(process.run(path))

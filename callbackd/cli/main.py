"""The ``callbackd`` command: its options and the commands it has.

Each command imports what it needs when it runs, so that all of them start at once.
"""

from __future__ import annotations

from pathlib import Path

import click

import callbackd
from callbackd.cli.backup import backup
from callbackd.cli.callbacks import cancel, list_, request, reschedule, show
from callbackd.cli.check import check
from callbackd.cli.configuration import ConfigurationFile
from callbackd.cli.doctor import doctor
from callbackd.cli.forget import forget
from callbackd.cli.init import init
from callbackd.cli.operations import pause, reload, resume, status
from callbackd.cli.run import run
from callbackd.cli.schema import schema
from callbackd.cli.when import when


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="\b\nExamples:\n"
    "  callbackd init /etc/callbackd             a first configuration for this PBX\n"
    "  callbackd check                           is the configuration right?\n"
    "  callbackd when support --failed-at 16:45  what would follow a failed attempt, and why?\n"
    "  callbackd doctor                          is the PBX as it must be?\n"
    "  callbackd status                          how do the daemon and its profiles stand?\n"
    "  callbackd list --state queued             who waits?\n"
    "  callbackd COMMAND --help                  more of each, with examples\n"
    "\b\n"
    "Exit codes: 0 done; 1 refused or not found; 2 a mistake in the command line;\n"
    "3 the daemon can't be reached.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The settings file.  [default: CALLBACKD_CONFIG, or the first of /etc/callbackd/callbackd.yaml and "
    "config/callbackd.yaml that exists]",
)
@click.version_option(callbackd.__version__, prog_name="callbackd", message="%(prog)s %(version)s")
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Call-backs for Asterisk: an agent is rung first, then the client; what fails is tried again by the rules of a
    Call-Back Profile."""
    context.obj = ConfigurationFile(config)


for command in (
    *(init, run, check, doctor, when, schema),
    *(request, list_, show, cancel, reschedule),
    *(pause, resume, reload, status),
    *(backup, forget),
):
    main.add_command(command)

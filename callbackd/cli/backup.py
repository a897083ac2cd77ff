"""``callbackd backup``: a copy of the database, whether the daemon runs or not."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import click

from callbackd.cli.configuration import ConfigurationFile
from callbackd.cli.failure import Failure
from callbackd.cli.plain import plain, print_json

QUIET_FOR = 2.0
"""Seconds before the progress is told, and between two tellings."""


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd backup /var/backups/callbackd-$(date +%F).sqlite3\n"
    "  callbackd backup --force /mnt/nas/callbackd.sqlite3 --json\n"
    "\b\n"
    "To restore one: stop the daemon; move callbackd.sqlite3 and, if they are there,\n"
    "callbackd.sqlite3-wal and callbackd.sqlite3-shm away together; then\n"
    "  install -m 600 -o callbackd BACKUP /var/lib/callbackd/callbackd.sqlite3\n"
    "and start the daemon.",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Overwrite FILE.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def backup(configuration: ConfigurationFile, file: Path, force: bool, as_json: bool) -> None:
    """Copy the database to FILE, whether the daemon runs or not.

    It may go on writing meanwhile. The copy is the database as it was at one instant: one file that only you may
    read. It is examined before it gets its name, so FILE is whole or not there. Run this as root or as the user of the
    daemon. The copy holds personal data, which neither `retention` nor `callbackd forget` erases there: that is yours
    to do.
    """
    from callbackd.store.copying import AlreadyThere, copy_database
    from callbackd.store.interface import StoreError

    source = configuration.settings().database
    try:
        copied = copy_database(source, file, replace=force, progress=_teller())
    except AlreadyThere as error:
        raise Failure(f"{error}: name another file, or overwrite it with --force") from None
    except StoreError as error:
        raise Failure(str(error)) from None
    if as_json:
        print_json(
            {"file": str(file.absolute()), "bytes": copied.size, "callbacks": copied.callbacks, "schema": copied.schema}
        )
    else:
        size = f"{copied.size / 1e6:.1f} MB"
        click.echo(plain(f"{file}: {copied.callbacks} call-backs, {size}, examined and sound"))


def _teller() -> Callable[[int, int], None]:
    """Tells the progress on stderr, once it is slow."""
    told_at = time.monotonic()

    def tell(done: int, whole: int) -> None:
        nonlocal told_at
        if time.monotonic() - told_at >= QUIET_FOR:
            told_at = time.monotonic()
            then = "; now the copy is examined" if done == whole else ""
            click.echo(f"copied {done / 1e6:.0f} of {whole / 1e6:.0f} MB{then}", err=True)

    return tell

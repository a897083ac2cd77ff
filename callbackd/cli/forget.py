"""``callbackd forget``: a number is erased."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from callbackd.cli.api_client import ApiClient
from callbackd.cli.configuration import ConfigurationFile
from callbackd.cli.operations import as_json
from callbackd.cli.plain import plain, print_json

if TYPE_CHECKING:
    from pathlib import Path

_ROWS = (
    ("callbacks", "call-backs"),
    ("attempts", "attempts"),
    ("offers", "offers"),
    ("events", "events"),
    ("keys", "idempotency keys"),
    ("dials", "dials that the limits counted"),
    ("suspects", "entries of route breakers"),
)


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd forget +14165550123\n"
    "  callbackd forget --profile support '(416) 555-0123' --cancel\n"
    "  callbackd forget +14165550123 --unblock --json"
)
@click.argument("number")
@click.option("--profile", metavar="PROFILE", help="Whose country a NUMBER without + is of.")
@click.option("--cancel", is_flag=True, help="Cancel first what has not ended.")
@click.option("--unblock", is_flag=True, help="Erase its place on the block-list too: it may be called again.")
@as_json
@click.pass_obj
def forget(
    file: ConfigurationFile, number: str, profile: str | None, cancel: bool, unblock: bool, as_json: bool
) -> None:
    """Erase all that is known of NUMBER.

    Its call-backs that ended go, with their attempts, offers, events and idempotency keys, and what limits and route
    breakers remember of it; events that MQTT or a webhook had not had yet are not delivered any more. What has not
    ended is refused, unless --cancel. A place on the block-list is kept, unless --unblock: it is what protects the
    person from being called. What others have already received, and backups, are not in callbackd's hands.
    """
    asked: dict[str, Any] = {"number": number}
    asked |= {name: True for name, wanted in (("cancel", cancel), ("unblock", unblock)) if wanted}
    if profile is not None:
        asked["profile"] = profile
    settings = file.settings()
    told = ApiClient(settings).post("numbers", "forget", body=asked).body
    copies = _copies(settings.database)
    if as_json:
        print_json({**told, "copies": [str(copy) for copy in copies]})
        return
    erased = [f"{words} {told[name]}" for name, words in _ROWS if told[name]]
    click.echo(f"erased: {', '.join(erased) or 'nothing was known'}")
    if told["undelivered"]:
        click.echo(f"{told['undelivered']} of the events had not been delivered everywhere, and never will be")
    if told["unblocked"]:
        click.echo("taken off the block-list: it may be called again")
    if told["blocked"]:
        click.echo("kept: its place on the block-list, so that it is not called (--unblock erases that too)")
    if not told["off_disk"]:
        click.echo(
            "somebody, perhaps a backup, reads the database, or its disk fails: its files are free of the number within"
            " the hour, or once the disk is mended"
        )
    for copy in copies:
        click.echo(plain(f"{copy} was made before a migration and may hold the number: remove it, if it is not needed"))


def _copies(database: Path) -> list[Path]:
    """Those that the daemon made itself. Others are not known."""
    try:
        return sorted(path for path in database.parent.iterdir() if path.name.startswith(f"{database.name}.before-"))
    except OSError:
        return []

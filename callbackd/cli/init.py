"""``callbackd init``: a first configuration for this PBX."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from callbackd.cli.failure import REFUSED, Failure
from callbackd.cli.plain import plain, print_json

if TYPE_CHECKING:
    from callbackd.initial.answers import Answers
    from callbackd.initial.pbx import Found
    from callbackd.initial.steps import Step
    from callbackd.initial.writing import Done


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd init /etc/callbackd\n"
    "  callbackd init ./try --zone Europe/London --endpoint PJSIP/1001 --trunk mytrunk\n"
    "  callbackd init /etc/callbackd --profile sales --queue sales --country DE --allow +49 --allow +43 \\\n"
    "      --hours 'mon-fri 08:00-12:00,13:00-17:30' --hours 'sat 09:00-12:00' --no-input",
)
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--profile", metavar="ID", help="The first profile's id.  [default: support]")
@click.option("--label", help="What people call it.  [default: the id]")
@click.option("--ari-url", metavar="URL", help="Asterisk's ARI.  [default: as http.conf has it]")
@click.option("--ari-user", metavar="NAME", help="The user in ari.conf.  [default: callbackd]")
@click.option("--queue", metavar="NAME", help="The queue whose agents are called.  [default: the first in queues.conf]")
@click.option(
    "--endpoint",
    "endpoints",
    metavar="ENDPOINT",
    multiple=True,
    help="Agents' phones instead; rung together if repeated.",
)
@click.option("--zone", metavar="ZONE", help="The agents' time zone.  [default: this machine's]")
@click.option(
    "--hours",
    metavar="HOURS",
    multiple=True,
    help="When calls may start: 'mon-fri 09:00-17:00', repeated for more, or 'always'.  [default: mon-fri 09:00-17:00]",
)
@click.option("--trunk", metavar="NAME", help="The PJSIP trunk that clients are dialled through.")
@click.option("--client-endpoint", metavar="ENDPOINT", help="How they are dialled instead: Local/{number}@context/n.")
@click.option("--caller-id", metavar="ID", help="What clients' phones show: 'Acme Support <+14165550100>'.")
@click.option("--country", metavar="CODE", help="Of numbers without +: GB.  [default: the zone's]")
@click.option("--allow", metavar="PREFIX", multiple=True, help="What may be dialled.  [default: the country's code]")
@click.option("--database", metavar="FILE", help="[default: /var/lib/callbackd/callbackd.sqlite3, or in DIR]")
@click.option(
    "--user", metavar="NAME", help="Who the daemon runs as.  [default: callbackd; you, if DIR is not below /etc]"
)
@click.option("--systemd/--no-systemd", default=None, help="Write a unit too.  [default: if DIR is below /etc]")
@click.option("--no-input", is_flag=True, help="Ask nothing, as without a terminal.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON; asks nothing.")
def init(folder: Path, no_input: bool, as_json: bool, systemd: bool | None, **options: Any) -> None:
    """Write a first configuration into DIR.

    Settings, a profile, a new ARI password, the dialplan include for this PBX, its sounds and a systemd unit; then
    tell the next steps. This machine's Asterisk or FreePBX is looked at, and nothing outside DIR is changed. Asks on a
    terminal for what no option says.

    Nothing is ever overwritten: a file that is there is kept, and said to be. Exit 1 if one was kept that differs from
    what would have been written.
    """
    from callbackd.cli.first_answers import ask_for_answers
    from callbackd.initial import pbx
    from callbackd.initial.answers import is_the_systems
    from callbackd.initial.files import all_files, mistakes
    from callbackd.initial.steps import Site, next_steps
    from callbackd.initial.writing import Fate, NotWritten, write

    folder = folder.absolute()
    found = pbx.look()
    ask = not (no_input or as_json) and sys.stdin.isatty() and sys.stdout.isatty()
    if not as_json:
        _tell_found(found)
    answers = ask_for_answers(options, found, folder, ask=ask)
    if problems := mistakes(answers):
        raise Failure("; ".join(f"{problem.message}" for problem in problems))
    unit = systemd if systemd is not None else is_the_systems(folder)
    program = _program()
    owner = _owner(answers.user)
    done: list[Done] = []
    try:
        files = all_files(answers, folder, _password(folder), program if unit else None)
        done += write(folder, files, owner)
    except NotWritten as error:
        raise Failure(f"{error}; choose a folder that you may write, or run this as root") from None
    site = Site(folder, owner is not None, os.geteuid() == 0, unit, "callbackd")
    steps = next_steps(answers, found, site)
    if as_json:
        _print_json(folder, answers, done, steps)
    else:
        _print(folder, done, steps)
    if any(each.fate is Fate.KEPT for each in done):
        raise click.exceptions.Exit(REFUSED)


def _password(folder: Path) -> str:
    """A new one, unless an earlier run has made one: both of its files must have the same."""
    from callbackd.initial.files import new_password, password_in
    from callbackd.initial.writing import there_already

    alone = (there_already(folder / "ari-password") or "").strip()
    return alone or password_in(there_already(folder / "asterisk/ari.conf") or "") or new_password()


def _program() -> str:
    """How a unit starts this program: with the path of the command, or through the interpreter that runs it."""
    import shutil

    command = shutil.which(sys.argv[0])
    if command is not None and Path(command).name == "callbackd":
        return str(Path(command).absolute())
    return f"{sys.executable} -m callbackd"


def _owner(user: str) -> tuple[int, int] | None:
    """The numbers of the daemon's user, if it is there and may be given files."""
    import pwd

    try:
        entry = pwd.getpwnam(user)
    except KeyError:
        return None
    return (entry.pw_uid, entry.pw_gid) if os.geteuid() == 0 else None


def _tell_found(found: Found) -> None:
    from callbackd.initial.pbx import answers

    if found.asterisk is None:
        told = "no Asterisk's configuration on this machine"
    else:
        told = f"{'FreePBX' if found.freepbx else 'Asterisk'}, configured in {found.asterisk}"
        more = (("queues", found.queues), ("phones", found.phones), ("trunks", found.trunks))
        told += "".join(f"; {len(names)} {name}" for name, names in more if names)
    ari = "answers" if answers(found.ari_url) else "does not answer yet"
    click.echo(plain(f"found: {told}; ARI at {found.ari_url} {ari}"), err=True)


def _print(folder: Path, done: list[Done], steps: list[Step]) -> None:
    from callbackd.initial.writing import Fate

    written = [each.path for each in done if each.fate is Fate.WRITTEN]
    for each in done:
        if each.fate is Fate.KEPT:
            click.echo(plain(f"kept     {each.path}: it was there, and is other than what would have been written"))
        elif each.fate is Fate.SAME and each.path.suffix != ".wav":
            click.echo(plain(f"same     {each.path}"))
        elif each.path.suffix != ".wav":
            click.echo(plain(f"written  {each.path}"))
    sounds = sum(path.suffix == ".wav" for path in written)
    if sounds:
        click.echo(plain(f"written  {folder / 'asterisk/sounds'}: {sounds} sounds"))
    click.echo("\nNext:")
    for number, step in enumerate(steps, start=1):
        click.echo(plain(f"{number}. {step.what}"))
        for command in step.commands:
            click.echo(plain(f"     {command}"))


def _print_json(folder: Path, answers: Answers, done: list[Done], steps: list[Step]) -> None:
    from callbackd.initial.writing import Fate

    print_json(
        {
            "folder": str(folder),
            "profile": answers.profile,
            **{fate.value: [str(each.path) for each in done if each.fate is fate] for fate in Fate},
            "assumed": list(answers.assumed),
            "next": [{"what": step.what, "commands": list(step.commands)} for step in steps],
        }
    )

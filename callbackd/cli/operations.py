"""The commands about the daemon itself: how it is, pausing it, having it read its files again."""

from __future__ import annotations

from typing import Any

import click

from callbackd.cli.api_client import ApiClient
from callbackd.cli.configuration import ConfigurationFile
from callbackd.cli.failure import REFUSED, Failure
from callbackd.cli.plain import plain, print_json

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the HTTP API gives it.")
_intake = click.option("--intake", is_flag=True, help="Only the taking of requests.")
_dialling = click.option("--dialling", is_flag=True, help="Only the dialling of those that wait.")


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd pause                      everything: no requests, no calls\n"
    "  callbackd pause support --dialling   take requests, call nobody",
)
@click.argument("profile", required=False)
@_intake
@_dialling
@as_json
@click.pass_obj
def pause(file: ConfigurationFile, profile: str | None, intake: bool, dialling: bool, as_json: bool) -> None:
    """Pause a profile, or everything.

    Calls that are running go on. A pause is kept over a restart, until `callbackd resume`. Without --intake or
    --dialling it is both.
    """
    _change(file, "pause", profile, intake, dialling, as_json)


@click.command(epilog="\b\nExamples:\n  callbackd resume\n  callbackd resume support --dialling")
@click.argument("profile", required=False)
@_intake
@_dialling
@as_json
@click.pass_obj
def resume(file: ConfigurationFile, profile: str | None, intake: bool, dialling: bool, as_json: bool) -> None:
    """End a pause of a profile, or of everything.

    What is paused for everything is ended for everything only; a profile that is paused itself stays so.
    """
    _change(file, "resume", profile, intake, dialling, as_json)


@click.command(epilog="\b\nExample:\n  callbackd check && callbackd reload")
@as_json
@click.pass_obj
def reload(file: ConfigurationFile, as_json: bool) -> None:
    """Have the daemon read its configuration again.

    Profiles, limits, drain, retention and log come into force; other settings wait for a restart. If anything is
    wrong, all of it is printed, and the old configuration stays. Calls that are running are not touched.
    """
    answer = ApiClient(file.settings()).post("reload", body={}, tolerated=422)
    if as_json:
        print_json(answer.body)
    if answer.status == 200:
        if not as_json:
            click.echo(plain(f"reloaded; profiles: {', '.join(answer.body['profiles'])}"))
        return
    problems = answer.body.get("problems") if isinstance(answer.body, dict) else None
    if not isinstance(problems, list):
        raise Failure("the daemon refuses to reload and does not say why: see its log")
    for problem in problems:
        click.echo(plain(str(problem)), err=True)
    raise Failure("not reloaded: the old configuration stays in force")


@click.command(
    epilog="\b\nExamples:\n  callbackd status\n  callbackd status && echo fine\n  callbackd status --json | jq .ari"
)
@as_json
@click.pass_obj
def status(file: ConfigurationFile, as_json: bool) -> None:
    """Say how the daemon and every profile stand.

    Exit 1 if something that it needs is missing: what it is, is printed."""
    found = ApiClient(file.settings()).get("status")
    if as_json:
        print_json(found)
    else:
        from callbackd.cli.standing import print_status

        print_status(found)
    if not found["ready"]:
        raise click.exceptions.Exit(REFUSED)


def _change(
    file: ConfigurationFile, verb: str, profile: str | None, intake: bool, dialling: bool, as_json: bool
) -> None:
    if profile == "":
        raise click.BadParameter("a profile has a name; without one everything is meant.", param_hint="'PROFILE'")
    asked = {name: True for name, wanted in (("intake", intake), ("dialling", dialling)) if wanted}
    path = (verb,) if profile is None else ("profiles", profile, verb)
    standing: dict[str, Any] = ApiClient(file.settings()).post(*path, body=asked).body
    if as_json:
        print_json(standing)
        return
    from callbackd.cli.standing import pauses

    click.echo(plain(f"{profile or 'everything'}: {', '.join(pauses(standing)) or 'nothing is paused'}"))
    if profile is None:
        for each in standing["profiles"]:
            if found := pauses(each):
                click.echo(plain(f"  {each['id']}: {', '.join(found)}"))

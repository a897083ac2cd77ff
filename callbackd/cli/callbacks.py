"""The commands that ask the running daemon about call-backs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from callbackd.cli.api_client import ApiClient
from callbackd.cli.configuration import ConfigurationFile, find_profile, zone_of
from callbackd.cli.failure import Failure
from callbackd.cli.plain import plain, print_json
from callbackd.cli.times import has_zone, parse_time_to_come
from callbackd.domain.callback import State
from callbackd.domain.instants import rfc3339

if TYPE_CHECKING:
    from callbackd.config import Configuration

_PAGE = 500

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, as the HTTP API gives it.")
TIME_HELP = "RFC 3339, or [YYYY-MM-DD] HH:MM in the zone of the profile's target."


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd request support '(416) 555-0123' --name 'Ann Lee'\n"
    "  callbackd request support +14165550123 --not-before 15:30\n"
    "  callbackd request support +14165550123 --not-before '2026-11-03 09:00' --priority 10",
)
@click.argument("profile")
@click.argument("number")
@click.option("--name", help="The client's name; agents see it on their display.")
@click.option("--reason", help="What the client wants.")
@click.option("--not-before", metavar="TIME", help=f"Not to be called before then. {TIME_HELP}")
@click.option("--priority", type=click.IntRange(-100, 100), help="Higher goes first.  [default: 0]")
@click.option("--language", help="The language to speak with the client, such as en or fr_CA.")
@as_json
@click.pass_obj
def request(
    file: ConfigurationFile,
    profile: str,
    number: str,
    name: str | None,
    reason: str | None,
    not_before: str | None,
    priority: int | None,
    language: str | None,
    as_json: bool,
) -> None:
    """Ask for a call-back, and print its id.

    NUMBER is as people write it. If the profile has a call-back of that number that has not ended, its id is printed
    and nothing changes.
    """
    configuration = file.load()
    at = None
    if not_before is not None:
        zone = UTC if has_zone(not_before) else zone_of(configuration, find_profile(configuration, profile).id)
        at = rfc3339(parse_time_to_come(not_before, zone, datetime.now(UTC), "--not-before"))
    asked = {
        "profile": profile,
        "number": number,
        "name": name,
        "reason": reason,
        "not_before": at,
        "priority": priority,
        "language": language,
    }
    body = {key: value for key, value in asked.items() if value is not None}
    answer = ApiClient(configuration.settings).post("callbacks", body=body)
    if answer.status != 201:
        click.echo("there was one already, which has not ended: nothing has changed", err=True)
    if as_json:
        print_json(answer.body)
    else:
        click.echo(plain(answer.body["id"]))


@click.command(
    "list",
    epilog="\b\nExamples:\n"
    "  callbackd list --state queued --state scheduled\n"
    "  callbackd list --profile support --number '416 555 0123'\n"
    "  callbackd list --state exhausted --limit 1000 --json\n"
    "  callbackd list --profile support --watch",
)
@click.option(
    "--state",
    "states",
    type=click.Choice([state.value for state in State]),
    multiple=True,
    metavar="STATE",
    help=f"Only those in this state; may be repeated: {', '.join(State)}.",
)
@click.option("--profile", help="Only those of this profile.")
@click.option("--number", help="Only those of this number.")
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True, help="So many at most.")
@click.option("--watch", is_flag=True, help="Go on showing them as they change, until Ctrl-C.")
@as_json
@click.pass_obj
def list_(
    file: ConfigurationFile,
    states: tuple[str, ...],
    profile: str | None,
    number: str | None,
    limit: int,
    watch: bool,
    as_json: bool,
) -> None:
    """List call-backs, the newest request first.

    With --watch, on a terminal, the list is kept up to date; into a pipe or a file, a line is written for each
    call-back that is new or has changed (with --json, its JSON).
    """
    configuration = file.load()
    query = [("state", state) for state in states]
    query += [(name, value) for name, value in (("profile", profile), ("number", number)) if value is not None]
    api = ApiClient(configuration.settings)
    if watch:
        from callbackd.cli.watch import watch_list

        watch_list(lambda: _listed(api, query, limit)[0], lambda name: zone_of(configuration, name), as_json=as_json)
        return
    items, following = _listed(api, query, limit)
    if as_json:
        print_json({"items": items, "next": following})
        return
    if not items:
        click.echo("no call-backs")
        return
    from callbackd.cli.tables import print_list

    print_list(items, lambda profile_id: zone_of(configuration, profile_id))
    if following is not None:
        click.echo(f"there are more than these {len(items)}: --limit shows them", err=True)


@click.command(epilog="\b\nExample:\n  callbackd show 01kaq5v2m8x0r9c3dz7e6w4tyn")
@click.argument("callback_id", metavar="ID")
@as_json
@click.pass_obj
def show(file: ConfigurationFile, callback_id: str, as_json: bool) -> None:
    """Tell the story of a call-back.

    What is known of it, and what happened, in order; times are those of its target."""
    configuration = file.load()
    story = ApiClient(configuration.settings).get("callbacks", callback_id)
    if as_json:
        print_json(story)
        return
    from callbackd.cli.tables import print_story

    print_story(story, zone_of(configuration, story["profile"]))


@click.command(epilog="\b\nExample:\n  callbackd cancel 01kaq5v2m8x0r9c3dz7e6w4tyn")
@click.argument("callback_id", metavar="ID")
@as_json
@click.pass_obj
def cancel(file: ConfigurationFile, callback_id: str, as_json: bool) -> None:
    """Cancel a call-back. What is ringing is taken down; two people who talk are left alone."""
    callback = ApiClient(file.settings()).post("callbacks", callback_id, "cancel", body={}).body
    if as_json:
        print_json(callback)
    else:
        click.echo(plain(f"{callback['id']} is {callback['state']}"))


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd reschedule 01kaq5v2m8x0r9c3dz7e6w4tyn\n"
    "  callbackd reschedule 01kaq5v2m8x0r9c3dz7e6w4tyn --in 45m\n"
    "  callbackd reschedule 01kaq5v2m8x0r9c3dz7e6w4tyn --at '2026-11-03 09:30'",
)
@click.argument("callback_id", metavar="ID")
@click.option("--at", metavar="TIME", help=TIME_HELP)
@click.option("--in", "after", metavar="DURATION", help="So much later than now: 30s, 10m, 1h30m.")
@as_json
@click.pass_obj
def reschedule(file: ConfigurationFile, callback_id: str, at: str | None, after: str | None, as_json: bool) -> None:
    """Move a call-back to another time.

    It must be waiting. Without --at or --in it is due now. That uses up no reschedule. Outside target hours it moves to
    the next opening.
    """
    if at is not None and after is not None:
        raise click.UsageError("--at and --in exclude one another.")
    configuration = file.load()
    api = ApiClient(configuration.settings)
    now = datetime.now(UTC)
    due: datetime | None = None
    if at is not None:
        zone = UTC if has_zone(at) else zone_of(configuration, _known_profile(api, configuration, callback_id))
        due = parse_time_to_come(at, zone, now, "--at")
    elif after is not None:
        due = _later(now, after)
    asked = {"at": None if due is None else rfc3339(due)}
    callback = api.post("callbacks", callback_id, "reschedule", body=asked).body
    if as_json:
        print_json(callback)
        return
    from callbackd.cli.tables import clock

    click.echo(
        plain(f"{callback['id']} is due {clock(callback['due_at'], zone_of(configuration, callback['profile']))}")
    )


def _listed(api: ApiClient, query: list[tuple[str, str]], limit: int) -> tuple[list[dict[str, Any]], str | None]:
    """So many call-backs at most, page after page; and the cursor of what is left, if any is."""
    items: list[dict[str, Any]] = []
    cursor: list[tuple[str, str]] = []
    while True:
        size = ("limit", str(min(limit - len(items), _PAGE)))
        page = api.get("callbacks", query=[*query, size, *cursor])
        items += page["items"]
        if page["next"] is None or len(items) >= limit:
            return items, page["next"]
        cursor = [("cursor", page["next"])]


def _known_profile(api: ApiClient, configuration: Configuration, callback_id: str) -> str:
    profile_id = str(api.get("callbacks", callback_id)["profile"])
    if profile_id not in configuration.profiles:
        raise Failure(f"its profile '{profile_id}' is no more, nor its zone: give the time as 2026-11-02T15:00:00Z")
    return profile_id


def _later(now: datetime, text: str) -> datetime:
    from callbackd.config.durations import parse_duration
    from callbackd.config.readers import Unfit

    try:
        wait = parse_duration(text)
        if wait > timedelta(days=3650):
            raise Unfit("expected at most 3650d")
    except Unfit as error:
        raise click.BadParameter(f"{error}.", param_hint="'--in'") from None
    return now + wait

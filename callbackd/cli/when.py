"""``callbackd when``: what would follow an attempt, and why, without a daemon."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import click

from callbackd.cli.callbacks import TIME_HELP
from callbackd.cli.configuration import ConfigurationFile, find_profile
from callbackd.cli.plain import plain, print_json
from callbackd.cli.times import parse_time
from callbackd.domain.callback import Kind, Outcome
from callbackd.domain.instants import rfc3339
from callbackd.domain.profile import Profile

if TYPE_CHECKING:
    from callbackd.domain.what_if import Answer

_KINDS = [Kind.AUTO, Kind.AGENT, Kind.CLIENT]
_OUTCOMES = [outcome for outcome in Outcome if outcome is not Outcome.CANCELLED]


@click.command(
    epilog="\b\nExamples:\n"
    "  callbackd when support\n"
    "  callbackd when support --failed-at 16:45\n"
    "  callbackd when support --failed-at '2026-11-06 16:45' --used 1 --kind agent\n"
    "  callbackd when support --outcome client_busy --used 2 --json",
)
@click.argument("profile")
@click.option("--failed-at", metavar="TIME", help=f"When the attempt ended.  [default: now]  {TIME_HELP}")
@click.option(
    "--used",
    type=click.IntRange(0, 1000),
    default=0,
    show_default=True,
    help="How many auto and agent reschedules there have been.",
)
@click.option(
    "--kind",
    type=click.Choice([kind.value for kind in _KINDS]),
    default=Kind.AUTO.value,
    show_default=True,
    help="Who asks for another try: nobody (auto), the agent with the reschedule key, or the client in an offer.",
)
@click.option(
    "--outcome",
    type=click.Choice([outcome.value for outcome in _OUTCOMES]),
    metavar="OUTCOME",
    help=f"How the attempt ended: {', '.join(_OUTCOMES)}.  [default: client_no_answer; with --kind agent, "
    "agent_rescheduled]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_obj
def when(
    file: ConfigurationFile,
    profile: str,
    failed_at: str | None,
    used: int,
    kind: str,
    outcome: str | None,
    as_json: bool,
) -> None:
    """Explain when a failed attempt is tried again.

    Rule by rule, as the profile now says; the daemon need not run."""
    from callbackd.domain.what_if import explain, outcome_unless_said

    if kind == Kind.CLIENT and outcome is not None:
        raise click.UsageError("--kind client is about an offer in which the client presses 1: it has no --outcome.")
    found = find_profile(file.load(), profile)
    zone = ZoneInfo(found.target.timezone)
    now = datetime.now(UTC).replace(microsecond=0)
    ended_at = now if failed_at is None else parse_time(failed_at, zone, now, "--failed-at")
    ended_as = Outcome(outcome or outcome_unless_said(Kind(kind)))
    answer = explain(found, Kind(kind), ended_as, used, ended_at)
    if as_json:
        print_json(_shape(found, Kind(kind), ended_as, ended_at, answer))
    else:
        _print(found, Kind(kind), ended_as, ended_at, answer)


def _print(profile: Profile, kind: Kind, outcome: Outcome, ended_at: datetime, answer: Answer) -> None:
    from callbackd.domain.hours import wall_clock

    zone = ZoneInfo(profile.target.timezone)
    what = "an offer ends, the client pressed 1" if kind is Kind.CLIENT else f"an attempt ends as {outcome}"
    click.echo(f"{plain(profile.label)} ({profile.id}): {what}, {wall_clock(ended_at, zone)}")
    for line in answer.why:
        click.echo(f"  - {plain(line)}")
    due = "" if answer.due is None else f" {wall_clock(answer.due, zone)} ({profile.target.timezone})"
    click.echo(f"{answer.summary}{due}")


def _shape(profile: Profile, kind: Kind, outcome: Outcome, ended_at: datetime, answer: Answer) -> dict[str, Any]:
    zone = ZoneInfo(profile.target.timezone)

    def told(at: datetime | None) -> str | None:
        return None if at is None else rfc3339(at)

    return {
        "profile": profile.id,
        "timezone": profile.target.timezone,
        "outcome": None if kind is Kind.CLIENT else outcome.value,
        "failed_at": told(ended_at),
        "decision": answer.decision,
        "kind": None if answer.kind is None else answer.kind.value,
        "due_at": told(answer.due),
        "due_local": None if answer.due is None else answer.due.astimezone(zone).isoformat(),
        "disposition": answer.disposition,
        "why": list(answer.why),
    }

"""How the daemon and its profiles stand, for people."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import click

from callbackd.cli.plain import plain
from callbackd.domain.hours import elapsed, wall_clock

Told = Mapping[str, Any]


def print_status(status: Told) -> None:
    """The whole of it."""
    click.echo("ready" if status["ready"] else "not ready")
    for heading, text in _of_daemon(status):
        click.echo(plain(f"  {heading}: {text}"))
    for profile in status["profiles"]:
        click.echo()
        click.echo(plain(f"{profile['id']}: {profile['label']}"))
        for heading, text in _of_profile(profile):
            click.echo(plain(f"  {heading}: {text}"))


def pauses(standing: Told) -> list[str]:
    """What is paused of a profile, or of everything."""
    found = []
    if standing["paused"]:
        found.append("dialling paused" + (" by a limit of 0" if standing["paused_by_limit"] else ""))
    if standing["intake_paused"]:
        found.append("intake paused")
    return found


def _of_daemon(status: Told) -> Iterable[tuple[str, str]]:
    running = _instant(status["now"]) - _instant(status["started_at"])
    stopping = "; stopping: calls in progress end" if status["stopping"] else ""
    yield "daemon", f"callbackd {status['version']}, running for {elapsed(running)}{stopping}"
    yield from status["checks"].items()
    ari = status["ari"]
    if ari["version"]:
        yield "asterisk", ari["version"]
    for lack in ari["lacks"]:
        yield "asterisk lacks", lack
    if ari["state"] != "ready":
        yield "ari state", f"{ari['state']} since {_clock(ari['since'], UTC)}"
        for name in ("error", "mend"):
            if ari[name]:
                yield name, ari[name]
    if found := pauses(status):
        yield "everything", ", ".join(found)
    yield "calls", f"{status['live']} live of {status['max_concurrent']} at most, {status['waiting']} waiting"
    for consumer, lag in status["outbox"].items():
        yield f"events for {consumer}", "all delivered" if not lag else f"{lag} behind"


def _of_profile(profile: Told) -> Iterable[tuple[str, str]]:
    zone = ZoneInfo(profile["timezone"])
    yield "target", _hours(profile)
    if found := pauses(profile):
        yield "paused", ", ".join(found)
    if profile["target_rests_until"]:
        yield "rests", f"nobody answered at the target: not rung until {_clock(profile['target_rests_until'], zone)}"
    if profile["route_paused_until"]:
        yield (
            "route",
            f"paused, its calls failed: one is tried from {_clock(profile['route_paused_until'], zone)}",
        )
    counts = ", ".join(f"{count} {state}" for state, count in profile["counts"].items() if count)
    yield "call-backs", f"{profile['waiting']} waiting, {profile['live']} live" + (f" ({counts})" if counts else "")


def _hours(profile: Told) -> str:
    zone = ZoneInfo(profile["timezone"])
    if profile["open"]:
        return f"open until {_clock(profile['closes_at'], zone)}" if profile["closes_at"] else "always open"
    if profile["next_opening"]:
        return f"closed until {_clock(profile['next_opening'], zone)}"
    return "closed, and never opens"


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _clock(text: str, zone: tzinfo) -> str:
    return wall_clock(_instant(text), zone)

"""``callbackd list --watch``: a list that follows what happens."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import click
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.text import Text

from callbackd.cli.tables import ZoneOf, fits_a_table, lines_of, new_console, table_of

EVERY = 1.0
"""Seconds between two looks."""

CallBacks = list[dict[str, Any]]


def watch_list(fetch: Callable[[], CallBacks], zone_of: ZoneOf, *, as_json: bool = False) -> None:
    """Show what `fetch` brings, again and again, until Ctrl-C. Raises what `fetch` does."""
    console = new_console()
    # Started from a shell's background, Ctrl-C would be ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        if console.is_terminal and not as_json:
            _live(fetch, zone_of, console)
        else:
            _lines(fetch, zone_of, as_json)
    except KeyboardInterrupt:
        return


def _live(fetch: Callable[[], CallBacks], zone_of: ZoneOf, console: Console) -> None:
    live = Live(_picture(fetch(), zone_of, console), console=console, screen=True, auto_refresh=False)
    try:
        # Not by `with`: a Ctrl-C while the first picture is drawn must give the terminal back, too.
        live.start(refresh=True)
        while True:
            time.sleep(EVERY)
            live.update(_picture(fetch(), zone_of, console), refresh=True)
    finally:
        live.stop()


def _picture(callbacks: CallBacks, zone_of: ZoneOf, console: Console) -> RenderableType:
    heading = Text(f"{len(callbacks)} call-backs at {datetime.now(UTC):%H:%M:%S} UTC; Ctrl-C leaves\n", style="dim")
    room = max(console.height - 4, 1)
    if fits_a_table(console):
        return Group(heading, table_of(callbacks[:room], zone_of))
    shown = callbacks[: max(room // 2, 1)]
    return Group(heading, *(Text(line) for each in shown for line in lines_of(each, zone_of(each["profile"]))))


def _lines(fetch: Callable[[], CallBacks], zone_of: ZoneOf, as_json: bool) -> None:
    known: dict[str, dict[str, Any]] = {}
    while True:
        present = {callback["id"]: callback for callback in fetch()}
        changed = [each for name, each in reversed(present.items()) if known.get(name) != each]
        _write(changed, zone_of, as_json)
        known = present
        time.sleep(EVERY)


def _write(changed: Iterable[Mapping[str, Any]], zone_of: ZoneOf, as_json: bool) -> None:
    for callback in changed:
        if as_json:
            click.echo(json.dumps(callback))
        else:
            first, second = lines_of(callback, zone_of(callback["profile"]))
            click.echo(f"{first}  {second.strip()}")

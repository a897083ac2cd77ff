"""Call-backs as people read them: tables and timelines, in the wall clock of each target."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, tzinfo
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from callbackd.cli.plain import plain
from callbackd.domain.hours import wall_clock

_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9]{2}:[0-9]{2})")
_HEADINGS = ("id", "profile", "state", "number", "name", "due", "tries", "why")
_WHOLE = frozenset({"id", "state", "number", "due", "tries"})
_WIDE = 240
_TABLE_NEEDS = 140
_BESIDE_THE_POINT = frozenset({"id", "seq", "at", "type", "why"})

ZoneOf = Callable[[str], tzinfo]


def print_list(callbacks: Iterable[Mapping[str, Any]], zone_of: ZoneOf, console: Console | None = None) -> None:
    """A table of call-backs; where the terminal is too narrow for one, two lines for each."""
    console = console or new_console()
    if not fits_a_table(console):
        for callback in callbacks:
            for line in lines_of(callback, zone_of(callback["profile"])):
                console.print(Text(line), soft_wrap=True)
        return
    console.print(table_of(callbacks, zone_of))


def lines_of(callback: Mapping[str, Any], zone: tzinfo) -> tuple[str, str]:
    """One call-back in two lines."""
    callback_id, profile, state, number, *others = _row(callback, zone)
    told = (f"{heading} {cell}" for heading, cell in zip(_HEADINGS[4:], others, strict=True) if cell)
    return f"{callback_id}  {state}  {number}", f"    {profile}; {'; '.join(told)}"


def table_of(callbacks: Iterable[Mapping[str, Any]], zone_of: ZoneOf) -> Table:
    """A row for each; too wide for a narrow terminal."""
    rows = [_row(callback, zone_of(callback["profile"])) for callback in callbacks]
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in _HEADINGS:
        table.add_column(heading, no_wrap=heading in _WHOLE, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell) for cell in row))
    return table


def _row(callback: Mapping[str, Any], zone: tzinfo) -> tuple[str, ...]:
    cells = (
        *(callback["id"], callback["profile"], callback["state"], callback["number"], callback["name"] or ""),
        clock(callback["due_at"], zone) if callback["next"] else "",
        *(str(callback["tries"]), reason(callback, zone)),
    )
    return tuple(plain(cell) for cell in cells)


def fits_a_table(console: Console) -> bool:
    """Whether it is wide enough for `table_of`."""
    return console.width >= _TABLE_NEEDS


def print_story(story: Mapping[str, Any], zone: tzinfo) -> None:
    """One call-back: what is known of it, and what happened, in order."""
    facts = Table(box=None, show_header=False, pad_edge=False)
    facts.add_column(no_wrap=True, style="bold")
    facts.add_column(overflow="fold")
    for name, fact in _facts(story, zone):
        facts.add_row(Text(name), Text(plain(fact)))
    timeline = Table(box=None, show_header=False, pad_edge=False)
    for whole in (True, True, False):
        timeline.add_column(no_wrap=whole, overflow="fold")
    for event in story["events"]:
        timeline.add_row(
            Text(clock(event["at"], zone)), Text(plain(str(event["type"]))), Text("\n".join(_details(event, zone)))
        )
    console = new_console()
    console.print(facts)
    console.print()
    console.print(timeline)


def clock(instant: str, zone: tzinfo) -> str:
    """An instant of the API on the wall of a target."""
    return wall_clock(datetime.fromisoformat(instant), zone)


def reason(callback: Mapping[str, Any], zone: tzinfo) -> str:
    """What a call-back waits for, or when it ended."""
    following = callback["next"]
    if following is None:
        return f"ended {clock(callback['ended_at'], zone)}" if callback["ended_at"] else ""
    if following["step"] == "offer":
        text = "the client is to be asked for one more try"
    else:
        text = {
            "request": "first attempt",
            "auto": "tried again: the client was not reached",
            "agent": "tried again: the agent asked for it",
            "client": "tried again: the client asked for it",
        }.get(following["kind"], following["kind"])
    if following["rests_until"]:
        text += f"; rests until {clock(following['rests_until'], zone)}"
    return str(text)


def _facts(story: Mapping[str, Any], zone: tzinfo) -> Iterable[tuple[str, str]]:
    yield "id", story["id"]
    yield "profile", story["profile"]
    yield "number", story["number"]
    for name in ("name", "reason", "language"):
        if story[name]:
            yield name, story[name]
    if story["priority"]:
        yield "priority", str(story["priority"])
    yield "state", story["state"]
    yield "requested", clock(story["requested_at"], zone)
    if story["next"]:
        yield "due", clock(story["due_at"], zone)
        yield "why", reason(story, zone)
        yield "expires", clock(story["expires_at"], zone)
    if story["ended_at"]:
        yield "ended", clock(story["ended_at"], zone)
    yield "tries", str(story["tries"])
    yield "reschedules", ", ".join(f"{kind} {count}" for kind, count in story["reschedules"].items())


def _details(event: Mapping[str, Any], zone: tzinfo) -> list[str]:
    """What belongs to an event, in one line; then its explanation, a line each."""
    facts = [
        f"{plain(name)}: {_value(value, zone)}"
        for name, value in event.items()
        if name not in _BESIDE_THE_POINT and value is not None
    ]
    why = event.get("why") or []
    lines = [why] if isinstance(why, str) else why
    return [", ".join(facts)] * bool(facts) + [plain(str(line)) for line in lines]


def _value(value: Any, zone: tzinfo) -> str:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        return clock(value, zone)
    return plain(value if isinstance(value, str) else json.dumps(value))


def new_console() -> Console:
    """As wide as the terminal; into a file or a pipe nothing is broken into lines."""
    console = Console(highlight=False, markup=False, emoji=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, emoji=False, width=_WIDE)

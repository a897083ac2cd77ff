"""The search: what is asked for, as people type it, into what the store is asked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from callbackd.domain.callback import ON_THE_PHONE, WAITING, CallBack, State
from callbackd.domain.instants import rfc3339
from callbackd.domain.numbers import Refusal, normalise
from callbackd.engine.desk import Desk
from callbackd.engine.profiles import Rules
from callbackd.engine.reports import span_of
from callbackd.store.interface import Query

PAGE = 50
AT_ONCE = 500
MOST_EXPORTED = 100_000
"""Rows of one export; a last line says so if there are more."""

FEWEST_DIGITS = 3

GROUPS: Mapping[str, frozenset[State]] = {
    "waiting": WAITING,
    "live": ON_THE_PHONE,
    "reached": frozenset({State.COMPLETED}),
    "not_reached": frozenset(
        {State.EXHAUSTED, State.CUT_OFF, State.EXPIRED, State.UNREACHABLE_NUMBER, State.BLOCKED}
    ),
}
"""Words for several states at once."""

COLUMNS = (
    "id", "profile", "number", "name", "reason", "state", "priority", "requested_at", "requested_local", "due_at",
    "ended_at", "tries", "attempts", "reschedules_auto", "reschedules_agent", "reschedules_client", "language",
)  # fmt: skip

_A_FORMULA_BEGINS = re.compile(r"^(?=[\t\r])|(?:^|(?<=[;\t\r\n]))(?=\s*[=+\-@|%\uff1d\uff0b\uff0d\uff20])")
"""Where a spreadsheet would begin a formula: in many languages it takes a semicolon for the end of a cell."""

_NOT_IN_NUMBERS = re.compile(r"[\s().-]")


@dataclass(frozen=True, slots=True)
class Asked:
    """A search as it was typed. Texts are kept as they are, to be shown again."""

    number: str = ""
    name: str = ""
    state: str = ""
    profile: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, parameters: Mapping[str, str]) -> Asked:
        """What a form, or an address, says; the rest is ignored."""
        return cls(**{field: parameters.get(field, "").strip()[:100] for field in cls.__slots__})

    def address(self, **more: str) -> str:
        """The same as the query of an address."""
        fields = {field: getattr(self, field) for field in self.__slots__} | more
        return urlencode({field: value for field, value in fields.items() if value})


@dataclass(frozen=True, slots=True)
class Meant:
    """What it means. `problems` by field, in words; with any, `query` asks for nothing that was wrong."""

    query: Query
    zone: tzinfo
    problems: Mapping[str, str]


def meant(asked: Asked, rules: Rules, now: datetime, cursor: str | None = None) -> Meant:
    """Read what was typed: with the profile's country and zone, or with those that all profiles share."""
    problems: dict[str, str] = {}
    zone = _zone(asked.profile, rules)
    query = Query(now=now, limit=PAGE, cursor=cursor or None, profile=asked.profile or None, name=asked.name or None)
    if asked.state in GROUPS:
        query = replace(query, states=GROUPS[asked.state])
    elif asked.state in set(State):
        query = replace(query, states=(State(asked.state),))
    elif asked.state:
        problems["state"] = "There is no such state."
    if asked.number:
        numbers = _numbers(asked.number, asked.profile, rules)
        digits = _NOT_IN_NUMBERS.sub("", asked.number).removeprefix("+")
        if len(numbers) == 1:
            query = replace(query, number=numbers.pop())
        elif digits.isascii() and digits.isdigit() and len(digits) >= FEWEST_DIGITS:
            query = replace(query, digits=digits)
        else:
            problems["number"] = f"A number, or at least {FEWEST_DIGITS} digits in a row of one."
    for field in ("since", "until"):
        text = getattr(asked, field)
        if not text:
            continue
        try:
            day = date.fromisoformat(text)
            bound = span_of(day, zone)
        except (ValueError, OverflowError):
            problems[field] = "A date such as 2026-11-02."
            continue
        if not 2000 <= day.year < 2200:
            problems[field] = "A date of the years 2000 to 2199."
        elif field == "since":
            query = replace(query, since=bound.opens)
        else:
            query = replace(query, until=bound.closes)
    if query.since is not None and query.until is not None and query.until <= query.since:
        problems["until"] = "This day is before the first."
    return Meant(query, zone, problems)


def _zone(profile: str, rules: Rules) -> tzinfo:
    if profile in rules.profiles:
        return ZoneInfo(rules.profiles[profile].target.timezone)
    zones = {each.target.timezone for each in rules.profiles.values()}
    return ZoneInfo(zones.pop()) if len(zones) == 1 else UTC


def _numbers(text: str, profile: str, rules: Rules) -> set[str]:
    """The E.164 numbers that it may be, by the countries of the profiles that are meant."""
    countries = {each.client.country for each in rules.profiles.values() if profile in ("", each.id)} or {None}
    readings = [normalise(text, country) for country in countries]
    return {reading for reading in readings if not isinstance(reading, Refusal)}


async def exported(desk: Desk, query: Query, rules: Rules) -> AsyncGenerator[bytes, None]:
    """All that a search finds as CSV (RFC 4180, UTF-8), a piece at a time, in the order in which it is shown."""
    yield _lines([COLUMNS])
    query, rows = replace(query, limit=AT_ONCE, cursor=None), 0
    while True:
        page = await desk.list(query)
        yield _lines([_row(callback, rules, query.now) for callback in page.items])
        rows += len(page.items)
        if page.next is None:
            return
        if rows >= MOST_EXPORTED:
            yield _lines([[f"# only the newest {rows} are here: narrow the search"]])
            return
        query = replace(query, cursor=page.next)


def _row(callback: CallBack, rules: Rules, now: datetime) -> Sequence[str]:
    profile = rules.profiles.get(callback.profile)
    zone = UTC if profile is None else ZoneInfo(profile.target.timezone)
    waits = not callback.state.ended and not callback.state.on_the_phone
    again = callback.reschedules
    return (
        callback.id,
        callback.profile,
        callback.number,
        _harmless(callback.name or ""),
        _harmless(callback.reason or ""),
        callback.state_at(now).value,
        str(callback.priority),
        rfc3339(callback.requested_at),
        f"{callback.requested_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
        rfc3339(callback.due_at) if waits else "",
        "" if callback.ended_at is None else rfc3339(callback.ended_at),
        str(callback.counted),
        str(callback.attempts_made),
        str(again.auto),
        str(again.agent),
        str(again.client),
        callback.language or "",
    )


def _harmless(text: str) -> str:
    """A caller's text that no spreadsheet takes for a formula."""
    return _A_FORMULA_BEGINS.sub("'", text)


def _lines(rows: Sequence[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode()


def default_since(now: datetime, zone: tzinfo, days: int) -> date:
    """The first of so many days that end today."""
    return now.astimezone(zone).date() - timedelta(days=days - 1)

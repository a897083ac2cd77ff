"""A report's figures, as tables: what the charts are drawn from, and what a screen reader reads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby

from callbackd.domain.callback import Outcome, State
from callbackd.domain.tallies import MOST_TRIES, WAITS, Tallies
from callbackd.engine.reports import Report, local_hours
from callbackd.portal import words

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

MOST_BARS = 45
"""More days than that are told week by week."""

LEVELS = 5
"""Shades of the heat map, besides none."""

NOT_REACHED = frozenset({State.EXHAUSTED, State.CUT_OFF, State.EXPIRED, State.UNREACHABLE_NUMBER, State.BLOCKED})
OTHERWISE = frozenset({State.DECLINED, State.CANCELLED})


@dataclass(frozen=True, slots=True)
class DayRow:
    """One day, or one week that is named by its first day."""

    label: str
    requests: int
    reached: int
    not_reached: int
    otherwise: int
    under_way: int
    mean_wait: timedelta | None
    auto: int
    agent: int
    client: int


@dataclass(frozen=True, slots=True)
class TryRow:
    """Tries with one number: how many rang a client, and how many of those were answered."""

    label: str
    made: int
    answered: int

    @property
    def share(self) -> int:
        """Percent that were answered."""
        return round(100 * self.answered / self.made) if self.made else 0


@dataclass(frozen=True, slots=True)
class OutcomeRows:
    """Attempts by outcome, for each day or week."""

    outcomes: tuple[str, ...]
    tones: tuple[str, ...]
    rows: tuple[tuple[str, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class HeatCell:
    """Requests in one hour of one weekday; `level` from 0 (none) to `LEVELS` (the most of all hours)."""

    count: int
    level: int


@dataclass(frozen=True, slots=True)
class Told:
    """All of it. `total` is a `DayRow` over everything."""

    total: DayRow
    by_week: bool
    days: tuple[DayRow, ...]
    tries: tuple[TryRow, ...]
    outcomes: OutcomeRows
    waits: tuple[tuple[str, int, int], ...]
    heat: tuple[tuple[str, tuple[HeatCell, ...]], ...]
    busiest: str | None


def told(reports: Sequence[Report]) -> Told:
    """The sum of several profiles' reports of the same days, each on the wall of its own target."""
    days = reports[0].days
    by_week = len(days) > MOST_BARS
    periods = _periods(days, by_week)
    tallies = [report.tallies for report in reports]
    rows = tuple(_row(label, set(numbers), tallies) for label, numbers in periods)
    total = _row("all", set(range(len(days))), tallies)
    heat, busiest = _heat(reports)
    return Told(
        total=total,
        by_week=by_week,
        days=rows,
        tries=_tries(tallies),
        outcomes=_outcomes(periods, tallies),
        waits=_waits(tallies),
        heat=heat,
        busiest=busiest,
    )


def _periods(days: Sequence[date], by_week: bool) -> list[tuple[str, list[int]]]:
    if not by_week:
        return [(_label(day), [n]) for n, day in enumerate(days)]
    numbered = list(enumerate(days))
    weeks = groupby(numbered, key=lambda each: each[1] - timedelta(days=each[1].weekday()))
    return [(_label(week), [n for n, _ in members]) for week, members in weeks]


def _label(day: date) -> str:
    return f"{_WEEKDAYS[day.weekday()]} {day.day} {_MONTHS[day.month - 1]}"


def _row(label: str, numbers: set[int], tallies: Sequence[Tallies]) -> DayRow:
    requests = [each for one in tallies for each in one.requests if each.day in numbers]
    waits = [each for one in tallies for each in one.waits if each.day in numbers]
    spoken_to = sum(each.count for each in waits)

    def of(states: frozenset[State]) -> int:
        return sum(each.requests for each in requests if each.state in states)

    return DayRow(
        label=label,
        requests=sum(each.requests for each in requests),
        reached=of(frozenset({State.COMPLETED})),
        not_reached=of(NOT_REACHED),
        otherwise=of(OTHERWISE),
        under_way=sum(each.requests for each in requests if not each.state.ended),
        mean_wait=sum((each.waited for each in waits), timedelta(0)) / spoken_to if spoken_to else None,
        auto=sum(each.auto for each in requests),
        agent=sum(each.agent for each in requests),
        client=sum(each.client for each in requests),
    )


def _tries(tallies: Sequence[Tallies]) -> tuple[TryRow, ...]:
    found = [each for one in tallies for each in one.tries]
    most = max((each.number for each in found), default=0)
    return tuple(
        TryRow(
            label=f"{number} or more" if number == MOST_TRIES else str(number),
            made=sum(each.count for each in found if each.number == number),
            answered=sum(
                each.count for each in found if each.number == number and each.outcome is Outcome.ANSWERED
            ),
        )
        for number in range(1, most + 1)
    )


def _outcomes(periods: Sequence[tuple[str, list[int]]], tallies: Sequence[Tallies]) -> OutcomeRows:
    found = [each for one in tallies for each in one.outcomes]
    counted: dict[tuple[int, Outcome], int] = {}
    for each in found:
        counted[each.day, each.outcome] = counted.get((each.day, each.outcome), 0) + each.count
    present = [outcome for outcome in Outcome if any(each.outcome is outcome for each in found)]
    return OutcomeRows(
        outcomes=tuple(words.OUTCOMES[outcome] for outcome in present),
        tones=tuple(outcome.value for outcome in present),
        rows=tuple(
            (label, tuple(sum(counted.get((n, outcome), 0) for n in numbers) for outcome in present))
            for label, numbers in periods
        ),
    )


def _waits(tallies: Sequence[Tallies]) -> tuple[tuple[str, int, int], ...]:
    """Each class of waiting time: its words, how many, and percent of all who were spoken to."""
    counts = [0] * (len(WAITS) + 1)
    for one in tallies:
        for each in one.waits:
            counts[each.wait_class] += each.count
    whole = sum(counts)
    return tuple(
        (text, count, round(100 * count / whole) if whole else 0)
        for text, count in zip(words.wait_classes(), counts, strict=True)
    )


def _heat(reports: Sequence[Report]) -> tuple[tuple[tuple[str, tuple[HeatCell, ...]], ...], str | None]:
    counted = [[0] * 24 for _ in range(7)]
    for report in reports:
        for weekday, hours in enumerate(local_hours(report.tallies, report.zone)):
            for hour, count in enumerate(hours):
                counted[weekday][hour] += count
    most = max(count for hours in counted for count in hours)
    busiest = None
    if most:
        weekday, hour = next((d, h) for d in range(7) for h in range(24) if counted[d][h] == most)
        busiest = f"{_WEEKDAYS[weekday]} {hour:02d}:00–{hour + 1:02d}:00, {words.count(most, 'request', 'requests')}"
    return (
        tuple(
            (_WEEKDAYS[weekday], tuple(HeatCell(count, _level(count, most)) for count in hours))
            for weekday, hours in enumerate(counted)
        ),
        busiest,
    )


def _level(count: int, most: int) -> int:
    return 0 if not count else max(1, -(-count * LEVELS // most))

"""Figures: medians, percentiles and ratios, and how they are shown."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

Measures = dict[str, float]
"""What was measured, by name; the name ends with the unit, if it has one."""


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The value that `percent` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def spread(name: str, seconds: Sequence[float]) -> Measures:
    """The median and the 99th percentile in milliseconds."""
    return {f"{name} median ms": 1000 * median(seconds), f"{name} p99 ms": 1000 * percentile(seconds, 99)}


def ratios(ours: Sequence[float], theirs: Sequence[float]) -> float:
    """Ours to theirs: the median of the ratios of rounds that were run one after the other."""
    return median([our / their for our, their in zip(ours, theirs, strict=True) if their])


def about() -> Mapping[str, str | int | None]:
    """What the figures were measured with."""
    return {"python": platform.python_version(), "sqlite": sqlite3.sqlite_version, "cores": os.cpu_count()}


def as_json(measured: Mapping[str, Measures]) -> str:
    """For programs."""
    return json.dumps({"about": about(), **measured}, indent=2)


def show(measured: Mapping[str, Measures]) -> None:
    """For people: a table on standard output."""
    table = Table("measured", "what", "value")
    table.columns[2].justify = "right"
    for subject, measures in measured.items():
        for what, value in measures.items():
            table.add_row(subject, what, f"{value:,.2f}")
        table.add_section()
    Console().print(table)

"""The documents name the metrics that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import Histogram
from prometheus_client.metrics import MetricWrapperBase

from callbackd.metrics.instruments import Instruments

DOCS = Path(__file__).resolve().parents[2] / "docs"
DASHBOARD = json.loads((DOCS / "grafana-dashboard.json").read_text())
NAME = re.compile(r"\b(?:callbackd|process)_[a-z_]+\b")


def _metrics() -> Iterator[MetricWrapperBase]:
    return (each for each in vars(Instruments()).values() if isinstance(each, MetricWrapperBase))


def _known(metric: MetricWrapperBase) -> tuple[set[str], set[str]]:
    """The names of its series, and its labels."""
    described = next(iter(metric.describe()))
    labels = set(metric._labelnames)
    if isinstance(metric, Histogram):
        return {f"{described.name}_{part}" for part in ("bucket", "count", "sum")}, labels | {"le"}
    return {f"{described.name}_total" if described.type == "counter" else described.name}, labels


SERIES = {name: labels for metric in _metrics() for names, labels in [_known(metric)] for name in names}


def _expressions(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        for key, value in part.items():
            if key in {"expr", "query"} and isinstance(value, str) and "_" in value:
                yield value
            else:
                yield from _expressions(value)
    elif isinstance(part, list):
        for item in part:
            yield from _expressions(item)


EXPRESSIONS = list(_expressions(DASHBOARD))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_metric_of_the_dashboard_exists_with_its_labels(expression: str) -> None:
    names = NAME.findall(expression)
    assert names
    for name in names:
        assert name in SERIES
    for name, selector in re.findall(r"(callbackd_[a-z_]+)\{([^}]*)\}", expression):
        assert set(re.findall(r"(\w+)=~?", selector)) <= SERIES[name]
    for grouping in re.findall(r"by \(([^)]*)\)", expression):
        assert set(re.split(r",\s*", grouping)) <= SERIES[names[0]]
    assert expression.count("(") == expression.count(")")


def test_the_dashboard_shows_what_matters() -> None:
    shown = {name for expression in EXPRESSIONS for name in NAME.findall(expression)}
    assert {name for name in SERIES if name.endswith("_total")} <= shown
    assert len(EXPRESSIONS) > 15


def test_every_metric_is_documented_and_no_other() -> None:
    text = (DOCS / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(callbackd_[a-z_]+)`", text, re.MULTILINE))
    assert documented == {re.sub(r"_(bucket|count|sum)$", "", name) for name in SERIES}
    for name in NAME.findall(text):
        assert name.rstrip("_") == "process" or name in documented

"""Durations as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callbackd.config.durations import duration, format_duration, parse_duration
from callbackd.config.readers import Unfit


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        ("30s", 30),
        ("10m", 600),
        ("90m", 5400),
        ("1h30m", 5400),
        ("24h", 86400),
        ("7d", 604800),
        ("1d2h3m4s", 93784),
        (" 5s ", 5),
    ],
)
def test_durations(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", " ", "s", "m10", "10 m", "10x", "1.5h", "-5s", "+5", "5s10m", "1m1m", "10M", "12:30", "٣", "9" * 10, "1e3"],
)
def test_what_is_not_a_duration(text: str) -> None:
    with pytest.raises(Unfit, match="expected a duration such as 30, 30s, 10m, 1h30m or 7d"):
        parse_duration(text)


def test_a_duration_longer_than_any_clock_is_refused() -> None:
    with pytest.raises(Unfit):
        parse_duration("999999999d999999999h")


def test_both_ends_of_a_range_are_allowed() -> None:
    read = duration("1s", "5m")
    assert read("1") == timedelta(seconds=1)
    assert read("5m") == timedelta(minutes=5)
    for text in ("0", "301s"):
        with pytest.raises(Unfit, match="expected a duration from 1s to 5m"):
            read(text)


@given(st.integers(0, 10**8))
def test_what_is_formatted_is_read_back(seconds: int) -> None:
    assert parse_duration(format_duration(timedelta(seconds=seconds))) == timedelta(seconds=seconds)

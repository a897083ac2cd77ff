"""The log: one line per happening, and no telephone number in it that was not wanted."""

from __future__ import annotations

import logging

import pytest

from callbackd.journal import KeyValueFormatter


def _line(message: str, *, full: bool = False, **fields: object) -> str:
    record = logging.makeLogRecord({"name": "callbackd.engine.calls", "levelname": "INFO", "msg": message, **fields})
    record.created = 1793631600.0
    return KeyValueFormatter(full_numbers=full).format(record)


def test_one_line_with_its_fields() -> None:
    line = _line("client_dialled", callback="01kaq5v2m8x0r9c3dz7e6w4tyn", profile="support", attempt=1)
    assert line == (
        "2026-11-02T15:00:00.000Z info engine.calls client_dialled callback=01kaq5v2m8x0r9c3dz7e6w4tyn "
        "profile=support attempt=1"
    )


def test_a_number_is_masked_unless_it_is_wanted_in_full() -> None:
    assert _line("started", number="+14165550123").endswith("number=+1416•••0123")
    assert _line("started", full=True, number="+14165550123").endswith("number=+14165550123")


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("PJSIP/+14165550123@trunk", "PJSIP/+1416•••0123@trunk"),
        ("PJSIP/14165550123@trunk", "PJSIP/1416•••0123@trunk"),
        ('Ann" <+442079460123>', 'Ann" <+4420•••0123>'),
        ("+12345678 and +14165550124", "+1•••5678 and +1416•••0124"),
    ],
)
def test_wherever_it_stands(text: str, masked: str) -> None:
    assert _line(text).endswith(masked)
    assert "5550123" not in _line("x", error=text)
    try:
        raise ValueError(text)
    except ValueError as error:
        record = (type(error), error, error.__traceback__)
    assert "555012" not in _line("failed", exc_info=record)


@pytest.mark.parametrize(
    "text",
    ["1793631600.12", "01kaq5v2m8x0r9c3dz7e6w4tyn", "cb-01234567890123456789012345-a000001-c00", "127.0.0.1:8780"],
)
def test_what_is_no_number_is_left_alone(text: str) -> None:
    assert _line(text).endswith(text)

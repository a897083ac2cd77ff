"""The log: one line per happening, its fields as key=value, for people and for machines alike."""

from __future__ import annotations

import json
import logging
import re
import sys
from datetime import UTC, datetime

from callbackd.domain.numbers import masked

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}(?![0-9])|(?<![\w.+-])[1-9][0-9]{9,14}(?![\w.-])", re.ASCII)
"""A telephone number, with its + or, as some trunks want it dialled, without; no instant, no id, no fraction."""


class KeyValueFormatter(logging.Formatter):
    """``2026-11-02T15:00:00.000Z info engine.calls client_dialled callback=01k… attempt=1 number=+1416•••0123``.

    Values with anything but plain characters in them are quoted as JSON, so that no input can forge a line. Unless
    `full_numbers`, a telephone number is masked wherever in the line it stands, tracebacks included.
    """

    def __init__(self, *, full_numbers: bool = False) -> None:
        super().__init__()
        self._full_numbers = full_numbers

    def format(self, record: logging.LogRecord) -> str:
        """One line; a traceback follows indented."""
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        name = record.name.removeprefix("callbackd.")
        parts = [at, record.levelname.lower(), name, _line(record.getMessage())]
        parts += [
            f"{key}={_value(value)}"
            for key, value in vars(record).items()
            if key not in _STANDARD and value is not None
        ]
        text = " ".join(parts)
        if record.exc_info:
            text += "\n" + "\n".join(f"    {line}" for line in self.formatException(record.exc_info).splitlines())
        return text if self._full_numbers else _NUMBER.sub(_masked, text)


def start_log(level: str, numbers: str = "masked") -> None:
    """Log to stderr from that level on: `debug`, `info`, `warning` or `error`; numbers `masked` or `full`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter(full_numbers=numbers == "full"))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("callbackd").setLevel(level.upper())


def _line(text: str) -> str:
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


def _value(value: object) -> str:
    text = str(value)
    if text and text.isascii() and text.isprintable() and not set(text) & set(' "=\\'):
        return text
    return json.dumps(text, ensure_ascii=True)


def _masked(found: re.Match[str]) -> str:
    number = found[0]
    return masked(number) if number.startswith("+") else masked(f"+{number}")[1:]

"""The log: one line per happening, its fields as key=value, for people and for machines alike."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """``2026-11-02T15:00:00.000Z info engine.calls client_dialled callback=01k… attempt=1``.

    Values with anything but plain characters in them are quoted as JSON, so that no input can forge a line.
    """

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
        return text


def start_log(level: str) -> None:
    """Log to stderr from that level on: `debug`, `info`, `warning` or `error`."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(KeyValueFormatter())
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

"""The named statements of a `.sql` file: each begins with a line `-- name: NAME` and ends where the next begins."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (?P<name>[a-z_]+)$")


class Queries(Mapping[str, str]):
    """Statements by name. An unknown name is a `KeyError`, a name given twice a `ValueError`."""

    def __init__(self, text: str) -> None:
        statements: dict[str, list[str]] = {}
        current: list[str] | None = None
        for line in text.splitlines():
            if named := _NAME.match(line):
                if named["name"] in statements:
                    raise ValueError(f"two statements are named {named['name']}")
                current = statements[named["name"]] = []
            elif line.startswith("--") or not line.strip():
                continue
            elif current is None:
                raise ValueError(f"a statement without a name: {line}")
            else:
                current.append(line)
        self._statements = {name: "\n".join(lines) for name, lines in statements.items()}

    @classmethod
    def load(cls) -> Queries:
        """Those of this package."""
        return _packaged()

    def __getitem__(self, name: str) -> str:
        return self._statements[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._statements)

    def __len__(self) -> int:
        return len(self._statements)


@cache
def _packaged() -> Queries:
    """Read once: whoever is started by root and then becomes another user may not be able to any more."""
    return Queries(files(__package__).joinpath("queries.sql").read_text(encoding="utf-8"))

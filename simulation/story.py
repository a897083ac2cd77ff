"""What happened in a run, in order: to be read after a failure, and compared with another run of the same seed."""

from __future__ import annotations

import hashlib
from collections import Counter, deque

from simulation.world import World

TAIL = 400


class Story:
    """`counts` holds how often what was counted happened. With `aloud`, every line is printed as it comes."""

    def __init__(self, world: World, *, aloud: bool = False) -> None:
        self.counts: Counter[str] = Counter()
        self._world = world
        self._aloud = aloud
        self._lines: deque[str] = deque(maxlen=TAIL)
        self._sum = hashlib.sha256()

    def tell(self, text: str) -> None:
        """One line."""
        line = f"{self._world.time:12.3f}  {self._world.instant():%a %H:%M:%S}  {text}"
        self._sum.update(line.encode())
        self._lines.append(line)
        if self._aloud:
            print(line)  # noqa: T201

    def count(self, what: str, text: str | None = None) -> None:
        """Count it, and tell it unless there is nothing to tell."""
        self.counts[what] += 1
        if text is not None:
            self.tell(text)

    def tail(self, lines: int) -> list[str]:
        """The last lines."""
        return list(self._lines)[-lines:]

    @property
    def digest(self) -> str:
        """The same for two runs if, and only if, the same was told."""
        return self._sum.hexdigest()[:16]

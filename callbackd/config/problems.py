"""What is wrong with a sysadmin's files: each problem with its place, gathered so that all are told at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """An error refuses the configuration; a warning is printed and lived with."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file. Lines and columns count from 1, columns in characters; 0 means the file as a whole."""

    file: str
    line: int = 0
    column: int = 0


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong. `str()` is the line a sysadmin reads: ``file:line:column: message``."""

    file: str
    line: int
    column: int
    message: str
    severity: Severity = Severity.ERROR

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}:{self.column}" if self.line else self.file
        what = "warning: " if self.severity is Severity.WARNING else ""
        return f"{where}: {what}{self.message}"


class Problems:
    """Gathers problems while files are read; the same one said twice (an alias read twice) is kept once."""

    def __init__(self) -> None:
        self._found: set[Problem] = set()

    def error(self, place: Place, message: str) -> None:
        """Note something that refuses the configuration."""
        self._found.add(Problem(place.file, place.line, place.column, message, Severity.ERROR))

    def warning(self, place: Place, message: str) -> None:
        """Note something that works, but probably not as meant."""
        self._found.add(Problem(place.file, place.line, place.column, message, Severity.WARNING))

    def any_error(self) -> bool:
        """Whether what was read must be refused."""
        return any(problem.severity is Severity.ERROR for problem in self._found)

    def in_order(self) -> tuple[Problem, ...]:
        """All of them: by file, then from its top to its bottom."""
        return tuple(sorted(self._found, key=lambda p: (p.file, p.line, p.column, p.message)))


class ConfigurationInvalid(Exception):
    """The configuration can't be used. `problems` holds every error and warning of all files, in order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: tuple[Problem, ...] = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))

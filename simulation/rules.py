"""The configuration as the daemon's files say it, now and before: a scenario writes it, the judge reads its history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from callbackd.config.load import Configuration, load
from simulation.office import Office
from simulation.world import World

WRONG = "wrong.yaml"


@dataclass(frozen=True, slots=True)
class Book:
    """One state of the files. `limits`: live attempts, and dials of a number in 24 h."""

    offices: Mapping[str, Office]
    max_concurrent: int = 20
    dials_per_number: int = 6
    drain: int = 30


@dataclass(slots=True)
class _Version:
    since: float
    until: float | None
    book: Book


class RuleBook:
    """Writes the files, and remembers from when to when the daemon may have read each state of them."""

    def __init__(self, world: World, folder: Path) -> None:
        self._world = world
        self._folder = folder
        self._versions: list[_Version] = []
        self._read: Configuration | None = None

    @property
    def settings(self) -> Path:
        """The settings file."""
        return self._folder / "callbackd.yaml"

    @property
    def database(self) -> Path:
        """The database that the settings name."""
        return self._folder / "callbackd.sqlite3"

    @property
    def book(self) -> Book:
        """What the files say now."""
        return self._versions[-1].book

    def read(self) -> Configuration:
        """As a daemon that starts reads the files; once per state of them, for that takes its time."""
        if self._read is None:
            self._read = load(self.settings, strict_env=True, environ={})
        return self._read

    def write(self, book: Book) -> None:
        """Change the files. Nothing reads them by itself."""
        self._read = None
        profiles = self._folder / "profiles"
        profiles.mkdir(exist_ok=True)
        for file in profiles.iterdir():
            if file.stem not in book.offices:
                file.unlink()
        for name, office in book.offices.items():
            (profiles / f"{name}.yaml").write_text(office.yaml())
        self.settings.write_text(
            "ari: {url: http://127.0.0.1:8088/ari, username: callbackd, password: secret, app: callbackd}\n"
            f"database: {self.database}\n"
            "profiles: profiles\n"
            f"limits: {{max_concurrent: {book.max_concurrent}, dials_per_number: {book.dials_per_number}}}\n"
            f"drain: {book.drain}s\n"
            "log: {level: error}\n"
        )
        if self._versions:
            self._versions[-1].until = self._world.time
        self._versions.append(_Version(self._world.time, None, book))

    def spoil(self) -> None:
        """Change the files for the worse: one of them is wrong, and the others allow whatever they can."""
        profiles = self._folder / "profiles"
        for name, office in self.book.offices.items():
            lax = replace(office, week=None, cut_off=0, at_once=9, max_reschedules=20, auto=True, delay=0)
            (profiles / f"{name}.yaml").write_text(lax.yaml())
        (profiles / WRONG).write_text("target: {endpoint: nowhere\n")

    def mend(self) -> None:
        """The files are as they were."""
        profiles = self._folder / "profiles"
        (profiles / WRONG).unlink()
        for name, office in self.book.offices.items():
            (profiles / f"{name}.yaml").write_text(office.yaml())

    def within(self, seconds: float) -> list[Book]:
        """What was in force at some time in so many seconds up to now, the latest first."""
        since = self._world.time - seconds
        return [each.book for each in reversed(self._versions) if each.until is None or each.until >= since]

    def ever(self) -> list[Book]:
        """All there ever was."""
        return [each.book for each in self._versions]

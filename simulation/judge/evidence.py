"""What the judge has to go by: what the phones saw, what the database holds, and what people were told."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from simulation.asterisk.phones import Call
from simulation.clock import StrayClock
from simulation.disk import Disk
from simulation.rules import RuleBook
from simulation.story import Story
from simulation.world import World

LIVE = ("agent", "client", "connected", "offering")
ENDED = (
    "completed",
    "exhausted",
    "cut_off",
    "declined",
    "cancelled",
    "expired",
    "unreachable_number",
    "blocked",
)
ROLES = {"a": "agent", "c": "client", "o": "client (offer)"}
_LEG = re.compile(r"cb-([0-9a-z]{26})-([ao])(\d{6})-([aco])(\d{2})", re.ASCII)
_CALL = re.compile(r"cb-([0-9a-z]{26})-([ao])(\d{6})", re.ASCII)

ON_THE_WAY = 45.0
"""Seconds at most from a decision to ring to the ringing, over a network that is slow and loses answers."""

LONGEST_CALL = 850.0
"""Seconds after which everybody has hung up, once nothing fails any more."""


class Violated(AssertionError):
    """Something that must hold did not."""


def must(holds: bool, what: str) -> None:
    """Raises `Violated` unless it does."""
    if not holds:
        raise Violated(what)


def instant(milliseconds: int) -> datetime:
    """As the database keeps them."""
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


@dataclass(frozen=True, slots=True)
class Leg:
    """What a channel's id says: whose leg it is."""

    callback: str
    step: str
    sequence: int
    role: str

    @property
    def call(self) -> tuple[str, str, int]:
        """The attempt or offer."""
        return self.callback, self.step, self.sequence


def leg_of(channel: str) -> Leg | None:
    """None of a channel that is not callbackd's."""
    found = _LEG.fullmatch(channel)
    if found is None:
        return None
    return Leg(found[1], found[2], int(found[3]), found[4])


def calls_in(text: str) -> set[tuple[str, str, int]]:
    """The attempts and offers that a text names."""
    return {(found[1], found[2], int(found[3])) for found in _CALL.finditer(text)}


@dataclass(slots=True)
class Known:
    """What the timeline of one call-back has told so far."""

    name: str
    seq: int = 0
    state: str = ""
    started: int = 0
    ended: int = 0
    offers_started: int = 0
    offers_ended: int = 0
    reschedules: dict[str, int] = field(default_factory=lambda: {"auto": 0, "agent": 0, "client": 0})
    rescheduled_since_end: int = 0
    last_event_at: float = 0.0


@dataclass(slots=True)
class Told:
    """What people at the doors were told: by call-back id, when. `unsure` counts answers that never came."""

    confirmed: dict[str, float] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)
    """Which call-back the request with that idempotency key has made."""
    cancelled: dict[str, float] = field(default_factory=dict)
    paused: dict[str, float] = field(default_factory=dict)
    """Profiles whose dialling was paused, with nothing since that could have resumed it."""


class Evidence:
    """`calls` and `callers`: all calls that we made, and that came in, in their order. `known`: by call-back id."""

    def __init__(self, world: World, story: Story, rules: RuleBook, clock: StrayClock, told: Told, disk: Disk) -> None:
        self.world = world
        self.story = story
        self.rules = rules
        self.clock = clock
        self.told = told
        self.calls: list[Call] = []
        self.callers: list[Call] = []
        self.known: dict[str, Known] = {}
        self._database: sqlite3.Connection | None = None
        self.parted_until = 0.0
        """When the network was whole again: what was held up by then may arrive late."""
        self.daemon_runs = False
        self._troubled_until = 0.0
        self._disk = disk
        self._acts = -1
        self._version = -1

    def open(self, database: Path) -> None:
        """Begin to read."""
        self._database = sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)
        self._database.row_factory = sqlite3.Row

    def close(self) -> None:
        """Read no more."""
        if self._database is not None:
            self._database.close()
            self._database = None

    def trouble(self, seconds: float) -> None:
        """From now on, for so long, the daemon can't know or do everything at once."""
        self._troubled_until = max(self._troubled_until, self.world.time + seconds)

    def quiet_since(self, time: float) -> bool:
        """Nothing at all has gone wrong since then."""
        return self.daemon_runs and self._troubled_until < time

    def changed(self) -> bool:
        """Something was written since it was asked last."""
        if self._database is None or self._acts == self._disk.acts:
            return False
        self._acts = self._disk.acts
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        changed: bool = version != self._version
        self._version = version
        return changed

    def one(self, query: str, *values: object) -> sqlite3.Row | None:
        """The first row, or None."""
        assert self._database is not None
        found: sqlite3.Row | None = self._database.execute(query, values).fetchone()
        return found

    def all(self, query: str, *values: object) -> list[sqlite3.Row]:
        """All rows."""
        assert self._database is not None
        return self._database.execute(query, values).fetchall()

    def live(self) -> list[sqlite3.Row]:
        """The call-backs that are on the phone, says the database."""
        return self.all("SELECT * FROM callbacks WHERE state IN (?, ?, ?, ?)", *LIVE)

    def waiting(self) -> list[sqlite3.Row]:
        """Those that wait."""
        return self.all("SELECT * FROM callbacks WHERE state = 'scheduled'")

    def name(self, callback_id: str) -> str:
        """What the story calls it."""
        known = self.known.get(callback_id)
        return callback_id if known is None else known.name

    def start_key(self, channel: str) -> str:
        """What agents press on that leg to start."""
        leg = leg_of(channel)
        row = None if leg is None else self.one("SELECT profile FROM callbacks WHERE id = ?", leg.callback)
        for book in reversed(self.rules.ever()):
            if row is not None and row["profile"] in book.offices:
                return book.offices[row["profile"]].start_key
        return "1"

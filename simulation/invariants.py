"""The judge. Its evidence: what the phones saw, what the database holds, and what people were told; never what the
engine remembers."""

from __future__ import annotations

import json
import re
import sqlite3
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from simulation.asterisk.phones import Call, Side
from simulation.clock import StrayClock
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
_LEG = re.compile(r"cb-([0-9a-z]{26})-([ao])(\d{6})-([aco])(\d{2})", re.ASCII)

ON_THE_WAY = 45.0
"""Seconds at most from a decision to ring to the ringing, over a network that is slow and loses answers."""


SETTLES = 100.0
"""Seconds without trouble after which nothing may be left of a call that has ended."""

LONGEST_CALL = 850.0
"""Seconds after which everybody has hung up, once nothing fails any more."""

RACE = 8.0
"""Seconds of talk within which whoever ended the call may not have known of the answer yet."""


class Violated(AssertionError):
    """Something that must hold did not."""


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


@dataclass(slots=True)
class _Known:
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
    cancelled: dict[str, float] = field(default_factory=dict)
    paused: dict[str, float] = field(default_factory=dict)
    """Profiles whose dialling was paused, with nothing since that could have resumed it."""


class Judge:
    """`rang` is told of each call as it arrives at a phone; `look` reads what is new in the database; `rest` looks at
    the end, when all must have come to rest. All raise `Violated`."""

    def __init__(
        self,
        world: World,
        story: Story,
        rules: RuleBook,
        clock: StrayClock,
        told: Told,
    ) -> None:
        self._world = world
        self._story = story
        self._rules = rules
        self._clock = clock
        self._told = told
        self._database: sqlite3.Connection | None = None
        self._version = -1
        self._last_event = 0
        self._known: dict[str, _Known] = {}
        self._calls: list[Call] = []
        self._callers: list[Call] = []
        self._ended_at: dict[tuple[str, str, int], float] = {}
        self._legs_rung: dict[str, Call] = {}
        self._agents_of: dict[tuple[str, str, int], list[Call]] = {}
        self.crashed_at: set[float] = set()
        """When Asterisk died, and took all calls with it."""
        self.events_lost = (0.0, 0.0)
        """From when to when events were lost for good: of a call at that time we may not know that two talk."""

    def open(self, database: Path) -> None:
        """Begin to read."""
        self._database = sqlite3.connect(f"file:{database}?mode=ro", uri=True, isolation_level=None)
        self._database.row_factory = sqlite3.Row

    def close(self) -> None:
        """Read no more."""
        if self._database is not None:
            self._database.close()
            self._database = None

    # The phones.

    def rang(self, call: Call) -> None:
        """A phone is rung, this instant."""
        leg = leg_of(call.leg)
        if leg is None:
            raise Violated(f"{call.number} was rung by {call.leg}, which is no leg of a call-back")
        self.look()
        name = self.name(leg.callback)
        self._story.count(
            f"{_ROLES[leg.role]} rung",
            f"{_ROLES[leg.role]} {call.number} is rung for {name} {leg.step}{leg.sequence}",
        )
        self._calls.append(call)
        self._must(leg.callback not in self._told.cancelled, f"{call.number} was rung for {name}, which was cancelled")
        record = self._record(leg)
        self._must(record is not None, f"{call.number} was rung for {name} {leg.step}{leg.sequence}: it is not written")
        assert record is not None
        self._in_hours(call, leg, record)
        if leg.role == "a":
            before = self._agents_of.get(leg.call, ())
            office = self._rules.ever()[0].offices[record["profile"]]  # a queue rings its members as often as it likes
            again = office.queue is None and any(each.leg == call.leg and each.phone is call.phone for each in before)
            self._must(not again, f"{name} {leg.step}{leg.sequence}: the agent {call.number} was rung twice")
            self._agents_of.setdefault(leg.call, []).append(call)
            return
        self._client_rung(call, leg, record, name)

    def _client_rung(self, call: Call, leg: Leg, record: sqlite3.Row, name: str) -> None:
        before = self._legs_rung.setdefault(call.leg, call)
        self._must(before is call, f"{name} {leg.step}{leg.sequence}: the client {call.number} was rung twice")
        others = [
            other
            for other in call.phone.calls
            if other is not call and not other.incoming and other.ended_at is None and other.vanished_at is None
        ]
        self._must(not others, f"{call.number} is rung for {name} while {', '.join(o.leg for o in others)} is live")
        self._must(record["dialled_at"] is not None, f"{name}: {call.number} was rung before it was written down")
        self._must(call.number == record["number"], f"{name}: {call.number} was rung, not {record['number']}")
        if leg.role == "c":
            start = self.start_key(call.leg)
            pressed = [
                agent
                for agent in self._agents_of.get(leg.call, ())
                if agent.answered_at is not None and start in "".join(digit for _, digit in agent.pressed)
            ]
            self._must(bool(pressed), f"{name}: {call.number} was rung before an agent pressed {start}")
        blocked = self._one("SELECT at FROM blocked_numbers WHERE number = ?", call.number)
        if blocked is not None:
            self._must(False, f"{call.number} was rung although it is on the block-list")
        self._within_dial_limit(call)

    def _within_dial_limit(self, call: Call) -> None:
        if self._clock.stepped_at > self._world.time - 90_000 and self._clock.stepped_at > 0:
            return  # the daemon's day is not the world's
        most = max(book.dials_per_number for book in self._rules.within(60))
        recent = [
            each
            for each in call.phone.calls
            if not each.incoming and leg_of(each.leg) is not None and each.rung_at > self._world.time - 86_000
        ]
        self._must(len(recent) <= most, f"{call.number} was dialled {len(recent)} times in 24 h; {most} are allowed")

    def _in_hours(self, call: Call, leg: Leg, record: sqlite3.Row) -> None:
        offices = [
            book.offices[record["profile"]]
            for book in self._rules.within(ON_THE_WAY)
            if record["profile"] in book.offices
        ]
        self._must(bool(offices), f"{call.number} was rung for {record['profile']}, a profile that is not there")
        if any(office.is_open(self._clock.now()) for office in offices):
            return
        lawful = any(office.is_open(said) for office in offices for said in self._clock.said_within(ON_THE_WAY))
        self._must(
            lawful,
            f"{_ROLES[leg.role]} {call.number} was rung for {record['profile']} outside its hours,"
            f" at {self._clock.now():%a %H:%M:%S} UTC by the daemon's clock",
        )

    def start_key(self, channel: str) -> str:
        """What agents press on that leg to start."""
        leg = leg_of(channel)
        row = None if leg is None else self._one("SELECT profile FROM callbacks WHERE id = ?", leg.callback)
        for book in reversed(self._rules.ever()):
            if row is not None and row["profile"] in book.offices:
                return book.offices[row["profile"]].start_key
        return "1"

    def arrived(self, call: Call) -> None:
        """A caller is in the menu."""
        self._callers.append(call)

    def over(self, leg: str, number: str) -> None:
        """A call is over. Two who talk are parted by themselves, never by us; a caller in the menu is handed back."""
        both = (*self._calls, *self._callers)
        call = next((each for each in reversed(both) if each.leg == leg and each.number == number), None)
        if call is None or call.ended_at is None:
            return
        self._story.tell(f"   {number} is over, by {call.ended_by}")
        if call.ended_by is not Side.ASTERISK or call.ended_at in self.crashed_at:
            return
        if call.incoming:
            self._caller_over(call)
            return
        since, until = self.events_lost
        if call.rung_at <= until and call.ended_at >= since:
            return
        for talk in call.talked:
            length = (call.ended_at if talk.until is None else talk.until) - talk.at
            other = next((each for each in self._calls if each.leg == talk.leg and each.answered_at is not None), None)
            if (talk.until is None or talk.until >= call.ended_at) and length >= RACE and other is not None:
                self._must(
                    other.ended_at is not None and other.ended_at < call.ended_at,
                    f"{call.number} ({call.leg}) talked with {other.number} for {length:.1f} s and was cut off",
                )

    def _caller_over(self, call: Call) -> None:
        """We end a caller's call after the goodbye only: then a call-back is kept."""
        if call.continued_at is not None:
            return
        self.look()
        kept = self._one(
            "SELECT 1 FROM callbacks WHERE requested_at >= ? OR number = ?", self._said_at(call.rung_at), call.number
        )
        self._must(kept is not None, f"{call.number} was in the menu, has no call-back, and was hung up")

    def _said_at(self, time: float) -> int:
        """What the daemon's clock said then, or a moment before."""
        said = min(self._clock.said_within(self._world.time - time + 1))
        return int(said.timestamp() * 1000)

    # The database.

    def look(self) -> None:
        """Read what is new."""
        if self._database is None:
            return
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        if version == self._version:
            return
        self._version = version
        touched: dict[str, None] = {}
        for event in self._database.execute(
            "SELECT e.*, c.profile, c.number FROM events e JOIN callbacks c ON c.id = e.callback_id WHERE e.id > ?"
            " ORDER BY e.id",
            (self._last_event,),
        ):
            self._take(event)
            touched[event["callback_id"]] = None
        for callback in touched:
            self._check(callback)
        if touched:
            self._check_live()

    def _take(self, event: sqlite3.Row) -> None:
        self._last_event = event["id"]
        known = self._known.get(event["callback_id"])
        if known is None:
            known = self._known[event["callback_id"]] = _Known(f"c{len(self._known) + 1}")
        data: dict[str, Any] = json.loads(event["data"])
        self._tell_event(known, event, data)
        self._must(
            event["seq"] == known.seq + 1, f"{known.name}: its timeline goes from {known.seq} to {event['seq']}"
        )
        known.seq = event["seq"]
        known.last_event_at = self._world.time
        match event["type"]:
            case "attempt_started":
                known.started += 1
                self._in_order(known, "attempt", data["attempt"], known.started)
                self._must(known.ended == known.started - 1, f"{known.name}: two attempts at once")
                known.rescheduled_since_end = 0
            case "attempt_ended":
                known.ended += 1
                self._in_order(known, "end of attempt", data["attempt"], known.ended)
                self._ended_at[event["callback_id"], "a", known.ended] = self._world.time
                self._must(data["outcome"] is not None, f"{known.name}: an attempt ended without outcome")
                self._story.count(f"outcome {data['outcome']}")
                known.rescheduled_since_end = 0
            case "offer_started":
                known.offers_started += 1
                self._in_order(known, "offer", data["offer"], known.offers_started)
            case "offer_ended":
                known.offers_ended += 1
                self._in_order(known, "end of offer", data["offer"], known.offers_ended)
                self._ended_at[event["callback_id"], "o", known.offers_ended] = self._world.time
                self._story.count(f"offer {data['outcome']}")
                known.rescheduled_since_end = 0
            case "rescheduled":
                known.reschedules[data["kind"]] += 1
                known.rescheduled_since_end += 1
                self._must(known.rescheduled_since_end == 1, f"{known.name}: two reschedules follow one attempt")
            case "ended":
                self._story.count(f"ended {data['disposition']}")

    def _in_order(self, known: _Known, what: str, told: int, expected: int) -> None:
        self._must(told == expected, f"{known.name}: {what} {told} is told, but it is the turn of {expected}")

    def _tell_event(self, known: _Known, event: sqlite3.Row, data: dict[str, Any]) -> None:
        shown = {key: value for key, value in data.items() if key not in ("why", "bridged_after_ms", "endpoint")}
        said = " ".join(f"{key}={value}" for key, value in shown.items() if value is not None)
        self._story.tell(f"  {known.name} {event['type']} {said}")

    def _check(self, callback_id: str) -> None:
        """One call-back that has changed."""
        known = self._known[callback_id]
        row = self._one("SELECT * FROM callbacks WHERE id = ?", callback_id)
        assert row is not None
        name, state = known.name, row["state"]
        attempts = self._all("SELECT * FROM attempts WHERE callback_id = ? ORDER BY number", callback_id)
        offers = self._all("SELECT * FROM offers WHERE callback_id = ? ORDER BY number", callback_id)
        for records, made, started, ended, what in (
            (attempts, row["attempts_made"], known.started, known.ended, "attempt"),
            (offers, row["offers_made"], known.offers_started, known.offers_ended, "offer"),
        ):
            numbers = [record["number"] for record in records]
            self._must(numbers == list(range(1, made + 1)), f"{name}: {what}s {numbers}, but {made} were made")
            self._must(started == made, f"{name}: {made} {what}s, but {started} are told to have begun")
            with_outcome = [record["number"] for record in records if record["outcome"] is not None]
            self._must(
                with_outcome == list(range(1, ended + 1)),
                f"{name}: {what}s {with_outcome} have an outcome, but {ended} are told to have ended",
            )
            self._must(made - ended <= 1, f"{name}: {made - ended} {what}s are live")
        open_attempt = known.started > known.ended
        open_offer = known.offers_started > known.offers_ended
        self._must(
            open_attempt == (state in LIVE[:3]) and open_offer == (state == "offering"),
            f"{name} is {state}, with {'an' if open_attempt else 'no'} attempt and"
            f" {'an' if open_offer else 'no'} offer live",
        )
        self._must((state in ENDED) == (row["ended_at"] is not None), f"{name} is {state}, ended_at {row['ended_at']}")
        self._must(
            sum(bool(attempt["counted"]) for attempt in attempts) == row["counted"],
            f"{name}: {row['counted']} attempts are said to count",
        )
        made = {kind: row[f"reschedules_{kind}"] for kind in ("auto", "agent", "client")}
        self._must(made == known.reschedules, f"{name}: reschedules {made}, of which {known.reschedules} were told")
        self._within_max(name, row, attempts)
        for attempt in attempts[-1:]:
            self._attempt_in_hours(name, row["profile"], attempt)
        if callback_id in self._told.cancelled:
            self._must(state == "cancelled", f"{name} was confirmed as cancelled, and is {state}")
        if known.state in ENDED and known.state != state:
            self._must(
                known.state == "unreachable_number" and state not in ENDED,
                f"{name} had ended as {known.state}, and is {state}",
            )
        known.state = state

    def _within_max(self, name: str, row: sqlite3.Row, attempts: list[sqlite3.Row]) -> None:
        offices = [book.offices[row["profile"]] for book in self._rules.ever() if row["profile"] in book.offices]
        most = max(office.max_reschedules for office in offices)
        limited = row["reschedules_auto"] + row["reschedules_agent"]
        self._must(limited <= most, f"{name}: {limited} reschedules of kind auto and agent; max is {most}")
        counted = sum(bool(each["counted"]) and each["kind"] != "client" for each in attempts)
        self._must(counted <= most + 1, f"{name}: {counted} attempts counted; max_reschedules is {most}")
        if not any(office.client for office in offices):
            self._must(not row["offers_made"], f"{name}: an offer was made, but client rescheduling is off")
        allowed = {kind for office in offices for kind, on in (("auto", office.auto), ("agent", office.agent)) if on}
        for kind in ("auto", "agent"):
            if row[f"reschedules_{kind}"]:
                self._must(kind in allowed, f"{name}: a reschedule of kind {kind}, which is off")

    def _attempt_in_hours(self, name: str, profile: str, attempt: sqlite3.Row) -> None:
        started = _instant(attempt["started_at"])
        offices = [book.offices[profile] for book in self._rules.ever() if profile in book.offices]
        self._must(
            any(office.is_open(started) for office in offices),
            f"{name}: attempt {attempt['number']} began at {started:%a %H:%M:%S} UTC, outside hours",
        )

    def _check_live(self) -> None:
        live = self._all("SELECT id, profile, state, number FROM callbacks WHERE state IN (?, ?, ?, ?)", *LIVE)
        books = self._rules.ever()
        most = max(book.max_concurrent for book in books)
        self._must(len(live) <= most, f"{len(live)} calls are live; the limit is {most}")
        numbers = [row["number"] for row in live]
        self._must(len(set(numbers)) == len(numbers), f"a number is live twice: {sorted(numbers)}")
        for profile in {row["profile"] for row in live}:
            at_once = max(book.offices[profile].at_once for book in books if profile in book.offices)
            attempts = sum(row["profile"] == profile and row["state"] != "offering" for row in live)
            self._must(attempts <= at_once, f"{profile}: {attempts} attempts are live; max_concurrent is {at_once}")

    # Promises.

    def promises(self) -> None:
        """No call-back that was confirmed is lost; one that was cancelled stays so. To be asked after every kill."""
        for callback_id in self._told.confirmed:
            row = self._one("SELECT state FROM callbacks WHERE id = ?", callback_id)
            self._must(row is not None, f"{self.name(callback_id)} was confirmed, and is lost")
            if row is not None and callback_id in self._told.cancelled:
                self._must(
                    row["state"] == "cancelled", f"{self.name(callback_id)} was confirmed as cancelled: {row['state']}"
                )

    def live(self) -> list[sqlite3.Row]:
        """The call-backs that are on the phone, says the database."""
        return self._all("SELECT * FROM callbacks WHERE state IN (?, ?, ?, ?)", *LIVE)

    def waiting(self) -> list[sqlite3.Row]:
        """Those that wait."""
        return self._all("SELECT * FROM callbacks WHERE state = 'scheduled'")

    @property
    def over_and_done(self) -> bool:
        """Every call-back has ended, and every call."""
        return not self.live() and not self.waiting() and all(call.ended_at is not None for call in self._calls)

    def idle_for(self, most: float) -> float:
        """For how many seconds, up to `most`, nothing can be to do: nothing is live, all wait for an instant."""
        if self.live() or any(call.ended_at is None for call in (*self._calls, *self._callers)):
            return 0.0
        now = self._clock.now()
        idle = most
        for row in self.waiting():
            startable = max(_instant(row["startable_at"]), now)
            office = self._rules.book.offices.get(row["profile"])
            while office is not None and not office.is_open(startable) and startable < now + timedelta(seconds=idle):
                startable += timedelta(minutes=1)
            idle = min(idle, (startable - now).total_seconds())
        return idle

    def gone(self, quiet_since: float) -> None:
        """Nothing has failed for a while: whatever call has ended has no legs any more."""
        now = self._world.time
        if now < quiet_since + SETTLES:
            return
        for call in self._calls:
            leg = leg_of(call.leg)
            ended_at = None if leg is None else self._ended_at.get(leg.call)
            if call.ended_at is None and ended_at is not None and now > ended_at + SETTLES:
                past = now - ended_at
                self._must(False, f"{call.leg} to {call.number} is still up, {past:.0f} s after its call ended")

    def rest(self, quiet_since: float) -> None:
        """At the end: nothing failed any more since then, everybody has gone home, and a while has passed."""
        self.look()
        self.promises()
        up = [call for call in self._calls if call.ended_at is None]
        for call in up:
            old = call.rung_at < self._world.time - LONGEST_CALL and call.vanished_at is None
            self._must(not old, f"the call of {call.leg} to {call.number} is still up")
        with_phones = {leg.callback for call in up if (leg := leg_of(call.leg)) is not None}
        for row in self.live():
            known = self._known[row["id"]]
            fresh = known.last_event_at > self._world.time - 60
            self._must(fresh or row["id"] in with_phones, f"{known.name} is {row['state']}, but no phone is up")
        for row in self.waiting():
            self._lawfully_waits(row, quiet_since)

    def _lawfully_waits(self, row: sqlite3.Row, quiet_since: float) -> None:
        """It waits for an instant to come; or nothing has to start it."""
        name = self.name(row["id"])
        now = self._clock.now()
        expires = _instant(row["expires_at"])
        office = self._rules.book.offices.get(row["profile"])
        self._must(expires > now - timedelta(minutes=2), f"{name} has expired at {expires}, and still waits")
        if office is None or office.at_once == 0 or self._rules.book.max_concurrent == 0:
            return
        settled = timedelta(minutes=5)
        since = max(_instant(row["startable_at"]), now - timedelta(seconds=self._world.time - quiet_since))
        if since > now - settled:
            return
        if self._all("SELECT 1 FROM pauses WHERE dialling = 1 AND profile IN ('*', ?)", row["profile"]):
            return
        if not office.open_throughout(now - settled, now):
            return
        condition = self._one("SELECT * FROM conditions WHERE profile = ?", row["profile"])
        if condition is not None:
            for until in (condition["target_rests_until"], condition["route_open_until"]):
                if until is not None and _instant(until) > now - settled:
                    return
        if any(known.last_event_at > self._world.time - settled.total_seconds() for known in self._known.values()):
            return  # others are before it
        self._must(False, f"{name} could have been started since {since:%a %H:%M:%S} UTC, and still waits")

    # Looking things up.

    def _record(self, leg: Leg) -> sqlite3.Row | None:
        """The attempt or offer of a leg, with what its call-back says."""
        table, dialled = ("attempts", "client_dialled_at") if leg.step == "a" else ("offers", "dialled_at")
        return self._one(
            f"SELECT r.outcome, r.{dialled} AS dialled_at, c.profile, c.number, c.state FROM {table} r"  # noqa: S608
            " JOIN callbacks c ON c.id = r.callback_id WHERE r.callback_id = ? AND r.number = ?",
            leg.callback,
            leg.sequence,
        )

    def _one(self, query: str, *values: object) -> sqlite3.Row | None:
        assert self._database is not None
        found: sqlite3.Row | None = self._database.execute(query, values).fetchone()
        return found

    def _all(self, query: str, *values: object) -> list[sqlite3.Row]:
        assert self._database is not None
        return self._database.execute(query, values).fetchall()

    def name(self, callback_id: str) -> str:
        """What the story calls it."""
        known = self._known.get(callback_id)
        return callback_id if known is None else known.name

    def _must(self, holds: bool, what: str) -> None:
        if not holds:
            raise Violated(what)


_ROLES = {"a": "agent", "c": "client", "o": "client (offer)"}


def _instant(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)

"""Who may be rung, when, and for what."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from simulation.asterisk.phones import Call
from simulation.judge.evidence import ON_THE_WAY, ROLES, Evidence, Leg, Violated, leg_of, must

STRAYS = 20.0
"""Seconds after which no request is on its way any more, unless the network was parted: it is given up after 10."""


class Ringing:
    """`rang` is told of each call as it arrives at a phone. `look` reads what is new in the database."""

    def __init__(self, evidence: Evidence, look: Callable[[], None]) -> None:
        self._evidence = evidence
        self._look = look
        self._legs_rung: dict[str, Call] = {}
        self._agents_of: dict[tuple[str, str, int], list[Call]] = {}

    def rang(self, call: Call) -> None:
        """A phone is rung, this instant."""
        leg = leg_of(call.leg)
        if leg is None:
            raise Violated(f"{call.number} was rung by {call.leg}, which is no leg of a call-back")
        self._look()
        name = self._evidence.name(leg.callback)
        self._evidence.story.count(
            f"{ROLES[leg.role]} rung",
            f"{ROLES[leg.role]} {call.number} is rung for {name} {leg.step}{leg.sequence}",
        )
        self._evidence.calls.append(call)
        must(
            leg.callback not in self._evidence.told.cancelled, f"{call.number} was rung for {name}, which was cancelled"
        )
        record = self._record(leg)
        must(record is not None, f"{call.number} was rung for {name} {leg.step}{leg.sequence}: it is not written")
        assert record is not None
        self._in_hours(call, leg, record)
        self._controlled(call, record["profile"])
        if leg.role == "a":
            before = self._agents_of.get(leg.call, ())
            office = self._evidence.rules.ever()[0].offices[
                record["profile"]
            ]  # a queue rings its members as often as it likes
            again = office.queue is None and any(each.leg == call.leg and each.phone is call.phone for each in before)
            must(not again, f"{name} {leg.step}{leg.sequence}: the agent {call.number} was rung twice")
            self._agents_of.setdefault(leg.call, []).append(call)
            return
        self._client_rung(call, leg, record, name)

    def _controlled(self, call: Call, profile: str) -> None:
        """Nobody is rung of whom we would hear nothing. A queue rings its members by itself."""
        evidence = self._evidence
        if evidence.rules.ever()[0].offices[profile].queue is not None:
            return
        held_up = evidence.world.time < evidence.parted_until + STRAYS
        must(
            call.alone_for < STRAYS or held_up,
            f"{call.number} was rung when the link had been down for {call.alone_for:.0f} s",
        )

    def _client_rung(self, call: Call, leg: Leg, record: sqlite3.Row, name: str) -> None:
        before = self._legs_rung.setdefault(call.leg, call)
        must(before is call, f"{name} {leg.step}{leg.sequence}: the client {call.number} was rung twice")
        others = [
            other
            for other in call.phone.calls
            if other is not call and not other.incoming and other.ended_at is None and other.vanished_at is None
        ]
        must(not others, f"{call.number} is rung for {name} while {', '.join(o.leg for o in others)} is live")
        must(record["dialled_at"] is not None, f"{name}: {call.number} was rung before it was written down")
        must(call.number == record["number"], f"{name}: {call.number} was rung, not {record['number']}")
        if leg.role == "c":
            start = self._evidence.start_key(call.leg)
            pressed = [
                agent
                for agent in self._agents_of.get(leg.call, ())
                if agent.answered_at is not None and start in "".join(digit for _, digit in agent.pressed)
            ]
            must(bool(pressed), f"{name}: {call.number} was rung before an agent pressed {start}")
        blocked = self._evidence.one("SELECT at FROM blocked_numbers WHERE number = ?", call.number)
        if blocked is not None:
            must(False, f"{call.number} was rung although it is on the block-list")
        self._within_dial_limit(call)

    def _within_dial_limit(self, call: Call) -> None:
        if self._evidence.clock.stepped_at > self._evidence.world.time - 90_000 and self._evidence.clock.stepped_at > 0:
            return  # the daemon's day is not the world's
        most = max(book.dials_per_number for book in self._evidence.rules.within(60))
        recent = [
            each
            for each in call.phone.calls
            if not each.incoming and leg_of(each.leg) is not None and each.rung_at > self._evidence.world.time - 86_000
        ]
        must(len(recent) <= most, f"{call.number} was dialled {len(recent)} times in 24 h; {most} are allowed")

    def _in_hours(self, call: Call, leg: Leg, record: sqlite3.Row) -> None:
        offices = [
            book.offices[record["profile"]]
            for book in self._evidence.rules.within(ON_THE_WAY)
            if record["profile"] in book.offices
        ]
        must(bool(offices), f"{call.number} was rung for {record['profile']}, a profile that is not there")
        if any(office.is_open(self._evidence.clock.now()) for office in offices):
            return
        lawful = any(
            office.is_open(said) for office in offices for said in self._evidence.clock.said_within(ON_THE_WAY)
        )
        must(
            lawful,
            f"{ROLES[leg.role]} {call.number} was rung for {record['profile']} outside its hours,"
            f" at {self._evidence.clock.now():%a %H:%M:%S} UTC by the daemon's clock",
        )

    def _record(self, leg: Leg) -> sqlite3.Row | None:
        """The attempt or offer of a leg, with what its call-back says."""
        table, dialled = ("attempts", "client_dialled_at") if leg.step == "a" else ("offers", "dialled_at")
        return self._evidence.one(
            f"SELECT r.outcome, r.{dialled} AS dialled_at, c.profile, c.number, c.state FROM {table} r"  # noqa: S608
            " JOIN callbacks c ON c.id = r.callback_id WHERE r.callback_id = ? AND r.number = ?",
            leg.callback,
            leg.sequence,
        )

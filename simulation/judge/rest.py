"""What must not be left: of a call that has ended, and at the end of all."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import timedelta

from simulation.asterisk.phones import Call
from simulation.judge.evidence import LONGEST_CALL, Evidence, Leg, instant, leg_of, must

SETTLES = 30.0
"""Seconds without trouble after which nothing may be left of a call that has ended."""

AT_ONCE = 2.0
"""The same, of a call in which nothing went wrong, nor for a while before."""

UNHEARD = 150.0
"""The same, after which the end of a call is written whose phones have all been put down, told or not."""

LONG_BEFORE = 120.0
LOOK_AGAIN = 5.0


class Rest:
    """Asked now and then, after every kill, and at the end. `look` reads what is new in the database."""

    def __init__(self, evidence: Evidence, look: Callable[[], None]) -> None:
        self._evidence = evidence
        self._look = look

    def promises(self) -> None:
        """No call-back that was confirmed is lost; one that was cancelled stays so. To be asked after every kill."""
        for callback_id in self._evidence.told.confirmed:
            row = self._evidence.one("SELECT state FROM callbacks WHERE id = ?", callback_id)
            must(row is not None, f"{self._evidence.name(callback_id)} was confirmed, and is lost")
            if row is not None and callback_id in self._evidence.told.cancelled:
                must(
                    row["state"] == "cancelled",
                    f"{self._evidence.name(callback_id)} was confirmed as cancelled: {row['state']}",
                )

    @property
    def over_and_done(self) -> bool:
        """Every call-back has ended, and every call."""
        return (
            not self._evidence.live()
            and not self._evidence.waiting()
            and all(call.ended_at is not None for call in self._evidence.calls)
        )

    def idle_for(self, most: float) -> float:
        """For how many seconds, up to `most`, nothing can be to do: nothing is live, all wait for an instant."""
        if self._evidence.live() or any(
            call.ended_at is None for call in (*self._evidence.calls, *self._evidence.callers)
        ):
            return 0.0
        now = self._evidence.clock.now()
        idle = most
        for row in self._evidence.waiting():
            startable = max(instant(row["startable_at"]), now)
            office = self._evidence.rules.book.offices.get(row["profile"])
            while office is not None and not office.is_open(startable) and startable < now + timedelta(seconds=idle):
                startable += timedelta(minutes=1)
            idle = min(idle, (startable - now).total_seconds())
        return idle

    def ended(self, ended: tuple[str, str, int]) -> None:
        """An attempt or offer is over: soon after, nothing of it may be left."""
        world = self._evidence.world
        ended_at = world.time
        world.after(AT_ONCE, lambda: self._gone(ended, ended_at, AT_ONCE + LONG_BEFORE, again=False))
        world.after(SETTLES, lambda: self._gone(ended, ended_at, SETTLES, again=True))

    def _gone(self, ended: tuple[str, str, int], ended_at: float, quiet: float, *, again: bool) -> None:
        """If nothing went wrong for so many seconds; else it is asked `again`, or is let pass."""
        evidence = self._evidence
        now = evidence.world.time
        left = [
            call
            for call in evidence.calls
            if call.ended_at is None and (leg := leg_of(call.leg)) is not None and leg.call == ended
        ]
        if left and evidence.quiet_since(now - quiet):
            call = left[0]
            must(False, f"{call.leg} to {call.number} is still up, {now - ended_at:.0f} s after its call ended")
        if left and again:
            evidence.world.after(LOOK_AGAIN, lambda: self._gone(ended, ended_at, quiet, again=True))

    def put_down(self, channel: str) -> None:
        """A phone was put down. If it was its call's last one, the end is written before long."""
        if (leg := leg_of(channel)) is not None:
            self._evidence.world.after(UNHEARD, lambda: self._noticed(leg))

    def _noticed(self, leg: Leg) -> None:
        evidence = self._evidence
        calls = [each for each in evidence.calls if (found := leg_of(each.leg)) is not None and found.call == leg.call]
        if any(call.ended_at is None for call in calls):
            return
        table = "attempts" if leg.step == "a" else "offers"
        row = evidence.one(
            f"SELECT outcome FROM {table} WHERE callback_id = ? AND number = ?", leg.callback, leg.sequence  # noqa: S608
        )
        if row is None or row["outcome"] is not None:
            return
        if evidence.quiet_since(evidence.world.time - UNHEARD):
            must(False, f"{evidence.name(leg.callback)} is still on the phone, whose phones were all put down")
        evidence.world.after(LOOK_AGAIN, lambda: self._noticed(leg))

    def begun(self) -> None:
        """A daemon begins: whoever stood in the menu of the one before is handed back soon."""
        left = [call for call in self._evidence.callers if _in_menu(call)]
        if left:
            self._evidence.world.after(SETTLES, lambda: self._handed_back(left))

    def _handed_back(self, left: Sequence[Call]) -> None:
        evidence = self._evidence
        left = [call for call in left if _in_menu(call)]
        if left and evidence.quiet_since(evidence.world.time - SETTLES):
            must(False, f"{left[0].number} was in the menu of a daemon that is no more, and is not handed back")
        if left:
            evidence.world.after(LOOK_AGAIN, lambda: self._handed_back(left))

    def rest(self, quiet_since: float) -> None:
        """At the end: nothing failed any more since then, everybody has gone home, and a while has passed."""
        self._look()
        self.promises()
        up = [call for call in self._evidence.calls if call.ended_at is None]
        for call in up:
            old = call.rung_at < self._evidence.world.time - LONGEST_CALL and call.vanished_at is None
            must(not old, f"the call of {call.leg} to {call.number} is still up")
        with_phones = {leg.callback for call in up if (leg := leg_of(call.leg)) is not None}
        for row in self._evidence.live():
            known = self._evidence.known[row["id"]]
            fresh = known.last_event_at > self._evidence.world.time - 60
            must(fresh or row["id"] in with_phones, f"{known.name} is {row['state']}, but no phone is up")
        for row in self._evidence.waiting():
            self._lawfully_waits(row, quiet_since)

    def _lawfully_waits(self, row: sqlite3.Row, quiet_since: float) -> None:
        """It waits for an instant to come; or nothing has to start it."""
        name = self._evidence.name(row["id"])
        now = self._evidence.clock.now()
        expires = instant(row["expires_at"])
        office = self._evidence.rules.book.offices.get(row["profile"])
        must(expires > now - timedelta(minutes=2), f"{name} has expired at {expires}, and still waits")
        if office is None or office.at_once == 0 or self._evidence.rules.book.max_concurrent == 0:
            return
        settled = timedelta(minutes=5)
        since = max(instant(row["startable_at"]), now - timedelta(seconds=self._evidence.world.time - quiet_since))
        if since > now - settled:
            return
        if self._evidence.all("SELECT 1 FROM pauses WHERE dialling = 1 AND profile IN ('*', ?)", row["profile"]):
            return
        if not office.open_throughout(now - settled, now):
            return
        condition = self._evidence.one("SELECT * FROM conditions WHERE profile = ?", row["profile"])
        if condition is not None:
            for until in (condition["target_rests_until"], condition["route_open_until"]):
                if until is not None and instant(until) > now - settled:
                    return
        if self._taken_by_the_vanished(row["profile"]):
            return
        if any(
            known.last_event_at > self._evidence.world.time - settled.total_seconds()
            for known in self._evidence.known.values()
        ):
            return  # others are before it
        must(False, f"{name} could have been started since {since:%a %H:%M:%S} UTC, and still waits")

    def _taken_by_the_vanished(self, profile: str) -> bool:
        """All lines are taken by calls of whose phones Asterisk hears nothing any more: nobody can know that."""
        evidence = self._evidence
        book = evidence.rules.book
        vanished = {
            leg.callback
            for call in evidence.calls
            if call.ended_at is None and call.vanished_at is not None and (leg := leg_of(call.leg)) is not None
        }
        taken = [row["profile"] for row in evidence.live() if row["id"] in vanished]
        return len(taken) >= book.max_concurrent or taken.count(profile) >= book.offices[profile].at_once


def _in_menu(call: Call) -> bool:
    return call.ended_at is None and call.continued_at is None

"""What the database tells: each timeline in its order, and in agreement with the records."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from typing import Any

from simulation.judge.evidence import ENDED, LIVE, Evidence, Known, instant, must

DECIDES = 30.0
"""Seconds at most from a decision to dial to its being written, on a slow disk."""


class Timelines:
    """`look` reads what is new."""

    def __init__(self, evidence: Evidence, ended: Callable[[tuple[str, str, int]], None]) -> None:
        """`ended` is told of each attempt and offer that is over."""
        self._evidence = evidence
        self._ended = ended
        self._last_event = 0

    def look(self) -> None:
        """Raises `Violated`."""
        if not self._evidence.changed():
            return
        touched: dict[str, None] = {}
        for event in self._evidence.all(
            "SELECT e.*, c.profile, c.number FROM events e JOIN callbacks c ON c.id = e.callback_id WHERE e.id > ?"
            " ORDER BY e.id",
            self._last_event,
        ):
            self._take(event)
            touched[event["callback_id"]] = None
        for callback in touched:
            self._check(callback)
        if touched:
            self._check_live()

    def _take(self, event: sqlite3.Row) -> None:
        self._last_event = event["id"]
        known = self._evidence.known.get(event["callback_id"])
        if known is None:
            known = self._evidence.known[event["callback_id"]] = Known(f"c{len(self._evidence.known) + 1}")
        data: dict[str, Any] = json.loads(event["data"])
        self._tell_event(known, event, data)
        must(event["seq"] == known.seq + 1, f"{known.name}: its timeline goes from {known.seq} to {event['seq']}")
        known.seq = event["seq"]
        known.last_event_at = self._evidence.world.time
        match event["type"]:
            case "attempt_started":
                self._not_paused(known, event)
                known.started += 1
                self._in_order(known, "attempt", data["attempt"], known.started)
                must(known.ended == known.started - 1, f"{known.name}: two attempts at once")
                known.rescheduled_since_end = 0
            case "attempt_ended":
                known.ended += 1
                self._in_order(known, "end of attempt", data["attempt"], known.ended)
                self._ended((event["callback_id"], "a", known.ended))
                must(data["outcome"] is not None, f"{known.name}: an attempt ended without outcome")
                self._evidence.story.count(f"outcome {data['outcome']}")
                known.rescheduled_since_end = 0
            case "offer_started":
                self._not_paused(known, event)
                known.offers_started += 1
                self._in_order(known, "offer", data["offer"], known.offers_started)
            case "offer_ended":
                known.offers_ended += 1
                self._in_order(known, "end of offer", data["offer"], known.offers_ended)
                self._ended((event["callback_id"], "o", known.offers_ended))
                self._evidence.story.count(f"offer {data['outcome']}")
                known.rescheduled_since_end = 0
            case "client_dialled":
                self._not_paused(known, event)
            case "rescheduled":
                known.reschedules[data["kind"]] += 1
                known.rescheduled_since_end += 1
                must(known.rescheduled_since_end == 1, f"{known.name}: two reschedules follow one attempt")
            case "ended":
                self._evidence.story.count(f"ended {data['disposition']}")

    def _not_paused(self, known: Known, event: sqlite3.Row) -> None:
        """What was decided before the pause, on a disk that is slow, may still be written."""
        evidence = self._evidence
        now = evidence.world.time
        paused_at = evidence.told.paused.get(event["profile"], now)
        late = 2.0 if evidence.quiet_since(paused_at - DECIDES) else DECIDES
        must(
            now <= paused_at + late,
            f"{known.name}: {event['type']} {now - paused_at:.0f} s after dialling of {event['profile']} was paused",
        )

    def _in_order(self, known: Known, what: str, told: int, expected: int) -> None:
        must(told == expected, f"{known.name}: {what} {told} is told, but it is the turn of {expected}")

    def _tell_event(self, known: Known, event: sqlite3.Row, data: dict[str, Any]) -> None:
        shown = {key: value for key, value in data.items() if key not in ("why", "bridged_after_ms", "endpoint")}
        said = " ".join(f"{key}={value}" for key, value in shown.items() if value is not None)
        self._evidence.story.tell(f"  {known.name} {event['type']} {said}")

    def _check(self, callback_id: str) -> None:
        """One call-back that has changed."""
        known = self._evidence.known[callback_id]
        row = self._evidence.one("SELECT * FROM callbacks WHERE id = ?", callback_id)
        assert row is not None
        name, state = known.name, row["state"]
        attempts = self._evidence.all("SELECT * FROM attempts WHERE callback_id = ? ORDER BY number", callback_id)
        offers = self._evidence.all("SELECT * FROM offers WHERE callback_id = ? ORDER BY number", callback_id)
        for records, made, started, ended, what in (
            (attempts, row["attempts_made"], known.started, known.ended, "attempt"),
            (offers, row["offers_made"], known.offers_started, known.offers_ended, "offer"),
        ):
            numbers = [record["number"] for record in records]
            must(numbers == list(range(1, made + 1)), f"{name}: {what}s {numbers}, but {made} were made")
            must(started == made, f"{name}: {made} {what}s, but {started} are told to have begun")
            with_outcome = [record["number"] for record in records if record["outcome"] is not None]
            must(
                with_outcome == list(range(1, ended + 1)),
                f"{name}: {what}s {with_outcome} have an outcome, but {ended} are told to have ended",
            )
            must(made - ended <= 1, f"{name}: {made - ended} {what}s are live")
        open_attempt = known.started > known.ended
        open_offer = known.offers_started > known.offers_ended
        must(
            open_attempt == (state in LIVE[:3]) and open_offer == (state == "offering"),
            f"{name} is {state}, with {'an' if open_attempt else 'no'} attempt and"
            f" {'an' if open_offer else 'no'} offer live",
        )
        must((state in ENDED) == (row["ended_at"] is not None), f"{name} is {state}, ended_at {row['ended_at']}")
        must(
            sum(bool(attempt["counted"]) for attempt in attempts) == row["counted"],
            f"{name}: {row['counted']} attempts are said to count",
        )
        made = {kind: row[f"reschedules_{kind}"] for kind in ("auto", "agent", "client")}
        must(made == known.reschedules, f"{name}: reschedules {made}, of which {known.reschedules} were told")
        self._within_max(name, row, attempts)
        for attempt in attempts[-1:]:
            self._attempt_in_hours(name, row["profile"], attempt)
        if callback_id in self._evidence.told.cancelled:
            must(state == "cancelled", f"{name} was confirmed as cancelled, and is {state}")
        if known.state in ENDED and known.state != state:
            must(
                known.state == "unreachable_number" and state not in ENDED,
                f"{name} had ended as {known.state}, and is {state}",
            )
        known.state = state

    def _within_max(self, name: str, row: sqlite3.Row, attempts: list[sqlite3.Row]) -> None:
        offices = [
            book.offices[row["profile"]] for book in self._evidence.rules.ever() if row["profile"] in book.offices
        ]
        most = max(office.max_reschedules for office in offices)
        limited = row["reschedules_auto"] + row["reschedules_agent"]
        must(limited <= most, f"{name}: {limited} reschedules of kind auto and agent; max is {most}")
        counted = sum(bool(each["counted"]) and each["kind"] != "client" for each in attempts)
        must(counted <= most + 1, f"{name}: {counted} attempts counted; max_reschedules is {most}")
        if not any(office.client for office in offices):
            must(not row["offers_made"], f"{name}: an offer was made, but client rescheduling is off")
        allowed = {kind for office in offices for kind, on in (("auto", office.auto), ("agent", office.agent)) if on}
        for kind in ("auto", "agent"):
            if row[f"reschedules_{kind}"]:
                must(kind in allowed, f"{name}: a reschedule of kind {kind}, which is off")

    def _attempt_in_hours(self, name: str, profile: str, attempt: sqlite3.Row) -> None:
        started = instant(attempt["started_at"])
        offices = [book.offices[profile] for book in self._evidence.rules.ever() if profile in book.offices]
        must(
            any(office.is_open(started) for office in offices),
            f"{name}: attempt {attempt['number']} began at {started:%a %H:%M:%S} UTC, outside hours",
        )

    def _check_live(self) -> None:
        live = self._evidence.all("SELECT id, profile, state, number FROM callbacks WHERE state IN (?, ?, ?, ?)", *LIVE)
        books = self._evidence.rules.ever()
        most = max(book.max_concurrent for book in books)
        must(len(live) <= most, f"{len(live)} calls are live; the limit is {most}")
        numbers = [row["number"] for row in live]
        must(len(set(numbers)) == len(numbers), f"a number is live twice: {sorted(numbers)}")
        for profile in {row["profile"] for row in live}:
            at_once = max(book.offices[profile].at_once for book in books if profile in book.offices)
            attempts = sum(row["profile"] == profile and row["state"] != "offering" for row in live)
            must(attempts <= at_once, f"{profile}: {attempts} attempts are live; max_concurrent is {at_once}")

"""The judge can fail: bugs are planted in the daemon, and each is found by one of the first seeds, for what it is."""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from callbackd.ari.client import AriClient
from callbackd.ari.lobby import Lobby
from callbackd.ari.supervisor import Supervisor
from callbackd.ari.wreckage import Wreckage
from callbackd.domain.callback import Attempt, CallBack, State, TimelineEvent
from callbackd.domain.callback import Step as Waits
from callbackd.domain.profile import Profile
from callbackd.domain.reschedule import after_attempt
from callbackd.domain.telephony import Interrupted
from callbackd.engine import room, scheduler, settlement
from callbackd.engine.admission import Admission
from callbackd.engine.calls import Call
from callbackd.engine.intake import Intake
from callbackd.engine.recovery import Recovery
from callbackd.engine.room import Room
from callbackd.engine.scheduler import Scheduler
from callbackd.engine.settlement import Settlement
from callbackd.store.interface import Idempotency
from simulation.disk import Disk
from simulation.run import run_seed

MOST_SEEDS = 120


def dials_without_a_claim(patch: pytest.MonkeyPatch) -> None:
    async def start(self: Scheduler, callback: CallBack, profile: Profile, now: Any) -> None:
        number = callback.attempts_made + 1
        attempt = Attempt(callback.id, number, callback.next_kind, started_at=now)
        claimed = replace(callback, state=State.AGENT, attempts_made=number, rest_until=None)
        self._run(self._calls.begin_attempt(claimed, attempt, profile))

    patch.setattr(Scheduler, "_start_attempt", start)


def settles_nothing_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Recovery, callback: CallBack, wreckage: Wreckage) -> None:
        pass

    patch.setattr(Recovery, "_settle", nothing)


def dials_again_after_a_restart(patch: pytest.MonkeyPatch) -> None:
    settle = Recovery._settle

    async def again(self: Recovery, callback: CallBack, wreckage: Any) -> None:
        attempts = await self._store.attempts(callback.id)
        profile = self._rules.profiles.get(callback.profile)
        if callback.state in (State.AGENT, State.CLIENT) and attempts and profile is not None:
            await wreckage.sweep(callback.id, Waits.ATTEMPT, attempts[-1].number)
            asyncio.get_running_loop().call_later(  # the link refuses it before
                1.0, lambda: self._follows.follow(self._calls.begin_attempt(callback, attempts[-1], profile))
            )
        else:
            await settle(self, callback, wreckage)

    patch.setattr(Recovery, "_settle", again)


def ignores_hours(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(room, "is_open", lambda _hours, _at: True)


def forgets_to_count(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(settlement, "used", lambda reschedules, _kind: reschedules)


def reschedules_for_ever(patch: pytest.MonkeyPatch) -> None:
    decide = after_attempt

    def endless(profile: Profile, **how: Any) -> Any:
        return decide(replace(profile, rescheduling=replace(profile.rescheduling, max_reschedules=20)), **how)

    patch.setattr(settlement, "after_attempt", endless)


def settles_twice(patch: pytest.MonkeyPatch) -> None:
    settle = Settlement._attempt

    async def twice(
        self: Settlement, callback: CallBack, attempt: Attempt, notes: Sequence[TimelineEvent], condition: Any
    ) -> CallBack:
        settled = await settle(self, callback, attempt, notes, condition)
        if attempt.outcome == "agent_no_answer":
            return await settle(self, settled, attempt, (), condition)
        return settled

    patch.setattr(Settlement, "_attempt", twice)


def loses_what_it_confirmed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Disk, "cut", _cut_and_lose)


def _cut_and_lose(self: Disk) -> None:
    for connection in self._open:
        if connection._connection is not None and connection._writes:
            connection._connection.execute("PRAGMA foreign_keys = ON")
            with suppress(sqlite3.Error):
                connection._connection.rollback()
                connection._connection.execute(
                    "DELETE FROM callbacks WHERE id = (SELECT max(id) FROM callbacks WHERE state = 'scheduled')"
                )
        connection.cut()
    self._open.clear()


def cuts_off_who_talks_at_a_restart(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Wreckage, "joined", lambda *_: frozenset())


def hangs_up_on_callers(patch: pytest.MonkeyPatch) -> None:
    async def hang_up(self: Lobby, channel_id: str) -> None:
        await self._client.hangup(channel_id)

    patch.setattr(Lobby, "_hand_back", hang_up)


def leaves_legs_up(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Wreckage, key: object) -> None:
        pass

    patch.setattr(Wreckage, "_sweep", nothing)


def forgets_the_block_list(patch: pytest.MonkeyPatch) -> None:
    async def allowed(self: Admission, number: str, profile: Profile) -> None:
        return None

    patch.setattr(Admission, "of_number", allowed)


def sleeps_for_a_day(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(scheduler, "LONGEST_SLEEP", timedelta(days=1))
    patch.setattr(Scheduler, "wake", lambda _: None)


def dials_while_paused(patch: pytest.MonkeyPatch) -> None:
    async def never(self: Admission, profile: str) -> bool:
        return False

    patch.setattr(Admission, "dialling_paused", never)


def dials_without_a_link(patch: pytest.MonkeyPatch) -> None:
    linked: set[Room] = set()

    def working(self: Room) -> bool:
        if self._ready():
            linked.add(self)
        return not self.closing and self in linked

    patch.setattr(Room, "working", property(working))
    patch.setattr(Supervisor, "_gate", lambda _: None)


def makes_a_repeated_request_anew(patch: pytest.MonkeyPatch) -> None:
    async def unknown(self: Intake, idempotency: Idempotency, now: datetime) -> None:
        return None

    patch.setattr(Intake, "_repeated", unknown)


def parts_them_after_three_seconds(patch: pytest.MonkeyPatch) -> None:
    works = Call._route_works

    async def works_for_a_while(self: Call, now: datetime) -> None:
        await works(self, now)
        asyncio.get_running_loop().call_later(3.0, lambda: self.put(Interrupted(frozenset())))

    patch.setattr(Call, "_route_works", works_for_a_while)


def hangs_up_late(patch: pytest.MonkeyPatch) -> None:
    hangup = AriClient.hangup

    async def later(self: AriClient, channel_id: str, **how: Any) -> bool:
        loop = asyncio.get_running_loop()
        loop.call_later(60.0, lambda: loop.create_task(hangup(self, channel_id, **how)))
        return True

    patch.setattr(AriClient, "hangup", later)


def trusts_a_disk_that_failed(patch: pytest.MonkeyPatch) -> None:
    async def nothing(self: Scheduler, now: datetime) -> None:
        pass

    patch.setattr(Scheduler, "_settle_unsure", nothing)


@pytest.mark.parametrize(
    ("bug", "found"),
    [
        (dials_without_a_claim, "it is not written"),
        (settles_nothing_after_a_restart, "no phone is up|still waits|are live|was cut off"),
        (dials_again_after_a_restart, "was rung twice|are live"),
        (ignores_hours, "outside"),
        (forgets_to_count, "were told"),
        (reschedules_for_ever, "max"),
        (settles_twice, "it is the turn of"),
        (loses_what_it_confirmed, "and is lost"),
        (cuts_off_who_talks_at_a_restart, "was cut off"),
        (hangs_up_on_callers, "was in the menu, has no call-back, and was hung up"),
        (leaves_legs_up, "still up|is live|was rung twice"),
        (forgets_the_block_list, "block-list|were|are allowed"),
        (sleeps_for_a_day, "still waits"),
        (dials_while_paused, "was paused"),
        (dials_without_a_link, "the link had been down"),
        (makes_a_repeated_request_anew, "and repeated with"),
        (parts_them_after_three_seconds, "was cut off"),
        (hangs_up_late, "still up"),
        (trusts_a_disk_that_failed, "no phone is up|attempts are live"),
    ],
)
def test_a_planted_bug_is_found(
    bug: Callable[[pytest.MonkeyPatch], None], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bug(monkeypatch)
    for seed in range(1, MOST_SEEDS):
        violated = run_seed(seed).violated
        if violated is not None:
            assert re.search(found, violated), f"seed {seed}: {violated}"
            return
    pytest.fail(f"not found by {MOST_SEEDS} seeds")

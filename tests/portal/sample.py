"""A company's month, made up by chance: enough of everything to be looked at."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date, datetime, timedelta

from callbackd.domain.callback import (
    Attempt,
    CallBack,
    EventType,
    Kind,
    Offer,
    Outcome,
    Reschedules,
    State,
    TimelineEvent,
)
from callbackd.domain.hours import Interval, TargetHours
from callbackd.domain.instants import rfc3339
from callbackd.domain.profile import Profile
from callbackd.domain.reschedule import End, Retry, after_attempt
from callbackd.store.interface import Change
from tests.http.house import NOON, SUPPORT
from tests.portal.office import Office
from tests.portal.test_now import TORONTO

NOW = NOON + timedelta(hours=2, minutes=40)
HOSTILE = "<script>alert(1)</script>"
NAMES = (
    None, "Ann Lee", "Müller & Söhne GmbH, a name that goes on until it does not fit into any row of any table at all",
    HOSTILE, "محمد العربي", "O'Brien", "Zoë", "李小龍",
)  # fmt: skip
DAYS = 35

SUPPORT_LINE = replace(
    SUPPORT,
    target=replace(
        SUPPORT.target,
        queue="support",
        max_concurrent=3,
        hours=TargetHours(
            TORONTO,
            {day: (Interval(540, 720), Interval(780, 1020)) for day in range(5)} | {5: (Interval(1320, 1800),)},
            {date(2026, 11, 5): (Interval(600, 840),), date(2026, 11, 6): ()},
        ),
    ),
    rescheduling=replace(SUPPORT.rescheduling, cut_off=timedelta(minutes=45)),
)
SALES = replace(SUPPORT, id="sales", label="Sales and everything that has to do with it")


class Month:
    """Puts call-backs into an office as the engine would have left them. `story` is the id of one with much to tell,
    `waiting` of one that waits, `live_one` of one on the phone."""

    def __init__(self, office: Office) -> None:
        self._office = office
        self._chance = random.Random(7)  # noqa: S311
        self._made = 0
        self.story = self.waiting = self.live_one = ""
        office.rules.profiles = {"sales": SALES, "support": SUPPORT_LINE}
        office.calls.agents = False

    async def live(self) -> None:
        """All of it; the clock then stands at `NOW`."""
        for day in range(DAYS, -1, -1):
            for _ in range(self._chance.randint(4, 14)):
                at = NOW - timedelta(days=day, minutes=self._chance.choice([20, 60, 90, 100, 150, 200, 330]))
                await self._past(at, self._chance.choice([SALES, SUPPORT_LINE, SUPPORT_LINE]))
        for _ in range(30):
            await self.add(
                self._chance.choice([SALES, SUPPORT_LINE]),
                NOW - timedelta(minutes=self._chance.randint(1, 50)),
                priority=self._chance.choice([0, 0, 0, 10]),
            )
        for minutes in (7, 25, 90, 1100, 4000):
            coming = NOW + timedelta(minutes=minutes)
            self.waiting = (await self.add(SUPPORT_LINE, NOW - timedelta(minutes=30), due_at=coming)).id
        await self._on_the_phone()
        self._office.clock.at = NOW

    async def add(self, profile: Profile, at: datetime, **values: object) -> CallBack:
        """One that waits."""
        self._made += 1
        fields = {
            "id": f"01kaq{self._made:021d}",
            "profile": profile.id,
            "number": f"+1416555{self._made:04d}",
            "requested_at": at,
            "due_at": at,
            "asked_at": at,
            "expires_at": at + timedelta(days=7),
            "name": self._chance.choice(NAMES),
            "reason": self._chance.choice([None, "invoice 4711", "<b>a bold question</b>"]),
            **values,
        }
        made = CallBack(**fields)  # type: ignore[arg-type]
        data = {"due_at": rfc3339(made.due_at), "priority": made.priority}
        return await self._office.store.add(made, TimelineEvent(EventType.REQUESTED, at, data))

    async def _past(self, at: datetime, profile: Profile) -> None:
        """Tried until it was reached or the rules ended it."""
        callback = await self.add(profile, at)
        kind, number = Kind.REQUEST, 0
        at += timedelta(minutes=self._chance.randint(0, 9))
        while not callback.state.ended:
            number += 1
            outcome = self._chance.choices(
                [Outcome.ANSWERED, Outcome.CLIENT_BUSY, Outcome.CLIENT_NO_ANSWER, Outcome.AGENT_NO_ANSWER], [8, 3, 3, 1]
            )[0]
            callback, kind = await self._attempt(callback, profile, number, kind, outcome, at)
            at = max(callback.due_at, at + timedelta(minutes=1))
            if callback.counted == 3:
                self.story = callback.id

    async def _attempt(
        self, callback: CallBack, profile: Profile, number: int, kind: Kind, outcome: Outcome, at: datetime
    ) -> tuple[CallBack, Kind]:
        rang = outcome is not Outcome.AGENT_NO_ANSWER
        talked = outcome is Outcome.ANSWERED

        def later(seconds: int) -> datetime:
            return at + timedelta(seconds=seconds)

        ended_at = later(140 if talked else 34)
        cause = None if talked else 17 if outcome is Outcome.CLIENT_BUSY else 19
        attempt = Attempt(
            callback.id, number, kind, at, later(6) if rang else None, later(13) if rang else None,
            later(20) if talked else None, ended_at, outcome, outcome if rang else None, cause, False, rang,
        )  # fmt: skip
        events = [TimelineEvent(EventType.ATTEMPT_STARTED, at, {"attempt": number, "kind": kind.value})]
        if rang:
            events += [
                TimelineEvent(EventType.AGENT_ANSWERED, later(6), {"attempt": number, "endpoint": "PJSIP/1001"}),
                TimelineEvent(EventType.KEY_PRESSED, later(13), {"attempt": number, "key": "1"}),
                TimelineEvent(EventType.CLIENT_DIALLED, later(13), {"attempt": number}),
            ]
        if talked:
            events.append(TimelineEvent(EventType.CLIENT_ANSWERED, later(20), {"bridged_after_ms": 12}))
        data = {"attempt": number, "outcome": outcome.value, "cause": cause, "counted": rang}
        events.append(TimelineEvent(EventType.ATTEMPT_ENDED, ended_at, data))
        after = replace(callback, attempts_made=number, counted=callback.counted + rang)
        if not rang:
            why = ["agent_no_answer: nobody took the call at the target, it rests for 30s"]
            events.append(TimelineEvent(EventType.RESTING, ended_at, {"why": why, "until": rfc3339(later(64))}))
        else:
            after, kind, event = self._decided(after, profile, outcome, ended_at, kind)
            events.append(event)
        return await self._office.store.commit(Change(after, events, attempt=attempt)), kind

    def _decided(
        self, callback: CallBack, profile: Profile, outcome: Outcome, at: datetime, kind: Kind
    ) -> tuple[CallBack, Kind, TimelineEvent]:
        match after_attempt(profile, outcome=outcome, armed=False, reschedules=callback.reschedules, ended_at=at):
            case Retry(kind=made, due=due, why=why):
                used = Reschedules(auto=callback.reschedules.auto + 1)
                data = {"kind": made.value, "due_at": rfc3339(due), "why": list(why)}
                after = replace(callback, reschedules=used, due_at=due)
                return after, made, TimelineEvent(EventType.RESCHEDULED, at, data)
            case End(disposition=disposition, why=why):
                ended = TimelineEvent(EventType.ENDED, at, {"disposition": disposition.value, "why": list(why)})
                return replace(callback, state=disposition, ended_at=at), kind, ended
            case other:
                raise AssertionError(other)

    async def _on_the_phone(self) -> None:
        states = [State.AGENT, State.AGENT, State.CLIENT, State.CONNECTED, State.OFFERING]
        for n, state in enumerate(states):
            at = NOW - timedelta(seconds=15 + 35 * n)
            callback = await self.add(SUPPORT_LINE, at)
            if state is State.OFFERING:
                offer = Offer(callback.id, 1, at, at)
                started = TimelineEvent(EventType.OFFER_STARTED, at, {"offer": 1})
                change = Change(replace(callback, state=state, offers_made=1), [started], offer=offer)
            else:
                steps = ((1, 5), (2, 9), (3, 14))
                heard, rung, up = (at + timedelta(seconds=seconds) if n >= step else None for step, seconds in steps)
                attempt = Attempt(callback.id, 1, Kind.REQUEST, at, heard, rung, up)
                started = TimelineEvent(EventType.ATTEMPT_STARTED, at, {"attempt": 1, "kind": "request"})
                change = Change(replace(callback, state=state, attempts_made=1), [started], attempt=attempt)
            self.live_one = (await self._office.store.commit(change)).id

"""What is due, in which order, how many at once. Sleeps until the next instant at which anything can change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from callbackd.domain.callback import (
    Attempt,
    CallBack,
    EventType,
    Offer,
    OfferOutcome,
    Outcome,
    State,
    Step,
    TimelineEvent,
)
from callbackd.domain.expiry import expires_at
from callbackd.domain.instants import rfc3339
from callbackd.domain.profile import Profile
from callbackd.engine.admission import RECONSIDER, Admission, Hindrance
from callbackd.engine.calls import Call, Calls
from callbackd.engine.clock import Clock
from callbackd.engine.profiles import Rules
from callbackd.engine.room import Room
from callbackd.engine.settlement import undecided
from callbackd.store.interface import Change, NumberLive, ProfileCondition, Stale, Store, StoreError

log = logging.getLogger(__name__)

LONGEST_SLEEP = timedelta(seconds=30)
"""However far the next due time is, the clock is looked at again by then: somebody may set it."""

STORE_AGAIN = timedelta(seconds=2)
"""The wait before the store is asked again after it failed."""


class Scheduler:
    """Claims call-backs that may start, one transaction each, and hands them to be run.

    `ready` says whether the phones may be used; `closing` stops new calls for good.
    """

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Clock,
        calls: Calls,
        admission: Admission,
        group: asyncio.TaskGroup,
        ready: Callable[[], bool],
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._calls = calls
        self._admission = admission
        self._group = group
        self.room = Room(rules, clock, calls, admission, ready)
        self._changed = asyncio.Event()
        self._unsure: set[str] = set()
        """Those whose claim failed, or was not followed by a call: it may be written all the same."""
        self._faulty: dict[str, datetime] = {}
        """Numbers that can't be started by a fault of ours, and until when others go first."""
        calls.made_room = self.wake

    def wake(self) -> None:
        """Something changed: look at once."""
        self._changed.set()

    def stop(self) -> None:
        """Start nothing any more."""
        self.room.closing = True
        self.wake()

    async def run(self) -> None:
        """Until stopped."""
        while not self.room.closing:
            self._changed.clear()
            try:
                next_look = await self._round()
            except StoreError as error:
                log.error("the store fails; nothing is started", extra={"error": str(error)})
                next_look = self._clock.now() + STORE_AGAIN
            wait = min(next_look - self._clock.now(), LONGEST_SLEEP)
            try:
                async with asyncio.timeout(max(wait.total_seconds(), 0.001)):
                    await self._changed.wait()
            except TimeoutError:
                pass

    async def _round(self) -> datetime:
        """Start what may start. Returns the next instant at which more may."""
        now = self._clock.now()
        await self._settle_unsure(now)
        looks = [now + LONGEST_SLEEP]
        if (expiry := await self._expire(now)) is not None:
            looks.append(expiry)
        if self.room.working:
            for profile in tuple(self._rules.profiles.values()):
                looks.extend(await self._start_of(profile))
        return max(min(looks), now)

    async def _start_of(self, profile: Profile) -> list[datetime]:
        """Start what may start of one profile; when to look again."""
        now = self._clock.now()
        # Asked at the same time: to the store that is one question.
        shut, condition, startable_at = await asyncio.gather(
            self.room.shut(profile), self._store.condition(profile.id), self._store.next_startable_at(profile.id, now)
        )
        if shut is not None:
            return [] if shut.until is None else [shut.until]
        instants = (condition.route_open_until, condition.target_rests_until, startable_at)
        looks = [at for at in instants if at is not None and at > now]
        for step in (Step.ATTEMPT, Step.OFFER):
            while self.room.working and self.room.has_for(profile, step, condition):
                if not await self._start_one(profile, step, condition):
                    break
                # What was just started may have failed already, and the target or the route rest by now.
                condition = await self._store.condition(profile.id)
        if (settles_at := self.room.queue_settles_at(profile, now)) is not None:
            looks.append(settles_at)
        return looks

    async def _start_one(self, profile: Profile, step: Step, condition: ProfileCondition) -> bool:
        """Start the next in order, or put it aside; False if there is none."""
        now = self._clock.now()
        callback = await self._next(profile, step, condition, now)
        if callback is None:
            return False
        try:
            if undecided(callback, profile):
                await self._calls.settlement.decide(callback, profile)
                return True
            hindrance = await self._admission.of_number(callback.number, profile)
            if hindrance is not None:
                await self._put_aside(callback, hindrance, now)
            elif step is Step.ATTEMPT:
                await self._start_attempt(callback, profile, now)
            else:
                await self._start_offer(callback, profile, now)
        except (Stale, NumberLive) as error:
            log.debug("not claimed", extra={"callback": callback.id, "error": str(error)})
        except StoreError:
            self._unsure.add(callback.id)
            raise
        except Exception:
            log.exception("not started: a fault of ours; others go first", extra=_tags(callback))
            self._unsure.add(callback.id)
            self._faulty[callback.number] = now + RECONSIDER
        return True

    async def _next(
        self, profile: Profile, step: Step, condition: ProfileCondition, now: datetime
    ) -> CallBack | None:
        """In order, held numbers passed over; while the route is probed, those that are not suspects go first."""
        self._faulty = {number: until for number, until in self._faulty.items() if until > now}
        held = self._admission.holds.held(profile.id) | self._faulty.keys()
        if condition.route_open_until is not None:
            suspects = frozenset(number for number, _, _ in condition.suspects)
            other = await self._store.next_startable(profile.id, step, now, avoid=suspects | held)
            if other is not None:
                return other
        return await self._store.next_startable(profile.id, step, now, avoid=held)

    async def _start_attempt(self, callback: CallBack, profile: Profile, now: datetime) -> None:
        number = callback.attempts_made + 1
        attempt = Attempt(callback.id, number, callback.next_kind, started_at=now)
        claimed = replace(callback, state=State.AGENT, attempts_made=number, rest_until=None)
        data = {"attempt": number, "kind": attempt.kind.value}
        event = TimelineEvent(EventType.ATTEMPT_STARTED, now, data)
        claimed = await self._store.commit(Change(claimed, (event,), attempt=attempt))
        self.room.note_called(profile)
        self._run(self._calls.begin_attempt(claimed, attempt, profile))

    async def _start_offer(self, callback: CallBack, profile: Profile, now: datetime) -> None:
        number = callback.offers_made + 1
        offer = Offer(callback.id, number, started_at=now)
        claimed = replace(callback, state=State.OFFERING, offers_made=number, rest_until=None)
        event = TimelineEvent(EventType.OFFER_STARTED, now, {"offer": number})
        claimed = await self._store.commit(Change(claimed, (event,), offer=offer))
        self._run(self._calls.begin_offer(claimed, offer, profile))

    async def _settle_unsure(self, now: datetime) -> None:
        """A claim that was written, though the store or we ourselves failed, has a call that nobody runs: end it."""
        for callback_id in tuple(self._unsure):
            callback = await self._store.get(callback_id)
            if callback is not None and callback.state.on_the_phone and self._calls.find(callback_id) is None:
                log.error("claimed, but not begun: put back", extra=_tags(callback))
                try:
                    await self._put_back(callback, now)
                except Stale:
                    continue
                except StoreError:
                    raise
                except Exception:
                    log.exception("not put back: a fault of ours; trying on", extra=_tags(callback))
                    continue
            self._unsure.discard(callback_id)

    async def _put_back(self, callback: CallBack, now: datetime) -> None:
        """Nobody was rung for it."""
        settlement = self._calls.settlement
        if callback.state is State.OFFERING:
            offer = (await self._store.offers(callback.id))[-1]
            await settlement.offer(callback, replace(offer, ended_at=now, outcome=OfferOutcome.INTERRUPTED))
        else:
            attempt = (await self._store.attempts(callback.id))[-1]
            attempt = replace(attempt, ended_at=now, outcome=Outcome.INTERRUPTED, counted=False)
            await settlement.attempt(callback, attempt, ())

    def _run(self, call: Call) -> None:
        log.info("started", extra=call.tags())
        self.follow(call)

    def follow(self, call: Call) -> None:
        """Run a call to its end under the task group."""
        self._group.create_task(self._calls.run(call), name=f"call {call.callback.id}")

    async def _put_aside(self, callback: CallBack, hindrance: Hindrance, now: datetime) -> None:
        """It may not be dialled now: it ends if it never may, else it rests."""
        if hindrance.blocked:
            event = TimelineEvent(EventType.ENDED, now, {"disposition": "blocked", "why": [hindrance.reason]})
            ended = await self._store.commit(Change(replace(callback, state=State.BLOCKED, ended_at=now), (event,)))
            log.info("ended", extra=_tags(ended, state=ended.state.value))
            return
        data = {"why": [hindrance.reason], "until": rfc3339(hindrance.until)}
        event = TimelineEvent(EventType.RESTING, now, data)
        await self._store.commit(Change(replace(callback, rest_until=hindrance.until), (event,)))
        log.info("rests", extra=_tags(callback, reason=hindrance.reason, until=rfc3339(hindrance.until)))

    async def _expire(self, now: datetime) -> datetime | None:
        """End what has waited too long, by the profile as it is now; when the next will have."""
        while True:
            expired, next_expiry = await asyncio.gather(self._store.expired(now), self._store.next_expiry())
            if not expired:
                return next_expiry
            for callback in expired:
                profile = self._rules.profiles.get(callback.profile)
                later = callback.expires_at
                if profile is not None:
                    later = expires_at(profile, callback.asked_at, callback.due_at)
                if later > now:
                    change = Change(replace(callback, expires_at=later))
                else:
                    event = TimelineEvent(EventType.ENDED, now, {"disposition": "expired", "why": ["waited too long"]})
                    change = Change(replace(callback, state=State.EXPIRED, ended_at=now), (event,))
                try:
                    written = await self._store.commit(change)
                except Stale:
                    continue
                if written.state is State.EXPIRED:
                    log.info("ended", extra=_tags(written, state=written.state.value))


def _tags(callback: CallBack, **more: object) -> dict[str, object]:
    """What every line of the log about a call-back has. The log masks the number."""
    return {"callback": callback.id, "profile": callback.profile, "number": callback.number, **more}

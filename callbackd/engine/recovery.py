"""After a start or a lost link: what is still up on the PBX, what is not, and what follows."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from callbackd.domain.attempt import final_outcome
from callbackd.domain.attempt_states import Dialling, Ending
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
from callbackd.domain.offer import KEYS
from callbackd.domain.profile import ClientRoute, Profile, Target
from callbackd.domain.rest import counts, interrupted_outcome
from callbackd.domain.telephony import CLIENT, Interrupted, Leg, LegAnswered, LegEnded, Role
from callbackd.engine.calls import Call, Calls
from callbackd.engine.clock import Clock
from callbackd.engine.plays import AttemptPlay
from callbackd.engine.profiles import Rules
from callbackd.engine.settlement import Settlement
from callbackd.store.interface import Change, Stale, Store, StoreError

log = logging.getLogger(__name__)


class Follows(Protocol):
    """Whoever runs calls to their end."""

    def follow(self, call: Call) -> None:
        """Run it under the task group."""


class Wreckage(Protocol):
    """What is up on the PBX and bears our names."""

    def legs_of(self, callback_id: str, step: Step, sequence: int) -> frozenset[Leg]:
        """The legs of one call that are still up."""

    def joined(self, callback_id: str, step: Step, sequence: int) -> frozenset[Leg]:
        """Those of its legs that are answered and in its bridge."""

    @property
    def pbx_started_at(self) -> datetime | None:
        """Since when the PBX runs, by its own clock; None if it does not say."""

    async def sweep(self, callback_id: str, step: Step, sequence: int) -> None:
        """Take down all that is left of one call."""

    async def sweep_beside(self, callback_id: str, step: Step, sequence: int, talking: Collection[Leg]) -> None:
        """Take down the other legs of a call in which two talk."""

    async def sweep_strangers(self, known: Mapping[str, tuple[Step, int]]) -> None:
        """Take down every call of ours that is none of those."""


class Recovery:
    """Settles what a stop of ours, of the link or of the PBX has left behind."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Clock,
        calls: Calls,
        settlement: Settlement,
        follows: Follows,
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._calls = calls
        self._settlement = settlement
        self._follows = follows
        self._lost_at: datetime | None = None
        self._faulty: dict[str, int] = {}
        """Those that a fault of ours kept from being settled, in which version."""

    def contact_lost(self) -> None:
        """The PBX can't be seen from now on; of several such tellings the first counts."""
        self._lost_at = self._lost_at or self._clock.now()
        self._calls.blind = True

    def in_contact(self) -> None:
        """What the PBX does is told from now on."""
        self._lost_at = None
        self._calls.blind = False

    async def after_contact(self, wreckage: Wreckage) -> None:
        """The PBX can be seen again: hold what we believe to be live against what is up.

        It may be lost once more while that is done: no time-out decides anything before `in_contact`.
        """
        for call in self._calls:
            self._compare(call, wreckage, self._lost_at)
        if self._lost_at is not None:
            self._lost_at = self._clock.now()
        self._faulty.clear()
        for callback in await self._store.live():
            if self._calls.find(callback.id) is None and not await self._settle_safely(callback, wreckage):
                self._faulty[callback.id] = callback.version
        known = {call.callback.id: (call.line.step, call.line.sequence) for call in self._calls}
        await wreckage.sweep_strangers(known)

    @property
    def incomplete(self) -> bool:
        """Some could not be settled, by a fault of ours."""
        return bool(self._faulty)

    async def again(self, wreckage: Wreckage) -> None:
        """Try once more to settle those that a fault of ours kept from it, and nobody has settled since."""
        for callback_id, version in tuple(self._faulty.items()):
            callback = await self._store.get(callback_id)
            ours = callback is not None and callback.version == version and self._calls.find(callback_id) is None
            if callback is None or not ours or await self._settle_safely(callback, wreckage):
                del self._faulty[callback_id]

    def _compare(self, call: Call, wreckage: Wreckage, lost_at: datetime | None) -> None:
        """A call that ran while the link was down: its events are lost."""
        up = wreckage.legs_of(call.callback.id, call.line.step, call.line.sequence)
        play = call.play
        ending = isinstance(play, AttemptPlay) and isinstance(play.machine, Ending)
        talking = isinstance(play, AttemptPlay) and play.state is State.CONNECTED and up
        if isinstance(play, AttemptPlay) and isinstance(play.machine, Dialling) and call.legs <= up:
            # It still rings, or the client answered unseen and the two are talking: neither is cut off.
            if _talkers(wreckage.joined(call.callback.id, call.line.step, call.line.sequence)) is not None:
                call.put(LegAnswered(CLIENT))
        elif ending or talking:
            for leg in sorted(call.legs - up):
                call.put(LegEnded(leg, Outcome.INTERRUPTED))
        else:
            call.put(Interrupted(up, since=lost_at))

    async def _settle_safely(self, callback: CallBack, wreckage: Wreckage) -> bool:
        """One that can't be settled must not keep all others from being called. False if a fault of ours kept it."""
        try:
            await self._settle(callback, wreckage)
        except Stale:
            log.info("settled meanwhile", extra={"callback": callback.id})
        except StoreError:
            raise
        except Exception:
            log.exception("not settled: a fault of ours; trying on", extra={"callback": callback.id})
            return False
        return True

    async def _settle(self, callback: CallBack, wreckage: Wreckage) -> None:
        """A call that ran in a daemon that is no more."""
        offering = callback.state is State.OFFERING
        if not (await self._store.offers(callback.id) if offering else await self._store.attempts(callback.id)):
            await self._wait_again(callback)
            return
        if offering:
            offer = (await self._store.offers(callback.id))[-1]
            await wreckage.sweep(callback.id, Step.OFFER, offer.number)
            await self._settlement.offer(callback, self._interrupted_offer(offer))
            return
        attempt = (await self._store.attempts(callback.id))[-1]
        profile = self._rules.profiles.get(callback.profile) or _of_old(callback)
        talkers = _talkers(wreckage.joined(callback.id, Step.ATTEMPT, attempt.number))
        if callback.state is State.CLIENT and talkers is not None:
            callback, attempt = await self._answered_unseen(callback, attempt)
        if callback.state is State.CONNECTED and talkers is not None:
            log.info("adopted", extra={"callback": callback.id, "profile": callback.profile})
            self._follows.follow(self._calls.adopt(callback, attempt, profile, talkers[0]))
            await wreckage.sweep_beside(callback.id, Step.ATTEMPT, attempt.number, talkers)
            return
        await wreckage.sweep(callback.id, Step.ATTEMPT, attempt.number)
        last_seen = await self._last_seen(wreckage)
        settled = await self._settlement.attempt(callback, self._interrupted_attempt(callback, attempt, last_seen))
        log.info("interrupted", extra={"callback": callback.id, "state": settled.state.value})

    async def _answered_unseen(self, callback: CallBack, attempt: Attempt) -> tuple[CallBack, Attempt]:
        """The client answered while nobody of ours was there, and the two are talking."""
        now = self._clock.now()
        attempt = replace(attempt, client_answered_at=now, client_outcome=Outcome.ANSWERED)
        event = TimelineEvent(EventType.CLIENT_ANSWERED, now, {"attempt": attempt.number, "unseen": True})
        change = Change(replace(callback, state=State.CONNECTED), (event,), attempt=attempt)
        return await self._store.commit(change), attempt

    async def _wait_again(self, callback: CallBack) -> None:
        """It is on the phone, says the store, but knows of no call: a database that was meddled with."""
        log.error("on the phone without a call: it waits again", extra={"callback": callback.id})
        event = TimelineEvent(EventType.RESTING, self._clock.now(), {"why": ["no call was found"], "until": None})
        await self._store.commit(Change(replace(callback, state=State.SCHEDULED), (event,)))

    async def _last_seen(self, wreckage: Wreckage) -> datetime:
        """Until when two who are gone may have talked.

        A PBX that was up all the time has ended their call as people end it: that may have been just now. One that
        has died since the last heartbeat has cut them off: nobody knows of any talk after that heartbeat.
        """
        now = self._clock.now()
        alive_at = await self._store.alive_at()
        up_since = wreckage.pbx_started_at
        if alive_at is None or (up_since is not None and up_since <= alive_at):
            return now
        return min(alive_at, now)

    def _interrupted_attempt(self, callback: CallBack, attempt: Attempt, last_seen: datetime) -> Attempt:
        now = self._clock.now()
        talked: timedelta | None = None
        if attempt.client_answered_at is not None and callback.state is State.CONNECTED:
            talked = max(last_seen - attempt.client_answered_at, timedelta(0))
        outcome = final_outcome(interrupted_outcome(talked), attempt.armed)
        counted = counts(
            outcome, attempt.client_outcome, network_took=attempt.client_dialled_at is not None, after_answer=False
        )
        return replace(attempt, ended_at=now, outcome=outcome, counted=counted)

    def _interrupted_offer(self, offer: Offer) -> Offer:
        outcome = KEYS.get(offer.key or "", OfferOutcome.INTERRUPTED)
        return replace(offer, ended_at=self._clock.now(), outcome=outcome)


def _talkers(joined: frozenset[Leg]) -> tuple[Leg, Leg] | None:
    """The agent and the client who talk; None if there are no such two."""
    agent = min((leg for leg in joined if leg.role is Role.AGENT), default=None)
    return (agent, CLIENT) if agent is not None and CLIENT in joined else None


def _of_old(callback: CallBack) -> Profile:
    """For two who talk, though their profile was removed meanwhile: one with the defaults, that dials nobody."""
    return Profile(callback.profile, callback.profile, Target(endpoints=()), ClientRoute(endpoint="", allow=()))

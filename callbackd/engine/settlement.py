"""What follows an attempt or an offer that has ended: the rules applied, written in one transaction."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from callbackd.domain import breaker as route
from callbackd.domain import rest
from callbackd.domain.breaker import Breaker, Verdict
from callbackd.domain.callback import (
    Attempt,
    CallBack,
    EventType,
    Kind,
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
from callbackd.domain.reschedule import Decision, End, MakeOffer, Retry, after_attempt, after_offer, offer_counts, used
from callbackd.engine.admission import RECONSIDER, Admission
from callbackd.engine.clock import Clock
from callbackd.engine.profiles import Rules
from callbackd.engine.turns import Turns
from callbackd.store.interface import AlreadyWaiting, Change, ProfileCondition, Stale, Store

log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Condition:
    """A profile's condition as it was read and as it shall be."""

    read: ProfileCondition
    now: ProfileCondition

    @property
    def changed(self) -> ProfileCondition | None:
        """What is to be written, if anything."""
        return None if self.now == self.read else self.now


class Settlement:
    """Ends attempts and offers. The route breaker and the target's rest are kept here, too."""

    def __init__(self, store: Store, rules: Rules, clock: Clock, admission: Admission) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._admission = admission
        self._turns = Turns()

    async def key_one(self, profile_id: str) -> None:
        """An agent pressed 1: somebody is at the desk."""
        known = await self._known(profile_id)
        if known is not None and not known.target_rests and known.target_rests_until is None:
            return
        async with self._condition(profile_id) as condition:
            condition.now = replace(condition.now, target_rests=0, target_rests_until=None)
            if (changed := condition.changed) is not None:
                await self._store.set_condition(profile_id, changed)

    async def _known(self, profile_id: str) -> ProfileCondition | None:
        """The profile's condition, unless somebody is about to change it: what leaves it as it is waits for nobody."""
        return None if self._turns.taken(profile_id) else await self._store.condition(profile_id)

    @asynccontextmanager
    async def _condition(self, profile_id: str) -> AsyncIterator[_Condition]:
        """The profile's condition, for one at a time: what is decided from it is written before another reads it."""
        async with self._turns.of(profile_id):
            found = await self._store.condition(profile_id)
            yield _Condition(found, found)

    @asynccontextmanager
    async def at_rest(self) -> AsyncIterator[None]:
        """Nobody changes the condition of any profile meanwhile, nor will write what was read of one before."""
        async with self._turns.of_all():
            yield

    async def attempt(
        self, callback: CallBack, attempt: Attempt, notes: Sequence[TimelineEvent] = ()
    ) -> CallBack:
        """Write how the attempt ended and what follows."""
        if attempt.counted:
            at = attempt.ended_at or self._clock.now()
            known = await self._known(callback.profile)
            if known is not None and _leaves_alone(known, callback, attempt.client_outcome, at):
                return await self._attempt(callback, attempt, notes, _Condition(known, known))
        async with self._condition(callback.profile) as condition:
            return await self._attempt(callback, attempt, notes, condition)

    async def _attempt(
        self, callback: CallBack, attempt: Attempt, notes: Sequence[TimelineEvent], condition: _Condition
    ) -> CallBack:
        profile = self._rules.profiles.get(callback.profile)
        at = attempt.ended_at or self._clock.now()
        before = replace(
            callback,
            state=State.SCHEDULED,
            counted=callback.counted + (1 if attempt.counted else 0),
        )
        verdict, route_rests_until = _route_verdict(callback, attempt.client_outcome, at, condition)
        if attempt.outcome is Outcome.CANCELLED:
            after, events = _ended(before, State.CANCELLED, ("cancelled",), at)
        elif attempt.outcome is Outcome.ANSWERED:
            after, events = _ended(before, State.COMPLETED, ("the two were connected",), at)
        elif callback.id in verdict.put_back:
            # It says nothing of the client's phone, and so it did not count.
            attempt = replace(attempt, counted=False)
            after, events = _put_back(replace(before, counted=callback.counted), attempt.kind, route_rests_until, at)
        elif profile is None:
            kept = replace(before, next_step=Step.ATTEMPT, next_kind=attempt.kind)
            after, events = _rest(kept, at + RECONSIDER, None, ("its profile is gone",), at)
        elif attempt.counted:
            before = replace(before, route_failures=0)
            after, events = self._counted(before, attempt, profile, at)
        else:
            after, events = await self._uncounted(before, attempt, profile, at, condition)
        ended = TimelineEvent(EventType.ATTEMPT_ENDED, at, _attempt_data(attempt))
        change = Change(after, (*notes, ended, *events), attempt=attempt, condition=condition.changed)
        await self._put_back_others([name for name in verdict.put_back if name != callback.id], route_rests_until, at)
        return await self._store.commit(change)

    async def client_answered(self, callback: CallBack, at: datetime) -> None:
        """A client's phone was answered: the route works. Known now, not only when the two have talked."""
        known = await self._known(callback.profile)
        if known is not None and _leaves_alone(known, callback, Outcome.ANSWERED, at):
            return
        async with self._condition(callback.profile) as condition:
            _tell_breaker(callback, Outcome.ANSWERED, at, condition)
            if (changed := condition.changed) is not None:
                await self._store.set_condition(callback.profile, changed)

    async def offer(self, callback: CallBack, offer: Offer, notes: Sequence[TimelineEvent] = ()) -> CallBack:
        """Write how the offer ended and what follows."""
        async with self._condition(callback.profile) as condition:
            return await self._offer(callback, offer, notes, condition)

    async def _offer(
        self, callback: CallBack, offer: Offer, notes: Sequence[TimelineEvent], condition: _Condition
    ) -> CallBack:
        profile = self._rules.profiles.get(callback.profile)
        at = offer.ended_at or self._clock.now()
        outcome = offer.outcome or OfferOutcome.INTERRUPTED
        ended = TimelineEvent(EventType.OFFER_ENDED, at, _offer_data(offer))
        verdict, route_rests_until = _route_verdict(callback, offer.client_outcome, at, condition)
        put_back = callback.id in verdict.put_back
        counted = not put_back and offer_counts(outcome, dialled=offer.dialled_at is not None)
        failures = callback.route_failures + 1 if outcome is OfferOutcome.ROUTE_FAILED else 0
        before = replace(
            callback,
            state=State.SCHEDULED,
            offers_used=callback.offers_used + (1 if counted else 0),
            route_failures=failures,
        )
        block = "asked in an offer never to be called" if outcome is OfferOutcome.NEVER_AGAIN else None
        if outcome is OfferOutcome.CANCELLED:
            after, events = _ended(before, State.CANCELLED, ("cancelled",), at)
        elif put_back and outcome is OfferOutcome.NOT_ANSWERED:
            after, events = _put_back(before, callback.next_kind, route_rests_until, at, Step.OFFER)
        elif profile is None and outcome in (OfferOutcome.DECLINED, OfferOutcome.NEVER_AGAIN):
            after, events = _ended(before, State.DECLINED, ("the client said no",), at)
        elif profile is None and outcome is OfferOutcome.ANOTHER_TRY:
            why = ("the client asked for another try", "its profile is gone")
            after, events = _decided(before, Retry(Kind.CLIENT, at + RECONSIDER, why), None, at)
        elif profile is None:
            after, events = _rest(before, at + RECONSIDER, None, ("its profile is gone",), at)
        else:
            decision = after_offer(
                profile,
                outcome=outcome,
                offers_used=callback.offers_used,
                ended_at=at,
                dialled=offer.dialled_at is not None,
                route_failures=callback.route_failures,
            )
            after, events = _decided(before, decision, profile, at)
        change = Change(after, (*notes, ended, *events), offer=offer, block=block, condition=condition.changed)
        await self._put_back_others([name for name in verdict.put_back if name != callback.id], route_rests_until, at)
        return await self._store.commit(change)

    async def decide(self, callback: CallBack, profile: Profile) -> None:
        """What follows the last call of one that is `undecided`. Raises `Stale`."""
        now = self._clock.now()
        decision: Decision
        if callback.next_step is Step.OFFER:
            decision = End(State.EXHAUSTED, ("all reschedules and all offers exhausted",))
        else:
            last = (await self._store.attempts(callback.id))[-1]
            assert last.outcome is not None
            decision = after_attempt(
                profile,
                outcome=last.outcome,
                client_outcome=last.client_outcome,
                armed=last.armed,
                reschedules=callback.reschedules,
                ended_at=last.ended_at or now,
            )
        after, events = _decided(callback, decision, profile, now)
        await self._store.commit(Change(after, events))

    # What follows.

    def _counted(
        self, callback: CallBack, attempt: Attempt, profile: Profile, at: datetime
    ) -> tuple[CallBack, tuple[TimelineEvent, ...]]:
        assert attempt.outcome is not None
        decision = after_attempt(
            profile,
            outcome=attempt.outcome,
            client_outcome=attempt.client_outcome,
            armed=attempt.armed,
            reschedules=callback.reschedules,
            ended_at=at,
        )
        return _decided(callback, decision, profile, at)

    async def _uncounted(
        self, callback: CallBack, attempt: Attempt, profile: Profile, at: datetime, condition: _Condition
    ) -> tuple[CallBack, tuple[TimelineEvent, ...]]:
        """Nobody rang the client: it keeps its place, and is an attempt of the same kind again."""
        assert attempt.outcome is not None
        withheld_until = None
        if attempt.outcome is Outcome.WITHHELD:
            hindrance = await self._admission.at_key_one(callback)
            if hindrance is not None and hindrance.blocked:
                return _ended(callback, State.BLOCKED, ("the number is on the block-list",), at)
            withheld_until = None if hindrance is None else hindrance.until
        rests = rest.after_uncounted(
            profile,
            attempt.outcome,
            ended_at=at,
            target_failures=condition.now.target_rests,
            route_failures=callback.route_failures,
            withheld_until=withheld_until,
            after_answer=attempt.client_answered_at is not None,
        )
        target_until = rests.target_until
        already = condition.now.target_rests_until
        if target_until is not None and already is not None and already > at:
            target_until = already  # it began before the rest did: one empty desk, not two
        elif target_until is not None:
            log.info("target rests", extra={"profile": profile.id, "until": rfc3339(target_until)})
            condition.now = replace(
                condition.now, target_rests=rests.target_failures, target_rests_until=target_until
            )
        waiting = replace(
            callback, next_step=Step.ATTEMPT, next_kind=attempt.kind, route_failures=rests.route_failures
        )
        return _rest(waiting, rests.callback_until, target_until, rests.why, at)

    # The route breaker.

    async def _put_back_others(self, names: Sequence[str], route_rests_until: datetime | None, at: datetime) -> None:
        """Those of the run that had ended as `unreachable_number` before it was known to be the route's doing.

        Before the end that shows it is written: if the store fails in between, all of it is done again.
        """
        for name in names:
            callback = await self._store.get(name)
            if callback is None or callback.state is not State.UNREACHABLE_NUMBER:
                continue
            made = await self._store.attempts(name)
            if not made:
                continue  # forgotten, or erased, this instant
            last = made[-1]
            counted = callback.counted - (1 if last.counted else 0)
            reopened = replace(callback, state=State.SCHEDULED, ended_at=None, counted=counted)
            back, events = _put_back(reopened, last.kind, route_rests_until, at)
            try:
                await self._store.commit(Change(back, events, attempt=replace(last, counted=False)))
            except (AlreadyWaiting, Stale):
                log.info("not put back: asked for anew meanwhile", extra={"callback": name})


def _route_verdict(
    callback: CallBack, client_outcome: Outcome | None, at: datetime, condition: _Condition
) -> tuple[Verdict, datetime | None]:
    """What the end of a client leg means for the route; an answer was told when it came. Until when it rests."""
    if client_outcome is None or client_outcome is Outcome.ANSWERED:
        return Verdict(), None
    return _tell_breaker(callback, client_outcome, at, condition)


def _leaves_alone(
    known: ProfileCondition, callback: CallBack, client_outcome: Outcome | None, at: datetime
) -> bool:
    """Whether the end of a client leg, or its answer, changes nothing in what is known of the route: most do not."""
    if client_outcome is None:
        return True
    before = Breaker(known.suspects, known.route_open_until, known.route_probes)
    after, verdict = route.after_client_leg(before, callback.number, callback.id, client_outcome, at)
    return after == before and not verdict.put_back


def _tell_breaker(
    callback: CallBack, client_outcome: Outcome, at: datetime, condition: _Condition
) -> tuple[Verdict, datetime | None]:
    known = condition.now
    before = Breaker(known.suspects, known.route_open_until, known.route_probes)
    after, verdict = route.after_client_leg(before, callback.number, callback.id, client_outcome, at)
    condition.now = replace(
        known, suspects=after.suspects, route_open_until=after.open_until, route_probes=after.probes
    )
    if verdict.change in (route.Change.OPENED, route.Change.STILL_OPEN):
        log.error(
            "route paused: several numbers in a row could not be called; one call-back will probe it",
            extra={"profile": callback.profile, "until": str(after.open_until), "last": client_outcome.value},
        )
    elif verdict.change is route.Change.CLOSED:
        log.info("route works again", extra={"profile": callback.profile})
    return verdict, after.open_until


def _put_back(
    callback: CallBack, kind: Kind, route_rests_until: datetime | None, at: datetime, step: Step = Step.ATTEMPT
) -> tuple[CallBack, tuple[TimelineEvent, ...]]:
    """The route is at fault, not the number. It rests so that the next probe is made with another number."""
    event = TimelineEvent(EventType.PUT_BACK, at, {"why": ["the route is at fault, not the number"]})
    until = None if route_rests_until is None else rest.put_back_until(route_rests_until)
    return replace(callback, next_kind=kind, next_step=step, rest_until=until), (event,)


def undecided(callback: CallBack, profile: Profile) -> bool:
    """A waiting one whose last call counted while its profile was gone: what follows is still to be decided.

    Else each attempt that counted has brought one reschedule, and no more offers are made than there may be.
    """
    if callback.next_step is Step.OFFER:
        return callback.offers_used >= profile.offer.attempts
    made = callback.reschedules
    return callback.counted > made.auto + made.agent + made.client


def _decided(
    callback: CallBack, decision: Decision, profile: Profile | None, at: datetime
) -> tuple[CallBack, tuple[TimelineEvent, ...]]:
    match decision:
        case Retry(kind=kind, due=due, why=why):
            data = {"kind": kind.value, "due_at": rfc3339(due), "why": list(why)}
            after = replace(
                callback,
                reschedules=used(callback.reschedules, kind),
                due_at=due,
                rest_until=None,
                next_kind=kind,
                next_step=Step.ATTEMPT,
            )
            if kind is Kind.CLIENT:
                expires = callback.expires_at if profile is None else expires_at(profile, at, due)
                after = replace(after, offers_used=0, asked_at=at, expires_at=expires)
            return after, (TimelineEvent(EventType.RESCHEDULED, at, data),)
        case MakeOffer(due=due, why=why):
            after = replace(callback, due_at=due, rest_until=None, next_step=Step.OFFER)
            return after, (TimelineEvent(EventType.OFFER_SCHEDULED, at, {"due_at": rfc3339(due), "why": list(why)}),)
        case End(disposition=disposition, why=why):
            return _ended(callback, disposition, why, at)


def _ended(
    callback: CallBack, disposition: State, why: Sequence[str], at: datetime
) -> tuple[CallBack, tuple[TimelineEvent, ...]]:
    event = TimelineEvent(EventType.ENDED, at, {"disposition": disposition.value, "why": list(why)})
    return replace(callback, state=disposition, ended_at=at, rest_until=None), (event,)


def _rest(
    callback: CallBack, until: datetime | None, target_until: datetime | None, why: Sequence[str], at: datetime
) -> tuple[CallBack, tuple[TimelineEvent, ...]]:
    known = until or target_until
    data: dict[str, Any] = {"why": list(why), "until": None if known is None else rfc3339(known)}
    return replace(callback, rest_until=until), (TimelineEvent(EventType.RESTING, at, data),)


def _attempt_data(attempt: Attempt) -> dict[str, Any]:
    return {
        "attempt": attempt.number,
        "kind": attempt.kind.value,
        "outcome": attempt.outcome.value if attempt.outcome else None,
        "client_outcome": attempt.client_outcome.value if attempt.client_outcome else None,
        "cause": attempt.cause,
        "counted": attempt.counted,
    }


def _offer_data(offer: Offer) -> dict[str, Any]:
    return {
        "offer": offer.number,
        "outcome": offer.outcome.value if offer.outcome else None,
        "client_outcome": offer.client_outcome.value if offer.client_outcome else None,
        "cause": offer.cause,
        "key": offer.key,
    }

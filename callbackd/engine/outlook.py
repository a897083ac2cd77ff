"""What waits, in what order, and why it is not being dialled; what is on the phone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from callbackd.domain.callback import Attempt, CallBack, Offer, State, Step
from callbackd.domain.profile import Profile
from callbackd.engine.admission import Admission
from callbackd.engine.clock import Clock
from callbackd.engine.profiles import Rules
from callbackd.engine.room import Obstacle, Reason, Room
from callbackd.store.interface import Store

_MY_TURN = (Obstacle(Reason.TURN),)


@dataclass(frozen=True, slots=True)
class Live:
    """A call-back that is on the phone, and the attempt or offer that runs."""

    callback: CallBack
    run: Attempt | Offer


@dataclass(frozen=True, slots=True)
class Waiting:
    """One that waits, and what keeps it: never empty, what binds first comes first; `turn` alone: nothing does."""

    callback: CallBack
    obstacles: tuple[Obstacle, ...]


@dataclass(frozen=True, slots=True)
class _Standing:
    """What keeps any call-back of a profile from being dialled: all of it, and what concerns a step."""

    whole: tuple[Obstacle, ...] = ()
    of_step: dict[Step, tuple[Obstacle, ...]] = field(default_factory=dict)


class Outlook:
    """Tells what the scheduler sees; decides nothing. Reads what engine and feeds do not wait for where it can."""

    def __init__(self, store: Store, rules: Rules, clock: Clock, admission: Admission, room: Room) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._admission = admission
        self._room = room

    async def live(self) -> Sequence[Live]:
        """All that are on the phone, the longest running first."""
        callbacks = {callback.id: callback for callback in await self._store.live()}
        runs: list[Attempt | Offer] = [*await self._store.live_attempts(), *await self._store.live_offers()]
        found = [Live(callbacks[run.callback_id], run) for run in runs if run.callback_id in callbacks]
        return sorted(found, key=lambda each: (each.run.started_at, each.callback.id))

    async def waiting(self, profile: str, limit: int, offset: int = 0) -> Sequence[Waiting]:
        """A piece of the line of a profile: those that are due, in the order; then those to come, by due."""
        now = self._clock.now()
        due = await self._store.queued(profile, now, limit, offset)
        found = list(due)
        if len(found) < limit:
            past = max(0, offset - await self._due(profile, now)) if offset else 0
            found += await self._store.coming(profile, now, limit - len(found), past)
        return await self.why(found)

    async def why(self, callbacks: Sequence[CallBack]) -> Sequence[Waiting]:
        """Why each of these, which wait, is not being dialled; but for what its number's own checks would say."""
        now = self._clock.now()
        on_the_phone = {callback.number for callback in await self._store.live()} if callbacks else set()
        standings = {name: await self._standing(name) for name in {callback.profile for callback in callbacks}}
        return [
            Waiting(callback, self._obstacles(callback, standings[callback.profile], on_the_phone, now))
            for callback in callbacks
        ]

    async def why_one(self, callback: CallBack) -> Waiting:
        """The same of one, with what its number's own checks say now."""
        (waiting,) = await self.why([callback])
        profile = self._rules.profiles.get(callback.profile)
        hindrance = None if profile is None else await self._admission.of_number(callback.number, profile)
        if hindrance is None:
            return waiting
        refused = Obstacle(Reason.REFUSED, None if hindrance.blocked else hindrance.until, detail=hindrance.reason)
        return replace(waiting, obstacles=(refused, *(each for each in waiting.obstacles if each not in _MY_TURN)))

    async def standing(self, profile: str) -> Sequence[Obstacle]:
        """What keeps any attempt of a profile from starting now; empty if nothing does."""
        found = await self._standing(profile)
        return (*found.whole, *found.of_step.get(Step.ATTEMPT, ()))

    async def _due(self, profile: str, now: datetime) -> int:
        return (await self._store.counts(now)).get(profile, {}).get(State.QUEUED, 0)

    async def _standing(self, profile_id: str) -> _Standing:
        profile = self._rules.profiles.get(profile_id)
        if profile is None:
            return _Standing((Obstacle(Reason.NO_PROFILE),))
        standstill = self._room.standstill()
        shut = await self._room.shut(profile)
        whole = tuple(each for each in (standstill, shut) if each is not None)
        return _Standing(whole, await self._of_steps(profile))

    async def _of_steps(self, profile: Profile) -> dict[Step, tuple[Obstacle, ...]]:
        condition = await self._store.condition(profile.id)
        return {step: tuple(self._room.full(profile, step, condition)) for step in Step}

    def _obstacles(
        self, callback: CallBack, standing: _Standing, on_the_phone: Collection[str], now: datetime
    ) -> tuple[Obstacle, ...]:
        found: list[Obstacle] = []
        if callback.due_at > now:
            found.append(Obstacle(Reason.NOT_DUE, callback.due_at))
        found += standing.whole
        if callback.rest_until is not None and callback.rest_until > max(now, callback.due_at):
            found.append(Obstacle(Reason.RESTS, callback.rest_until))
        if callback.number in on_the_phone:
            found.append(Obstacle(Reason.NUMBER_BUSY))
        if callback.number in self._admission.holds.held(callback.profile):
            found.append(Obstacle(Reason.CALLING_IN))
        found += standing.of_step.get(callback.next_step, ())
        return tuple(found) or _MY_TURN

"""Whether a call-back that is due may be dialled now, and if not, why: the scheduler decides by it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from callbackd.domain.breaker import Breaker, may_dial
from callbackd.domain.callback import Step
from callbackd.domain.hours import is_open, next_opening
from callbackd.domain.profile import Profile
from callbackd.engine.admission import Admission
from callbackd.engine.calls import Calls
from callbackd.engine.clock import Clock
from callbackd.engine.profiles import Rules
from callbackd.store.interface import ProfileCondition

QUEUE_SETTLES = timedelta(seconds=1)
"""After a call into a queue, how long until the queue's own word on free agents has that call in it."""


class Reason(StrEnum):
    """Why a waiting call-back is not being dialled: a closed list."""

    NO_PROFILE = "no_profile"
    NOT_DUE = "not_due"
    STOPPING = "stopping"
    NO_LINK = "no_link"
    PAUSED = "paused"
    CLOSED = "closed"
    RESTS = "rests"
    NUMBER_BUSY = "number_busy"
    CALLING_IN = "calling_in"
    REFUSED = "refused"
    ALL_BUSY = "all_busy"
    ROUTE_PAUSED = "route_paused"
    TARGET_BUSY = "target_busy"
    TARGET_RESTS = "target_rests"
    QUEUE_SETTLES = "queue_settles"
    NO_AGENT = "no_agent"
    TURN = "turn"


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One reason. `until` is when it will or may have passed, None if nobody can know.

    `limit` belongs to `all_busy` and `target_busy`: how many calls there may be. `detail` belongs to `refused`: the
    code of the check that refuses the number.
    """

    reason: Reason
    until: datetime | None = None
    limit: int | None = None
    detail: str | None = None


class Room:
    """What stands in the way of any call of a profile. `ready`: the phones may be used; `closing`: no new calls."""

    def __init__(
        self, rules: Rules, clock: Clock, calls: Calls, admission: Admission, ready: Callable[[], bool]
    ) -> None:
        self._rules = rules
        self._clock = clock
        self._calls = calls
        self._admission = admission
        self._ready = ready
        self._queue_called: dict[str, datetime] = {}
        self.closing = False

    @property
    def working(self) -> bool:
        """Calls may be started at all."""
        return not self.closing and self._ready()

    def standstill(self) -> Obstacle | None:
        """Why nothing is dialled in any profile."""
        if self.closing:
            return Obstacle(Reason.STOPPING)
        return None if self._ready() else Obstacle(Reason.NO_LINK)

    async def shut(self, profile: Profile) -> Obstacle | None:
        """Why nothing of the profile is dialled, whatever its calls and agents do."""
        now = self._clock.now()
        if await self._admission.dialling_paused(profile.id):
            return Obstacle(Reason.PAUSED)
        if not is_open(profile.target.hours, now):
            return Obstacle(Reason.CLOSED, next_opening(profile.target.hours, now))
        return None

    def full(self, profile: Profile, step: Step, condition: ProfileCondition) -> Iterator[Obstacle]:
        """Why no further call of that step is begun: lines, route, target and agents, in this order."""
        now = self._clock.now()
        if len(self._calls) >= self._rules.limits.max_concurrent:
            yield Obstacle(Reason.ALL_BUSY, limit=self._rules.limits.max_concurrent)
        breaker = Breaker(condition.suspects, condition.route_open_until, condition.route_probes)
        if not may_dial(breaker, now, probing_now=self._calls.dialling(profile.id)):
            until = breaker.open_until
            yield Obstacle(Reason.ROUTE_PAUSED, until if until is not None and until > now else None)
        if step is Step.OFFER:
            return
        if self._calls.live_of(profile.id, Step.ATTEMPT) >= profile.target.max_concurrent:
            yield Obstacle(Reason.TARGET_BUSY, limit=profile.target.max_concurrent)
        if condition.target_rests_until is not None and condition.target_rests_until > now:
            yield Obstacle(Reason.TARGET_RESTS, condition.target_rests_until)
        if (settles_at := self.queue_settles_at(profile, now)) is not None:
            yield Obstacle(Reason.QUEUE_SETTLES, settles_at)
        elif profile.target.queue is not None and not self._calls.phones.agents_available(profile.target.queue):
            yield Obstacle(Reason.NO_AGENT)

    def has_for(self, profile: Profile, step: Step, condition: ProfileCondition) -> bool:
        """Whether a further call of that step may begin now."""
        return next(self.full(profile, step, condition), None) is None

    def note_called(self, profile: Profile) -> None:
        """An attempt has been claimed: its queue, if it has one, is about to be called."""
        if profile.target.queue is not None:
            self._queue_called[profile.target.queue] = self._clock.now()

    def queue_settles_at(self, profile: Profile, at: datetime) -> datetime | None:
        """From when the word of the profile's queue is worth something again, if it was not at that instant."""
        called = self._queue_called.get(profile.target.queue or "")
        settles_at = None if called is None else called + QUEUE_SETTLES
        return None if settles_at is None or at >= settles_at else settles_at

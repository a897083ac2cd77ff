"""The checks that stand before every dialling: made before an agent is rung, and again when they press 1."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from callbackd.domain.callback import CallBack
from callbackd.domain.numbers import LIMIT_WINDOW, Refusal, RefusalCode, admit, check
from callbackd.domain.profile import Profile
from callbackd.engine.clock import Clock
from callbackd.engine.holds import Holds
from callbackd.engine.profiles import Rules
from callbackd.store.interface import Store

RECONSIDER = timedelta(minutes=10)
"""How long a call-back waits whose hindrance has no known end."""

PAUSED = "paused"
CLOSED = "closed"
HELD_BY_ROUTE = "route_paused"
CALLING_IN = "calling_in"
UNKNOWN_PROFILE = "unknown_profile"


@dataclass(frozen=True, slots=True)
class Hindrance:
    """Why a call-back may not be dialled now. `until` is when that may have passed; `blocked` means never."""

    reason: str
    until: datetime
    blocked: bool = False


class Admission:
    """Judges whether a call-back may be dialled. `holds`: the numbers that are on a call to us."""

    def __init__(self, store: Store, rules: Rules, clock: Clock) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self.holds = Holds(clock)

    async def of_number(self, number: str, profile: Profile) -> Hindrance | None:
        """Allow-list, number ranges, block-lists and the limit of dials; None if it may be dialled."""
        now = self._clock.now()
        checked = check(number, profile.client)
        if isinstance(checked, Refusal):
            return _hindrance(checked, now)
        # Asked at the same time: to the store that is one question.
        blocked, dials = await asyncio.gather(
            self._store.is_blocked(number), self._store.dials(number, now - LIMIT_WINDOW)
        )
        refusal = admit(blocked=blocked, dials=dials, limit=self._rules.limits.dials_per_number, now=now)
        return None if refusal is None else _hindrance(refusal, now)

    async def at_key_one(self, callback: CallBack) -> Hindrance | None:
        """All that could have changed since the agent was rung."""
        now = self._clock.now()
        profile = self._rules.profiles.get(callback.profile)
        if profile is None:
            return Hindrance(UNKNOWN_PROFILE, now + RECONSIDER)
        hours = profile.target.hours
        if hours is not None and not hours.is_open(now):
            return Hindrance(CLOSED, hours.next_opening(now) or now + RECONSIDER)
        # The agent is waiting: everything is asked at the same time.
        paused, condition, of_number = await asyncio.gather(
            self.dialling_paused(callback.profile),
            self._store.condition(callback.profile),
            self.of_number(callback.number, profile),
        )
        if paused:
            return Hindrance(PAUSED, now)
        if callback.number in self.holds.held(callback.profile):
            return Hindrance(CALLING_IN, now)
        if condition.route_open_until is not None and condition.route_open_until > now:
            return Hindrance(HELD_BY_ROUTE, condition.route_open_until)
        return of_number

    async def dialling_paused(self, profile: str) -> bool:
        """Paused by an operator, for the profile or for all, or by a limit of 0."""
        pauses = await self._store.pauses()
        return any(pauses[name].dialling for name in ("*", profile) if name in pauses) or self.limited_to_none(profile)

    def limited_to_none(self, profile: str) -> bool:
        """A limit of 0 is a pause too."""
        found = self._rules.profiles.get(profile)
        return self._rules.limits.max_concurrent == 0 or (found is not None and found.target.max_concurrent == 0)


def _hindrance(refusal: Refusal, now: datetime) -> Hindrance:
    return Hindrance(refusal.code.value, refusal.until or now + RECONSIDER, refusal.code is RefusalCode.BLOCKED)

"""What operators do with the daemon itself: look at it, pause and resume it, have it read its files again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from callbackd.domain.breaker import Breaker
from callbackd.domain.callback import ON_THE_PHONE, WAITING, State
from callbackd.domain.hours import is_open, next_opening
from callbackd.domain.profile import Profile
from callbackd.engine.admission import Admission
from callbackd.engine.clock import Clock
from callbackd.engine.intake import Wakes
from callbackd.engine.profiles import Rules
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import Pause, Store

EVERYTHING = "*"
"""The name under which a pause of the whole daemon is kept."""


@dataclass(frozen=True, slots=True)
class ProfileStatus:
    """How a profile stands. `paused_by_limit`: a limit of 0. `waiting` and `live` count call-backs.

    `target_rests_until` and `route_open_until` are instants to come, else None.
    """

    profile: Profile
    counts: dict[State, int]
    waiting: int
    live: int
    open_now: bool
    next_opening: datetime | None
    pause: Pause
    paused_by_limit: bool
    target_rests_until: datetime | None
    route_open_until: datetime | None

    @property
    def paused(self) -> bool:
        """Nothing is dialled, by an operator's will or by a limit of 0."""
        return self.pause.dialling or self.paused_by_limit


class Control:
    """Operators' hands on the daemon. `reload` reads the configuration again and returns what is wrong with it."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Clock,
        admission: Admission,
        scheduler: Wakes,
        reload: Callable[[], Sequence[str]],
    ) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._admission = admission
        self._scheduler = scheduler
        self._reload = reload

    async def pause(self, profile: str | None, *, intake: bool, dialling: bool) -> Pause:
        """Pause what is True, of a profile or (None) of everything. Kept over a restart. Raises `Refused`."""
        return await self._change(profile, intake=intake, dialling=dialling, to=True)

    async def resume(self, profile: str | None, *, intake: bool, dialling: bool) -> Pause:
        """The opposite. Raises `Refused`."""
        return await self._change(profile, intake=intake, dialling=dialling, to=False)

    def reload(self) -> Sequence[str]:
        """Read the configuration again. With problems the old one stays; the problems are returned."""
        return self._reload()

    async def global_pause(self) -> Pause:
        """What is paused for all profiles."""
        return (await self._store.pauses()).get(EVERYTHING, Pause())

    async def profile(self, profile_id: str) -> ProfileStatus:
        """How one profile stands. Raises `Refused`."""
        return (await self._statuses([self._known(profile_id)]))[0]

    async def profiles(self) -> Sequence[ProfileStatus]:
        """How all profiles stand, in order of id."""
        return await self._statuses([self._rules.profiles[name] for name in sorted(self._rules.profiles)])

    async def _statuses(self, profiles: Sequence[Profile]) -> list[ProfileStatus]:
        now = self._clock.now()
        counts = await self._store.counts(now)
        pauses = await self._store.pauses()
        everything = pauses.get(EVERYTHING, Pause())
        statuses = []
        for profile in profiles:
            condition = await self._store.condition(profile.id)
            own = pauses.get(profile.id, Pause())
            found = counts.get(profile.id, {})
            breaker = Breaker(condition.suspects, condition.route_open_until, condition.route_probes)
            rests = condition.target_rests_until
            statuses.append(
                ProfileStatus(
                    profile=profile,
                    counts=found,
                    waiting=sum(found.get(state, 0) for state in WAITING),
                    live=sum(found.get(state, 0) for state in ON_THE_PHONE),
                    open_now=is_open(profile.target.hours, now),
                    next_opening=next_opening(profile.target.hours, now),
                    pause=Pause(own.intake or everything.intake, own.dialling or everything.dialling),
                    paused_by_limit=self._admission.limited_to_none(profile.id),
                    target_rests_until=rests if rests is not None and rests > now else None,
                    route_open_until=breaker.open_until,
                )
            )
        return statuses

    async def _change(self, profile: str | None, *, intake: bool, dialling: bool, to: bool) -> Pause:
        name = EVERYTHING if profile is None else self._known(profile).id
        pause = (await self._store.pauses()).get(name, Pause())
        if intake:
            pause = replace(pause, intake=to)
        if dialling:
            pause = replace(pause, dialling=to)
        await self._store.set_pause(name, pause)
        self._scheduler.wake()
        return pause

    def _known(self, profile_id: str) -> Profile:
        profile = self._rules.profiles.get(profile_id)
        if profile is None:
            raise Refused(Code.UNKNOWN_PROFILE, f"no profile {profile_id[:40]!r}")
        return profile

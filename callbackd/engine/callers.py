"""What a client's own call does to the call-backs of its number: asks after them, cancels them, holds them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from callbackd.domain.callback import CallBack, State
from callbackd.domain.numbers import Refusal, normalise
from callbackd.domain.profile import OnInbound
from callbackd.engine.holds import Holds
from callbackd.engine.intake import Wakes
from callbackd.engine.profiles import Rules
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import Store


class Cancels(Protocol):
    """`callbackd.engine.desk.Desk`."""

    async def cancel(self, callback_id: str) -> CallBack:
        """End it as `cancelled`. Raises `Refused`."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of a number's call-backs when it called in, by the profile of each (`on_inbound`)."""

    held: tuple[CallBack, ...] = ()
    cancelled: tuple[CallBack, ...] = ()
    kept: tuple[CallBack, ...] = ()


class Callers:
    """Call-backs as their number names them.

    A number without ``+`` is read by each call-back's own profile, as it was when it was asked for. `profile` None
    means all profiles.
    """

    def __init__(self, store: Store, rules: Rules, desk: Cancels, holds: Holds, scheduler: Wakes) -> None:
        self._store = store
        self._rules = rules
        self._desk = desk
        self._holds = holds
        self._scheduler = scheduler

    async def callbacks_of(self, number: str, profile: str | None = None) -> Sequence[CallBack]:
        """Those that have not ended, oldest first. Raises `Refused` (unknown profile, no number)."""
        found = [
            callback
            for reading in sorted(self._readings(number, profile))
            for callback in await self._store.find_waiting_or_live(reading, profile)
            if self._is_meant(callback, number)
        ]
        return sorted(found, key=lambda callback: (callback.requested_at, callback.id))

    async def before(self, callback: CallBack) -> int:
        """How many are before it; none once it is on the phone."""
        return 0 if callback.state.on_the_phone else await self._store.waiting_before(callback)

    async def cancel(self, number: str, profile: str | None = None) -> Sequence[CallBack]:
        """Cancel all of the number but one that is connected; those that were cancelled.

        Raises `Refused` if there are some and none of them could be cancelled.
        """
        cancelled, refused = await self._cancel(await self.callbacks_of(number, profile))
        if refused is not None and not cancelled:
            raise refused
        return cancelled

    async def arrives(self, number: str, call: str, profile: str | None = None) -> Arrival:
        """The number is on the line to us, in `call`: do what each call-back's profile says. Raises `Refused`.

        One that is connected is not cancelled. Held is also one that is on the phone: for what comes after.
        """
        by_will: dict[OnInbound, list[CallBack]] = {will: [] for will in OnInbound}
        for callback in await self.callbacks_of(number, profile):
            found = self._rules.profiles.get(callback.profile)
            by_will[OnInbound.KEEP if found is None else found.on_inbound].append(callback)
        for callback in by_will[OnInbound.HOLD]:
            self._holds.hold(callback.profile, callback.number, call)
        cancelled, _ = await self._cancel(by_will[OnInbound.CANCEL])
        gone = {callback.id for callback in cancelled}
        left = [callback for callback in by_will[OnInbound.CANCEL] if callback.id not in gone]
        return Arrival(tuple(by_will[OnInbound.HOLD]), tuple(cancelled), (*by_will[OnInbound.KEEP], *left))

    def leaves(self, number: str, call: str) -> bool:
        """The call is over; True if it held something. Raises `Refused`."""
        released = self._holds.release(self._readings(number, None), call)
        if released:
            self._scheduler.wake()
        return released

    async def _cancel(self, callbacks: Sequence[CallBack]) -> tuple[list[CallBack], Refused | None]:
        cancelled: list[CallBack] = []
        refused: Refused | None = None
        for callback in callbacks:
            try:
                ended = await self._desk.cancel(callback.id)
            except Refused as error:
                refused = error
            else:
                if ended.state is State.CANCELLED:
                    cancelled.append(ended)
        return cancelled, refused

    def _is_meant(self, callback: CallBack, number: str) -> bool:
        profile = self._rules.profiles.get(callback.profile)
        return profile is None or normalise(number, profile.client.country) == callback.number

    def _readings(self, number: str, profile_id: str | None) -> frozenset[str]:
        """The E.164 numbers that `number` is in the countries of the profiles. Raises `Refused` if it is none."""
        if profile_id is not None and profile_id not in self._rules.profiles:
            raise Refused(Code.UNKNOWN_PROFILE, f"no profile {profile_id[:40]!r}")
        profiles = [profile for profile in self._rules.profiles.values() if profile_id in (None, profile.id)]
        countries = sorted({profile.client.country or "" for profile in profiles} or {""})
        readings = [normalise(number, country or None) for country in countries]
        numbers = frozenset(reading for reading in readings if not isinstance(reading, Refusal))
        if not numbers:
            refusal = next(reading for reading in readings if isinstance(reading, Refusal))
            raise Refused(Code(refusal.code.value), f"number: {refusal.message}")
        return numbers

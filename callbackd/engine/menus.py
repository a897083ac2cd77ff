"""Runs the intake menu: one consumer per caller, happenings in, effects out."""

from __future__ import annotations

import asyncio
import logging
from asyncio import TaskGroup
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from callbackd.domain.callback import CallBack
from callbackd.domain.hours import next_opening
from callbackd.domain.menu import (
    Ask,
    Effect,
    Gone,
    HandBack,
    Happening,
    Kept,
    Leave,
    MenuState,
    NumberRefused,
    Over,
    Unavailable,
    Visit,
    advance,
    begin,
)
from callbackd.domain.numbers import Refusal, check
from callbackd.domain.profile import Profile
from callbackd.domain.telephony import StartTimer, StopTimer, TimeUp
from callbackd.engine.clock import Clock
from callbackd.engine.holds import Holds
from callbackd.engine.intake import Accepted, Request, Wakes
from callbackd.engine.profiles import Rules
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import StoreError

log = logging.getLogger(__name__)

MOST_CALLERS = 500
"""In the menu at a time; whoever comes then stays in the queue."""

DECISION_LIMIT = 5.0
"""Seconds that a request may take: the caller hears nothing meanwhile."""

PLACE_LIMIT = 0.5
"""Seconds for finding out how many are before one. It is not known then; the call-back stands."""

LAST_LIMIT = 2.0
"""Seconds for handing back a caller when the daemon ends unasked, because it can't go on."""

_OF_THE_NUMBER = frozenset(
    {
        Code.NUMBER_MALFORMED,
        Code.NUMBER_NOT_ALLOWED,
        Code.NUMBER_PREMIUM,
        Code.NUMBER_SHORT,
        Code.NUMBER_EMERGENCY,
        Code.NUMBER_BLOCKED,
        Code.NUMBER_LIMIT,
    }
)
"""Refusals after which another number may be tried."""


class TakesRequests(Protocol):
    """`callbackd.engine.intake.Intake`."""

    async def request(self, request: Request, idempotency_key: str | None = None) -> Accepted:
        """Keep a request; durable when it returns. Raises `Refused`."""


class KnowsPlaces(Protocol):
    """`callbackd.engine.callers.Callers`."""

    async def before(self, callback: CallBack) -> int:
        """How many are before it."""


class Lobby(Protocol):
    """The callers' side of the telephone; `callbackd.ari.lobby` keeps it."""

    def open(self, visit: Visit) -> None:
        """Follow a caller's events from now on."""

    def close(self, visit: Visit) -> None:
        """Follow them no more; nothing is done to their channel."""

    async def interpret(self, visit: Visit, signal: object) -> Sequence[Happening]:
        """What an event that was handed to a menu means for it."""

    async def perform(self, visit: Visit, effect: Effect) -> Sequence[Happening]:
        """Carry out one effect. What failed at once is returned as what it means for the menu."""

    async def hand_back(self, channel_id: str, *, left: bool = False) -> None:
        """Let a caller go on in the dialplan. `left`: by a daemon that is no more, which may have been speaking."""

    async def missed(self, known: Collection[str]) -> tuple[Sequence[str], Sequence[str]]:
        """Who stands in our menu, but in none of those menus; and who of those is on the line no more."""


@dataclass(eq=False, slots=True)
class _RunOut:
    """A timer that has run out; worth nothing if it was stopped, or started anew, before its turn in the inbox."""

    timer: str


class Menu:
    """One caller in the menu."""

    def __init__(self, office: Menus, visit: Visit, machine: MenuState, effects: Sequence[Effect]) -> None:
        self.visit = visit
        self._office = office
        self._machine = machine
        self._effects = effects
        self._inbox: asyncio.Queue[object] = asyncio.Queue()
        self._timers: dict[str, tuple[_RunOut, asyncio.TimerHandle]] = {}
        self.ended = asyncio.Event()

    def put(self, signal: object) -> None:
        """Hand it something that happened."""
        self._inbox.put_nowait(signal)

    async def run(self) -> None:
        """Until the caller has left. After a fault of ours, and when cancelled, they are in the queue."""
        try:
            await self._play_out()
        except asyncio.CancelledError:
            with suppress(TimeoutError):
                async with asyncio.timeout(LAST_LIMIT):
                    await self._office.lobby.hand_back(self.visit.id)
            raise
        except Exception:
            log.exception("menu ended: a fault of ours", extra=self._tags())
            await self._office.lobby.hand_back(self.visit.id)
        finally:
            for _, handle in self._timers.values():
                handle.cancel()
            self._timers.clear()
            self.ended.set()

    async def _play_out(self) -> None:
        await self._carry_out(self._effects)
        while not isinstance(self._machine, Over):
            signal = await self._inbox.get()
            if isinstance(signal, Happening):
                await self._take(signal)
            elif isinstance(signal, _RunOut):
                await self._run_out(signal)
            else:
                for happening in await self._office.lobby.interpret(self.visit, signal):
                    await self._take(happening)

    async def _take(self, happening: Happening) -> None:
        if not isinstance(self._machine, Over):
            self._machine, effects = advance(self._machine, happening)
            await self._carry_out(effects)

    async def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            match effect:
                case StartTimer(timer, after):
                    self._start_timer(timer, after.total_seconds())
                case StopTimer(timer):
                    self._stop_timer(timer)
                case Ask(number, own):
                    await self._take(await self._office.ask(self.visit, number, own=own))
                case _:
                    if isinstance(effect, Leave):
                        log.info("caller handed back", extra=self._tags())
                    for happening in await self._office.lobby.perform(self.visit, effect):
                        await self._take(happening)

    async def _run_out(self, timer: _RunOut) -> None:
        running = self._timers.get(timer.timer)
        if running is not None and running[0] is timer:
            del self._timers[timer.timer]
            await self._take(TimeUp(timer.timer))

    def _start_timer(self, timer: str, seconds: float) -> None:
        self._stop_timer(timer)
        run_out = _RunOut(timer)
        self._timers[timer] = (run_out, asyncio.get_running_loop().call_later(seconds, self.put, run_out))

    def _stop_timer(self, timer: str) -> None:
        running = self._timers.pop(timer, None)
        if running is not None:
            running[1].cancel()

    def _tags(self) -> dict[str, object]:
        return {"profile": self.visit.profile, "channel": self.visit.id}


class Menus:
    """All callers in the menu. `group` owns their tasks.

    The number of a call-back that was just kept is held until its caller has left: they are on the line to us.
    """

    def __init__(
        self,
        intake: TakesRequests,
        places: KnowsPlaces,
        rules: Rules,
        clock: Clock,
        lobby: Lobby,
        holds: Holds,
        scheduler: Wakes,
        group: TaskGroup,
    ) -> None:
        self.lobby = lobby
        self._intake = intake
        self._places = places
        self._rules = rules
        self._clock = clock
        self._holds = holds
        self._scheduler = scheduler
        self._group = group
        self._live: dict[str, Menu] = {}
        self._held: dict[str, frozenset[str]] = {}
        self._stopped = False

    def __len__(self) -> int:
        return len(self._live)

    def arrived(self, channel_id: str, profile_id: str, number: str) -> None:
        """A caller stands in the menu of that profile; `number` is what they call from, as the PBX shows it."""
        profile = self._rules.profiles.get(profile_id)
        if profile is None:
            log.error(
                "a caller was sent to the menu of a profile that there is not: handed back",
                extra={"profile": profile_id[:40], "channel": channel_id, "mend": "Stasis(APP,intake,PROFILE)"},
            )
        if profile is None or self._stopped or len(self._live) >= MOST_CALLERS or channel_id in self._live:
            self._group.create_task(self.lobby.hand_back(channel_id))
            return
        visit = Visit(channel_id, profile.id, profile.language, profile.prompts)
        machine, effects = begin(profile, _dialable(number, profile))
        menu = Menu(self, visit, machine, effects)
        self._live[channel_id] = menu
        self.lobby.open(visit)
        log.info("caller in the menu", extra={"profile": profile.id, "channel": channel_id})
        self._group.create_task(self._run(menu), name=f"menu {channel_id}")

    def tell(self, channel_id: str, signal: object) -> None:
        """Hand a menu something that happened to its caller."""
        if (menu := self._live.get(channel_id)) is not None:
            menu.put(signal)

    async def after_contact(self) -> None:
        """The PBX can be seen again: whoever stood in a menu meanwhile goes back, for what they pressed is lost.

        Those whose call-back is kept are told so to the end. Raises what `Lobby.missed` raises.
        """
        stranded, gone = await self.lobby.missed(frozenset(self._live))
        for channel_id in gone:
            self.tell(channel_id, Gone())
        for menu in self._live.values():
            menu.put(HandBack())
        for channel_id in stranded:
            log.info("a caller was left in the menu: handed back", extra={"channel": channel_id})
            await self.lobby.hand_back(channel_id, left=True)

    def stop(self) -> None:
        """Take no more callers, and hand back those who have no call-back yet; the others are told goodbye first."""
        self._stopped = True
        for menu in self._live.values():
            menu.put(HandBack())

    async def empty(self, seconds: float) -> None:
        """Wait that long until all have left."""
        try:
            async with asyncio.timeout(seconds):
                for menu in tuple(self._live.values()):
                    await menu.ended.wait()
        except TimeoutError:
            log.warning("callers are still in the menu", extra={"callers": len(self)})

    async def stop_now(self, seconds: float) -> None:
        """Hand back everybody, and wait at most that long for it."""
        self._stopped = True
        for menu in self._live.values():
            menu.put(HandBack(now=True))
        await self.empty(seconds)

    async def ask(self, visit: Visit, number: str, *, own: bool) -> Happening:
        """Make the request that the caller confirmed; what became of it."""
        tags = {"profile": visit.profile, "channel": visit.id, "own": own}
        profile = self._rules.profiles.get(visit.profile)
        if profile is not None and (dialable := _dialable(number, profile)) is not None:
            self._holds.hold(visit.profile, dialable, visit.id)
            self._held[visit.id] = self._held.get(visit.id, frozenset()) | {dialable}
        try:
            async with asyncio.timeout(DECISION_LIMIT):
                accepted = await self._intake.request(Request(visit.profile, number))
        except Refused as refused:
            log.info("refused", extra={**tags, "reason": refused.code.value, "why": refused.message})
            return NumberRefused() if refused.code in _OF_THE_NUMBER else Unavailable()
        except (StoreError, TimeoutError) as error:
            log.error("a caller's request failed", extra={**tags, "error": str(error) or "it took too long"})
            return Unavailable()
        log.info("kept", extra={**tags, "callback": accepted.callback.id, "was_there": not accepted.created})
        return await self._kept(accepted)

    async def _kept(self, accepted: Accepted) -> Kept:
        now = self._clock.now()
        profile = self._rules.profiles.get(accepted.callback.profile)
        hours = None if profile is None else profile.target.hours
        opens = next_opening(hours, now)
        if hours is not None and opens is not None and opens > now:
            return Kept(accepted.created, None, opens.astimezone(hours.zone))
        try:
            async with asyncio.timeout(PLACE_LIMIT):
                return Kept(accepted.created, await self._places.before(accepted.callback), None)
        except (StoreError, TimeoutError):
            return Kept(accepted.created, None, None)

    async def _run(self, menu: Menu) -> None:
        try:
            await menu.run()
        finally:
            self._live.pop(menu.visit.id, None)
            self.lobby.close(menu.visit)
            if self._holds.release(self._held.pop(menu.visit.id, frozenset()), menu.visit.id):
                self._scheduler.wake()


def _dialable(number: str, profile: Profile) -> str | None:
    """The number in E.164; None if it is none that may be dialled."""
    checked = check(number, profile.client)
    return None if isinstance(checked, Refusal) else checked

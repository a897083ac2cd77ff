"""Runs attempts and offers: happenings in, effects out, one consumer per call-back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from callbackd.domain import attempt as attempts
from callbackd.domain import attempt_states as states
from callbackd.domain import limits
from callbackd.domain import offer as offers
from callbackd.domain.callback import Attempt, CallBack, EventType, Offer, Outcome, State, Step, TimelineEvent
from callbackd.domain.numbers import fill_template
from callbackd.domain.profile import Profile
from callbackd.domain.telephony import (
    CLIENT,
    OFFER,
    CancelAsked,
    Cleared,
    Effect,
    Finish,
    Happening,
    Hush,
    Interrupted,
    Leg,
    LegEnded,
    Line,
    Note,
    Recheck,
    Refused,
    Save,
    StartTimer,
    StopTimer,
    TimeUp,
)
from callbackd.engine.admission import Admission
from callbackd.engine.clock import Clock
from callbackd.engine.phones import Phones
from callbackd.engine.plays import AttemptPlay, OfferPlay, Play
from callbackd.engine.profiles import Rules
from callbackd.engine.prospects import LiveProspects
from callbackd.engine.settlement import Settlement
from callbackd.store.interface import Stale, Store, StoreError

log = logging.getLogger(__name__)

SETTLE_AGAIN = 2.0
"""Seconds between tries to write down how a call ended, while the store can't."""

FAULT_AGAIN = 15.0
FAULT_LONGEST = 600.0
"""Seconds until a settling is tried again that failed by a fault of ours: doubling, up to the second."""

TEARDOWN = "teardown"
"""The one timer that runs out even while the PBX can't be seen: the call is over, whatever is left of its legs."""

LOOK_AGAIN = 1.0
"""Seconds until a time-out is thought of again that struck while the PBX could not be seen."""


def line_of(callback: CallBack, step: Step, sequence: int, profile: Profile) -> Line:
    """What the phones need to know of an attempt or offer."""
    return Line(
        callback_id=callback.id,
        step=step,
        sequence=sequence,
        number=callback.number,
        name=callback.name,
        client_endpoint=fill_template(profile.client.endpoint, callback.number),
        caller_id=profile.client.caller_id,
        language=callback.language or profile.language,
        prompts=profile.prompts,
    )


@dataclass(eq=False, slots=True)
class _RunOut:
    """A timer that has run out; worth nothing if it was stopped, or started anew, before its turn in the inbox."""

    timer: str


@dataclass(eq=False, slots=True)
class _CancelRequest:
    """`taken` once the call knows of it."""

    taken: asyncio.Event


class Call:
    """One live attempt or offer. Its inbox holds happenings, and signals that the phones must interpret first.

    `dialled`: the client is on the line already.
    """

    def __init__(
        self,
        office: Calls,
        callback: CallBack,
        line: Line,
        play: Play,
        effects: Sequence[Effect],
        dialled: bool = False,
    ) -> None:
        self.callback = callback
        self.line = line
        self.play = play
        self._effects = effects
        self._office = office
        self._inbox: asyncio.Queue[object] = asyncio.Queue()
        self._timers: dict[str, tuple[_RunOut, asyncio.TimerHandle]] = {}
        self._notes: list[TimelineEvent] = []
        self._dialled = dialled
        self._undialled = False
        self.ended = asyncio.Event()
        self.heard = 0
        """How many things have happened to it."""

    def put(self, signal: object) -> None:
        """Hand it something that happened."""
        self.heard += 1
        self._inbox.put_nowait(signal)

    @property
    def talking(self) -> bool:
        """Two talk, as far as is known."""
        return isinstance(self.play, AttemptPlay) and isinstance(self.play.machine, states.Talking)

    def seen_up(self, up: frozenset[Leg]) -> None:
        """The legs of two who talk that are there; the others have ended, though nobody told of it."""
        for leg in sorted(self.legs - up):
            log.info("ended unheard", extra=self.tags(leg=leg.role.value))
            self.put(LegEnded(leg, Outcome.INTERRUPTED))

    async def run(self) -> None:
        """Until every leg is gone and what follows is written."""
        try:
            await self._play_out()
        except StoreError as error:
            log.error("call ended: it can't be written down", extra=self.tags(error=str(error)))
            await self._interrupt()
        except Exception:
            log.exception("call ended: a fault of ours", extra=self.tags())
            await self._interrupt()
        finally:
            self._stop_timers()
        try:
            await self._office.phones.close(self.line)
        except Exception:
            log.exception("not cleared up: a fault of ours", extra=self.tags())
        await self._settle()
        self.ended.set()

    async def _play_out(self) -> None:
        await self._carry_out(self._effects)
        while not self.play.over:
            signal = await self._inbox.get()
            if isinstance(signal, Happening):
                await self._take(signal)
            elif isinstance(signal, _RunOut):
                await self._run_out(signal)
            elif isinstance(signal, _CancelRequest):
                await self._take(CancelAsked())
                signal.taken.set()
            else:
                for happening in await self._office.phones.interpret(self.line, signal):
                    await self._take(happening)
            await self._write_notes()

    async def _take(self, happening: Happening) -> None:
        await self._carry_out(self.play.advance(happening, self._office.clock.now()))

    async def _run_out(self, timer: _RunOut) -> None:
        running = self._timers.get(timer.timer)
        if running is None or running[0] is not timer:
            return
        unseen = await self._unseen(timer.timer)
        if unseen is None:
            self._start_timer(timer.timer, LOOK_AGAIN)
            return
        del self._timers[timer.timer]
        for happening in unseen or (TimeUp(timer.timer),):
            await self._take(happening)

    async def _unseen(self, timer: str) -> Sequence[Happening] | None:
        """What the phones did that a time-out must not overlook; None while that can't be known, and so not decided."""
        if timer == TEARDOWN:
            return ()
        if self._office.blind:
            return None
        if timer == "client":
            leg = CLIENT if self.line.step is Step.ATTEMPT else OFFER
            return await self._office.phones.unseen_answer(self.line, leg)
        return ()

    async def _carry_out(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if not self.play.wants(effect):
                continue
            match effect:
                case StartTimer(timer, after):
                    self._start_timer(timer, after.total_seconds())
                case StopTimer(timer):
                    self._stop_timer(timer)
                case Note(type_, data):
                    self._notes.append(TimelineEvent(type_, self._office.clock.now(), dict(data)))
                case Save():
                    await self._save(effect)
                case Recheck():
                    await self._recheck()
                case Finish():
                    return
                case _:
                    for happening in await self._office.phones.perform(self.line, effect):
                        await self._take(happening)

    async def _recheck(self) -> None:
        await self._office.settlement.key_one(self.callback.profile)
        hindrance = await self._office.admission.at_key_one(self.callback)
        await self._take(Cleared() if hindrance is None else Refused(hindrance.reason))

    async def _save(self, save: Save) -> None:
        """Before the client is dialled nothing goes on unwritten. After, no call is cut off for want of a disk."""
        now = self._office.clock.now()
        data = self._numbered(dict(save.data))
        if save.type is EventType.CLIENT_ANSWERED and isinstance(self.play, AttemptPlay):
            # The effects before this one have ended what the agent was hearing: now nothing stands between the two.
            answered_at = self.play.attempt.client_answered_at or now
            data["bridged_after_ms"] = round((now - answered_at).total_seconds() * 1000)
        events = (*self._notes, TimelineEvent(save.type, now, data))
        if self.play.over:  # by what came of an effect before this one: it is written with the end
            self._notes = list(events)
            return
        callback = replace(self.callback, state=self.play.state or self.callback.state)
        change = self.play.change(callback, events, now if save.dialled else None)
        try:
            self.callback = await self._office.store.commit(change)
            self._notes = []
        except StoreError as error:
            if save.dialled or not self._dialled:
                self._undialled = save.dialled
                raise
            log.error("can't write how a call goes; it goes on", extra=self.tags(error=str(error)))
            self.callback, self._notes = callback, list(events)
        self._dialled = self._dialled or save.dialled
        log.info(save.type.value, extra=self.tags())
        if save.type in (EventType.CLIENT_ANSWERED, EventType.OFFER_ANSWERED):
            await self._route_works(now)

    async def _write_notes(self) -> None:
        """What was noted is written once the phones have been seen to, so that whoever watches sees it happen."""
        if not self._notes or self.play.over:
            return
        try:
            self.callback = await self._office.store.commit(self.play.change(self.callback, self._notes, None))
        except StoreError as error:
            log.error("can't write how a call goes; it goes on", extra=self.tags(error=str(error)))
        else:
            self._notes = []

    async def _route_works(self, now: datetime) -> None:
        try:
            await self._office.settlement.client_answered(self.callback, now)
        except StoreError as error:
            log.error("can't write that the route works", extra=self.tags(error=str(error)))

    async def _interrupt(self) -> None:
        """Take the legs down without writing anything, and end as interrupted."""
        happening = Interrupted(self.legs, undialled=self._undialled)
        for effect in self.play.advance(happening, self._office.clock.now()):
            if not isinstance(effect, Note | Save | StartTimer | StopTimer | Recheck | Finish):
                try:
                    await self._office.phones.perform(self.line, effect)
                except Exception:
                    log.exception("not taken down: a fault of ours", extra=self.tags())
        self.play.advance(Interrupted(), self._office.clock.now())

    async def _settle(self) -> None:
        """Write the end down, however long the store can't; nobody else waits for one that a fault of ours delays."""
        again = FAULT_AGAIN
        while True:
            try:
                self.callback = await self.play.settle(self._office.settlement, self.callback, tuple(self._notes))
            except Stale:
                if not await self._still_ours():
                    return
            except StoreError as error:
                log.error("can't write how a call ended; trying on", extra=self.tags(error=str(error)))
                await asyncio.sleep(SETTLE_AGAIN)
            except Exception:
                log.exception("not settled: a fault of ours; trying on", extra=self.tags(again=again))
                self._office.let_go(self)
                self.ended.set()
                await asyncio.sleep(again)
                again = min(2 * again, FAULT_LONGEST)
            else:
                log.info("ended", extra=self.tags(state=self.callback.state.value))
                return

    async def _still_ours(self) -> bool:
        """Somebody else wrote the call-back: its end is to be written on top, unless it was settled without us."""
        try:
            found = await self._office.store.get(self.callback.id)
        except StoreError as error:
            log.error("can't read a call-back; trying on", extra=self.tags(error=str(error)))
            await asyncio.sleep(SETTLE_AGAIN)
            return True
        if found is None or not self._is_of(found):
            log.error("settled by somebody else", extra=self.tags())
            return False
        self.callback = found
        return True

    def _is_of(self, callback: CallBack) -> bool:
        """Whether this is the call that it is on the phone for: one that was let go may have been followed by more."""
        if self.line.step is Step.OFFER:
            return callback.state is State.OFFERING and callback.offers_made == self.line.sequence
        on_the_phone = callback.state.on_the_phone and callback.state is not State.OFFERING
        return on_the_phone and callback.attempts_made == self.line.sequence

    @property
    def legs(self) -> frozenset[Leg]:
        """The legs not known to be gone."""
        return self.play.legs

    def _numbered(self, data: dict[str, object]) -> dict[str, object]:
        return {self.line.step.value: self.line.sequence, **data}

    def _start_timer(self, timer: str, seconds: float) -> None:
        self._stop_timer(timer)
        run_out = _RunOut(timer)
        self._timers[timer] = (run_out, asyncio.get_running_loop().call_later(seconds, self._strike, run_out))

    def _strike(self, run_out: _RunOut) -> None:
        """What is found when the PBX is seen again comes before any time-out that struck meanwhile."""
        if self._office.blind and run_out.timer != TEARDOWN:
            self._start_timer(run_out.timer, LOOK_AGAIN)
        else:
            self.put(run_out)

    def _stop_timer(self, timer: str) -> None:
        running = self._timers.pop(timer, None)
        if running is not None:
            running[1].cancel()

    def _stop_timers(self) -> None:
        for _, handle in self._timers.values():
            handle.cancel()
        self._timers.clear()

    def tags(self, **more: object) -> dict[str, object]:
        """What every line of the log about this call has. The log masks the number."""
        return {
            "callback": self.callback.id,
            "profile": self.callback.profile,
            self.line.step.value: self.line.sequence,
            "number": self.callback.number,
            **more,
        }


class Calls:
    """All live calls. While they are `blind`, what the phones do can't be seen, and no time-out decides anything."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Clock,
        phones: Phones,
        admission: Admission,
        settlement: Settlement,
    ) -> None:
        self.store = store
        self.rules = rules
        self.clock = clock
        self.phones = phones
        self.admission = admission
        self.settlement = settlement
        self.blind = False
        self.made_room: Callable[[], None] = lambda: None
        """Called when a call takes nobody's place any more."""
        self._live: dict[str, Call] = {}
        self._some = asyncio.Event()

    def __len__(self) -> int:
        return len(self._live)

    def __iter__(self) -> Iterator[Call]:
        return iter(tuple(self._live.values()))

    async def some(self) -> None:
        """Wait until a call is live."""
        await self._some.wait()

    def live_of(self, profile: str, step: Step) -> int:
        """How many attempts or offers of a profile are live."""
        return sum(call.callback.profile == profile and call.line.step is step for call in self._live.values())

    def dialling(self, profile: str) -> bool:
        """Whether a call of the profile is on its way to a client; two who talk are there."""
        return any(
            call.callback.profile == profile and call.play.state is not State.CONNECTED for call in self._live.values()
        )

    def find(self, callback_id: str) -> Call | None:
        """The live call of a call-back."""
        return self._live.get(callback_id)

    def tell(self, callback_id: str, signal: object) -> None:
        """Hand a live call something that happened to it; nothing happens to those that are not."""
        if (call := self._live.get(callback_id)) is not None:
            call.put(signal)

    def begin_attempt(self, callback: CallBack, attempt: Attempt, profile: Profile) -> Call:
        """An attempt that has been claimed in the store."""
        script = states.Script.of(profile, callback.number, callback.counted)
        machine, effects = attempts.begin(script, attempt)
        play = AttemptPlay(machine, LiveProspects(self.rules, callback))
        return self._open(callback, line_of(callback, Step.ATTEMPT, attempt.number, profile), play, effects)

    def begin_offer(self, callback: CallBack, offer: Offer, profile: Profile) -> Call:
        """An offer that has been claimed in the store."""
        machine, effects = offers.begin(offers.OfferScript.of(profile), offer, self.clock.now())
        play = OfferPlay(machine)
        return self._open(callback, line_of(callback, Step.OFFER, offer.number, profile), play, effects)

    def adopt(self, callback: CallBack, attempt: Attempt, profile: Profile, agent: Leg) -> Call:
        """Two people who were talking before we were there: go on following them.

        The agent may still hear what the daemon before us said, a connecting tone that never ends among it.
        """
        script = states.Script.of(profile, callback.number, callback.counted)
        legs = frozenset({agent, CLIENT})
        core = states.Core(script, attempt, legs, agent=agent, network_took=True, utterance=limits.ADOPTED)
        machine = states.Talking(core, attempt.client_answered_at or self.clock.now())
        line = line_of(callback, Step.ATTEMPT, attempt.number, profile)
        play = AttemptPlay(machine, LiveProspects(self.rules, callback))
        call = Call(self, callback, line, play, (Hush(agent),), dialled=True)
        self._enter(call)
        self.phones.adopt(line, legs)
        return call

    def _open(self, callback: CallBack, line: Line, play: Play, effects: Sequence[Effect]) -> Call:
        call = Call(self, callback, line, play, effects)
        self._enter(call)
        self.phones.open(line)
        return call

    def _enter(self, call: Call) -> None:
        self._live[call.callback.id] = call
        self._some.set()

    async def run(self, call: Call) -> None:
        """Run it to its end."""
        try:
            await call.run()
        finally:
            self.let_go(call)

    def let_go(self, call: Call) -> None:
        """It takes nobody's place any more."""
        if self._live.get(call.callback.id) is call:
            del self._live[call.callback.id]
        if not self._live:
            self._some.clear()
        self.made_room()

    async def cancel(self, callback_id: str) -> None:
        """Take the call down and return once it has ended; at once if there is none, or if the two are talking."""
        call = self._live.get(callback_id)
        if call is None:
            return
        request = _CancelRequest(asyncio.Event())
        call.put(request)
        taken = asyncio.ensure_future(request.taken.wait())
        ended = asyncio.ensure_future(call.ended.wait())
        try:
            await asyncio.wait((taken, ended), return_when=asyncio.FIRST_COMPLETED)
            if call.callback.state is not State.CONNECTED:
                await ended
        finally:
            taken.cancel()
            ended.cancel()

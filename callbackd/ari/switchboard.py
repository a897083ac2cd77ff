"""The phones as the engine sees them: effects become requests, Asterisk's events become happenings."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from callbackd.ari.abilities import Abilities
from callbackd.ari.causes import classify_agent, classify_client, final_cause, says_why
from callbackd.ari.client import AriClient, caller_id
from callbackd.ari.errors import (
    AllocationFailed,
    AriError,
    Conflict,
    NotFound,
    NotReady,
    Unprocessable,
    Unreachable,
)
from callbackd.ari.models import (
    ChannelDestroyed,
    ChannelDtmfReceived,
    ChannelHangupRequest,
    ChannelStateChange,
    DeviceStateChanged,
    Dial,
    Event,
    PlaybackFinished,
    StasisStart,
)
from callbackd.ari.names import LineKey, bridge_id, channel_id, parse_channel, parse_playback
from callbackd.ari.queues import Queues
from callbackd.ari.repertoire import Repertoire
from callbackd.ari.speech import Speech
from callbackd.domain.callback import Outcome
from callbackd.domain.telephony import (
    DialClient,
    DigitPressed,
    Effect,
    HangUp,
    Happening,
    Hush,
    Interrupted,
    Leg,
    LegAnswered,
    LegEnded,
    LegProgress,
    LegRinging,
    Line,
    Ring,
    Role,
    Say,
    SpeechEnded,
)

log = logging.getLogger(__name__)

STASIS_START_LIMIT = 5.0
"""Seconds that a created channel has to enter the application."""


_LINGERING = {"BUSY": "busy", "CONGESTION": "congestion"}
"""A Local channel that is told so stays for a while; it is hung up with the reason that this means."""


_CALLER = "CALLERID(all)"


def key_of(line: Line) -> LineKey:
    """The key of a line's call."""
    return LineKey(line.callback_id, line.step, line.sequence)


@dataclass(slots=True)
class _LegState:
    """What Asterisk has said of one leg."""

    in_stasis: asyncio.Event = field(default_factory=asyncio.Event)
    gone: bool = False
    answered: bool = False
    network_took: bool = False
    dialstatus: str | None = None
    requested_cause: int | None = None
    ended_by_us: bool = False


@dataclass(slots=True)
class _LineState:
    """One live call."""

    line: Line
    key: LineKey
    legs: dict[Leg, _LegState] = field(default_factory=dict)
    speech: dict[Leg, Speech] = field(default_factory=dict)
    bridged: set[Leg] = field(default_factory=set)
    taken_over: set[Leg] = field(default_factory=set)
    has_bridge: bool = False
    may_have_bridge: bool = False

    def leg(self, leg: Leg) -> _LegState:
        return self.legs.setdefault(leg, _LegState())


class Switchboard:
    """Carries out effects, and hands each call its events.

    `tell` gets a call-back's id and an event that is to come back through `interpret`, in order, from the one consumer
    of that call; `devices_changed` is called when a watched queue's state did; `stray`, when there is a leg that no
    call follows, or one that could not be taken down. `abilities` are Asterisk's; whoever learns of them says so.
    `queues` are those that are watched.
    """

    def __init__(
        self,
        client: AriClient,
        tell: Callable[[str, object], None],
        devices_changed: Callable[[], None],
        stray: Callable[[], None] = lambda: None,
        repertoire: Repertoire | None = None,
    ) -> None:
        self.abilities = Abilities()
        self.queues = Queues(client, devices_changed)
        self._client = client
        self._tell = tell
        self._stray = stray
        self._repertoire = repertoire or Repertoire()
        self._lines: dict[LineKey, _LineState] = {}

    def __len__(self) -> int:
        """How many calls are followed."""
        return len(self._lines)

    def open(self, line: Line) -> None:
        """Follow the events of a call from now on: before anything is asked for it."""
        key = key_of(line)
        self._lines[key] = _LineState(line, key)

    def adopt(self, line: Line, legs: frozenset[Leg]) -> None:
        """Follow a call that was up before we were: its legs are answered and bridged.

        A leg may hear a tone that nobody here has begun: its first `Hush` stops that.
        """
        self.open(line)
        state = self._lines[key_of(line)]
        state.has_bridge = True
        state.bridged = set(legs)
        state.taken_over = set(legs)
        for leg in legs:
            state.leg(leg).answered = True
            state.leg(leg).in_stasis.set()

    async def close(self, line: Line) -> None:
        """The call is over: its bridge goes, and whatever is left of its legs."""
        state = self._lines.pop(key_of(line), None)
        if state is None:
            return
        for speech in state.speech.values():
            speech.close()
        for leg, known in state.legs.items():
            if not known.gone:
                await self._quietly(self._client.hangup(channel_id(state.key, leg)))
        if state.has_bridge or state.may_have_bridge:
            await self._quietly(self._client.delete_bridge(bridge_id(state.key)))

    async def perform(self, line: Line, effect: Effect) -> Sequence[Happening]:
        """Carry out one effect. What failed at once is returned as what it means for the call."""
        state = self._lines.get(key_of(line))
        if state is None:
            return ()
        match effect:
            case Ring():
                return await self._ring(state, effect)
            case DialClient():
                return await self._dial(state, effect)
            case HangUp(leg):
                return await self._hang_up(state, leg)
            case Say(leg):
                if leg.role is not Role.OFFER and (failed := await self._into_bridge(state, leg)):
                    return failed
                if not await self._speech(state, leg).say(effect) and not effect.loop:
                    return (SpeechEnded(leg, effect.utterance),)
            case Hush(leg) if leg in state.taken_over:
                state.taken_over.discard(leg)
                await self._speech(state, leg).end_tones()
            case Hush(leg):
                await self._speech(state, leg).hush()
        return ()

    # Events in.

    def route(self, event: Event) -> None:
        """Hand one event of Asterisk's to the call it belongs to; those of calls that are not followed are dropped."""
        match event:
            case DeviceStateChanged(name=name, state=device_state):
                self.queues.told(name, device_state)
                return
            case PlaybackFinished(playback=playback):
                found = parse_playback(playback.id)
            case Dial(peer=channel):
                found = parse_channel(channel.id)
            case StasisStart() | ChannelStateChange() | ChannelDestroyed() | ChannelDtmfReceived():
                found = parse_channel(event.channel.id)
            case ChannelHangupRequest(channel=channel, cause=cause):
                self._hang_up_requested(channel.id, cause)
                return
            case _:
                return
        if found is None:
            return
        if (state := self._lines.get(found[0])) is None:
            if isinstance(event, StasisStart | ChannelStateChange):
                self._stray()
            return
        if isinstance(event, StasisStart):
            state.leg(found[1]).in_stasis.set()
        elif isinstance(event, ChannelDestroyed):
            state.leg(found[1]).gone = True
            state.leg(found[1]).in_stasis.set()
        self._tell(state.key.callback_id, event)

    def _hang_up_requested(self, channel: str, cause: int | None) -> None:
        """There may be two; the first with a reason has it."""
        found = parse_channel(channel)
        if found is not None and says_why(cause) and (state := self._lines.get(found[0])) is not None:
            known = state.leg(found[1])
            known.requested_cause = known.requested_cause or cause

    async def interpret(self, line: Line, signal: object) -> Sequence[Happening]:
        """What an event that was handed to a call means for it."""
        key = key_of(line)
        state = self._lines.get(key)
        if state is None:
            return ()
        match signal:
            case PlaybackFinished(playback=playback):
                found = parse_playback(playback.id)
                if found is None or found[0] != key or (speech := state.speech.get(found[1])) is None:
                    return ()
                utterance = await speech.finished(signal)
                return () if utterance is None else (SpeechEnded(found[1], utterance),)
            case Dial(peer=channel) | StasisStart(channel=channel) | ChannelStateChange(channel=channel):
                found = parse_channel(channel.id)
            case ChannelDestroyed(channel=channel) | ChannelDtmfReceived(channel=channel):
                found = parse_channel(channel.id)
            case _:
                return ()
        if found is None or found[0] != key:
            return ()
        return await self._meaning(state, found[1], signal)

    async def unseen_answer(self, line: Line, leg: Leg) -> Sequence[Happening] | None:
        """What a leg's answer means for the call, if it was answered and nobody was told; None if that can't be known.

        To be asked before a ring time-out is believed: two people may be talking.
        """
        state = self._lines.get(key_of(line))
        if state is None or state.leg(leg).gone:
            return ()
        try:
            channel = await self._client.get_channel(channel_id(state.key, leg))
        except Unreachable:
            return None
        except AriError:
            return ()
        return self._answered(state, leg) if channel is not None and channel.up else ()

    async def still_up(self, lines: Sequence[Line]) -> Sequence[frozenset[Leg]] | None:
        """The legs of each of these calls that are up, by one look for all; None if that can't be known."""
        try:
            channels = await self._client.channels()
        except AriError as error:
            log.debug("can't look after calls", extra={"error": str(error)})
            return None
        up: dict[LineKey, set[Leg]] = {}
        for channel in channels:
            if (ours := parse_channel(channel.id)) is not None:
                up.setdefault(ours[0], set()).add(ours[1])
        return [frozenset(up.get(key_of(line), ())) for line in lines]

    async def _meaning(self, state: _LineState, leg: Leg, signal: Event) -> Sequence[Happening]:
        match signal:
            case StasisStart() if leg.role is Role.AGENT:
                return self._answered(state, leg)
            case ChannelStateChange(channel=channel) if leg.role is not Role.AGENT:
                if channel.up:
                    return self._answered(state, leg)
                return self._took(state, leg, LegRinging(leg)) if channel.state == "Ringing" else ()
            case Dial(dialstatus=status):
                return await self._dialled(state, leg, status)
            case ChannelDtmfReceived(digit=digit):
                return (DigitPressed(leg, digit),)
            case ChannelDestroyed():
                return (self._destroyed(state, leg, signal),)
        return ()

    async def _dialled(self, state: _LineState, leg: Leg, status: str) -> Sequence[Happening]:
        if status:
            state.leg(leg).dialstatus = status
        if leg.role is not Role.AGENT:
            if status == "RINGING":
                return self._took(state, leg, LegRinging(leg))
            if status == "PROGRESS":
                return self._took(state, leg, LegProgress(leg))
            if status == "ANSWER":
                return self._answered(state, leg)
            if (reason := _LINGERING.get(status)) is not None:
                await self._quietly(self._client.hangup(channel_id(state.key, leg), reason=reason))
        return ()

    def _took(self, state: _LineState, leg: Leg, happening: Happening) -> Sequence[Happening]:
        state.leg(leg).network_took = True
        return (happening,)

    def _answered(self, state: _LineState, leg: Leg) -> Sequence[Happening]:
        known = state.leg(leg)
        if known.answered:
            return ()
        known.answered = known.network_took = True
        return (LegAnswered(leg),)

    def _destroyed(self, state: _LineState, leg: Leg, event: ChannelDestroyed) -> Happening:
        known = state.leg(leg)
        state.bridged.discard(leg)
        if leg in state.speech:
            state.speech.pop(leg).close()
        cause = final_cause(event.cause, known.requested_cause, answered=known.answered)
        if leg.role is Role.AGENT:
            verdict = classify_agent(cause, event.tech_cause, known.dialstatus, timed_out=False)
        else:
            verdict = classify_client(
                cause, event.tech_cause, known.dialstatus, known.network_took, timed_out=False
            )
        if verdict is Outcome.ROUTE_FAILED and not known.answered and not known.ended_by_us:
            log.warning(
                "route failed",
                extra={
                    "callback": state.key.callback_id,
                    "cause": cause,
                    "sip": event.tech_cause,
                    "dialstatus": known.dialstatus,
                },
            )
        return LegEnded(leg, verdict, cause or None)

    # Effects out.

    async def _ring(self, state: _LineState, ring: Ring) -> Sequence[Happening]:
        line = state.line
        state.leg(ring.leg)
        try:
            await self._client.originate(
                channel_id(state.key, ring.leg),
                ring.endpoint,
                caller_id=caller_id(line.name, line.number),
                timeout=ring.limit.total_seconds(),
                language=line.language,
            )
        except AriError as error:
            return await self._not_placed(state, ring.leg, Outcome.AGENT_UNREACHABLE, error)
        return ()

    async def _dial(self, state: _LineState, dial: DialClient) -> Sequence[Happening]:
        name = channel_id(state.key, dial.leg)
        known = state.leg(dial.leg)
        agent = channel_id(state.key, dial.agent) if dial.agent is not None else None
        variables = {}
        if agent is not None and not self.abilities.keeps_displays:
            variables[_CALLER] = caller_id(state.line.name, state.line.number)
        asked_to_ring = False
        try:
            await self._client.create_channel(
                name,
                state.line.client_endpoint,
                caller_id=state.line.caller_id,
                variables=variables,
                language=state.line.language,
                originator=agent,
            )
            async with asyncio.timeout(STASIS_START_LIMIT):
                await known.in_stasis.wait()
            if known.gone:
                return ()
            if dial.agent is not None:
                await self._client.add_to_bridge(bridge_id(state.key), name)
                state.bridged.add(dial.leg)
            asked_to_ring = True
            await self._client.dial(name, timeout=dial.limit.total_seconds())
        except (AriError, TimeoutError) as error:
            rang = asked_to_ring and not _never_asked(error)
            return await self._not_placed(state, dial.leg, Outcome.ROUTE_FAILED, error, undialled=not rang)
        return ()

    async def _not_placed(
        self,
        state: _LineState,
        leg: Leg,
        verdict: Outcome,
        error: AriError | TimeoutError,
        undialled: bool = False,
    ) -> Sequence[Happening]:
        """What a request that failed means: a phone that can't be rung, or a PBX that can't be asked."""
        known = state.leg(leg)
        if known.gone:
            return ()
        log.warning(
            "leg not placed",
            extra={"callback": state.key.callback_id, "leg": leg.role.value, "error": str(error) or "no StasisStart"},
        )
        if isinstance(error, NotReady | Unreachable):
            legs = frozenset(each for each, what in state.legs.items() if not what.gone)
            return (Interrupted(legs, undialled=undialled),)
        if not isinstance(error, AllocationFailed):
            await self._quietly(self._client.hangup(channel_id(state.key, leg)))
        known.gone = True
        return (LegEnded(leg, verdict),)

    async def _hang_up(self, state: _LineState, leg: Leg) -> Sequence[Happening]:
        state.leg(leg).ended_by_us = True
        try:
            found = await self._client.hangup(channel_id(state.key, leg))
        except AriError as error:
            log.warning("could not hang up", extra={"leg": leg.role.value, "error": str(error)})
            return ()
        if found:
            return ()
        known = state.leg(leg)
        known.gone = True
        return (LegEnded(leg, Outcome.INTERRUPTED),)

    async def _into_bridge(self, state: _LineState, leg: Leg) -> Sequence[Happening]:
        """An agent is spoken to in the call's bridge, so that the client can join them without a gap.

        An Asterisk that can't keep displays makes each phone in a bridge show the other channel's caller: so there the
        agent's channel becomes one of the company's, now (later the request would wait for the end of what is said),
        and the client's, when it is made, one of the client's.
        """
        if leg in state.bridged or state.leg(leg).gone:
            return ()
        try:
            if not self.abilities.keeps_displays:
                await self._client.set_variable(channel_id(state.key, leg), _CALLER, state.line.caller_id or "<>")
            if not state.has_bridge:
                state.may_have_bridge = True  # made, perhaps, even if no answer comes
                await self._client.create_bridge(bridge_id(state.key))
                state.has_bridge = True
            await self._client.add_to_bridge(bridge_id(state.key), channel_id(state.key, leg))
        except AriError as error:
            if state.leg(leg).gone or isinstance(error, NotFound | Unprocessable | Conflict):
                return ()  # the phone was hung up just now: its end is on the way
            log.warning("leg not bridged", extra={"leg": leg.role.value, "error": str(error)})
            return (Interrupted(frozenset(each for each, what in state.legs.items() if not what.gone)),)
        state.bridged.add(leg)
        return ()

    def _speech(self, state: _LineState, leg: Leg) -> Speech:
        if leg not in state.speech:
            state.speech[leg] = Speech(self._client, state.line, state.key, leg, self._repertoire)
        return state.speech[leg]

    async def _quietly(self, request: Awaitable[object]) -> None:
        try:
            await request
        except AriError as error:
            log.warning("could not clear up", extra={"error": str(error)})
            self._stray()

    def agents_available(self, queue: str) -> bool:
        """Whether the queue has a member that could be rung, as far as is known."""
        return self.queues.available(queue)


def _never_asked(error: AriError | TimeoutError) -> bool:
    """The request did not leave: nothing came of it, nor will."""
    return isinstance(error, NotReady) or (isinstance(error, Unreachable) and not error.perhaps_acted)

"""The agent-first call as a state machine: `advance` takes what happens in a state (see `attempt_states`) and returns
the next state and what is asked of the phones.

Repeated, late and foreign happenings change nothing. Every state ends: by what the phones do, or by a timer of ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from callbackd.domain import prompts
from callbackd.domain.attempt_states import (
    Apologising,
    AttemptState,
    Checking,
    Core,
    Dialling,
    Ending,
    Finished,
    Listening,
    Live,
    Narrating,
    Parting,
    Ringing,
    Script,
    Talking,
)
from callbackd.domain.callback import Attempt, EventType, Outcome
from callbackd.domain.limits import (
    DIAL_GRACE,
    HUNG_UP_WITHIN,
    LISTENING_LIMIT,
    SPEECH_LIMIT,
    TEARDOWN_LIMIT,
    TIME_OUT_CAUSE,
    VANISHED_WITHIN,
)
from callbackd.domain.prompts import Phrase
from callbackd.domain.rest import counts, interrupted_outcome
from callbackd.domain.telephony import (
    CLIENT,
    CancelAsked,
    Cleared,
    DialClient,
    DigitPressed,
    Effects,
    Finish,
    HangUp,
    Happening,
    Hush,
    Interrupted,
    Leg,
    LegAnswered,
    LegEnded,
    LegProgress,
    LegRinging,
    Note,
    Recheck,
    Refused,
    Ring,
    Role,
    Save,
    Say,
    SpeechEnded,
    StartTimer,
    StopTimer,
    TimeUp,
)


class Prospects(Protocol):
    """What the profile, as it is now, would do with this call-back: the reschedule rules seen from inside a call."""

    def agent_rescheduling(self) -> bool:
        """Agent Rescheduling is on."""

    def agent_may_reschedule(self, at: datetime) -> bool:
        """A reschedule of kind `agent` could still follow an attempt that ends at that instant."""

    def will_retry(self, client_outcome: Outcome, armed: bool, at: datetime) -> bool:
        """The client will be called again, of whatever kind, after an attempt that ends so."""


Next = tuple[AttemptState, Effects]


def begin(script: Script, attempt: Attempt) -> tuple[Ringing, Effects]:
    """Ring every endpoint of the target together."""
    legs = [Leg(Role.AGENT, index) for index in range(len(script.endpoints))]
    rings = tuple(
        Ring(leg, endpoint, script.ring + DIAL_GRACE) for leg, endpoint in zip(legs, script.endpoints, strict=True)
    )
    return Ringing(Core(script, attempt, frozenset(legs))), (StartTimer("ring", script.ring), *rings)


def advance(state: Live, happening: Happening, at: datetime, prospects: Prospects) -> Next:
    """The next state after what happened at that instant, and the effects, to be carried out in order."""
    if isinstance(happening, LegEnded):
        if happening.leg not in state.core.legs:
            return state, ()
        state = replace(state, core=replace(state.core, legs=state.core.legs - {happening.leg}))
    if isinstance(happening, TimeUp) and happening.timer == "speech":
        leg = CLIENT if isinstance(state, Apologising) else state.core.agent
        happening = SpeechEnded(leg, state.core.utterance)
    if isinstance(happening, SpeechEnded) and happening.utterance != state.core.utterance:
        return state, ()
    if isinstance(happening, Interrupted):
        return _interrupted(state, happening, at)
    if isinstance(happening, LegAnswered) and _answered_late(state, happening.leg):
        return state, (HangUp(happening.leg),)
    if isinstance(happening, CancelAsked) and state.core.attempt.client_answered_at is not None:
        return state, ()
    match state:
        case Ringing():
            return _ringing(state, happening, at)
        case Listening():
            return _listening(state, happening, at)
        case Checking():
            return _checking(state, happening, at, prospects)
        case Dialling():
            return _dialling(state, happening, at, prospects)
        case Talking():
            return _talking(state, happening, at, prospects)
        case Apologising():
            return _apologising(state, happening, at)
        case Narrating():
            return _narrating(state, happening, at, prospects)
        case Parting():
            return _parting(state, happening, at)
        case Ending():
            return _ending(state, happening, at)


def _interrupted(state: Live, happening: Interrupted, at: datetime) -> Next:
    """What was decided before stays decided; two who had talked for long enough have talked."""
    core = replace(state.core, legs=state.core.legs & happening.legs)
    if happening.undialled:
        core = replace(core, attempt=replace(core.attempt, client_dialled_at=None), network_took=False)
    match state:
        case Parting() | Ending():
            return _end(core, state.outcome, at)
        case Apologising():
            return _end(core, Outcome.AGENT_LEFT, at)
        case Talking():
            return _end(core, interrupted_outcome((happening.since or at) - state.answered_at), at)
        case Narrating():
            return _end(core, state.client_outcome, at)
    return _end(core, Outcome.INTERRUPTED, at)


def _answered_late(state: Live, leg: Leg) -> bool:
    """An answer that lost a race: another endpoint was first, or the leg was given up."""
    if isinstance(state, Ringing):
        return False
    if leg == CLIENT:
        return not isinstance(state, Dialling | Talking | Apologising)
    return leg != state.core.agent


# Saying things. -----------------------------------------------------------------------------------------------------


def _say(core: Core, phrases: tuple[Phrase, ...], leg: Leg | None = None, loop: bool = False) -> tuple[Core, Effects]:
    core = replace(core, utterance=core.utterance + 1)
    say = Say(leg or core.agent, phrases, core.utterance, loop)
    return core, (say, StopTimer("speech") if loop else StartTimer("speech", SPEECH_LIMIT))


def _hush(core: Core) -> tuple[Core, Effects]:
    return replace(core, utterance=core.utterance + 1), (Hush(core.agent), StopTimer("speech"))


# The end. -----------------------------------------------------------------------------------------------------------


def _end(core: Core, outcome: Outcome, at: datetime, before: Effects = ()) -> Next:
    if not core.legs:
        return _finish(core, outcome, at, before)
    downs = tuple(HangUp(leg) for leg in sorted(core.legs))
    return Ending(core, outcome), (*before, *downs, StartTimer("teardown", TEARDOWN_LIMIT))


def _finish(core: Core, outcome: Outcome, at: datetime, before: Effects = ()) -> Next:
    attempt = core.attempt
    final = final_outcome(outcome, attempt.armed)
    attempt = replace(
        attempt,
        ended_at=at,
        outcome=final,
        counted=counts(
            final,
            attempt.client_outcome,
            network_took=core.network_took or (final is Outcome.INTERRUPTED and attempt.client_dialled_at is not None),
            after_answer=attempt.client_answered_at is not None,
        ),
    )
    return Finished(attempt), (*before, Finish())


def final_outcome(outcome: Outcome, armed: bool) -> Outcome:
    """`client_invalid`, `route_failed` and `interrupted` beat an armed 9, and so does a cancel; 9 beats the rest."""
    if armed and outcome not in (
        Outcome.CLIENT_INVALID,
        Outcome.ROUTE_FAILED,
        Outcome.INTERRUPTED,
        Outcome.CANCELLED,
        Outcome.WITHHELD,
    ):
        return Outcome.AGENT_RESCHEDULED
    return outcome


def _part(core: Core, outcome: Outcome, phrases: tuple[Phrase, ...], at: datetime, before: Effects = ()) -> Next:
    if core.agent not in core.legs:
        return _end(core, outcome, at, before)
    others = tuple(HangUp(leg) for leg in sorted(core.legs - {core.agent}))
    core, effects = _say(core, phrases)
    return Parting(core, outcome), (*before, *others, *effects)


# State by state. ----------------------------------------------------------------------------------------------------


def _ringing(state: Ringing, happening: Happening, at: datetime) -> Next:
    core = state.core
    match happening:
        case LegAnswered(leg) if leg in core.legs:
            core = replace(core, agent=leg, attempt=replace(core.attempt, agent_answered_at=at))
            losers = tuple(HangUp(other) for other in sorted(core.legs - {leg}))
            core, speech = _say(core, prompts.introduction(core.script.number, core.script.try_number) + _choices(core))
            return Listening(core), (
                *losers,
                StopTimer("ring"),
                *speech,
                StartTimer("listening", _listening_limit(core.script)),
                Save(EventType.AGENT_ANSWERED, {"endpoint": core.script.endpoints[leg.index]}),
            )
        case LegEnded(_, verdict, cause):
            verdicts = state.verdicts | {verdict}
            state = replace(state, core=_with_cause(core, cause), verdicts=verdicts)
            if core.legs:
                return state, ()
            return _end(state.core, _desk_outcome(verdicts), at, (StopTimer("ring"),))
        case TimeUp("ring"):
            return _end(core, _desk_outcome(state.verdicts | {Outcome.AGENT_NO_ANSWER}), at)
        case CancelAsked():
            return _end(core, Outcome.CANCELLED, at, (StopTimer("ring"),))
    return state, ()


def _listening_limit(script: Script) -> timedelta:
    """Never so short that the prompts could not all be played."""
    return max(LISTENING_LIMIT, script.prompt_repeats * (script.key_wait + SPEECH_LIMIT))


def _desk_outcome(verdicts: Iterable[Outcome]) -> Outcome:
    """Of several endpoints that all fail: no answer beats busy beats unreachable."""
    for outcome in (Outcome.AGENT_NO_ANSWER, Outcome.AGENT_BUSY):
        if outcome in verdicts:
            return outcome
    return Outcome.AGENT_UNREACHABLE


def _with_cause(core: Core, cause: int | None) -> Core:
    return core if cause is None else replace(core, attempt=replace(core.attempt, cause=cause))


def _choices(core: Core) -> tuple[Phrase, ...]:
    return prompts.choices(core.script.keys)


def _listening(state: Listening, happening: Happening, at: datetime) -> Next:
    core = state.core
    match happening:
        case SpeechEnded():
            return state, (StopTimer("speech"), StartTimer("key", core.script.key_wait))
        case TimeUp("key") if core.pressed:
            core, effects = _say(replace(core, pressed=""), _choices(core))
            return replace(state, core=core), effects
        case TimeUp("key"):
            if state.plays >= core.script.prompt_repeats:
                return _part(core, Outcome.AGENT_NO_KEY, prompts.TIMED_OUT, at, (StopTimer("listening"),))
            core, effects = _say(core, _choices(core))
            return Listening(core, state.plays + 1), effects
        case TimeUp("listening"):
            return _part(core, Outcome.AGENT_NO_KEY, prompts.TIMED_OUT, at, (StopTimer("key"),))
        case DigitPressed(leg, digit) if leg == core.agent:
            return _key_before_start(state, digit, at)
        case LegEnded(leg, _, cause) if leg == core.agent:
            stop: Effects = (StopTimer("key"), StopTimer("listening"), StopTimer("speech"))
            return _end(_with_cause(core, cause), Outcome.AGENT_DECLINED, at, stop)
        case CancelAsked():
            quiet: Effects = (StopTimer("key"), StopTimer("listening"))
            return _part(core, Outcome.CANCELLED, prompts.CANCELLED, at, quiet)
    return state, ()


def _key_before_start(state: Listening, digit: str, at: datetime) -> Next:
    core, keys = state.core, state.core.script.keys
    pressed = core.pressed + digit
    if core.pressed and not any(key.startswith(pressed) for key in (keys.start, keys.decline, keys.again)):
        pressed = digit
    stop: Effects = (StopTimer("key"), StopTimer("listening"))
    note: Effects = (Note(EventType.KEY_PRESSED, {"key": pressed}),)
    if pressed == keys.start:
        core, hush = _hush(replace(core, pressed=""))
        return Checking(core), (*hush, *stop, *note, Recheck())
    if pressed == keys.decline:
        return _part(replace(core, pressed=""), Outcome.AGENT_DECLINED, prompts.DECLINED, at, (*stop, *note))
    if any(key.startswith(pressed) and key != pressed for key in (keys.start, keys.decline, keys.again)):
        core, hush = _hush(replace(core, pressed=pressed))
        return replace(state, core=core), (*hush, StartTimer("key", core.script.key_wait))
    core = replace(core, pressed="")
    phrases = _choices(core)
    if pressed == keys.again:
        phrases = prompts.introduction(core.script.number, core.script.try_number) + phrases
    core, effects = _say(core, phrases)
    return replace(state, core=core), (StopTimer("key"), *note, *effects)


def _checking(state: Checking, happening: Happening, at: datetime, prospects: Prospects) -> Next:
    core = state.core
    match happening:
        case Cleared():
            script = core.script
            core = replace(
                core, attempt=replace(core.attempt, client_dialled_at=at, cause=None), legs=core.legs | {CLIENT}
            )
            core, sound = _say(core, prompts.CONNECTING, loop=True)
            return Dialling(core), (
                *sound,
                Save(EventType.CLIENT_DIALLED, dialled=True),
                StartTimer("client", script.client_ring),
                DialClient(CLIENT, core.agent, script.client_ring + DIAL_GRACE),
            )
        case Refused(reason):
            note = Note(EventType.KEY_PRESSED, {"refused": reason})
            return _part(core, Outcome.WITHHELD, prompts.WITHHELD, at, (note,))
        case LegEnded(leg, _, cause) if leg == core.agent:
            return _end(_with_cause(core, cause), Outcome.AGENT_DECLINED, at)
        case CancelAsked():
            return _part(core, Outcome.CANCELLED, prompts.CANCELLED, at)
        case DigitPressed(leg, digit) if leg == core.agent:
            core, _, effects = _reschedule_key(core, digit, at, prospects)
            return replace(state, core=core), effects
    return state, ()


def _dialling(state: Dialling, happening: Happening, at: datetime, prospects: Prospects) -> Next:
    core = state.core
    match happening:
        case LegRinging(leg) if leg == CLIENT:
            return _network_takes(state, "ringing" if state.sound == "connecting" else state.sound)
        case LegProgress(leg) if leg == CLIENT:
            return _network_takes(state, "network")
        case LegAnswered(leg) if leg == CLIENT:
            attempt = replace(core.attempt, client_answered_at=at, client_outcome=Outcome.ANSWERED)
            core = replace(core, attempt=attempt, network_took=True)
            hush: Effects = ()
            if not state.confirming:
                core, hush = _hush(core)
            return Talking(core, at), (*hush, StopTimer("client"), Save(EventType.CLIENT_ANSWERED))
        case LegEnded(leg, verdict, cause) if leg == CLIENT:
            return _client_failed(_with_cause(core, cause), verdict, at, prospects)
        case TimeUp("client"):
            verdict = Outcome.CLIENT_NO_ANSWER if core.network_took else Outcome.ROUTE_FAILED
            timed_out = _with_cause(core, TIME_OUT_CAUSE)
            return _client_failed(timed_out, verdict, at, prospects, (HangUp(CLIENT),))
        case LegEnded(leg, _, _) if leg == core.agent:
            return _end(core, Outcome.AGENT_LEFT, at, (StopTimer("client"), StopTimer("speech")))
        case CancelAsked():
            return _part(core, Outcome.CANCELLED, prompts.CANCELLED, at, (StopTimer("client"),))
        case DigitPressed(leg, digit) if leg == core.agent:
            core, toggled, effects = _reschedule_key(core, digit, at, prospects)
            return replace(state, core=core, confirming=state.confirming or toggled), effects
        case SpeechEnded() if state.confirming:
            return _sound_again(replace(state, confirming=False))
    return state, ()


def _network_takes(state: Dialling, sound: str) -> Next:
    core = state.core
    note: Effects = () if core.network_took else (Note(EventType.CLIENT_RINGING, {"sound": sound}),)
    core = replace(core, network_took=True)
    if sound == state.sound or state.confirming:
        return replace(state, core=core, sound=sound), note
    core, hush = _hush(core)
    return replace(state, core=core, sound=sound), (*hush, *note)


def _sound_again(state: Dialling) -> Next:
    """After a confirmation the agent must not be left in silence: it has stopped the sound before it."""
    if state.sound == "network":
        return state, (StopTimer("speech"),)
    core, effects = _say(
        state.core, prompts.CONNECTING if state.sound == "connecting" else prompts.RINGING, loop=True
    )
    return replace(state, core=core), effects


def _client_failed(
    core: Core, verdict: Outcome, at: datetime, prospects: Prospects, before: Effects = ()
) -> Next:
    """The client leg has failed before its answer."""
    core = replace(core, attempt=replace(core.attempt, client_outcome=verdict))
    if verdict is not Outcome.ROUTE_FAILED:
        core = replace(core, network_took=True)
    return _narrate(core, verdict, at, prospects, (StopTimer("client"), *before))


def _narrate(
    core: Core,
    verdict: Outcome,
    at: datetime,
    prospects: Prospects,
    before: Effects,
) -> Next:
    note = Note(EventType.CLIENT_ENDED, {"client_outcome": verdict.value, "cause": core.attempt.cause})
    if core.agent not in core.legs:
        return _end(core, verdict, at, (*before, note))
    will_retry = prospects.will_retry(verdict, core.attempt.armed, at)
    window = (
        not will_retry
        and not core.attempt.armed
        and verdict is not Outcome.CLIENT_INVALID
        and prospects.agent_rescheduling()
        and prospects.agent_may_reschedule(at)
    )
    key = core.script.keys.reschedule if window else None
    core, effects = _say(core, prompts.failure(verdict, will_retry, key))
    return Narrating(core, verdict, window), (*before, note, *effects)


def _talking(state: Talking, happening: Happening, at: datetime, prospects: Prospects) -> Next:
    core = state.core
    match happening:
        case DigitPressed(leg, digit) if leg == core.agent:
            core, toggled, effects = _reschedule_key(core, digit, at, prospects)
            if not toggled and prospects.agent_rescheduling():
                # While a confirmation is said the agent is apart from the client, and so are their digits.
                core, effects = _hush(core)
            return replace(state, core=core), effects
        case SpeechEnded():
            return state, (StopTimer("speech"),)
        case LegEnded(leg, _, cause) if leg == CLIENT:
            core = _with_cause(core, cause)
            if at - state.answered_at < HUNG_UP_WITHIN:
                return _narrate(core, Outcome.ANSWERED, at, prospects, ())
            return _end(core, Outcome.ANSWERED, at)
        case LegEnded(leg, _, cause) if leg == core.agent:
            core = _with_cause(core, cause)
            if at - state.answered_at < VANISHED_WITHIN and CLIENT in core.legs:
                core, effects = _say(core, prompts.APOLOGY, leg=CLIENT)
                return Apologising(core), effects
            return _end(core, Outcome.ANSWERED, at)
    return state, ()


def _apologising(state: Apologising, happening: Happening, at: datetime) -> Next:
    match happening:
        case SpeechEnded():
            return _end(state.core, Outcome.AGENT_LEFT, at, (StopTimer("speech"),))
        case LegEnded(leg, _, _) if leg == CLIENT:
            return _end(state.core, Outcome.AGENT_LEFT, at, (StopTimer("speech"),))
    return state, ()


def _narrating(state: Narrating, happening: Happening, at: datetime, prospects: Prospects) -> Next:
    core = state.core
    match happening:
        case SpeechEnded():
            if state.window and not core.attempt.armed:
                return state, (StopTimer("speech"), StartTimer("after_failure", core.script.after_failure))
            return _end(core, state.client_outcome, at, (StopTimer("speech"),))
        case TimeUp("after_failure"):
            return _end(core, state.client_outcome, at)
        case DigitPressed(leg, digit) if leg == core.agent:
            core, toggled, effects = _reschedule_key(core, digit, at, prospects)
            stop: Effects = (StopTimer("after_failure"),) if toggled else ()
            return replace(state, core=core), (*stop, *effects)
        case LegEnded(leg, _, _) if leg == core.agent:
            stop = (StopTimer("after_failure"), StopTimer("speech"))
            return _end(core, state.client_outcome, at, stop)
        case CancelAsked():
            return _part(core, Outcome.CANCELLED, prompts.CANCELLED, at, (StopTimer("after_failure"),))
    return state, ()


def _parting(state: Parting, happening: Happening, at: datetime) -> Next:
    match happening:
        case SpeechEnded():
            return _end(state.core, state.outcome, at, (StopTimer("speech"),))
        case LegEnded(leg, _, _) if leg == state.core.agent:
            return _end(state.core, state.outcome, at, (StopTimer("speech"),))
        case CancelAsked():
            return replace(state, outcome=Outcome.CANCELLED), ()
    return state, ()


def _ending(state: Ending, happening: Happening, at: datetime) -> Next:
    match happening:
        case LegEnded() if not state.core.legs:
            return _finish(state.core, state.outcome, at, (StopTimer("teardown"),))
        case TimeUp("teardown"):
            return _finish(state.core, state.outcome, at)
        case CancelAsked():
            return replace(state, outcome=Outcome.CANCELLED), ()
    return state, ()


def _reschedule_key(
    core: Core, digit: str, at: datetime, prospects: Prospects
) -> tuple[Core, bool, Effects]:
    """9 after 1: arms, and a second one disarms. With agent rescheduling off it is just a digit."""
    key = core.script.keys.reschedule
    tail = (core.pressed + digit)[-len(key) :]
    if tail != key or not prospects.agent_rescheduling():
        return replace(core, pressed=tail), False, ()
    armed = not core.attempt.armed
    core = replace(core, pressed="", attempt=replace(core.attempt, armed=armed))
    core, effects = _say(core, prompts.armed(armed, possible=prospects.agent_may_reschedule(at)))
    event = EventType.RESCHEDULE_ARMED if armed else EventType.RESCHEDULE_DISARMED
    return core, True, (Save(event), *effects)

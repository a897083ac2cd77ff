"""The engine's words as sentences for people. Everything here is text: templates escape it like any other."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from callbackd.domain.callback import Kind, OfferOutcome, Outcome, State
from callbackd.domain.tallies import WAITS

STATES: Mapping[State, str] = {
    State.SCHEDULED: "scheduled",
    State.QUEUED: "queued",
    State.AGENT: "agent is rung",
    State.CLIENT: "client is rung",
    State.CONNECTED: "talking",
    State.OFFERING: "asking the client",
    State.COMPLETED: "completed",
    State.EXHAUSTED: "exhausted",
    State.CUT_OFF: "cut off",
    State.DECLINED: "declined",
    State.CANCELLED: "cancelled",
    State.EXPIRED: "expired",
    State.UNREACHABLE_NUMBER: "number does not exist",
    State.BLOCKED: "blocked",
}

STATES_EXPLAINED: Mapping[State, str] = {
    State.SCHEDULED: "It is due in the future.",
    State.QUEUED: "It is due, and waits its turn.",
    State.AGENT: "An agent is being rung, or hears whose call-back it is.",
    State.CLIENT: "An agent pressed the start key; the client is being rung.",
    State.CONNECTED: "Agent and client are talking.",
    State.OFFERING: "The client is asked by an automated call whether to try once more.",
    State.COMPLETED: "Agent and client were connected.",
    State.EXHAUSTED: "The client was not reached, and no further try was left.",
    State.CUT_OFF: "The client was not reached, and a further try would have been past the cut-off of the day.",
    State.DECLINED: "The client did not want a further try.",
    State.CANCELLED: "Somebody cancelled it.",
    State.EXPIRED: "It waited longer than its profile allows.",
    State.UNREACHABLE_NUMBER: "The network says that the number does not exist.",
    State.BLOCKED: "The number is on the block-list.",
}

TONES: Mapping[State, str] = {
    State.SCHEDULED: "calm",
    State.QUEUED: "calm",
    State.AGENT: "busy",
    State.CLIENT: "busy",
    State.CONNECTED: "good",
    State.OFFERING: "busy",
    State.COMPLETED: "good",
    State.EXHAUSTED: "bad",
    State.CUT_OFF: "bad",
    State.DECLINED: "calm",
    State.CANCELLED: "calm",
    State.EXPIRED: "bad",
    State.UNREACHABLE_NUMBER: "bad",
    State.BLOCKED: "bad",
}
"""Colour means something: good is contact, bad is none, busy is happening now."""

KINDS: Mapping[Kind, str] = {
    Kind.REQUEST: "as requested",
    Kind.AUTO: "auto reschedule",
    Kind.AGENT: "agent reschedule",
    Kind.CLIENT: "client reschedule",
}

OUTCOMES: Mapping[Outcome, str] = {
    Outcome.ANSWERED: "answered",
    Outcome.AGENT_RESCHEDULED: "agent asked for another try",
    Outcome.AGENT_NO_ANSWER: "no agent answered",
    Outcome.AGENT_BUSY: "agent busy",
    Outcome.AGENT_UNREACHABLE: "agent unreachable",
    Outcome.AGENT_DECLINED: "agent declined",
    Outcome.AGENT_NO_KEY: "agent pressed no key",
    Outcome.AGENT_LEFT: "agent left",
    Outcome.CLIENT_BUSY: "client busy",
    Outcome.CLIENT_NO_ANSWER: "client did not answer",
    Outcome.CLIENT_REJECTED: "call rejected",
    Outcome.CLIENT_UNREACHABLE: "client unreachable",
    Outcome.CLIENT_INVALID: "number does not exist",
    Outcome.CLIENT_MACHINE: "answering machine",
    Outcome.ROUTE_FAILED: "our route failed",
    Outcome.WITHHELD: "withheld",
    Outcome.CANCELLED: "cancelled",
    Outcome.INTERRUPTED: "interrupted",
}

OUTCOMES_EXPLAINED: Mapping[Outcome, str] = {
    Outcome.ANSWERED: "Client and agent were connected.",
    Outcome.AGENT_RESCHEDULED: "The agent pressed the reschedule key, so the client is to be called again later.",
    Outcome.AGENT_NO_ANSWER: "Nobody took the call at the target.",
    Outcome.AGENT_BUSY: "The agent's line was busy.",
    Outcome.AGENT_UNREACHABLE: "The agent's phone is not registered, or unknown.",
    Outcome.AGENT_DECLINED: "The agent declined, or hung up before pressing the start key.",
    Outcome.AGENT_NO_KEY: "The agent answered, and pressed no key in time.",
    Outcome.AGENT_LEFT: "The agent hung up before the two could talk.",
    Outcome.CLIENT_BUSY: "The client's line was busy.",
    Outcome.CLIENT_NO_ANSWER: "The client's phone rang, and nobody answered.",
    Outcome.CLIENT_REJECTED: "The network or the client rejected the call.",
    Outcome.CLIENT_UNREACHABLE: "The client's phone is switched off or out of service.",
    Outcome.CLIENT_INVALID: "The network says that the number does not exist.",
    Outcome.CLIENT_MACHINE: "A machine answered.",
    Outcome.ROUTE_FAILED: "Our trunk or PBX could not place the call.",
    Outcome.WITHHELD: "When the agent pressed the start key a check refused the call.",
    Outcome.CANCELLED: "Somebody cancelled the call-back.",
    Outcome.INTERRUPTED: "The daemon or the PBX stopped in the middle of the call.",
}

OUTCOME_TONES: Mapping[Outcome, str] = {
    outcome: "good"
    if outcome is Outcome.ANSWERED
    else "calm"
    if outcome in (Outcome.AGENT_RESCHEDULED, Outcome.AGENT_DECLINED, Outcome.CANCELLED)
    else "bad"
    for outcome in Outcome
}

OFFER_OUTCOMES: Mapping[OfferOutcome, str] = {
    OfferOutcome.ANOTHER_TRY: "client asked for another try",
    OfferOutcome.DECLINED: "client declined",
    OfferOutcome.NEVER_AGAIN: "client asked never to be called",
    OfferOutcome.NO_KEY: "client pressed no key",
    OfferOutcome.NOT_ANSWERED: "client did not answer",
    OfferOutcome.ROUTE_FAILED: "our route failed",
    OfferOutcome.CANCELLED: "cancelled",
    OfferOutcome.INTERRUPTED: "interrupted",
}

CAUSES: Mapping[int, str] = {
    1: "unallocated number",
    2: "no route to the transit network",
    3: "no route to the destination",
    16: "normal clearing",
    17: "user busy",
    18: "no user responding",
    19: "no answer from the user",
    20: "subscriber absent",
    21: "call rejected",
    22: "number changed",
    26: "answered elsewhere",
    27: "destination out of order",
    28: "invalid number format",
    31: "normal, unspecified",
    34: "no circuit available",
    38: "network out of order",
    41: "temporary failure",
    42: "switching equipment congestion",
    44: "requested circuit not available",
    50: "facility not subscribed",
    58: "bearer capability not available",
    66: "channel type not implemented",
    102: "timer expired",
    111: "protocol error",
    127: "interworking, unspecified",
}
"""ITU-T Q.850, in short."""

REFUSALS: Mapping[str, str] = {
    "paused": "dialling is paused",
    "closed": "the target is closed",
    "route_paused": "the route is paused",
    "calling_in": "the client is on a call to us",
    "unknown_profile": "its profile is gone",
    "number_blocked": "the number is on the block-list",
    "number_limit": "the number's dials of 24 hours are used up",
    "number_not_allowed": "the number is outside the profile's allowed prefixes",
    "number_premium": "the number is premium-rate or shared-cost",
    "number_short": "the number is a short one",
    "number_emergency": "the number is an emergency number",
    "number_malformed": "the number is malformed",
}
"""What the checks before every dialling say, by their codes."""


def cause(number: int) -> str:
    """A Q.850 cause in words, with its number."""
    return f"{CAUSES[number]} (cause {number})" if number in CAUSES else f"cause {number}"


def refusal(code: str) -> str:
    """What a check said, in words; the code itself if there are none."""
    return REFUSALS.get(code, code)


def duration(length: timedelta) -> str:
    """A length of time with its two largest units, or one if that says enough: ``2 h 5 min``, ``31 min``, ``45 s``."""
    seconds = max(0, round(length.total_seconds()))
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    for place, (unit, size) in enumerate(units):
        if seconds >= size or unit == "s":
            parts = [f"{seconds // size} {unit}"]
            if place + 1 < len(units):
                lesser, lesser_size = units[place + 1]
                rest = seconds % size // lesser_size
                parts += [f"{rest} {lesser}"] if rest and seconds < 10 * size else []
            return " ".join(parts)
    raise AssertionError("seconds are the last unit")


def stopwatch(length: timedelta) -> str:
    """A running time: ``0:07``, ``12:34``, ``1:02:03``."""
    seconds = max(0, int(length.total_seconds()))
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def wait_classes() -> list[str]:
    """The classes of `WAITS` in words, the last one open."""
    return [*(duration(bound) for bound in WAITS), "longer"]


def count(number: int, one: str, many: str) -> str:
    """``1 attempt``, ``3 attempts``; thousands are set apart."""
    return f"{number:,} {one if number == 1 else many}".replace(",", "\u202f").strip()

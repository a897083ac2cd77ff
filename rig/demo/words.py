"""The daemon's events and words, told to people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

Json = dict[str, Any]

KINDS = {
    "request": "as requested",
    "auto": "auto reschedule",
    "agent": "agent reschedule",
    "client": "client reschedule",
}
OUTCOMES = {
    "answered": "answered",
    "agent_rescheduled": "the agent asked for another try",
    "agent_no_answer": "no agent answered",
    "agent_busy": "the agents are busy",
    "agent_unreachable": "no agent's phone is registered",
    "agent_declined": "the agent declined",
    "agent_no_key": "the agent pressed no key",
    "agent_left": "the agent left",
    "client_busy": "the client's line is busy",
    "client_no_answer": "the client did not answer",
    "client_rejected": "the client rejected the call",
    "client_unreachable": "the client's phone is switched off",
    "client_invalid": "the number does not exist",
    "route_failed": "the call could not be placed",
    "withheld": "the client may not be called now",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}
OFFER_OUTCOMES = {
    "another_try": "the client asked for another try",
    "declined": "the client declined",
    "never_again": "the client asked never to be called again",
    "no_key": "the client pressed nothing",
    "not_answered": "the client did not answer",
}


def told(event: Json) -> str:
    """One event of a call-back's timeline, in a line."""
    match event["type"]:
        case "requested":
            return "request taken"
        case "attempt_started":
            return f"attempt {event['attempt']} ({KINDS[event['kind']]}): the agents are rung"
        case "agent_answered":
            return f"an agent answered at {event['endpoint']} and is told what this is"
        case "key_pressed" if "refused" in event:
            return f"refused: {event['refused']}"
        case "key_pressed":
            return f"key {event['key']} was pressed"
        case "client_dialled":
            return "the client is dialled"
        case "client_ringing":
            return "the client's phone rings; the agent hears it"
        case "client_answered":
            return "the client answered: the two are connected"
        case "client_ended":
            return f"{_ended(event['client_outcome'])}; the agent is told so"
        case "reschedule_armed":
            return "reschedule armed by the agent's key"
        case "reschedule_disarmed":
            return "reschedule disarmed by the agent's key"
        case "attempt_ended":
            return f"attempt {event['attempt']} is over: {event['outcome']}"
        case "resting":
            return f"rests: {_why(event)}"
        case "rescheduled":
            return f"rescheduled ({KINDS[event['kind']]}): due in {_wait(event)}"
        case "offer_scheduled":
            return f"no reschedule is left: the client is asked in {_wait(event)}"
        case "offer_started":
            return f"client offer {event['offer']}: no agent is needed"
        case "offer_answered":
            return "the client answered and hears the offer"
        case "offer_ended":
            return f"the offer is over: {OFFER_OUTCOMES.get(event['outcome'], event['outcome'])}"
        case "moved":
            return "moved to another time"
        case "put_back":
            return f"put back: {_why(event)}"
        case "ended":
            return f"ended: {event['disposition']}"
    return str(event["type"])


def waits_for(callback: Json, now: datetime) -> str:
    """What a call-back waits for, or its state."""
    following = callback.get("next")
    if not following:
        return str(callback["state"])
    wait = (datetime.fromisoformat(callback["due_at"]) - now).total_seconds()
    what = "client offer" if following["step"] == "offer" else KINDS[following["kind"]]
    if wait > 0:
        return f"{callback['state']}: {what} in {wait:.0f} s"
    return f"queued: {what}"


def _ended(client_outcome: str) -> str:
    return "the client's side hung up" if client_outcome == "answered" else OUTCOMES.get(client_outcome, client_outcome)


def _why(event: Json) -> str:
    why = event.get("why") or []
    return "; ".join(why) if isinstance(why, list) else str(why)


def _wait(event: Json) -> str:
    seconds = (datetime.fromisoformat(event["due_at"]) - datetime.fromisoformat(event["at"])).total_seconds()
    return f"{seconds:.0f} s"

"""Why a leg ended before it was answered: SIP responses, Q.850 causes and dial statuses as the domain's outcomes.

Pure. The SIP response (`tech_cause`, Asterisk 22.7 and later) is believed first, else the Q.850 cause unless it is 0,
else the last dial status: never a dial status while a cause exists, for it says NOANSWER of 403, 404 and 603.
"""

from __future__ import annotations

from callbackd.domain.callback import Outcome

_CLIENT_BY_SIP = {
    486: Outcome.CLIENT_BUSY,
    600: Outcome.CLIENT_BUSY,
    480: Outcome.CLIENT_NO_ANSWER,
    408: Outcome.CLIENT_NO_ANSWER,
    403: Outcome.CLIENT_REJECTED,
    603: Outcome.CLIENT_REJECTED,
    487: Outcome.CLIENT_REJECTED,
    607: Outcome.CLIENT_REJECTED,
    608: Outcome.CLIENT_REJECTED,
    404: Outcome.CLIENT_INVALID,
    604: Outcome.CLIENT_INVALID,
    410: Outcome.CLIENT_INVALID,
}
"""What is not here is the route's: 401 and 407 (our credentials), 484 (our number format), 488, 5xx ..."""

_CLIENT_BY_CAUSE = {
    17: Outcome.CLIENT_BUSY,
    18: Outcome.CLIENT_NO_ANSWER,
    19: Outcome.CLIENT_NO_ANSWER,
    21: Outcome.CLIENT_REJECTED,
    1: Outcome.CLIENT_INVALID,
    22: Outcome.CLIENT_INVALID,
    20: Outcome.CLIENT_UNREACHABLE,
    27: Outcome.CLIENT_UNREACHABLE,
}
"""What is not here is the route's: 28, 34, 38, 58, 102, 127, 3, 16 before the answer, 31, 41, 42 ..."""

_CLIENT_BY_DIALSTATUS = {"BUSY": Outcome.CLIENT_BUSY, "NOANSWER": Outcome.CLIENT_NO_ANSWER}

_AGENT_BY_SIP = {
    486: Outcome.AGENT_BUSY,
    600: Outcome.AGENT_BUSY,
    403: Outcome.AGENT_BUSY,
    603: Outcome.AGENT_BUSY,
    480: Outcome.AGENT_NO_ANSWER,
    408: Outcome.AGENT_NO_ANSWER,
    487: Outcome.AGENT_NO_ANSWER,
}

_AGENT_BY_CAUSE = {
    17: Outcome.AGENT_BUSY,
    21: Outcome.AGENT_BUSY,
    16: Outcome.AGENT_NO_ANSWER,
    18: Outcome.AGENT_NO_ANSWER,
    19: Outcome.AGENT_NO_ANSWER,
    26: Outcome.AGENT_NO_ANSWER,
}

_AGENT_BY_DIALSTATUS = {
    "BUSY": Outcome.AGENT_BUSY,
    "CHANUNAVAIL": Outcome.AGENT_UNREACHABLE,
    "CONGESTION": Outcome.AGENT_UNREACHABLE,
}

_SIP_OF_OUR_CANCEL = frozenset({487, 408})
_CAUSES_OF_OUR_HANGUP = frozenset({16, 18, 19, 26, 127})


_SAYS_NOTHING = frozenset({0, 16, 32})
"""Of a leg that was not answered: no cause, normal clearing; and 32, a flag of Asterisk's that is no cause."""


def says_why(cause: int | None) -> bool:
    """Whether a cause tells why a leg that was not answered has ended."""
    return cause is not None and cause not in _SAYS_NOTHING


def final_cause(destroyed: int, requested: int | None, *, answered: bool) -> int:
    """The cause of a leg's end.

    `requested` is what was said when its hanging up was asked for. Of a Local channel that its dialplan refuses before
    Asterisk is done with dialling it, only that has the reason: in the end it is "normal clearing" (seen of 22.10).
    """
    if answered or says_why(destroyed) or requested is None or not says_why(requested):
        return destroyed
    return requested


def classify_client(
    cause: int | None,
    tech_cause: int | str | None,
    dialstatus: str | None,
    network_took: bool,
    timed_out: bool,
) -> Outcome:
    """How a client leg that was never answered ended.

    `network_took`: ringing or progress was seen; without it "no answer" is a dead trunk, not an absent client, and so
    `route_failed`. `timed_out`: our own ring time-out ended the leg; a definite answer that crossed it still counts.
    """
    if timed_out and _ended_by_us(cause, tech_cause):
        outcome = Outcome.CLIENT_NO_ANSWER
    elif (sip := _sip_final(tech_cause)) is not None:
        outcome = _CLIENT_BY_SIP.get(sip, Outcome.ROUTE_FAILED)
    elif cause:
        outcome = _CLIENT_BY_CAUSE.get(cause, Outcome.ROUTE_FAILED)
    else:
        outcome = _CLIENT_BY_DIALSTATUS.get((dialstatus or "").upper(), Outcome.ROUTE_FAILED)
    if outcome is Outcome.CLIENT_NO_ANSWER and not network_took:
        return Outcome.ROUTE_FAILED
    return outcome


def classify_agent(cause: int | None, tech_cause: int | str | None, dialstatus: str | None, timed_out: bool) -> Outcome:
    """How an agent leg that was never answered ended; one that was answered elsewhere (26) counts as no answer."""
    if timed_out and _ended_by_us(cause, tech_cause):
        return Outcome.AGENT_NO_ANSWER
    if (sip := _sip_final(tech_cause)) is not None:
        return _AGENT_BY_SIP.get(sip, Outcome.AGENT_UNREACHABLE)
    if cause:
        return _AGENT_BY_CAUSE.get(cause, Outcome.AGENT_UNREACHABLE)
    return _AGENT_BY_DIALSTATUS.get((dialstatus or "").upper(), Outcome.AGENT_NO_ANSWER)


def _sip_final(tech_cause: int | str | None) -> int | None:
    """The final SIP response that refused the call, if `tech_cause` is one."""
    try:
        code = int(tech_cause) if tech_cause is not None else 0
    except ValueError:
        return None
    return code if 300 <= code < 700 else None


def _ended_by_us(cause: int | None, tech_cause: int | str | None) -> bool:
    """True if nothing but our own hanging up explains the end."""
    sip = _sip_final(tech_cause)
    if sip is not None:
        return sip in _SIP_OF_OUR_CANCEL
    return not cause or cause in _CAUSES_OF_OUR_HANGUP

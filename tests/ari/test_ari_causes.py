"""How a leg that was never answered ended: every row of what was measured on real Asterisks."""

from __future__ import annotations

import pytest

from callbackd.ari.causes import classify_agent, classify_client, final_cause
from callbackd.domain.callback import Outcome as O  # noqa: N817

# SIP response, Q.850 cause that Asterisk makes of it, dial status that comes with it, outcome when the network took it
MEASURED = [
    (486, 17, "BUSY", O.CLIENT_BUSY),
    (600, 17, "BUSY", O.CLIENT_BUSY),
    (480, 19, "NOANSWER", O.CLIENT_NO_ANSWER),
    (408, 18, "NOANSWER", O.CLIENT_NO_ANSWER),
    (403, 21, "NOANSWER", O.CLIENT_REJECTED),
    (603, 21, "NOANSWER", O.CLIENT_REJECTED),
    (401, 21, "NOANSWER", O.ROUTE_FAILED),
    (407, 21, "NOANSWER", O.ROUTE_FAILED),
    (404, 1, "NOANSWER", O.CLIENT_INVALID),
    (604, 1, "NOANSWER", O.CLIENT_INVALID),
    (410, 22, "NOANSWER", O.CLIENT_INVALID),
    (484, 28, "NOANSWER", O.ROUTE_FAILED),
    (487, 127, "NOANSWER", O.CLIENT_REJECTED),
    (607, 127, "NOANSWER", O.CLIENT_REJECTED),
    (608, 127, "NOANSWER", O.CLIENT_REJECTED),
    (488, 58, "NOANSWER", O.ROUTE_FAILED),
    (500, 38, "CONGESTION", O.ROUTE_FAILED),
    (503, 34, "CONGESTION", O.ROUTE_FAILED),
    (504, 102, "NOANSWER", O.ROUTE_FAILED),
]

BY_CAUSE_ALONE = {401: O.CLIENT_REJECTED, 407: O.CLIENT_REJECTED} | dict.fromkeys((487, 607, 608), O.ROUTE_FAILED)
"""Where the cause says less than the SIP response."""


@pytest.mark.parametrize(("sip", "cause", "dialstatus", "outcome"), MEASURED)
@pytest.mark.parametrize("as_text", [False, True])
def test_client_by_sip_response(sip: int, cause: int, dialstatus: str, outcome: O, as_text: bool) -> None:
    assert classify_client(cause, str(sip) if as_text else sip, dialstatus, True, False) is outcome


@pytest.mark.parametrize(("sip", "cause", "dialstatus", "outcome"), MEASURED)
def test_client_by_cause_before_22_7(sip: int, cause: int, dialstatus: str, outcome: O) -> None:
    assert classify_client(cause, None, dialstatus, True, False) is BY_CAUSE_ALONE.get(sip, outcome)


@pytest.mark.parametrize(
    ("cause", "sip"), [(19, 480), (18, 408), (19, None), (18, None), (0, None), (16, None), (None, None)]
)
def test_no_answer_from_a_network_that_never_rang_is_the_routes(cause: int | None, sip: int | None) -> None:
    assert classify_client(cause, sip, "NOANSWER", False, False) is O.ROUTE_FAILED
    assert classify_client(cause, sip, "NOANSWER", False, True) is O.ROUTE_FAILED


@pytest.mark.parametrize(
    ("cause", "sip"), [(19, None), (0, None), (16, None), (None, None), (127, 487), (19, 487), (127, None)]
)
def test_our_own_time_out_while_it_rang_is_no_answer(cause: int | None, sip: int | None) -> None:
    assert classify_client(cause, sip, "", True, True) is O.CLIENT_NO_ANSWER
    assert classify_agent(cause, sip, "", True) is O.AGENT_NO_ANSWER


def test_a_definite_answer_that_crossed_our_time_out_counts() -> None:
    assert classify_client(17, 486, "BUSY", True, True) is O.CLIENT_BUSY
    assert classify_client(1, None, "", True, True) is O.CLIENT_INVALID
    assert classify_agent(17, None, "", True) is O.AGENT_BUSY


@pytest.mark.parametrize("cause", [20, 27])
def test_client_out_of_service(cause: int) -> None:
    assert classify_client(cause, None, "", True, False) is O.CLIENT_UNREACHABLE


@pytest.mark.parametrize("cause", [3, 16, 31, 41, 42, 127, 999])
def test_any_other_cause_is_the_routes(cause: int) -> None:
    assert classify_client(cause, None, "BUSY", True, False) is O.ROUTE_FAILED


@pytest.mark.parametrize("sip", [302, 420, 491, 502, 505, 606])
def test_any_other_sip_response_is_the_routes(sip: int) -> None:
    assert classify_client(17, sip, "BUSY", True, False) is O.ROUTE_FAILED


@pytest.mark.parametrize("tech_cause", [0, 200, "", "nonsense", None])
def test_a_tech_cause_that_refuses_nothing_is_not_believed(tech_cause: int | str | None) -> None:
    assert classify_client(17, tech_cause, "", True, False) is O.CLIENT_BUSY


@pytest.mark.parametrize(
    ("dialstatus", "outcome"),
    [
        ("BUSY", O.CLIENT_BUSY),
        ("CONGESTION", O.ROUTE_FAILED),
        ("NOANSWER", O.CLIENT_NO_ANSWER),
        ("CHANUNAVAIL", O.ROUTE_FAILED),
        ("", O.ROUTE_FAILED),
        (None, O.ROUTE_FAILED),
    ],
)
def test_client_by_dial_status_only_without_a_cause(dialstatus: str | None, outcome: O) -> None:
    assert classify_client(0, None, dialstatus, True, False) is outcome
    assert classify_client(None, None, dialstatus, True, False) is outcome
    assert classify_client(21, None, dialstatus, True, False) is O.CLIENT_REJECTED


@pytest.mark.parametrize(
    ("cause", "sip", "dialstatus", "outcome"),
    [
        (17, None, "", O.AGENT_BUSY),
        (21, None, "", O.AGENT_BUSY),
        (21, 603, "NOANSWER", O.AGENT_BUSY),
        (17, 486, "BUSY", O.AGENT_BUSY),
        (0, None, "BUSY", O.AGENT_BUSY),
        (18, None, "", O.AGENT_NO_ANSWER),
        (19, None, "", O.AGENT_NO_ANSWER),
        (19, 480, "NOANSWER", O.AGENT_NO_ANSWER),
        (16, None, "", O.AGENT_NO_ANSWER),
        (26, None, "", O.AGENT_NO_ANSWER),
        (0, None, "", O.AGENT_NO_ANSWER),
        (None, None, None, O.AGENT_NO_ANSWER),
        (0, None, "NOANSWER", O.AGENT_NO_ANSWER),
        (20, None, "", O.AGENT_UNREACHABLE),
        (3, None, "", O.AGENT_UNREACHABLE),
        (27, None, "", O.AGENT_UNREACHABLE),
        (1, 404, "NOANSWER", O.AGENT_UNREACHABLE),
        (34, 503, "CONGESTION", O.AGENT_UNREACHABLE),
        (0, None, "CHANUNAVAIL", O.AGENT_UNREACHABLE),
        (0, None, "CONGESTION", O.AGENT_UNREACHABLE),
    ],
)
def test_agent(cause: int | None, sip: int | None, dialstatus: str | None, outcome: O) -> None:
    assert classify_agent(cause, sip, dialstatus, False) is outcome


@pytest.mark.parametrize(
    ("destroyed", "requested", "answered", "cause"),
    [
        (16, 20, False, 20),  # a Local channel whose dialplan hung up at once
        (0, 17, False, 17),
        (16, 16, False, 16),
        (16, 32, False, 16),  # a flag of Asterisk's
        (16, None, False, 16),
        (17, 20, False, 17),  # the end has a reason
        (16, 20, True, 16),  # two have talked, and one hung up
    ],
)
def test_the_reason_that_was_asked_with_counts_where_the_end_has_none(
    destroyed: int, requested: int | None, answered: bool, cause: int
) -> None:
    assert final_cause(destroyed, requested, answered=answered) == cause

"""Cancelling takes down what is ringing, and never two who are talking."""

import pytest

from rig.behaviours import presses, rings_for_ever
from rig.daemon import RefusedError
from tests.pbx.company import AGENT, CLIENT, Company, agent, client, expect, heard, profile, reschedules

pytestmark = pytest.mark.pbx


async def test_while_the_agent_is_rung(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, rings_for_ever())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    shown = await company.cancels(asked)
    await desk.ended(1.0)
    assert shown["state"] == "cancelled"
    shown = await company.ended(asked)
    expect(shown, 1, outcome="cancelled", client_outcome=None, counted=False)
    assert reschedules(shown) == (0, 0, 0)
    assert desk.answered_at is None
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (1, 0)


async def test_while_the_agent_listens(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent(""))
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await desk.answered()
    await company.state(asked, "agent")
    await desk.heard_sound()
    await company.cancels(asked)
    await desk.ended(2.0)
    assert heard(desk)[-1] == "agent-cancelled"
    shown = await company.ended(asked)
    expect(shown, 1, outcome="cancelled", counted=False)
    assert company.phones.times_rung(CLIENT) == 0


async def test_while_the_client_is_rung(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "client")
    shown = await company.cancels(asked)
    assert shown["state"] == "cancelled"
    await caller.ended(1.0)
    await desk.ended(2.0)
    assert heard(desk)[-1] == "agent-cancelled"
    shown = await company.ended(asked)
    expect(shown, 1, outcome="cancelled", client_answered_at=None)
    assert reschedules(shown) == (0, 0, 0)
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (1, 1)


async def test_not_while_they_talk(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, presses("1"))
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    caller = await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    with pytest.raises(RefusedError) as refused:
        await company.cancels(asked)
    assert refused.value.status == 409
    assert caller.ended_at is None
    assert (await company.daemon.show(asked))["state"] == "connected"
    await caller.hangup()
    shown = await company.ended(asked)
    assert shown["state"] == "completed"


async def test_while_it_waits_for_its_next_attempt(company: Company) -> None:
    await company.opens(profile(target={"endpoint": "PJSIP/1099"}, agent={"retry_delay": "30s"}))
    asked = await company.asks()
    await company.attempt_over(asked)
    assert (await company.cancels(asked))["state"] == "cancelled"
    with pytest.raises(RefusedError) as refused:
        await company.cancels(asked)
    assert refused.value.status == 409

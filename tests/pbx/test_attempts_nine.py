"""The reschedule key: when it arms, what the agent alone hears of it, and what comes of it."""

import asyncio

import pytest

from rig.behaviours import busy, hears, rings_for_ever, voicemail
from rig.phones import PhoneCall
from tests.pbx.company import (
    AGENT,
    CLIENT,
    Company,
    agent,
    client,
    expect,
    expect_due,
    expect_ended_with,
    heard,
    hears_mark,
    profile,
    reschedules,
    speaking_agent,
)

pytestmark = pytest.mark.pbx

ARMED = ["beep-confirm", "agent-armed"]


async def test_9_while_the_client_is_rung(company: Company) -> None:
    await company.opens(profile(client={"ring": "3s"}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "client")
    await desk.press("9")
    await hears_mark(desk, "agent-armed")
    await hears_mark(desk, "ringing")  # and not silence afterwards
    await caller.ended()
    shown = await company.attempt_over(asked)
    said = heard(desk)
    assert said[said.index("beep-confirm") :][:2] == ARMED
    assert said[-2:] == ["failed-no-answer", "will-retry"]
    expect(shown, 1, outcome="agent_rescheduled", client_outcome="client_no_answer", counted=True, armed=True)
    expect_due(shown, 1, after=3.0)
    assert (shown["state"], reschedules(shown), shown["next"]["kind"]) == ("scheduled", (0, 1, 0), "agent")
    assert company.phones.times_rung(CLIENT) == 1


async def test_9_while_talking_is_confirmed_to_the_agent_alone_and_takes_effect_when_they_hang_up(
    company: Company,
) -> None:
    await company.opens(profile(rescheduling={"delay": "2s"}))
    company.phones.set(AGENT, speaking_agent())
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    await desk.press("9")
    await hears_mark(desk, "agent-armed")
    await hears_mark(desk, "client")  # they talk on
    assert (await company.daemon.show(asked))["state"] == "connected"
    await asyncio.sleep(1.5)  # past the two seconds in which an agent who goes has vanished
    await desk.hangup()
    await caller.ended(1.0)
    shown = await company.attempt_over(asked)
    assert set(heard(caller)) == {"agent"}
    expect(shown, 1, outcome="agent_rescheduled", client_outcome="answered", counted=True, armed=True)
    expect_due(shown, 1, after=2.0)
    expect_ended_with(shown, 1, caller)
    assert reschedules(shown) == (0, 1, 0)
    company.phones.set(CLIENT, client(0.5))
    shown = await company.ended(asked)
    expect(shown, 2, kind="agent", outcome="answered")
    assert (shown["state"], reschedules(shown)) == ("completed", (0, 1, 0))
    assert company.phones.times_rung(CLIENT) == 2


@pytest.mark.oldest
async def test_9_on_a_voicemail_greeting(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, voicemail(greeting="sound:vm-goodbye", records=1.5))
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    await desk.press("9")
    await caller.ended()
    assert caller.ended_at is not None
    shown = await company.attempt_over(asked)
    assert heard(desk, caller.ended_at) == ["failed-hung-up", "will-retry"]
    expect(shown, 1, outcome="agent_rescheduled", client_outcome="answered", counted=True)
    expect_due(shown, 1, after=3.0)
    assert reschedules(shown) == (0, 1, 0)
    assert company.phones.times_rung(CLIENT) == 1


async def test_a_second_9_disarms(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    await desk.press("9")
    await hears_mark(desk, "agent-armed")
    await company.daemon.until(asked, lambda shown: shown["attempts"][0]["armed"])
    await desk.press("9")
    await hears_mark(desk, "agent-disarmed")
    await hears_mark(desk, "client")
    await caller.hangup()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="answered", armed=False, counted=True)
    assert (shown["state"], reschedules(shown)) == ("completed", (0, 0, 0))
    assert company.phones.times_rung(CLIENT) == 1


async def test_9_where_no_reschedule_can_follow_arms_and_says_so(company: Company) -> None:
    await company.opens(profile(rescheduling={"max_reschedules": 0}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    await desk.press("9")
    await hears_mark(desk, "agent-armed-none")
    await asyncio.sleep(2.0)  # past the two seconds in which an agent who goes has vanished
    await desk.hangup()
    await caller.ended(1.0)
    shown = await company.ended(asked)
    expect(shown, 1, outcome="agent_rescheduled", armed=True, counted=True)
    assert (shown["state"], reschedules(shown)) == ("exhausted", (0, 0, 0))


async def test_9_is_just_a_digit_while_agent_rescheduling_is_off(company: Company) -> None:
    await company.opens(profile(rescheduling={"agent": False}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    await desk.press("9")
    await caller.got_digits("9")
    await caller.hangup()
    await desk.ended()
    shown = await company.ended(asked)
    assert caller.ended_at is not None
    assert heard(desk, caller.ended_at) == ["failed-hung-up", "will-not-retry"]
    assert "beep-confirm" not in heard(desk)
    expect(shown, 1, outcome="answered", armed=False)
    assert (shown["state"], reschedules(shown)) == ("completed", (0, 0, 0))


async def test_a_site_may_choose_a_sequence_so_that_9_is_free_for_the_clients_menu(company: Company) -> None:
    await company.opens(profile(agent={"keys": {"reschedule": "*9", "again": "0"}}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    await desk.press("9")
    await caller.got_digits("9")
    await desk.press("*1")
    assert "beep-confirm" not in heard(desk)
    await desk.press("*9")
    await hears_mark(desk, "agent-armed")
    await asyncio.sleep(2.0)  # past the two seconds in which an agent who goes has vanished
    await desk.hangup()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_rescheduled", armed=True)
    assert reschedules(shown) == (0, 1, 0)


async def test_after_a_failure_that_auto_rescheduling_leaves_the_agent_may_press_9(company: Company) -> None:
    await company.opens(profile(rescheduling={"auto": False}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await hears_mark(desk, "press-to-retry")
    await desk.press("9")
    shown = await company.attempt_over(asked)
    said = heard(desk)
    assert said[said.index("failed-busy") :] == ["failed-busy", "will-not-retry", "press-to-retry", *ARMED]
    expect(shown, 1, outcome="agent_rescheduled", client_outcome="client_busy", counted=True, armed=True)
    expect_due(shown, 1, after=3.0)
    expect_ended_with(shown, 1, desk)
    assert (shown["state"], reschedules(shown)) == ("scheduled", (0, 1, 0))
    assert company.phones.times_rung(CLIENT) == 1


async def test_and_if_they_press_nothing_it_is_over(company: Company) -> None:
    await company.opens(profile(rescheduling={"auto": False}, agent={"after_failure": "2s"}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await hears_mark(desk, "press-to-retry")
    began = desk.recording.sound.ends_at
    await desk.ended()
    shown = await company.ended(asked)
    assert desk.ended_at is not None
    assert 1.5 <= desk.ended_at - began <= 3.5
    expect(shown, 1, outcome="client_busy", client_outcome="client_busy", counted=True, armed=False)
    assert (shown["state"], reschedules(shown)) == ("exhausted", (0, 0, 0))
    assert company.phones.times_rung(CLIENT) == 1


async def test_9_while_the_network_still_says_nothing(company: Company) -> None:
    """The connecting sound comes back after the confirmation."""

    async def slow(call: PhoneCall) -> None:
        await asyncio.sleep(3.0)
        await call.ring()
        await call.ended()

    await company.opens(profile(client={"ring": "10s"}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, hears(slow))
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await hears_mark(desk, "connecting")
    await desk.press("9")
    await hears_mark(desk, "agent-armed")
    await hears_mark(desk, "connecting")
    await desk.hangup()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_rescheduled", armed=True, client_outcome=None)

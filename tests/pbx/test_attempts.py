"""An agent is rung first; only after their 1 is the client rung, and then the two talk."""

import asyncio

import pytest

from rig import audio
from rig.behaviours import answers, hears, in_turn, presses, rings_for_ever
from rig.phones import PhoneCall
from tests.pbx.company import (
    AGENT,
    CLIENT,
    COMPANY_NUMBER,
    Company,
    agent,
    client,
    events,
    expect,
    expect_due,
    expect_ended_with,
    heard,
    instant,
    profile,
    reschedules,
    speaking_agent,
    wall_clock,
)

pytestmark = pytest.mark.pbx


@pytest.mark.oldest
async def test_the_agent_presses_1_the_client_is_rung_and_both_hear_each_other(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, speaking_agent("1", after=1.0))
    company.phones.set(CLIENT, client())
    asked = await company.asks(name="Jane Doe")
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    assert (desk.caller_name, desk.caller_number) == ("Jane Doe", CLIENT)
    assert (caller.caller_name, caller.caller_number) == ("Acme Support", COMPANY_NUMBER)
    assert desk.answered_at is not None
    assert caller.arrived_at - desk.answered_at >= 1.0
    await caller.answered()
    await company.state(asked, "connected")
    assert caller.answered_at is not None
    shows = {leg["connected"]["number"] for leg in await company.rig.pbx.channels()}
    assert shows == {CLIENT, COMPANY_NUMBER}, "nobody's display has changed in the bridge"
    await asyncio.sleep(2.2)  # they talk, for longer than a handset that falls back on its hook
    await desk.hangup()
    await caller.ended(1.0)
    shown = await company.ended(asked)
    assert heard(desk, caller.answered_at + 0.3) == ["client"]
    assert heard(caller) == ["agent"]
    assert (shown["state"], reschedules(shown), shown["tries"]) == ("completed", (0, 0, 0), 1)
    expect(shown, 1, kind="request", outcome="answered", client_outcome="answered", counted=True, armed=False)
    expect_ended_with(shown, 1, caller)
    assert events(shown) == [
        *("requested", "attempt_started", "agent_answered", "key_pressed", "client_dialled", "client_ringing"),
        *("client_answered", "attempt_ended", "ended"),
    ]
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (1, 1)


async def test_the_agents_digits_pass_on_to_the_client(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    await desk.press("5*0#12")
    await caller.got_digits("5*0#12")
    await caller.hangup()
    await desk.ended()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="answered", armed=False)
    assert shown["state"] == "completed"


async def test_a_client_who_hangs_up_soon_may_have_been_a_machine_so_the_agent_is_told(company: Company) -> None:
    await company.opens(profile(agent={"after_failure": "2s"}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client(1.0))
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await caller.ended()
    assert caller.ended_at is not None
    shown = await company.ended(asked)
    assert heard(desk, caller.ended_at) == ["failed-hung-up", "will-not-retry", "press-to-retry"]
    assert desk.ended_at is not None
    assert 1.9 <= desk.ended_at - caller.ended_at - 3 * 0.3 <= 3.5, "both ends are as late as the rig learns of them"
    expect(shown, 1, outcome="answered", client_outcome="answered", counted=True)
    expect_ended_with(shown, 1, desk)
    assert (shown["state"], reschedules(shown)) == ("completed", (0, 0, 0))
    assert company.phones.times_rung(CLIENT) == 1


async def test_and_9_in_that_window_brings_a_further_attempt(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client(0.6))
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await caller.ended()
    assert caller.ended_at is not None
    await desk.press("9")
    shown = await company.attempt_over(asked)
    said = heard(desk, caller.ended_at)
    assert said[:1] == ["failed-hung-up"]
    assert said[-2:] == ["beep-confirm", "agent-armed"]
    expect(shown, 1, outcome="agent_rescheduled", client_outcome="answered", counted=True, armed=True)
    expect_due(shown, 1, after=3.0)
    assert (shown["state"], reschedules(shown), shown["next"]["kind"]) == ("scheduled", (0, 1, 0), "agent")
    assert company.phones.times_rung(CLIENT) == 1


async def test_after_thirty_seconds_a_hang_up_is_the_end_of_a_talk(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client(30.5))
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await caller.ended(40)
    await desk.ended(1.0)
    assert caller.ended_at is not None
    assert "failed-hung-up" not in heard(desk, caller.ended_at - 0.5)
    shown = await company.ended(asked)
    assert shown["state"] == "completed"
    expect(shown, 1, outcome="answered")


async def test_a_client_whose_agent_vanishes_hears_an_apology_and_is_tried_again_at_once(company: Company) -> None:
    await company.opens(profile(rescheduling={"max_reschedules": 0}))

    async def drops_the_handset(call: PhoneCall) -> None:
        await call.ring()
        await call.answer()
        await call.press("1")
        caller = await company.phones.call(CLIENT, company.phones.times_rung(AGENT))
        await caller.answered()
        await call.hangup()

    company.phones.set(AGENT, in_turn(drops_the_handset, speaking_agent()))
    company.phones.set(CLIENT, hears(answers(ring=0.5)))
    asked = await company.asks()
    caller = await company.phones.call(CLIENT)
    await caller.ended()
    shown = await company.attempt_over(asked, clean=False)
    assert heard(caller) == ["client-apology"]
    assert caller.answered_at is not None
    assert caller.ended_at is not None
    assert audio.longest_silence(caller.recording.sound, caller.answered_at, caller.ended_at) < 1.0
    expect(shown, 1, outcome="agent_left", client_outcome="answered", counted=False)
    again = await company.phones.call(AGENT, 2, timeout=3.0)
    assert again.arrived_at - caller.ended_at < 1.0
    second = await company.phones.call(CLIENT, 2)
    await second.answered()
    await second.heard_sound()
    await second.hangup()
    await again.hangup()
    shown = await company.ended(asked)
    assert (shown["state"], reschedules(shown), shown["tries"]) == ("completed", (0, 0, 0), 1)
    assert instant(shown["due_at"]) == instant(shown["requested_at"])
    expect(shown, 2, kind="request", outcome="answered", counted=True)
    assert company.phones.times_rung(CLIENT) == 2


async def test_an_agent_who_hangs_up_while_the_client_rings_has_used_up_an_attempt(company: Company) -> None:
    await company.opens(profile(rescheduling={"delay": "1s"}))
    company.phones.set(AGENT, presses("1"))
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "client")
    await asyncio.sleep(0.5)  # it rings
    await desk.hangup()
    await caller.ended(1.0)
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_left", client_outcome=None, counted=True, armed=False)
    expect_due(shown, 1, after=1.0)
    expect_ended_with(shown, 1, caller)
    assert (reschedules(shown), shown["tries"]) == ((1, 0, 0), 1)
    again = await company.phones.call(AGENT, 2)
    assert caller.ended_at is not None
    assert wall_clock(again, again.arrived_at) >= instant(shown["due_at"])
    assert company.phones.times_rung(CLIENT) == 1


async def test_an_agent_who_has_talked_to_the_client_and_hangs_up_has_not_vanished(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await caller.answered()
    await asyncio.sleep(2.3)  # past the two seconds
    await desk.hangup()
    await caller.ended(1.0)
    shown = await company.ended(asked)
    assert shown["state"] == "completed"
    assert "client-apology" not in heard(caller)

"""What the agent hears and may press before 1, and what an agent who cannot be had leaves behind."""

from itertools import pairwise

import pytest

from rig.behaviours import busy, rejects, rings_for_ever, vanishes
from rig.phones import Behaviour
from tests.pbx.company import (
    AGENT,
    CLIENT,
    Company,
    agent,
    expect,
    expect_ended_with,
    heard,
    hears_mark,
    instant,
    profile,
    reschedules,
    wall_clock,
)

pytestmark = pytest.mark.pbx

DIGITS = list(CLIENT.removeprefix("+"))
OTHER = "+14165550199"


async def test_no_key_all_plays_are_heard_then_a_time_out(company: Company) -> None:
    await company.opens(profile(agent={"prompt_repeats": 3, "key_wait": "1s"}))
    company.phones.set(AGENT, agent(""))
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await desk.ended(20)
    shown = await company.attempt_over(asked)
    assert heard(desk) == ["agent-intro", *DIGITS, *("agent-choices",) * 3, "agent-timeout"]
    expect(shown, 1, outcome="agent_no_key", client_outcome=None, client_dialled_at=None, counted=False)
    expect_ended_with(shown, 1, desk)
    assert (reschedules(shown), shown["tries"]) == ((0, 0, 0), 0)
    assert instant(shown["due_at"]) == instant(shown["requested_at"])
    assert desk.ended_at is not None
    again = await company.phones.call(AGENT, 2)
    assert 1.8 <= again.arrived_at - desk.ended_at <= 3.0  # the target rests for agent.retry_delay
    assert company.phones.times_rung(CLIENT) == 0


async def test_no_answer_rings_for_the_time_out_and_the_desk_rests(company: Company) -> None:
    await company.opens(profile(agent={"ring": "1s"}))
    company.phones.set(AGENT, rings_for_ever())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await desk.ended()
    assert 0.8 <= desk.rang_for <= 1.6
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_no_answer", agent_answered_at=None, client_outcome=None, counted=False)
    assert (shown["state"], reschedules(shown)) == ("queued", (0, 0, 0))
    again = await company.phones.call(AGENT, 2)
    assert desk.ended_at is not None
    assert 1.8 <= again.arrived_at - desk.ended_at <= 3.0
    assert company.phones.times_rung(CLIENT) == 0


@pytest.mark.parametrize("refusal", [busy(), rejects()], ids=["486", "403"])
async def test_a_busy_agent(company: Company, refusal: Behaviour) -> None:
    await company.opens()
    company.phones.set(AGENT, refusal)
    asked = await company.asks()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_busy", counted=False)
    assert (shown["state"], reschedules(shown)) == ("queued", (0, 0, 0))
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (1, 0)


@pytest.mark.parametrize("endpoint", ["PJSIP/1099", "PJSIP/4711"], ids=["not registered", "unknown"])
async def test_an_agent_that_cannot_be_reached(company: Company, endpoint: str) -> None:
    await company.opens(profile(target={"endpoint": endpoint}))
    asked = await company.asks()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_unreachable", agent_answered_at=None, counted=False)
    assert (shown["state"], reschedules(shown)) == ("queued", (0, 0, 0))
    assert company.phones.calls() == []
    shown = await company.attempt_over(asked, 2)
    apart = instant(shown["attempts"][1]["started_at"]) - instant(shown["attempts"][0]["ended_at"])
    assert 2.0 <= apart.total_seconds() <= 2.6


async def test_an_agent_who_declines_is_not_asked_again_before_the_others(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent("2"))
    first, second = await company.asks(), await company.asks(OTHER)
    shown = await company.attempt_over(first, clean=False)
    expect(shown, 1, outcome="agent_declined", client_outcome=None, counted=False)
    await company.phones.call(AGENT, 3)
    assert [call.caller_number for call in company.phones.calls(AGENT)] == [CLIENT, OTHER, CLIENT]
    desk = company.phones.calls(AGENT)[0]
    assert heard(desk)[-1] == "agent-declined"
    again = company.phones.calls(AGENT)[2]
    assert desk.ended_at is not None
    assert again.arrived_at - desk.ended_at >= 1.8  # agent.retry_delay
    expect(await company.attempt_over(second, clean=False), 1, outcome="agent_declined")
    assert company.phones.times_rung(CLIENT) == company.phones.times_rung(OTHER) == 0


async def test_an_agent_who_hangs_up_before_1_has_declined(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, vanishes(after=0.4))
    asked = await company.asks()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_declined", client_outcome=None, counted=False)
    assert reschedules(shown) == (0, 0, 0)
    assert company.phones.times_rung(CLIENT) == 0


@pytest.mark.parametrize("key", ["9", "5", "#", "0"])
async def test_any_other_key_replays_the_choices_and_never_hangs_up(company: Company, key: str) -> None:
    """9 too: it arms nothing before 1."""
    await company.opens()
    company.phones.set(AGENT, agent(key, after=0.4))
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await desk.answered()
    await hears_mark(desk, "agent-choices")
    await desk.press("1")
    shown = await company.attempt_over(asked)
    said = heard(desk)
    choices = said.index("agent-choices")
    assert choices < 1 + len(DIGITS)  # the key stopped what was being said
    assert set(said[choices:-2]) <= {"agent-choices", "connecting"}
    assert said[-2:] == ["failed-busy", "will-retry"]
    expect(shown, 1, outcome="client_busy", armed=False)
    assert reschedules(shown) == (1, 0, 0)


async def test_1_stops_the_prompt(company: Company) -> None:
    await company.opens(profile(prompts={}))
    company.phones.set(AGENT, agent("1", after=0.5))
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="client_busy")
    [desk], [caller] = company.phones.calls(AGENT), company.phones.calls(CLIENT)
    assert desk.answered_at is not None
    assert caller.arrived_at - desk.answered_at < 1.5  # the introduction alone takes longer
    assert not set(heard(desk)) & set(DIGITS)


async def test_star_says_all_of_it_again(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent("*", after=1.2))
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await hears_mark(desk, "agent-choices")
    await desk.press("1")
    await company.attempt_over(asked)
    said = heard(desk)
    assert said.count("agent-intro") == 2
    again = said[said.index("agent-intro", 1) :]
    assert again[: 2 + len(DIGITS)] == ["agent-intro", *DIGITS, "agent-choices"]


async def test_the_profile_may_choose_other_keys(company: Company) -> None:
    keys = {"start": "5", "decline": "8", "again": "0", "reschedule": "3"}
    await company.opens(profile(agent={"keys": keys}))
    company.phones.set(AGENT, agent(""))
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await hears_mark(desk, "to-hear-again")
    await desk.press("1")
    await hears_mark(desk, "to-start")
    assert company.phones.times_rung(CLIENT) == 0
    await desk.press("5")
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="client_busy")
    said = heard(desk)
    assert said[1 + len(DIGITS) :][:9] == [
        *("press", "5", "to-start", "press", "8", "to-decline", "press", "0", "to-hear-again"),
    ]


async def test_from_the_second_try_on_the_agent_hears_which_it_is(company: Company) -> None:
    await company.opens(profile(rescheduling={"delay": "1s"}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    await company.attempt_over(asked)
    company.phones.set(AGENT, agent("1", after=4.5))
    desk = await company.phones.call(AGENT, 2)
    await company.attempt_over(asked, 2)
    assert heard(desk)[: len(DIGITS) + 4] == ["agent-intro", *DIGITS, "agent-try", "2", "agent-choices"]


async def test_an_empty_desk_is_not_rung_all_day(company: Company) -> None:
    """The rest doubles with every try that nobody takes, whoever waits; a 1 ends that."""
    await company.opens(profile(agent={"ring": "1s", "retry_delay": "1s"}, rescheduling={"delay": "1s"}))
    company.phones.set(AGENT, rings_for_ever())
    company.phones.set(CLIENT, busy())
    company.phones.set(OTHER, busy())
    first = await company.asks()
    await company.asks(OTHER)
    await (await company.phones.call(AGENT, 3, timeout=15)).ended()
    company.phones.set(AGENT, agent())
    fourth = await company.phones.call(AGENT, 4, timeout=15)
    rung = company.phones.calls(AGENT)
    pauses = [b.arrived_at - (a.ended_at or 0) for a, b in pairwise(rung)]
    assert [round(pause) for pause in pauses] == [1, 2, 4], pauses
    assert {call.caller_number for call in rung} == {CLIENT}  # an uncounted repeat keeps its place
    await company.state(first, "client", "scheduled")
    company.phones.set(AGENT, rings_for_ever())
    await fourth.ended()
    fifth = await company.phones.call(AGENT, 5)
    await fifth.ended()
    sixth = await company.phones.call(AGENT, 6)
    assert fifth.ended_at is not None
    assert sixth.arrived_at - fifth.ended_at == pytest.approx(1.0, abs=0.5)
    assert wall_clock(sixth, sixth.arrived_at) > instant((await company.daemon.show(first))["requested_at"])

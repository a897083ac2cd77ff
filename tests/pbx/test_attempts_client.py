"""What the client's phone did decides: what the agent is told, what follows, and when."""

from itertools import pairwise

import pytest

from rig.behaviours import busy, rejects, rings_for_ever, unallocated
from rig.phones import Behaviour
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
    instant,
    profile,
    reschedules,
    wall_clock,
)

pytestmark = pytest.mark.pbx


@pytest.mark.parametrize(
    ("behaviour", "outcome", "cause", "said"),
    [
        (busy(), "client_busy", 17, "failed-busy"),
        (rejects(), "client_rejected", 21, "failed-rejected"),
    ],
    ids=["busy", "rejects"],
)
async def test_a_failed_attempt_is_told_and_rescheduled(
    company: Company, behaviour: Behaviour, outcome: str, cause: int, said: str
) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, behaviour)
    asked = await company.asks()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome=outcome, client_outcome=outcome, cause=cause, counted=True, client_answered_at=None)
    expect_due(shown, 1, after=3.0)
    assert (shown["state"], reschedules(shown), shown["tries"]) == ("scheduled", (1, 0, 0), 1)
    [desk] = company.phones.calls(AGENT)
    assert heard(desk)[-2:] == [said, "will-retry"]
    expect_ended_with(shown, 1, desk)
    company.phones.set(CLIENT, client(0.5))
    again = await company.phones.call(AGENT, 2)
    assert 0 <= (wall_clock(again, again.arrived_at) - instant(shown["due_at"])).total_seconds() <= 1.0
    second = await company.phones.call(CLIENT, 2)
    await second.ended()
    shown = await company.ended(asked)
    expect(shown, 2, kind="auto", outcome="answered", client_outcome="answered")
    assert (shown["state"], reschedules(shown), shown["tries"]) == ("completed", (1, 0, 0), 2)
    assert company.phones.times_rung(CLIENT) == 2


@pytest.mark.oldest
async def test_a_client_who_does_not_answer_is_rung_for_as_long_as_the_profile_says(company: Company) -> None:
    await company.opens(profile(client={"ring": "2s"}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    caller = await company.phones.call(CLIENT)
    await caller.ended()
    assert caller.rang_for == pytest.approx(2.0, abs=0.5)
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="client_no_answer", client_outcome="client_no_answer", counted=True)
    expect_due(shown, 1, after=3.0)
    assert (shown["state"], reschedules(shown)) == ("scheduled", (1, 0, 0))
    assert heard(company.phones.calls(AGENT)[0])[-2:] == ["failed-no-answer", "will-retry"]
    assert company.phones.times_rung(CLIENT) == 1


async def test_a_number_that_does_not_exist_is_over_at_once(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, unallocated())
    asked = await company.asks()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="client_invalid", client_outcome="client_invalid", cause=1, counted=True)
    assert (shown["state"], reschedules(shown), len(shown["attempts"])) == ("unreachable_number", (0, 0, 0), 1)
    [desk] = company.phones.calls(AGENT)
    assert heard(desk)[-2:] == ["failed-invalid", "will-not-retry"]
    assert company.phones.times_rung(CLIENT) == 1


async def test_9_cannot_bring_a_number_to_life_that_does_not_exist(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "client")
    await desk.press("9")
    await company.daemon.until(asked, lambda shown: shown["attempts"][0]["armed"])
    await caller.hangup(1)
    shown = await company.ended(asked)
    expect(shown, 1, outcome="client_invalid", armed=True)
    assert (shown["state"], reschedules(shown)) == ("unreachable_number", (0, 0, 0))
    assert heard(desk)[-2:] == ["failed-invalid", "will-not-retry"]


async def test_max_reschedules_of_2_allow_three_attempts(company: Company) -> None:
    await company.opens(profile(rescheduling={"delay": "1s", "max_reschedules": 2}, agent={"after_failure": "1s"}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    shown = await company.ended(asked)
    assert (shown["state"], reschedules(shown), shown["tries"]) == ("exhausted", (2, 0, 0), 3)
    assert [attempt["kind"] for attempt in shown["attempts"]] == ["request", "auto", "auto"]
    rung = company.phones.calls(CLIENT)
    assert len(rung) == 3
    desks = company.phones.calls(AGENT)
    for before, after in pairwise(desks):
        assert before.ended_at is not None
        assert after.arrived_at - before.ended_at == pytest.approx(1.0, abs=0.6)
    assert heard(desks[2])[-2:] == ["failed-busy", "will-not-retry"]


async def test_the_client_answers_on_the_second_try(company: Company) -> None:
    await company.opens(profile(rescheduling={"delay": "1s"}, client={"ring": "1s"}))
    company.phones.set(AGENT, agent())
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    await (await company.phones.call(CLIENT)).ended()
    company.phones.set(CLIENT, client(1.0))
    shown = await company.ended(asked)
    assert [(each["outcome"], each["kind"]) for each in shown["attempts"]] == [
        ("client_no_answer", "request"),
        ("answered", "auto"),
    ]
    assert (shown["state"], reschedules(shown)) == ("completed", (1, 0, 0))
    assert company.phones.times_rung(CLIENT) == 2

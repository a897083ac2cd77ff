"""Where the agents are: a phone, several together, a queue; how many at once, in which order; one leg per number."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rig.behaviours import answers, busy, in_turn, presses, rings_for_ever, talks
from rig.daemon import Json
from rig.pbx import QUEUE, QUEUE_MEMBERS, UNREGISTERED
from rig.phones import PhoneCall
from rig.rig import Rig
from tests.pbx.company import AGENT, CLIENT, COMPANY_NUMBER, Company, events, expect, profile

pytestmark = pytest.mark.pbx

THROUGH_THE_QUEUE = "Local/600@callbackd-agents/n"
SECOND_AGENT = "1002"
THIRD_AGENT = "1005"


def number(index: int) -> str:
    """A client's number."""
    return f"+1416555{2000 + index}"


# ---- a queue ------------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def queue(rig: Rig) -> AsyncIterator[Rig]:
    """The queue as it was after the test: nobody paused."""
    yield rig
    for member in QUEUE_MEMBERS:
        await rig.pbx.queue_member(member, paused=False)


async def pause(rig: Rig, paused: bool, *members: str) -> None:
    for member in members or QUEUE_MEMBERS:
        await rig.pbx.queue_member(member, paused=paused)


async def test_a_member_of_the_queue_is_asked_and_the_queue_itself_answers_nothing(
    company: Company, queue: Rig
) -> None:
    await company.opens(profile(target={"endpoint": THROUGH_THE_QUEUE, "queue": QUEUE}))
    first, second = QUEUE_MEMBERS
    company.phones.set(first, presses("1", ring=1.0, after=0.2))
    company.phones.set(second, rings_for_ever())
    company.phones.set(CLIENT, talks(0.5))
    asked = await company.asks(name="Jane Doe")
    rung = await company.phones.call(first)
    assert (rung.caller_name, rung.caller_number) == ("Jane Doe", CLIENT), "the client is on the display"
    shown = await company.state(asked, "agent")
    assert shown["attempts"][0]["agent_answered_at"] is None, "nobody has answered yet"
    other = await company.phones.call(second)
    await other.ended(3.0)
    assert other.answered_at is None, "the other member's phone stops"
    shown = await company.ended(asked)
    expect(shown, 1, outcome="answered")
    assert shown["state"] == "completed"
    [client] = company.phones.calls(CLIENT)
    assert rung.answered_at is not None
    assert client.arrived_at > rung.answered_at


async def test_nobody_in_the_queue_answers(company: Company, queue: Rig) -> None:
    await company.opens(profile(target={"endpoint": THROUGH_THE_QUEUE}, agent={"ring": "1s", "retry_delay": "1m"}))
    for member in QUEUE_MEMBERS:
        company.phones.set(member, rings_for_ever())
    asked = await company.asks()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="agent_no_answer", counted=False)
    for member in QUEUE_MEMBERS:
        [call] = company.phones.calls(member)
        await call.ended(1.0)
    assert company.phones.times_rung(CLIENT) == 0


@pytest.mark.oldest
async def test_it_waits_while_no_member_is_available_and_starts_when_one_is(company: Company, queue: Rig) -> None:
    await pause(queue, True)
    await company.opens(profile(target={"endpoint": THROUGH_THE_QUEUE, "queue": QUEUE}))
    for member in QUEUE_MEMBERS:
        company.phones.set(member, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    asked = await company.asks()
    other = await company.asks(number(1), not_before="2026-01-01T00:00:00Z")
    await company.state(asked, "queued")
    await asyncio.sleep(1.0)  # in which nothing may happen
    assert company.phones.calls() == []
    assert (await company.daemon.show(asked))["attempts"] == []
    await company.cancels(other)
    back = time.monotonic()
    await pause(queue, False, QUEUE_MEMBERS[1])
    call = await company.phones.call(QUEUE_MEMBERS[1])
    assert call.arrived_at - back < 2.0
    assert (await company.ended(asked))["state"] == "completed"
    assert company.phones.times_rung(QUEUE_MEMBERS[0]) == 0, "paused"


async def test_it_waits_while_all_members_are_on_the_phone(company: Company, queue: Rig) -> None:
    await company.opens(profile(target={"endpoint": THROUGH_THE_QUEUE, "queue": QUEUE}))
    for member in QUEUE_MEMBERS:
        company.phones.set(member, answers())
        await queue.pbx.cli(f"channel originate PJSIP/{member} application Wait 60")
        await (await company.phones.call(member)).answered()
    async with asyncio.timeout(5.0):
        while await device_state(queue) == "NOT_INUSE":  # noqa: ASYNC110 (only Asterisk knows when)
            await asyncio.sleep(0.02)
    company.phones.set(CLIENT, talks(0.3))
    asked = await company.asks()
    await company.state(asked, "queued")
    await asyncio.sleep(0.7)  # in which nothing may happen
    assert [company.phones.times_rung(member) for member in QUEUE_MEMBERS] == [1, 1]
    first = QUEUE_MEMBERS[0]
    company.phones.set(first, presses("1", after=0.2))
    await company.phones.calls(first)[0].hangup()
    await company.phones.call(first, nth=2)
    await company.state(asked, "connected", "completed")
    await company.phones.calls(QUEUE_MEMBERS[1])[0].hangup()
    assert (await company.ended(asked))["state"] == "completed"


async def device_state(rig: Rig) -> str:
    answer: Json = await rig.pbx.ari.request("GET", f"/deviceStates/Queue:{QUEUE}_avail")
    return str(answer["state"])


@pytest.mark.parametrize(("cause", "outcome"), [(19, "agent_no_answer"), (20, "agent_unreachable"), (17, "agent_busy")])
@pytest.mark.oldest
async def test_what_the_dialplan_says_of_the_queue_reaches_callbackd(
    company: Company, cause: int, outcome: str
) -> None:
    pbx = company.rig.pbx
    pbx.inbound = "exten => 620,1,Wait(0.3)\n same => n,Hangup(${CAUSE})\n".replace("${CAUSE}", str(cause))
    await pbx.reload()
    try:
        await company.opens(profile(target={"endpoint": "Local/620@from-trunk/n"}, agent={"retry_delay": "1m"}))
        shown = await company.attempt_over(await company.asks())
        expect(shown, 1, outcome=outcome, counted=False, cause=cause)
    finally:
        pbx.inbound = ""
        await pbx.reload()


async def test_a_queue_that_gives_the_call_back_says_so(company: Company) -> None:
    """The sample dialplan's way out of Queue(): TIMEOUT is nobody answered, anything else is nobody there."""
    pbx = company.rig.pbx
    leave = " same => n,Goto(callbackd-agents,queue-is-over,1)\n"
    pbx.inbound = f"exten => 621,1,Queue({QUEUE},r,,,1)\n{leave}exten => 622,1,Queue(no-such-queue)\n{leave}"
    await pbx.reload()
    for member in QUEUE_MEMBERS:
        company.phones.set(member, rings_for_ever())
    try:
        timeout, nobody = (profile(target={"endpoint": f"Local/{each}@from-trunk/n"}) for each in (621, 622))
        await company.opens(timeout, nobody=nobody)
        shown = await company.attempt_over(await company.asks())
        expect(shown, 1, outcome="agent_no_answer")
        shown = await company.attempt_over(await company.asks(number(1), "nobody"))
        expect(shown, 1, outcome="agent_unreachable")
    finally:
        pbx.inbound = ""
        await pbx.reload()


# ---- several endpoints --------------------------------------------------------------------------------------------


async def test_a_list_is_rung_together_and_the_first_to_answer_wins(company: Company) -> None:
    await company.opens(profile(target={"endpoint": [f"PJSIP/{each}" for each in (AGENT, SECOND_AGENT, THIRD_AGENT)]}))
    company.phones.set(AGENT, rings_for_ever())
    company.phones.set(SECOND_AGENT, presses("1", ring=0.7, after=0.3))
    company.phones.set(THIRD_AGENT, rings_for_ever())
    company.phones.set(CLIENT, talks(0.5))
    asked = await company.asks()
    calls = [await company.phones.call(each) for each in (AGENT, SECOND_AGENT, THIRD_AGENT)]
    arrivals = [call.arrived_at for call in calls]
    assert max(arrivals) - min(arrivals) < 0.5, "together"
    first, winner, third = calls
    await winner.answered()
    assert winner.answered_at is not None
    for loser in (first, third):
        await loser.ended(2.0)
        assert loser.answered_at is None
        assert loser.ended_at is not None
        assert loser.ended_at - winner.answered_at < 1.0, "the others stop ringing"
    shown = await company.ended(asked)
    expect(shown, 1, outcome="answered")
    assert company.phones.times_rung(CLIENT) == 1


async def test_two_who_answer_at_once_are_not_both_asked(company: Company) -> None:
    await company.opens(profile(target={"endpoint": [f"PJSIP/{AGENT}", f"PJSIP/{SECOND_AGENT}"]}))
    for agent in (AGENT, SECOND_AGENT):
        company.phones.set(agent, presses("1", ring=0.3, after=0.5))
    company.phones.set(CLIENT, talks(0.5))
    shown = await company.ended(await company.asks())
    expect(shown, 1, outcome="answered")
    assert company.phones.times_rung(CLIENT) == 1
    assert company.phones.times_rung(AGENT) == company.phones.times_rung(SECOND_AGENT) == 1


async def test_an_endpoint_that_cannot_be_rung_does_not_stop_the_others(company: Company) -> None:
    endpoints = [f"PJSIP/{UNREGISTERED}", f"PJSIP/{SECOND_AGENT}", f"PJSIP/{AGENT}"]
    await company.opens(profile(target={"endpoint": endpoints}))
    company.phones.set(SECOND_AGENT, busy())
    company.phones.set(AGENT, presses("1", ring=0.3, after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    shown = await company.ended(await company.asks())
    expect(shown, 1, outcome="answered")


@pytest.mark.parametrize(
    ("first", "second", "third", "outcome"),
    [
        (UNREGISTERED, SECOND_AGENT, AGENT, "agent_no_answer"),
        (UNREGISTERED, SECOND_AGENT, UNREGISTERED, "agent_busy"),
        (UNREGISTERED, UNREGISTERED, UNREGISTERED, "agent_unreachable"),
    ],
)
@pytest.mark.oldest
async def test_when_all_fail_no_answer_beats_busy_beats_unreachable(
    company: Company, first: str, second: str, third: str, outcome: str
) -> None:
    endpoints = [f"PJSIP/{each}" for each in (first, second, third)]
    await company.opens(profile(target={"endpoint": endpoints}, agent={"ring": "1s", "retry_delay": "1m"}))
    company.phones.set(AGENT, rings_for_ever())
    company.phones.set(SECOND_AGENT, busy())
    shown = await company.attempt_over(await company.asks())
    expect(shown, 1, outcome=outcome, counted=False)
    assert company.phones.times_rung(CLIENT) == 0


# ---- how many, in which order -------------------------------------------------------------------------------------


async def test_never_more_agents_are_rung_than_max_concurrent(company: Company) -> None:
    await company.opens(profile(target={"max_concurrent": 2}))
    company.phones.set(AGENT, presses("1", ring=0.5, after=0.2))
    for index in range(4):
        company.phones.set(number(index), talks(0.5))
    asked = [await company.asks(number(index)) for index in range(4)]
    for each in asked:
        assert (await company.daemon.until(each, lambda shown: shown["ended_at"]))["state"] == "completed"
    calls = company.phones.calls(AGENT)
    assert len(calls) == 4
    assert most_at_once(calls) == 2
    assert calls[1].arrived_at - calls[0].arrived_at < 0.5, "two at once, not one after the other"


async def test_one_at_a_time_unless_more_is_set(company: Company) -> None:
    await company.opens()
    company.phones.set(AGENT, presses("1", after=0.2))
    for index in range(2):
        company.phones.set(number(index), talks(0.3))
    for each in [await company.asks(number(index)) for index in range(2)]:
        await company.daemon.until(each, lambda shown: shown["ended_at"])
    assert most_at_once(company.phones.calls(AGENT)) == 1


async def test_the_limit_of_all_profiles_together(company: Company) -> None:
    second = profile(target={"endpoint": f"PJSIP/{SECOND_AGENT}"})
    await company.opens(sales=second, settings={"limits": {"max_concurrent": 1}})
    asked = []
    for agent, name in ((AGENT, "support"), (SECOND_AGENT, "sales")):
        company.phones.set(agent, presses("1", after=0.2))
        company.phones.set(number(int(agent)), talks(0.3))
        asked.append(await company.asks(number(int(agent)), name))
    for each in asked:
        await company.daemon.until(each, lambda shown: shown["ended_at"])
    assert most_at_once([*company.phones.calls(AGENT), *company.phones.calls(SECOND_AGENT)]) == 1


async def test_one_number_in_two_profiles_never_has_two_legs(company: Company) -> None:
    await company.opens(sales=profile(target={"endpoint": f"PJSIP/{SECOND_AGENT}"}))
    for agent in (AGENT, SECOND_AGENT):
        company.phones.set(agent, presses("1", after=0.3))
    company.phones.set(CLIENT, talks(0.7))
    asked = [await company.asks(profile="support"), await company.asks(profile="sales")]
    assert asked[0] != asked[1]
    for each in asked:
        shown = await company.daemon.until(each, lambda shown: shown["ended_at"])
        assert shown["state"] == "completed"
    clients = company.phones.calls(CLIENT)
    assert (len(clients), most_at_once(clients)) == (2, 1)
    agents = [*company.phones.calls(AGENT), *company.phones.calls(SECOND_AGENT)]
    assert most_at_once(agents) == 1, "the second agent is not even rung while the number is on the phone"


async def test_by_priority_then_by_due(company: Company) -> None:
    await company.opens(profile(rescheduling={"auto": False, "delay": "1h"}, agent={"after_failure": "0s"}))
    company.phones.set(AGENT, presses("1", ring=1.0, after=0.2))
    for index in range(5):
        company.phones.set(number(index), busy())
    first = await company.asks(number(0))
    await company.state(first, "agent")  # it has the agent: the others wait
    waiting = [
        await company.asks(number(1), priority=-5),
        await company.asks(number(2)),
        await company.asks(number(3), priority=7),
        await company.asks(number(4)),
    ]
    for each in waiting:
        await company.daemon.until(each, lambda shown: shown["ended_at"], within=40.0)
    clients = [call.extension for call in company.phones.calls() if call.extension != AGENT]
    assert clients == [number(index) for index in (0, 3, 2, 4, 1)]


async def test_one_that_an_agent_declined_lets_others_go_first(company: Company) -> None:
    await company.opens(profile(agent={"retry_delay": "1m"}))
    company.phones.set(AGENT, in_turn(presses("2", after=0.5), presses("1", after=0.2)))
    declined = await company.asks(number(0), priority=50)
    other = await company.asks(number(1))
    company.phones.set(number(1), talks(0.3))
    assert (await company.ended(other))["state"] == "completed"
    shown = await company.daemon.show(declined)
    expect(shown, 1, outcome="agent_declined", counted=False)
    assert events(shown)[-1] == "resting"
    assert company.phones.times_rung(number(0)) == 0
    assert [call.caller_number for call in company.phones.calls(AGENT)] == [number(0), number(1)]


@pytest.mark.oldest
async def test_the_clients_see_the_company_and_nothing_of_the_agent(company: Company) -> None:
    await company.opens(profile(target={"endpoint": [f"PJSIP/{AGENT}", f"PJSIP/{SECOND_AGENT}"]}))
    company.phones.set(AGENT, busy())
    company.phones.set(SECOND_AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    await company.ended(await company.asks())
    [client] = company.phones.calls(CLIENT)
    assert (client.caller_name, client.caller_number) == ("Acme Support", COMPANY_NUMBER)


def most_at_once(calls: list[PhoneCall]) -> int:
    """How many of those calls there were at the same time, at most."""
    changes = sorted(
        [(call.arrived_at, 1) for call in calls] + [(call.ended_at or time.monotonic(), -1) for call in calls]
    )
    live = most = 0
    for _, change in changes:
        live += change
        most = max(most, live)
    return most

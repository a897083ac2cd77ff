"""The link between callbackd and Asterisk is shut, reset, stalled or cut in every state: what the phones see of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rig.behaviours import answers, in_turn, presses, rings_for_ever, talks
from rig.daemon import Callbackd, Json
from rig.proxy import Cut, Proxy
from tests.pbx.company import AGENT, CLIENT, Company, expect, hears_mark, profile, speaking_agent
from tests.pbx.scenes import (
    ALL,
    UNSEEN,
    AgentRings,
    AnsweredUnseen,
    ClientDialled,
    ClientRings,
    Fault,
    OneLeaves,
    Stage,
    Talking,
    client_who_answers_at,
)

pytestmark = pytest.mark.pbx

FOUND_WITHIN = 25.0
"""Seconds in which a half-open link is found: ping 10 s, pong 5 s; or silence 15 s, proof 5 s; and some."""


@pytest_asyncio.fixture(loop_scope="session")
async def proxy(company: Company) -> AsyncIterator[Proxy]:
    """Between the company's callbackd and its PBX."""
    async with Proxy(company.rig.pbx.slot.http_port) as made:
        yield made


def through(proxy: Proxy, company: Company) -> Json:
    """The settings of a callbackd whose Asterisk is behind the proxy."""
    pbx = company.rig.pbx
    return {"ari": {"url": proxy.url, "username": pbx.ari_user, "password": pbx.ari_password}}


def losses(daemon: Callbackd) -> int:
    """How often the link was lost, as its log tells."""
    return daemon.log.read_text().count("no link to Asterisk")


async def lost(daemon: Callbackd, times: int, within: float = FOUND_WITHIN) -> None:
    """Waits until the link has been lost so often."""
    until = time.monotonic() + within
    while losses(daemon) < times:
        assert time.monotonic() < until, f"not lost {times} times within {within} s:\n{daemon.log.read_text()}"
        await asyncio.sleep(0.02)


# ---- every state --------------------------------------------------------------------------------------------------


async def test_websocket_shut_from_asterisks_console_in_every_state(
    company: Company, subtests: pytest.Subtests
) -> None:
    if "No such command" in await company.rig.pbx.cli("core show help ari shutdown websocket session"):
        pytest.skip("this Asterisk's console can't shut a websocket; resets are tried below")
    stage = Stage(company)
    await stage.opens((*ALL, OneLeaves))
    await stage.set()
    sessions = await company.rig.pbx.cli("ari show websocket sessions")
    [session] = [line.split()[0] for line in sessions.splitlines() if line.rstrip().endswith("callbackd")]
    await asyncio.gather(company.rig.pbx.cli(f"ari shutdown websocket session {session}"), stage.during())
    await lost(company.daemon, 1)
    await company.daemon.ready()
    await stage.judge(Fault.LOST, subtests)


async def test_connections_reset_and_refused_for_a_while_in_every_state(
    company: Company, proxy: Proxy, subtests: pytest.Subtests
) -> None:
    stage = Stage(company)
    await stage.opens((*ALL, *UNSEEN), through(proxy, company))
    await stage.set()
    proxy.refuses()
    await company.daemon.not_ready()
    await stage.during()
    await asyncio.sleep(1.0)
    await proxy.passes()
    await company.daemon.ready()
    await stage.judge(Fault.LOST, subtests)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Partitions of 1 to 60 s, and of those lengths that were asked for with --partition."""
    if "partitioned" in metafunc.fixturenames:
        metafunc.parametrize("partitioned", [1.0, 15.0, 60.0, *metafunc.config.getoption("partition")])


@pytest.mark.timeout(1200)
async def test_partition(company: Company, proxy: Proxy, subtests: pytest.Subtests, partitioned: float) -> None:
    """Every byte is held for so many seconds, and nobody is told."""
    stage = Stage(company)
    noticed = () if partitioned < 10.0 else (AnsweredUnseen, OneLeaves)
    rung = () if partitioned > 100.0 else (AgentRings, ClientDialled, ClientRings)  # nobody's phone rings so long
    await stage.opens((Talking, *rung, *noticed), through(proxy, company))
    await stage.set()
    proxy.stall()
    await stage.during()
    await asyncio.sleep(partitioned)
    await proxy.passes()
    await company.daemon.ready()
    await asyncio.sleep(0.5)
    await company.daemon.ready()
    was_lost = losses(company.daemon) > 0
    assert was_lost or partitioned < FOUND_WITHIN
    await stage.judge(Fault.LOST if was_lost else Fault.NONE, subtests)


async def test_answered_in_a_partition_that_outlasts_the_ring_time_out(company: Company, proxy: Proxy) -> None:
    """Our time-out strikes while nothing is seen. The two who talk are not taken for a client who did not answer."""
    daemon = await company.opens(profile(client={"ring": "6s"}), settings=through(proxy, company))
    company.phones.set(AGENT, speaking_agent())
    picks_up = asyncio.Event()
    company.phones.set(CLIENT, client_who_answers_at(picks_up))
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "client")
    proxy.stall()
    picks_up.set()
    await caller.answered()
    await lost(daemon, 1)
    await asyncio.sleep(1.0)
    await proxy.passes()
    await daemon.ready()
    await company.state(asked, "connected")
    await hears_mark(desk, "client")
    await hears_mark(caller, "agent")
    await caller.hangup()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="answered", client_outcome="answered")
    assert (shown["state"], company.phones.times_rung(CLIENT)) == ("completed", 1)


async def test_an_agent_whose_time_out_strikes_in_a_partition_is_interrupted(company: Company, proxy: Proxy) -> None:
    daemon = await company.opens(profile(agent={"ring": "3s"}), settings=through(proxy, company))
    company.phones.set(AGENT, in_turn(rings_for_ever(), presses("1", after=0.2)))
    company.phones.set(CLIENT, talks(0.3))
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    proxy.refuses()
    await desk.ended()  # by Asterisk's own time-out
    await asyncio.sleep(1.0)
    await proxy.passes()
    await daemon.ready()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="interrupted", counted=False)
    expect(shown, 2, outcome="answered")
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (2, 1)


# ---- one request --------------------------------------------------------------------------------------------------

REQUESTS = {
    "ring the agent": b"POST /ari/channels ",
    "make the client's leg": b"POST /ari/channels/create ",
    "dial the client": b"/dial ",
}


@pytest.mark.parametrize("when", Cut)
async def test_no_phone_rings_twice_for_a_request_without_an_answer(
    company: Company, proxy: Proxy, subtests: pytest.Subtests, when: Cut
) -> None:
    support = profile(agent={"retry_delay": "1s", "after_failure": "0s"}, rescheduling={"delay": "1s"})
    await company.opens(support, settings=through(proxy, company))
    for name, request in REQUESTS.items():
        await company.rig.phones.reset()
        company.phones.set(AGENT, presses("1", ring=0.5, after=0.1))
        company.phones.set(CLIENT, talks(0.3, ring=0.5))
        proxy.cuts(request, when)
        asked = await company.asks()
        shown = await company.ended(asked)
        with subtests.test(msg=name):
            assert proxy.cut.is_set()
            assert shown["state"] == "completed"
            attempts = shown["attempts"]
            answered = [attempt for attempt in attempts if attempt["agent_answered_at"] is not None]
            dialled = [attempt for attempt in attempts if attempt["client_dialled_at"] is not None]
            assert company.phones.times_rung(AGENT) == len(answered), attempts
            assert 1 <= company.phones.times_rung(CLIENT) <= len(dialled), attempts
            if when is Cut.AFTER:
                assert (len(attempts), company.phones.times_rung(CLIENT)) == (1, 1), "heard, and found to have been"


async def test_a_network_that_stops_with_a_request_on_its_way(company: Company, proxy: Proxy) -> None:
    """Whether it arrives in the end or not: one ring at most for the attempt that it belonged to."""
    daemon = await company.opens(profile(agent={"retry_delay": "1s"}), settings=through(proxy, company))
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    proxy.stalls_at(REQUESTS["ring the agent"])
    asked = await company.asks()
    await lost(daemon, 1)
    assert company.phones.calls() == []
    await proxy.passes()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="interrupted", counted=False)
    expect(shown, 2, outcome="answered")
    assert company.phones.times_rung(AGENT) <= 2
    assert (shown["state"], company.phones.times_rung(CLIENT)) == ("completed", 1)


async def test_a_leg_of_ours_that_no_call_follows_is_taken_down(company: Company) -> None:
    """As a request makes it that arrives after all, when its call has long been given up."""
    await company.opens()
    company.phones.set(AGENT, rings_for_ever())
    name = f"cb-{'0' * 26}-a000001-a00"
    await company.rig.pbx.ari.request(
        "POST", "/channels", {"endpoint": f"PJSIP/{AGENT}", "app": "callbackd", "channelId": name}
    )
    desk = await company.phones.call(AGENT)
    await desk.ended(5.0)
    await company.rig.no_channels_left()


# ---- what is proven -----------------------------------------------------------------------------------------------


async def test_nobody_is_rung_while_the_link_is_not_proven(company: Company, proxy: Proxy) -> None:
    """The websocket opens and requests are answered, but no event comes back: a phone would ring for nobody."""
    proxy.deafens()
    daemon = Callbackd(
        proxy.url, company.rig.pbx.ari_user, company.rig.pbx.ari_password, {"support": profile()}
    )
    try:
        await daemon.start(wait=False)
        await daemon.not_ready()
        company.phones.set(AGENT, presses("1", after=0.2))
        company.phones.set(CLIENT, talks(0.3))
        asked = await daemon.request("support", CLIENT)
        await lost(daemon, 1)  # the proof did not come back
        assert company.phones.calls() == []
        await proxy.passes()
        shown = await daemon.until(asked, lambda shown: shown["ended_at"] is not None)
        assert shown["state"] == "completed"
        assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (1, 1)
    finally:
        await daemon.close()


async def test_a_link_that_grows_deaf_is_found_and_whoever_answered_is_not_kept(company: Company, proxy: Proxy) -> None:
    daemon = await company.opens(profile(agent={"ring": "1m", "retry_delay": "1s"}), settings=through(proxy, company))
    company.phones.set(AGENT, in_turn(answers(), presses("1", after=0.2)))
    company.phones.set(CLIENT, talks(0.3))
    proxy.deafens()
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await desk.answered()
    await lost(daemon, 1)
    await proxy.passes()
    await daemon.ready()
    await desk.ended(3.0)
    shown = await company.ended(asked)
    expect(shown, 1, outcome="interrupted", counted=False)
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (2, 1)

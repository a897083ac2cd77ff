"""What networks answer, and what becomes of a call-back then: the client's phone decides, and no trunk of ours."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import pytest_asyncio

from rig.behaviours import busy, presses, rings_for_ever, talks, unallocated
from rig.daemon import Json
from tests.pbx.company import AGENT, CLIENT, Company, events, expect, instant, profile
from tests.pbx.versions import outcome_of

pytestmark = pytest.mark.pbx

PER_SECOND = 1000
"""What the database counts in."""

OF_STATUS = {
    486: "client_busy",
    600: "client_busy",
    403: "client_rejected",
    603: "client_rejected",
    607: "client_rejected",
    608: "client_rejected",
    404: "client_invalid",
    410: "client_invalid",
    604: "client_invalid",
    480: "route_failed",  # without ringing, a dead trunk must not look like an absent client
    408: "route_failed",
    401: "route_failed",
    407: "route_failed",
    484: "route_failed",
    488: "route_failed",
    500: "route_failed",
    502: "route_failed",
    503: "route_failed",
    504: "route_failed",
}
OF_STATUS_AFTER_RINGING = {480: "client_no_answer", 408: "client_no_answer", 486: "client_busy", 603: "client_rejected"}


def number(index: int) -> str:
    """A client's number."""
    return f"+1416555{3000 + index}"


def through(trunk: str, **changes: Json) -> Json:
    """A profile whose clients are behind that trunk; what fails is not tried again while the test runs."""
    client = {"endpoint": f"PJSIP/{{number}}@{trunk}", **changes.pop("client", {})}
    rules = {"delay": "1h", **changes.pop("rescheduling", {})}
    return profile(client=client, rescheduling=rules, agent={"after_failure": "0s", "ring": "20s"}, **changes)


def rest_after(shown: Json, attempt: int) -> float:
    """For how many seconds it rests after that attempt."""
    ended = instant(shown["attempts"][attempt - 1]["ended_at"])
    return (instant(shown["next"]["rests_until"]) - ended).total_seconds()


@pytest.mark.oldest
async def test_every_answer_of_a_network_means_what_it_means(company: Company) -> None:
    profiles = {f"sip{status}": through(f"trunk{status}") for status in OF_STATUS}
    await company.opens(**profiles, settings={"limits": {"max_concurrent": 6}})
    company.phones.set(AGENT, presses("1", after=0.2))
    asked = {status: await company.asks(number(status), f"sip{status}") for status in OF_STATUS}
    shown = {status: await company.attempt_over(each, within=60.0, clean=False) for status, each in asked.items()}
    expected = {status: outcome_of(company.rig, status, outcome) for status, outcome in OF_STATUS.items()}
    assert {status: each["attempts"][0]["outcome"] for status, each in shown.items()} == expected
    for status, outcome in expected.items():
        assert len(company.rig.responders[status].invites) == 1, f"{status} was called once"
        counted = outcome != "route_failed"
        expect(shown[status], 1, client_outcome=outcome, counted=counted)
        if outcome == "client_invalid":
            assert shown[status]["state"] == "unreachable_number"
        elif counted:
            assert shown[status]["reschedules"]["auto"] == 1
        else:
            assert shown[status]["reschedules"]["auto"] == 0
            assert rest_after(shown[status], 1) == pytest.approx(30.0, abs=0.01)
    await company.rig.no_channels_left()


@pytest.mark.oldest
async def test_after_ringing_480_and_408_are_an_absent_client(company: Company) -> None:
    trunks = {status: f"ringing{status}" for status in OF_STATUS_AFTER_RINGING}
    for status, trunk in trunks.items():
        await company.rig.add_responder(trunk, status, ringing=True, delay=0.5)
    await company.opens(
        **{trunk: through(trunk) for trunk in trunks.values()}, settings={"limits": {"max_concurrent": 4}}
    )
    company.phones.set(AGENT, presses("1", after=0.2))
    asked = {status: await company.asks(number(status), trunk) for status, trunk in trunks.items()}
    shown = {status: await company.attempt_over(each, within=30.0, clean=False) for status, each in asked.items()}
    assert {status: each["attempts"][0]["outcome"] for status, each in shown.items()} == OF_STATUS_AFTER_RINGING
    assert all(each["attempts"][0]["counted"] for each in shown.values())


async def test_a_trunk_that_fails_uses_up_nothing_and_rests_twice_as_long_each_time(company: Company) -> None:
    await company.opens(through("trunk503"))
    company.phones.set(AGENT, presses("1", after=0.2))
    asked = await company.asks()
    moved: Json = {}
    for attempt, seconds in ((1, 30), (2, 60), (3, 120)):
        shown = await company.attempt_over(asked, attempt)
        expect(shown, attempt, kind="request", outcome="route_failed", counted=False)
        assert rest_after(shown, attempt) == pytest.approx(seconds, abs=0.01)
        assert (shown["state"], shown["tries"]) == ("queued", 0)
        moved_to = shown["requested_at"] if attempt == 1 else moved["due_at"]
        assert shown["due_at"] == moved_to, "it keeps its place"
        moved = await company.daemon.call("POST", f"/callbacks/{asked}/reschedule", {"at": shown["requested_at"]})
    assert shown["reschedules"] == {"auto": 0, "agent": 0, "client": 0}


async def test_a_trunk_that_never_says_anything_is_no_absent_client(company: Company) -> None:
    await company.opens(through("trunksilent", client={"ring": "1s"}))
    company.phones.set(AGENT, presses("1", after=0.2))
    shown = await company.attempt_over(await company.asks())
    expect(shown, 1, outcome="route_failed", client_outcome="route_failed", counted=False)
    assert len(company.rig.silent.calls) == 1


async def test_a_client_who_does_not_answer_is_rung_no_longer_than_set(company: Company) -> None:
    await company.opens(through("trunkringing", client={"ring": "1s"}))
    company.phones.set(AGENT, presses("1", after=0.2))
    shown = await company.attempt_over(await company.asks())
    expect(shown, 1, outcome="client_no_answer", counted=True)
    [invite] = company.rig.ringing.invites
    assert invite.cancelled_at is not None
    assert invite.cancelled_at - invite.arrived_at == pytest.approx(1.0, abs=0.4)


# ---- the route breaker --------------------------------------------------------------------------------------------


async def refused_three_times(company: Company) -> list[str]:
    """Four call-backs on a route that says of every number that it does not exist; three have been tried."""
    asked = [await company.asks(number(index)) for index in range(4)]
    for each in asked[:3]:
        await company.attempt_over(each, within=40.0, clean=False)
    await company.daemon.until(asked[0], lambda shown: "put_back" in events(shown))
    return asked


async def test_three_numbers_that_all_do_not_exist_mean_our_route(company: Company) -> None:
    await company.opens(through("trunk404"), sales=through("trunk"))
    company.phones.set(AGENT, presses("1", after=0.2))
    asked = await refused_three_times(company)
    assert "route paused" in company.daemon.log.read_text()
    for each in asked[:3]:
        shown = await company.daemon.show(each)
        expect(shown, 1, outcome="client_invalid")
        assert (shown["state"], shown["ended_at"]) == ("queued", None), "put back, not ended"
        assert shown["reschedules"] == {"auto": 0, "agent": 0, "client": 0}
    # Another profile's route works on, and meanwhile nobody is dialled on this one.
    company.phones.set(CLIENT, talks(0.5))
    other = await company.ended(await company.asks(CLIENT, "sales"))
    assert other["state"] == "completed"
    assert len(company.rig.responders[404].invites) == 3
    assert (await company.daemon.show(asked[3]))["attempts"] == []
    assert company.phones.times_rung(AGENT) == 4
    stored = condition(company)
    assert stored["route_probes"] == 0
    opened = instant((await company.daemon.show(asked[2]))["attempts"][-1]["ended_at"])
    pause = stored["route_open_until"] / PER_SECOND - opened.timestamp()
    assert pause == pytest.approx(60.0, abs=0.01)


async def test_the_pause_survives_a_restart_and_then_one_call_back_probes_the_route(company: Company) -> None:
    trunk = await company.rig.add_responder("brokentrunk", 404)
    daemon = await company.opens(through("brokentrunk"))
    company.phones.set(AGENT, presses("1", after=0.2))
    asked = await refused_three_times(company)
    await daemon.stop()
    await daemon.start()
    assert company.phones.times_rung(AGENT) == 3, "still paused"
    await daemon.stop()
    pass_the_pause(company)
    await daemon.start()
    probe = await company.attempt_over(asked[3], within=20.0)
    assert probe["state"] in ("queued", "scheduled"), "a failed probe is put back too"
    assert (len(trunk.invites), company.phones.times_rung(AGENT)) == (4, 4), "one probe, by a number not suspected"
    assert condition(company)["route_probes"] == 1
    await daemon.stop()
    pass_the_pause(company)
    trunk.status = 486
    await daemon.start()
    for each in asked:  # they rest a moment longer than the pause; we do not wait for that either
        await daemon.call("POST", f"/callbacks/{each}/reschedule", {"at": probe["requested_at"]})
    for each in asked:
        await daemon.until(each, lambda shown: shown["reschedules"]["auto"] == 1, within=30.0)
    assert condition(company)["route_open_until"] is None
    assert "route works again" in daemon.log.read_text()
    assert len(trunk.invites) == 8


def condition(company: Company) -> Json:
    """What is stored of the route of `support`."""
    with sqlite3.connect(company.daemon.folder / "callbackd.sqlite3") as database:
        database.row_factory = sqlite3.Row
        return dict(database.execute("SELECT * FROM conditions WHERE profile = 'support'").fetchone())


def pass_the_pause(company: Company) -> None:
    """As if the pause were over: the one thing that a test cannot wait for."""
    with sqlite3.connect(company.daemon.folder / "callbackd.sqlite3") as database:
        changed = database.execute("UPDATE conditions SET route_open_until = 1 WHERE profile = 'support'")
        assert changed.rowcount == 1


# ---- clients behind the dialplan ----------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def local_routes(company: Company) -> AsyncIterator[None]:
    """Extensions that a client route may lead to."""
    pbx = company.rig.pbx
    pbx.inbound = "exten => _81X.,1,Busy(20)\nexten => _82X.,1,Congestion(20)\nexten => _83X.,1,Hangup(20)\n"
    await pbx.reload()
    yield
    pbx.inbound = ""
    await pbx.reload()


@pytest.mark.usefixtures("local_routes")
async def test_busy_and_congestion_of_a_dialplan_are_told_at_once(company: Company) -> None:
    endpoints = {name: f"Local/{digits}{{digits}}@from-trunk/n" for name, digits in
                 (("busy", 81), ("congested", 82), ("off", 83))}  # fmt: skip
    await company.opens(**{name: through("", client={"endpoint": each}) for name, each in endpoints.items()})
    company.phones.set(AGENT, presses("1", after=0.2))
    asked = {name: await company.asks(number(index), name) for index, name in enumerate(endpoints)}
    shown = {name: await company.attempt_over(each, clean=False) for name, each in asked.items()}
    assert {name: each["attempts"][0]["outcome"] for name, each in shown.items()} == {
        "busy": "client_busy",
        "congested": "route_failed",
        "off": "client_unreachable",
    }
    for each in shown.values():
        record = each["attempts"][0]
        took = instant(record["ended_at"]) - instant(record["client_dialled_at"])
        assert took < timedelta(seconds=3), "not when the dialplan is tired of it"
    await company.rig.no_channels_left()


async def test_the_sample_dialplans_client_route_hands_on_what_the_network_says(company: Company) -> None:
    await company.opens(through("", client={"endpoint": "Local/{number}@callbackd-clients/n", "ring": "2s"}))
    company.phones.set(AGENT, presses("1", after=0.2))
    behaviours = {"client_busy": busy(), "client_invalid": unallocated(), "client_no_answer": rings_for_ever(),
                  "answered": talks(0.5)}  # fmt: skip
    for index, (outcome, behaviour) in enumerate(behaviours.items()):
        company.phones.set(number(index), behaviour)
        shown = await company.attempt_over(await company.asks(number(index)))
        expect(shown, 1, outcome=outcome, counted=True)
        [call] = company.phones.calls(number(index))
        await asyncio.wait_for(call.ended(), 1.0)

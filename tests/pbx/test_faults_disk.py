"""The disk of the database is full, at every moment of a call-back: what phones and people see of it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from rig.behaviours import presses, rings_for_ever, talks
from rig.daemon import Json, RefusedError
from rig.disk import DiskError, SmallDisk
from tests.pbx.company import (
    AGENT,
    CLIENT,
    Company,
    client,
    expect,
    hears_mark,
    profile,
    reschedules,
    speaking_agent,
)
from tests.pbx.test_daemon import says

pytestmark = pytest.mark.pbx

OTHER = "+14165550188"
SPACE_WITHIN = 15.0
"""Seconds in which callbackd notices that there is space again."""


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    """For the database."""
    try:
        with SmallDisk(tmp_path / "disk") as made:
            yield made
    except DiskError as error:
        if os.environ.get("CI"):
            pytest.fail(f"no disk that can be filled, and CI needs one: {error}", pytrace=False)
        pytest.skip(str(error))


def on(disk: SmallDisk) -> Json:
    """The settings of a callbackd whose database is there."""
    return {"database": str(disk.folder / "callbackd.sqlite3")}


async def readiness(company: Company) -> tuple[int, str]:
    """What /readyz says of the database."""
    status, text = await company.daemon.get_root("/readyz")
    return status, json.loads(text)["checks"]["database"]


async def test_requests_are_refused_and_nothing_that_was_confirmed_is_lost(company: Company, disk: SmallDisk) -> None:
    daemon = await company.opens(profile(target={"max_concurrent": 0}), settings=on(disk))
    kept = [await company.asks(f"+1416555{last:04d}") for last in range(200, 205)]
    disk.fill()
    for _ in range(3):
        with pytest.raises(RefusedError) as refused:
            await company.asks(OTHER)
        assert refused.value.status == 503
    assert await readiness(company) == (503, "can't be written")
    assert [(await daemon.show(each))["state"] for each in kept] == ["queued"] * 5
    await daemon.kill()
    disk.empty()
    await daemon.start()
    items = (await daemon.call("GET", "/callbacks"))["items"]
    assert sorted(each["id"] for each in items) == sorted(kept), "what was confirmed, and that only"
    assert await company.asks(OTHER) not in kept
    assert await readiness(company) == (200, "ok")


async def test_nothing_is_dialled_that_can_not_be_written(company: Company, disk: SmallDisk) -> None:
    daemon = await company.opens(settings=on(disk))
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    asked = await company.asks(not_before=(datetime.now(UTC) + timedelta(seconds=2)).isoformat())
    disk.fill()
    await says(daemon, "nothing is started")
    await asyncio.sleep(2.5)  # the scheduler has tried more than once
    assert company.phones.calls() == []
    disk.empty()
    shown = await company.ended(asked)
    assert shown["state"] == "completed"
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == (1, 1)


async def test_a_client_is_not_dialled_unwritten_and_the_agent_is_not_kept(company: Company, disk: SmallDisk) -> None:
    daemon = await company.opens(settings=on(disk))
    company.phones.set(AGENT, rings_for_ever())
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    disk.fill()
    await desk.answer()
    await desk.press("1")
    await desk.ended(5.0)
    await says(daemon, "trying on")
    assert company.phones.times_rung(CLIENT) == 0
    disk.empty()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="interrupted", counted=False)
    expect(shown, 2, kind="request", outcome="answered")
    assert (shown["state"], company.phones.times_rung(AGENT), company.phones.times_rung(CLIENT)) == ("completed", 2, 1)


async def test_two_who_talk_are_not_cut_off_and_how_it_ended_is_written_later(
    company: Company, disk: SmallDisk
) -> None:
    support = profile(target={"max_concurrent": 2}, agent={"after_failure": "0s"}, rescheduling={"delay": "1s"})
    daemon = await company.opens(support, settings=on(disk))
    company.phones.set(AGENT, speaking_agent())
    company.phones.set(CLIENT, client())
    asked = await company.asks()
    desk, caller = await company.phones.call(AGENT), await company.phones.call(CLIENT)
    await company.state(asked, "connected")
    company.phones.set(AGENT, presses("1", after=0.2))
    disk.fill()
    await desk.press("9")
    await hears_mark(desk, "agent-armed")
    await says(daemon, "can't write how a call goes; it goes on")
    await asyncio.sleep(2.0)
    assert (desk.ended_at, caller.ended_at) == (None, None)
    await hears_mark(desk, "client")
    await hears_mark(caller, "agent")
    company.phones.set(CLIENT, talks(0.3))
    await desk.hangup()
    await caller.ended(5.0)
    await says(daemon, "can't write how a call ended; trying on")
    assert company.phones.times_rung(CLIENT) == 1, "no reschedule before this attempt is written"
    disk.empty()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="agent_rescheduled", client_outcome="answered", counted=True, armed=True)
    expect(shown, 2, kind="agent", outcome="answered")
    assert (shown["state"], reschedules(shown), company.phones.times_rung(CLIENT)) == ("completed", (0, 1, 0), 2)


async def test_killed_with_a_full_disk_and_started_with_space_nobody_is_rung_twice_for_one_attempt(
    company: Company, disk: SmallDisk
) -> None:
    """What was not written is as if it had not been: but the client's dial was, before it was made."""
    daemon = await company.opens(settings=on(disk))
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    caller = await company.phones.call(CLIENT)
    await company.state(asked, "client")
    disk.fill()
    await caller.hangup(17)
    await company.phones.calls(AGENT)[0].ended()
    await says(daemon, "trying on")
    await daemon.kill()
    company.phones.set(CLIENT, talks(0.3))
    disk.empty()
    await daemon.start()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="interrupted", counted=True)
    expect(shown, 2, kind="auto", outcome="answered")
    assert company.phones.times_rung(CLIENT) == 2


async def test_started_on_a_full_disk_it_says_so(company: Company, disk: SmallDisk) -> None:
    daemon = await company.opens(profile(), settings=on(disk))
    await daemon.stop()
    disk.fill()
    await daemon.start(wait=False)
    assert await daemon.ended() == 1
    said = daemon.log.read_text()
    assert "the disk is full" in said
    assert "free space" in said
    disk.empty()
    await daemon.start()


async def test_a_busy_clients_end_is_written_when_there_is_space_and_then_tried_again(
    company: Company, disk: SmallDisk
) -> None:
    daemon = await company.opens(profile(rescheduling={"delay": "1s"}), settings=on(disk))
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    caller = await company.phones.call(CLIENT)
    await company.state(asked, "client")
    disk.fill()
    company.phones.set(CLIENT, talks(0.3))
    await caller.hangup(17)
    await says(daemon, "can't write how a call ended; trying on")
    with pytest.raises((RefusedError, aiohttp.ClientError)):
        await company.asks(OTHER)
    disk.empty()
    shown = await company.ended(asked)
    expect(shown, 1, outcome="client_busy", cause=17, counted=True)
    expect(shown, 2, kind="auto", outcome="answered")
    assert company.phones.times_rung(CLIENT) == 2

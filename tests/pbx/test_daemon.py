"""The process: what it says when it cannot work, how it stops, what it makes of a crash and of a dead Asterisk."""

import asyncio
import json
import signal
import socket
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from callbackd.domain.limits import VANISHED_WITHIN
from callbackd.domain.rest import CONVERSATION
from rig.behaviours import busy, presses, rings_for_ever, talks
from rig.daemon import Callbackd
from rig.pbx import Pbx
from rig.rig import Rig
from tests.pbx.company import AGENT, CLIENT, Company, expect, expect_due, profile

pytestmark = pytest.mark.pbx

SECOND_AGENT = "1002"


class Crew:
    """Daemons whose start may fail."""

    def __init__(self, pbx: Pbx) -> None:
        self._pbx = pbx
        self._daemons: list[Callbackd] = []

    def make(self, *, user: str = "", password: str = "", url: str = "", **settings: Any) -> Callbackd:
        """One that has not been started."""
        pbx = self._pbx
        daemon = Callbackd(
            url or pbx.ari_url,
            user or pbx.ari_user,
            password or pbx.ari_password,
            {"support": profile()},
            settings,
        )
        self._daemons.append(daemon)
        return daemon

    async def close(self) -> None:
        for daemon in self._daemons:
            await daemon.close()


@pytest_asyncio.fixture(loop_scope="session")
async def crew(rig: Rig) -> AsyncIterator[Crew]:
    made = Crew(rig.pbx)
    yield made
    await made.close()


async def fails_to_start(daemon: Callbackd) -> str:
    """It ends by itself with exit code 1; what it said."""
    await daemon.start(wait=False)
    assert await daemon.ended(15.0) == 1
    said = daemon.log.read_text()
    assert "Traceback" not in said, said
    return said


async def says(daemon: Callbackd, *wanted: str, within: float = 15.0) -> str:
    """Waits until its log has all of that."""
    until = time.monotonic() + within
    while not all(each in (said := daemon.log.read_text()) for each in wanted):
        assert time.monotonic() < until, f"not said: {[each for each in wanted if each not in said]} in\n{said}"
        await asyncio.sleep(0.02)
    assert "Traceback" not in said, said
    return said


async def not_ready(daemon: Callbackd, part: str) -> str:
    """Waits for its HTTP; what /readyz says of that part, with 503."""
    until = time.monotonic() + 15.0
    while True:
        try:
            status, text = await daemon.get_root("/readyz")
            break
        except OSError:
            assert time.monotonic() < until, daemon.log.read_text()
            await asyncio.sleep(0.02)
    assert status == 503, text
    return str(json.loads(text)["checks"][part])


# ---- what stands in the way ---------------------------------------------------------------------------------------


async def test_a_wrong_password_is_named_and_the_right_one_is_taken_when_it_comes(crew: Crew, rig: Rig) -> None:
    daemon = crew.make(password="not the right one")
    await daemon.start(wait=False)
    assert await not_ready(daemon, "ari") != "ok"
    said = await says(daemon, "no link to Asterisk", "ari.conf")
    assert "not the right one" not in said, "passwords are never told"
    asked = await daemon.request("support", CLIENT)
    assert rig.phones.calls() == [], "kept, not dialled"
    # Mended in ari.conf while callbackd runs.
    right, rig.pbx.ari_password = rig.pbx.ari_password, "not the right one"
    try:
        rig.pbx.write_configuration()
        await rig.pbx.cli("module reload res_ari.so")
        rig.phones.set(AGENT, presses("1", after=0.2))
        rig.phones.set(CLIENT, talks(0.3))
        await daemon.ready()
        shown = await daemon.until(asked, lambda shown: shown["ended_at"])
        assert shown["state"] == "completed"
    finally:
        rig.pbx.ari_password = right
        rig.pbx.write_configuration()
        await rig.pbx.cli("module reload res_ari.so")


async def test_a_user_who_may_only_read_is_told_so(crew: Crew, rig: Rig) -> None:
    daemon = crew.make(user=rig.pbx.readonly_user, password=rig.pbx.readonly_password)
    await daemon.start(wait=False)
    assert await not_ready(daemon, "ari") != "ok"
    await says(daemon, "no link to Asterisk", "read_only")
    await daemon.request("support", CLIENT)
    assert rig.phones.calls() == []


async def test_no_asterisk_requests_are_kept_and_dialled_when_it_comes(company: Company) -> None:
    rig = company.rig
    daemon = await company.opens()
    await rig.pbx.kill()
    await says(daemon, "no link to Asterisk")
    assert await not_ready(daemon, "ari") != "ok"
    asked = await company.asks()
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    await rig.pbx.start()
    shown = await company.ended(asked)
    assert shown["state"] == "completed"
    assert company.phones.times_rung(AGENT) == company.phones.times_rung(CLIENT) == 1


async def test_started_without_an_asterisk_it_waits_for_one(crew: Crew) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        daemon = crew.make(url=f"http://127.0.0.1:{nobody.getsockname()[1]}/ari")
        await daemon.start(wait=False)
        assert await not_ready(daemon, "ari") != "ok"
        await says(daemon, "no link to Asterisk", f":{nobody.getsockname()[1]}")
        assert (await daemon.get_root("/healthz"))[0] == 200
        assert await daemon.stop() == 0


async def test_a_database_whose_folder_is_missing(crew: Crew, tmp_path: Path) -> None:
    said = await fails_to_start(crew.make(database=str(tmp_path / "nowhere/callbackd.sqlite3")))
    assert str(tmp_path / "nowhere") in said
    assert "folder" in said


async def test_a_file_that_is_no_database(crew: Crew, tmp_path: Path) -> None:
    path = tmp_path / "callbackd.sqlite3"
    path.write_bytes(b"My shopping list: milk, eggs, bread.\n" * 100)
    said = await fails_to_start(crew.make(database=str(path)))
    assert "not a database" in said or "not an SQLite database" in said
    assert str(path) in said
    assert path.read_bytes().startswith(b"My shopping list"), "it is not ours: untouched"


async def test_a_database_that_is_a_folder(crew: Crew, tmp_path: Path) -> None:
    (tmp_path / "callbackd.sqlite3").mkdir()
    assert str(tmp_path) in await fails_to_start(crew.make(database=str(tmp_path / "callbackd.sqlite3")))


async def test_a_second_daemon_on_the_same_database_is_refused(crew: Crew, tmp_path: Path) -> None:
    database = str(tmp_path / "callbackd.sqlite3")
    first = crew.make(database=database)
    await first.start()
    said = await fails_to_start(crew.make(database=database))
    assert "another callbackd is running" in said
    await first.ready()
    assert await first.stop() == 0


async def test_a_port_that_is_taken(crew: Crew) -> None:
    daemon = crew.make()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", daemon.port))
        other.listen()
        said = await fails_to_start(daemon)
    assert f"127.0.0.1:{daemon.port}" in said
    assert "in use" in said
    assert "http.listen" in said


async def test_an_environment_variable_that_is_not_set(crew: Crew) -> None:
    said = await fails_to_start(crew.make(password="${NO_SUCH_VARIABLE_HERE}"))
    assert "NO_SUCH_VARIABLE_HERE" in said
    assert "callbackd.yaml:" in said


async def test_every_mistake_in_a_profile_is_told_with_its_place(crew: Crew) -> None:
    daemon = crew.make()
    daemon.write({"support": profile(agent={"rnig": "5s"}, rescheduling={"delay": "soon"})})
    said = await fails_to_start(daemon)
    assert "support.yaml:" in said
    assert "rnig" in said
    assert "ring" in said
    assert "soon" in said


@pytest.mark.oldest
async def test_another_program_that_takes_the_application_ends_it_with_a_code_of_its_own(
    company: Company,
) -> None:
    daemon = await company.opens()
    company.phones.set(AGENT, rings_for_ever())
    await company.asks()
    await company.phones.call(AGENT)
    thief = await company.rig.pbx.events("callbackd", lambda _: None)
    try:
        assert await daemon.ended(10.0) == 4
        assert "another" in daemon.log.read_text()
    finally:
        await thief.close()


# ---- stopping -----------------------------------------------------------------------------------------------------


async def test_a_stop_takes_down_what_only_rings_an_agent_and_tries_it_again_after_the_start(company: Company) -> None:
    daemon = await company.opens()
    company.phones.set(AGENT, rings_for_ever())
    asked = await company.asks()
    call = await company.phones.call(AGENT)
    stopping = time.monotonic()
    assert await daemon.stop() == 0
    assert time.monotonic() - stopping < 6.0, "not after the 30 s of drain"
    await call.ended(1.0)
    await company.rig.no_channels_left()
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    await daemon.start()
    shown = await company.ended(asked)
    expect(shown, 1, kind="request", outcome="interrupted", counted=False)
    expect(shown, 2, kind="request", outcome="answered")
    assert (shown["state"], company.phones.times_rung(CLIENT)) == ("completed", 1)


async def test_a_stop_lets_a_talk_end_within_drain_and_starts_nothing_new(company: Company) -> None:
    daemon = await company.opens(profile(target={"max_concurrent": 2}), settings={"drain": "20s"})
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(2.0))
    asked = await company.asks()
    await company.state(asked, "connected")
    await daemon.signal(signal.SIGTERM)
    await says(daemon, "stopping")
    try:
        other = await company.asks("+14165550199")
    except OSError:
        other = ""
    assert await daemon.ended() == 0
    [client] = company.phones.calls(CLIENT)
    assert client.answered_at is not None
    assert client.ended_at is not None
    assert client.ended_at - client.answered_at > 1.9, "not cut off"
    assert company.phones.times_rung(AGENT) == 1, "nothing new"
    company.phones.set("+14165550199", talks(0.3))
    await daemon.start()
    shown = await daemon.show(asked)
    assert shown["state"] == "completed"
    expect(shown, 1, outcome="answered")
    if other:
        await company.ended(other)


@pytest.mark.oldest
async def test_two_who_talk_longer_than_drain_are_not_cut_off_and_are_adopted(company: Company) -> None:
    daemon = await company.opens(settings={"drain": "0s"})
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(hertz=500.0))
    asked = await company.asks()
    await company.state(asked, "connected")
    [agent], [client] = company.phones.calls(AGENT), company.phones.calls(CLIENT)
    assert await daemon.stop() == 0
    assert agent.ended_at is None
    assert client.ended_at is None
    await daemon.start()
    assert (await company.state(asked, "connected"))["attempts"][0]["ended_at"] is None
    assert client.ended_at is None
    await agent.heard_sound()
    await asyncio.sleep(VANISHED_WITHIN.total_seconds())  # who hangs up sooner has not talked to the client
    await agent.hangup()
    shown = await company.ended(asked)
    await client.ended(1.0)
    expect(shown, 1, outcome="answered")
    assert shown["state"] == "completed"
    assert "adopted" in daemon.log.read_text()


async def test_a_second_signal_stops_at_once(company: Company) -> None:
    daemon = await company.opens(settings={"drain": "10m"})
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, rings_for_ever())
    asked = await company.asks()
    client = await company.phones.call(CLIENT)
    await daemon.signal(signal.SIGTERM)
    await says(daemon, "stopping")
    assert client.ended_at is None, "in progress: it may go on"
    again = time.monotonic()
    await daemon.signal(signal.SIGTERM)
    assert await daemon.ended() == 0
    assert time.monotonic() - again < 6.0, "not after the 10 minutes of drain"
    await client.ended(1.0)
    await company.rig.no_channels_left()
    company.phones.set(AGENT, rings_for_ever())
    await daemon.start()
    shown = await daemon.show(asked)
    expect(shown, 1, outcome="interrupted", counted=True)


# ---- reloading ----------------------------------------------------------------------------------------------------


async def test_a_reload_with_mistakes_keeps_the_old_configuration_and_tells_them(company: Company) -> None:
    daemon = await company.opens()
    daemon.write({"support": profile(agent={"ring": "never"}), "sales": profile()})
    await daemon.signal(signal.SIGHUP)
    said = await says(daemon, "not reloaded")
    assert "support.yaml:" in said
    assert "never" in said
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks(0.3))
    assert (await company.ended(await company.asks()))["state"] == "completed"


async def test_a_reload_counts_for_the_decisions_that_follow_but_not_for_the_attempt_that_runs(
    company: Company,
) -> None:
    daemon = await company.opens(profile(rescheduling={"delay": "10s"}))
    company.phones.set(AGENT, presses("1", ring=1.5, after=0.2))
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    await company.phones.call(AGENT)
    new = profile(target={"endpoint": f"PJSIP/{SECOND_AGENT}"}, rescheduling={"delay": "1h"})
    daemon.write({"support": new, "sales": profile()})
    await daemon.signal(signal.SIGHUP)
    await says(daemon, "reloaded")
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="client_busy")
    expect_due(shown, 1, after=3600.0)
    assert company.phones.times_rung(SECOND_AGENT) == 0
    company.phones.set(SECOND_AGENT, presses("1", after=0.2))
    company.phones.set("+14165550188", talks(0.3))
    assert (await company.ended(await company.asks("+14165550188")))["state"] == "completed"
    assert (company.phones.times_rung(AGENT), company.phones.times_rung(SECOND_AGENT)) == (1, 1)


# ---- crashes ------------------------------------------------------------------------------------------------------


async def test_an_asterisk_that_dies_while_two_have_just_begun_to_talk(company: Company) -> None:
    daemon = await company.opens(profile(rescheduling={"delay": "1h"}))
    company.phones.set(AGENT, presses("1", after=0.2))
    company.phones.set(CLIENT, talks())
    asked = await company.asks()
    await company.state(asked, "connected")
    await company.rig.pbx.kill()
    await says(daemon, "no link to Asterisk")
    assert await not_ready(daemon, "ari") != "ok"
    await asyncio.sleep(CONVERSATION.total_seconds())  # how long they talked, not how long it was away, decides
    await company.rig.pbx.start()
    await daemon.ready()
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="interrupted", counted=True)
    assert shown["reschedules"]["auto"] == 1
    company.phones.set("+14165550188", talks(0.3))
    assert (await company.ended(await company.asks("+14165550188")))["state"] == "completed"

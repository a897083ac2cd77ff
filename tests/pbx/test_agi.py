"""AGI() from the dialplan of a real Asterisk: a phone calls in, and channel variables tell what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from rig.behaviours import answers, rings_for_ever
from rig.daemon import Json
from rig.phones import PhoneCall
from rig.ports import free_tcp_port
from tests.pbx.company import AGENT, CLIENT, Company, agent, client, profile

pytestmark = pytest.mark.pbx

NUMBER = "${URIENCODE(${CALLERID(num)})}"


class Ivr:
    """Extensions of the PBX that run scripts, and what their variables were afterwards."""

    def __init__(self, company: Company) -> None:
        self.company = company
        self.port = free_tcp_port()
        self._told = Path(company.rig.pbx.home / "log/agi.csv")

    async def build(self) -> None:
        at = f"agi://127.0.0.1:{self.port}"
        told = f"{self.company.rig.pbx.inner_home}/log/agi.csv"
        tell = (
            f" same => n,Set(FILE({told},,,al,u)=${{CALLBACKD_STATUS}}:${{CALLBACKD_ID}}:${{CALLBACKD_REASON}}"
            ":${CALLBACKD_WAITING}:${AGISTATUS})\n same => n,Answer()\n same => n,Wait(60)\n"
        )
        self.company.rig.pbx.inbound = "".join(
            f"exten => {extension},1,{first}\n{tell}"
            for extension, first in {
                "510": f"AGI({at}/request?profile=support&number={NUMBER}&name=${{URIENCODE(${{CALLERID(name)}})}})",
                "511": f"AGI({at}/status?number={NUMBER})",
                "512": f"AGI({at}/cancel?number={NUMBER})",
                "513": "Gosub(callbackd-inbound,s,1)",
                "514": f"AGI({at}/request?profile=support&number={NUMBER}&number={NUMBER})",
                "515": f"AGI({at}/request?profile=support&reason={'x' * 1990}&number={NUMBER})",
            }.items()
        )
        await self.company.rig.pbx.reload()
        await self.company.rig.pbx.ari.request(
            "POST", "/asterisk/variable", variable="CALLBACKD_AGI", value=f"127.0.0.1:{self.port}"
        )

    async def opens(self, support: Json | None = None, allow_from: str = "127.0.0.1", **more: Any) -> None:
        """The company with its AGI service."""
        settings = {"agi": {"listen": f"127.0.0.1:{self.port}", "allow_from": [allow_from]}}
        await self.company.opens(support, settings=settings, **more)

    async def call(self, extension: str, name: str = "Jane Doe") -> tuple[PhoneCall, dict[str, str]]:
        """The client calls an extension. Their call, which is up, and what the variables were."""
        self._told.unlink(missing_ok=True)
        uri = self.company.rig.pbx.sip_uri(extension)
        call = await self.company.phones.dial(uri, f'"{name}" <{CLIENT}>', answers())
        values = self._told.read_text().strip().split(":")
        return call, dict(zip(("status", "id", "reason", "waiting", "agi"), values, strict=True))

    async def asks(self, extension: str, name: str = "Jane Doe") -> dict[str, str]:
        """As `call`, and hangs up."""
        call, told = await self.call(extension, name)
        await call.hangup()
        await call.ended()
        return told


@pytest_asyncio.fixture(loop_scope="session")
async def ivr(company: Company) -> AsyncIterator[Ivr]:
    made = Ivr(company)
    await made.build()
    try:
        yield made
    finally:
        company.rig.pbx.inbound = ""
        await company.rig.pbx.reload()


async def test_a_caller_registers_and_is_called_back(company: Company, ivr: Ivr) -> None:
    await ivr.opens()
    company.phones.set(AGENT, agent("1", after=0.5))
    company.phones.set(CLIENT, client(1.0))
    told = await ivr.asks("510", "Zoe, (50%) \\; & Co")
    assert (told["status"], told["reason"], told["waiting"], told["agi"]) == ("ACCEPTED", "", "0", "SUCCESS")
    desk = await company.phones.call(AGENT)
    assert desk.caller_number == CLIENT
    await company.phones.call(CLIENT)
    shown = await company.ended(told["id"])
    assert (shown["state"], shown["number"]) == ("completed", CLIENT)
    assert shown["name"].startswith("Zoe, (50%)")


async def test_asking_again_status_and_cancel(company: Company, ivr: Ivr) -> None:
    await ivr.opens(profile(agent={"ring": "30s"}))
    company.phones.set(AGENT, rings_for_ever())
    assert (await ivr.asks("511"))["status"] == "NONE"
    assert (await ivr.asks("512"))["status"] == "NONE"
    asked = (await ivr.asks("510"))["id"]
    desk = await company.phones.call(AGENT)
    again = await ivr.asks("510")
    assert (again["status"], again["id"]) == ("DUPLICATE", asked)
    waiting = await ivr.asks("511")
    assert (waiting["status"], waiting["id"], waiting["waiting"]) == ("WAITING", asked, "0")
    cancelled = await ivr.asks("512")
    assert (cancelled["status"], cancelled["id"]) == ("CANCELLED", asked)
    await desk.ended(1.0)
    assert (await company.ended(asked))["state"] == "cancelled"
    assert company.phones.times_rung(CLIENT) == 0


@pytest.mark.oldest
async def test_a_waiting_client_who_calls_in_is_not_dialled_until_they_hang_up(company: Company, ivr: Ivr) -> None:
    await ivr.opens()
    company.phones.set(AGENT, agent("1"))
    company.phones.set(CLIENT, client(1.0))
    asked = await company.asks(not_before=_in(3.0))
    line, told = await ivr.call("513")
    assert (told["status"], told["id"]) == ("HELD", asked)
    await company.state(asked, "queued")
    await asyncio.sleep(2.0)  # due, the agent free: and nobody is rung
    assert company.phones.times_rung(AGENT) == 0
    await line.hangup()
    over = time.monotonic()
    desk = await company.phones.call(AGENT, timeout=5.0)
    assert desk.arrived_at - over < 1.5
    assert (await company.ended(asked))["state"] == "completed"


async def test_a_caller_who_hangs_up_before_the_answer_is_here_leaves_no_hold_behind(
    company: Company, ivr: Ivr
) -> None:
    """In place of callbackd there is a listener that lets the caller wait."""
    scripts: asyncio.Queue[str] = asyncio.Queue()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\n\n")).decode().splitlines()
        script = next(line for line in lines if line.startswith("agi_network_script: "))
        scripts.put_nowait(script.removeprefix("agi_network_script: ").partition("?")[0])
        if "inbound" in script:
            await reader.readuntil(b"HANGUP\n")
        writer.close()

    async with await asyncio.start_server(listen, "127.0.0.1", ivr.port):
        with pytest.raises(TimeoutError):  # of the caller's patience
            await company.phones.dial(company.rig.pbx.sip_uri("513"), f"<{CLIENT}>", answers(), timeout=1)
        assert [await asyncio.wait_for(scripts.get(), 5) for _ in range(2)] == ["inbound", "released"]
        await company.rig.no_channels_left(within=1.0)


async def test_a_client_who_calls_in_while_the_agent_is_rung_is_not_dialled_at_key_1(
    company: Company, ivr: Ivr
) -> None:
    await ivr.opens()
    company.phones.set(AGENT, agent("", after=0.0))
    company.phones.set(CLIENT, client(1.0))
    asked = await company.asks()
    desk = await company.phones.call(AGENT)
    await desk.answered()
    line, told = await ivr.call("513")
    assert told["status"] == "HELD"
    await desk.press("1")
    shown = await company.attempt_over(asked, clean=False)
    assert shown["attempts"][0]["outcome"] == "withheld"
    assert company.phones.times_rung(CLIENT) == 0
    company.phones.set(AGENT, agent("1"))
    await line.hangup()
    await company.phones.call(AGENT, 2, timeout=5.0)
    assert (await company.ended(asked))["state"] == "completed"


async def test_a_profile_may_cancel_when_the_client_calls_in(company: Company, ivr: Ivr) -> None:
    await ivr.opens(profile(on_inbound="cancel"), sales=profile(on_inbound="keep"))
    cancelled = await company.asks(not_before=_in(60.0))
    kept = await company.asks(profile="sales", not_before=_in(60.0))
    told = await ivr.asks("513")
    assert (told["status"], told["id"]) == ("CANCELLED", cancelled)
    assert (await company.daemon.show(cancelled))["state"] == "cancelled"
    assert (await company.daemon.show(kept))["state"] == "scheduled"
    assert (await ivr.asks("513"))["status"] == "WAITING"


async def test_somebody_who_does_not_wait_passes_and_is_not_asked_after(company: Company, ivr: Ivr) -> None:
    await ivr.opens()
    assert (await ivr.asks("513"))["status"] == "NONE"
    await company.rig.no_channels_left(within=1.0)
    assert "script=inbound" in company.daemon.log.read_text()
    assert "script=released" not in company.daemon.log.read_text()


async def test_the_daemon_stops_in_good_order_with_somebody_connected(company: Company, ivr: Ivr) -> None:
    await ivr.opens()
    _, writer = await asyncio.open_connection("127.0.0.1", ivr.port)
    began = time.monotonic()
    assert await company.daemon.stop() == 0
    assert time.monotonic() - began < 8
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", ivr.port)


async def test_what_is_wrong_is_refused_and_the_call_goes_on(company: Company, ivr: Ivr) -> None:
    await ivr.opens()
    for extension in ("514", "515"):
        told = await ivr.asks(extension)
        assert (told["status"], told["reason"], told["agi"]) == ("REFUSED", "invalid", "SUCCESS")
    assert not (await company.daemon.call("GET", "/callbacks"))["items"]
    assert "so Asterisk may have cut it" in company.daemon.log.read_text()


async def test_callbackd_is_away_and_the_call_goes_on(company: Company, ivr: Ivr) -> None:
    for extension in ("510", "513"):
        told = await ivr.asks(extension)
        assert (told["status"], told["agi"]) == ("", "FAILURE")


async def test_whoever_is_not_in_allow_from_is_told_nothing(company: Company, ivr: Ivr) -> None:
    await ivr.opens(allow_from="192.0.2.1")
    assert (await ivr.asks("510"))["status"] == ""
    assert not (await company.daemon.call("GET", "/callbacks"))["items"]
    assert "not in agi.allow_from" in company.daemon.log.read_text()


async def test_an_address_in_use_ends_the_daemon_with_a_word_about_it(company: Company, ivr: Ivr) -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", ivr.port)
    async with server:
        with pytest.raises(AssertionError, match=r"AGI can't listen at 127.0.0.1:\d+: it is in use"):
            await ivr.opens()


def _in(seconds: float) -> str:
    """An instant to come, as the API reads it."""
    return (datetime.now(UTC) + timedelta(seconds=seconds)).isoformat(timespec="milliseconds")

"""What an operator does at a terminal, with a real daemon on a real PBX: doctor, status, pause, reload, list."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from typing import Any

import pytest
import yaml

from rig.behaviours import rings_for_ever
from rig.daemon import Callbackd, Json
from rig.pbx import QUEUE, UNREGISTERED
from rig.rig import Rig
from tests.pbx.company import AGENT, CLIENT, Company, agent, client, expect, profile

pytestmark = pytest.mark.pbx

REAL: Json = {"prompts": {}}


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


async def command(daemon: Callbackd, *arguments: str) -> Said:
    """One command, as the operator runs it, to its end."""
    process = await started(daemon, *arguments)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    said = Said(process.returncode or 0, out.decode(), err.decode())
    assert "Traceback" not in said.err, said.err
    return said


async def started(daemon: Callbackd, *arguments: str) -> asyncio.subprocess.Process:
    """A command that runs."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callbackd", "--config", str(daemon.config), *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )


def found(said: Said, check: str) -> list[Json]:
    """The findings of that check."""
    return [finding for finding in said.json["findings"] if finding["check"] == check]


@pytest.mark.oldest
async def test_doctor_finds_a_pbx_that_is_well(company: Company) -> None:
    await company.opens(profile(target={"queue": QUEUE}, **REAL), local=profile(**_local(), **REAL))
    said = await command(company.daemon, "doctor", "--json")
    assert said.code == 0, said.out
    results = {finding["check"]: finding for finding in said.json["findings"]}
    assert said.json["ok"] is True
    old = set() if company.rig.pbx.tells_sip else {"abilities"}
    assert {finding["check"] for finding in said.json["findings"] if finding["result"] != "ok"} == old, said.out
    assert set(results) == {
        *("configuration", "database", "http", "ari", "abilities", "credentials", "modules", "application", "clock"),
        *("queue", "dialplan", "endpoint", "sounds", "token"),
    }
    assert "registered by callbackd" in results["application"]["message"]
    assert "Asterisk " in results["ari"]["message"]
    lines = [line for line in (await command(company.daemon, "doctor")).out.splitlines() if line.startswith("ok ")]
    assert len(lines) == len(said.json["findings"]) - len(old)
    # It has left nothing behind, and the daemon still has its application.
    await company.rig.no_channels_left(within=1.0)
    company.phones.set(AGENT, agent("1"))
    company.phones.set(CLIENT, client(seconds=1.0))
    expect(await company.ended(await company.asks()), 1, outcome="answered")


@pytest.mark.oldest
async def test_what_this_asterisk_cannot_do_is_said_at_the_start(company: Company) -> None:
    """In the log, by `status` and by `doctor`; and nothing of the kind of one that can do it all."""
    await company.opens(profile(**REAL))
    told = [(await command(company.daemon, "status")).out, (await command(company.daemon, "doctor")).out]
    told.append(company.daemon.log.read_text())
    for each in told:
        assert ("tells no SIP response" in " ".join(each.split())) is not company.rig.pbx.tells_sip, each
    asterisk = json.loads((await command(company.daemon, "status", "--json")).out)["ari"]
    assert asterisk["version"] in told[1]
    assert bool(asterisk["lacks"]) is not company.rig.pbx.tells_sip


async def test_doctor_finds_what_is_wrong(rig: Rig) -> None:
    wrong = profile(
        target={"endpoint": ["PJSIP/1001", "PJSIP/nobody", f"PJSIP/{UNREGISTERED}", "Local/999@callbackd-agents/n"]},
        client={"endpoint": "PJSIP/{number}@no-trunk"},
        prompts={"agent-intro": "sound:custom/no-such"},
    )
    french = profile(target={"queue": "no-such-queue", "endpoint": "Local/600@no-context/n"}, language="fr", **REAL)
    async with _stopped(rig, {"support": wrong, "french": french}) as daemon:
        said = await command(daemon, "doctor", "--json")
    assert said.code == 1
    assert [each["result"] for each in found(said, "application")] == ["warning"]
    assert [each["result"] for each in found(said, "http")] == ["ok"]
    told = [(each["message"].split(": ")[1], each["result"]) for each in found(said, "endpoint")]
    endpoints = dict(told)
    assert endpoints == {
        "target.endpoint PJSIP/1001": "ok",
        "target.endpoint PJSIP/nobody": "failed",
        f"target.endpoint PJSIP/{UNREGISTERED}": "warning",
        "target.endpoint Local/999@callbackd-agents/n": "failed",
        "target.endpoint Local/600@no-context/n": "failed",
        "client.endpoint PJSIP/+15555555555@no-trunk": "failed",
        "client.endpoint PJSIP/+15555555555@trunk": "ok",
    }
    assert [(each["result"], "no-such-queue" in each["message"]) for each in found(said, "queue")] == [("failed", True)]
    sounds = {each["message"][:2]: each for each in found(said, "sounds")}
    assert (sounds["en"]["result"], "custom/no-such" in sounds["en"]["message"]) == ("warning", True)
    assert sounds["fr"]["result"] == "failed"
    assert all(each["mend"] for each in said.json["findings"] if each["result"] != "ok")


@pytest.mark.parametrize(
    ("change", "check", "told", "mend"),
    [
        ({"password": "wrong"}, "ari", "refused the password", "ari.conf"),
        ({"username": "readonly", "password": "may look only"}, "credentials", "write", "read_only=no"),
        ({"url": "http://127.0.0.1:1/ari"}, "ari", "nothing listens", "http.conf"),
    ],
)
async def test_doctor_without_a_way_in(rig: Rig, change: Json, check: str, told: str, mend: str) -> None:
    ari = {"url": rig.pbx.ari_url, "username": rig.pbx.ari_user, "password": rig.pbx.ari_password, **change}
    async with _stopped(rig, {"support": profile(**REAL)}, {"ari": ari}) as daemon:
        said = await command(daemon, "doctor", "--json")
    assert said.code == 1
    assert "wrong" not in said.out
    failures = [each for each in said.json["findings"] if each["result"] == "failed"]
    assert failures[0]["check"] == check
    assert told in failures[0]["message"]
    assert mend in failures[0]["mend"]


async def test_status_pause_resume_and_reload(company: Company) -> None:
    daemon = await company.opens(profile(target={"hours": {"mon-sun": "00:00-24:00"}}))
    said = await command(daemon, "status")
    assert (said.code, said.out.splitlines()[0]) == (0, "ready")
    assert "\n  ari: ok\n  database: ok\n" in said.out
    assert "support: Support line\n  target: always open\n" in said.out

    company.phones.set(AGENT, rings_for_ever())
    assert (await command(daemon, "pause", "support", "--dialling")).out == "support: dialling paused\n"
    asked = await company.asks()
    shown = await command(daemon, "status")
    assert "  paused: dialling paused\n  call-backs: 1 waiting, 0 live (1 queued)\n" in shown.out
    assert company.phones.times_rung(AGENT) == 0
    assert (await command(daemon, "resume", "support")).out == "support: nothing is paused\n"
    await company.state(asked, "agent")

    # A pause outlives a crash.
    assert (await command(daemon, "pause")).out.startswith("everything: dialling paused, intake paused\n")
    await daemon.kill()
    await daemon.start()
    assert (await command(daemon, "request", "support", "+14165550188")).code == 1
    assert (await command(daemon, "resume")).code == 0
    assert (await command(daemon, "request", "support", "+14165550188")).code == 0

    # A reload: all of it or nothing.
    daemon.write({"support": profile(target={"max_concurrent": 0}), "sales": profile(label="Sales")})
    assert (await command(daemon, "reload")).out == "reloaded; profiles: sales, support\n"
    assert "  paused: dialling paused by a limit of 0\n" in (await command(daemon, "status")).out
    (daemon.folder / "profiles" / "sales.yaml").write_text(yaml.safe_dump({"labl": "Sales", "target": {}}))
    refused = await command(daemon, "reload")
    assert refused.code == 1
    assert "sales.yaml:" in refused.err
    assert "the old configuration stays in force" in refused.err.splitlines()[-1]
    told = await command(daemon, "status", "--json")
    assert [each["id"] for each in told.json["profiles"]] == ["sales", "support"]


async def test_a_call_back_in_the_live_list_the_stream_the_metrics_and_the_log(company: Company) -> None:
    daemon = await company.opens(profile())
    watching = await started(daemon, "list", "--watch")
    assert watching.stdout is not None
    company.phones.set(AGENT, agent("1"))
    company.phones.set(CLIENT, client(seconds=2.0))
    asked = await company.asks()
    states = []
    async with asyncio.timeout(30):
        while "completed" not in states:
            line = (await watching.stdout.readline()).decode()
            assert line.startswith(asked)
            states.append(line.split()[1])
    watching.send_signal(signal.SIGINT)
    out, err = await watching.communicate()
    assert (watching.returncode, out, err) == (0, b"", b"")
    shown = await company.ended(asked)

    metrics = (await daemon.get_root("/metrics"))[1]
    assert 'callbackd_requests_total{profile="support",result="accepted"} 1.0' in metrics
    assert 'callbackd_attempts_total{kind="request",outcome="answered",profile="support"} 1.0' in metrics
    assert 'callbackd_dispositions_total{disposition="completed",profile="support"} 1.0' in metrics
    assert 'callbackd_wait_seconds_count{profile="support"} 1.0' in metrics
    assert 'callbackd_ari_state{state="ready"} 1.0' in metrics
    spent = _value(metrics, 'callbackd_agent_seconds_per_completed_sum{profile="support"}')
    assert 1.5 < spent < 10

    log = daemon.log.read_text()
    assert CLIENT not in log
    assert CLIENT[1:] not in log
    of_it = [line for line in log.splitlines() if f"callback={asked}" in line and " info " in line]
    types = [event["type"] for event in shown["events"]]
    for kind in ("agent_answered", "client_dialled", "client_answered"):
        assert kind in types
        lines = [line for line in of_it if f" {kind} " in line]
        assert len(lines) == 1
        assert "profile=support attempt=1 number=+1416•••0123" in lines[0]


def _value(metrics: str, sample: str) -> float:
    return next(float(line.rpartition(" ")[2]) for line in metrics.splitlines() if line.startswith(sample))


async def test_numbers_in_full_where_they_are_wanted(company: Company) -> None:
    daemon = await company.opens(profile(), settings={"log": {"level": "info", "numbers": "full"}})
    company.phones.set(AGENT, agent("2"))
    asked = await company.asks()
    await company.attempt_over(asked)
    assert f"number={CLIENT}" in daemon.log.read_text()


def _local() -> Json:
    return {
        "target": {"endpoint": "Local/600@callbackd-agents/n"},
        "client": {"endpoint": "Local/{number}@callbackd-clients/n"},
    }


class _stopped:  # noqa: N801 reads as what it is: async with _stopped(...)
    """A callbackd that is configured and not started."""

    def __init__(self, rig: Rig, profiles: Json, settings: Json | None = None) -> None:
        pbx = rig.pbx
        self._daemon = Callbackd(pbx.ari_url, pbx.ari_user, pbx.ari_password, profiles, settings)

    async def __aenter__(self) -> Callbackd:
        return self._daemon

    async def __aexit__(self, *_: object) -> None:
        await self._daemon.close()



"""docker-compose.yml, run for real: from nothing to a completed call-back, with no privilege, and over a restart; then
callbackd alone beside an Asterisk of this host."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from rig.behaviours import presses, talks
from rig.demo.company import PROFILES
from rig.rig import Rig
from tests.compose.stack import PROJECT, NoEngineError, Stack, built_stack

SERVICES = ("asterisk", "mosquitto", "callbackd", "phones")
CLIENT = "+14165550111"
"""Fay Kent, who answers and talks (rig/demo/playground.py)."""
AGENT = "1001"
OWN_PROFILE = {
    "label": "Support line",
    "target": {"endpoint": f"PJSIP/{AGENT}", "timezone": "America/Toronto"},
    "client": {"endpoint": "PJSIP/{number}@trunk", "country": "CA", "allow": ["+1"]},
}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Built, not up."""
    try:
        with built_stack() as stack:
            yield stack
    except NoEngineError as error:
        if os.environ.get("CI"):
            pytest.fail(f"no Docker, and CI needs it: {error}", pytrace=False)
        pytest.skip(f"no Docker: {error}")


@pytest.mark.timeout(1200)
def test_from_nothing_to_a_completed_callback_and_over_a_restart(stack: Stack, tmp_path: Path) -> None:
    """One test, for there is one engine: what it shows is told by the functions below."""
    stack.up()
    _the_stories_went_as_told(stack)
    _nobody_has_a_privilege(stack)
    _only_callbackd_is_reached_from_the_host(stack)
    _the_broker_lets_nobody_in_without_a_password(stack)
    asked = _a_callback_is_asked_for_and_completed(stack)
    _all_is_kept_over_a_restart(stack, asked)
    stack.compose("down", "--volumes", "--timeout", "5")
    asyncio.run(_beside_an_asterisk_of_this_host(stack, tmp_path))


def _the_stories_went_as_told(stack: Stack) -> None:
    said = stack.logs("phones")
    assert "All went as the stories say." in said, said
    assert said[said.index("\nSummary") :].count(" completed") == 5, said
    assert "Traceback" not in stack.logs("callbackd")
    assert "ERROR" not in stack.logs("asterisk"), stack.logs("asterisk")


def _nobody_has_a_privilege(stack: Stack) -> None:
    users = set()
    for service in SERVICES:
        found = stack.inspect(service)
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"], service
        assert host["CapDrop"] == ["ALL"], service
        assert not host["CapAdd"], service
        assert not host["Privileged"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
        assert not host["NetworkMode"].startswith("host"), service
        inside = stack.exec(service, "cat", "/proc/self/status")
        assert re.search(r"^CapEff:\s+0+$", inside, re.MULTILINE), f"{service}: {inside}"
        uid = re.search(r"^Uid:\s+(\d+)", inside, re.MULTILINE)
        assert uid is not None
        assert uid[1] != "0", service
        users.add(uid[1])
        assert stack.fails(service, "touch", "/usr/written"), service
    assert len(users) == 3, f"callbackd and the phones share a user, the others have their own: {users}"


def _only_callbackd_is_reached_from_the_host(stack: Stack) -> None:
    published = {}
    for service in SERVICES:
        ports = stack.inspect(service)["NetworkSettings"]["Ports"]
        if bindings := [binding for each in ports.values() for binding in each or ()]:
            published[service] = bindings
    assert published == {"callbackd": [{"HostIp": "127.0.0.1", "HostPort": str(stack.port)}]}
    with urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/readyz") as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{stack.port}/api/v1/callbacks")


def _the_broker_lets_nobody_in_without_a_password(stack: Stack) -> None:
    status = ("mosquitto_sub", "-V", "5", "-C", "1", "-W", "5", "-t", "callbackd/status")
    assert stack.fails("mosquitto", *status)
    assert stack.exec("mosquitto", "env", "XDG_CONFIG_HOME=/run/mosquitto", *status).strip() == "online"


def _a_callback_is_asked_for_and_completed(stack: Stack) -> str:
    before = stack.logs("phones").count("Fay hears the agent")
    asked = str(stack.callbackd("request", "support", CLIENT, "--name", "Fay Kent")["id"])
    stack.until(lambda: stack.callbackd("show", asked)["state"] == "completed", within=60.0)
    stack.until(lambda: stack.logs("phones").count("Fay hears the agent") == before + 1, within=5.0)
    return asked


def _all_is_kept_over_a_restart(stack: Stack, asked: str) -> None:
    stack.compose("down", "--timeout", "40", limit=120.0)
    stack.up("callbackd")
    kept = stack.callbackd("show", asked)
    assert (kept["state"], kept["number"]) == ("completed", CLIENT)
    assert stack.callbackd("status")["ready"] is True


async def _beside_an_asterisk_of_this_host(stack: Stack, folder: Path) -> None:
    """docker/own-asterisk.yml with a folder of the sysadmin's: the samples, with what this PBX has."""
    async with await Rig.prepared() as rig:
        pbx = rig.pbx
        config = folder / "config"
        shutil.copytree(PROJECT / "config", config)
        settings = (config / "callbackd.yaml").read_text()
        ours = {"http://127.0.0.1:8088/ari": pbx.ari_url, "username: callbackd ": f"username: {pbx.ari_user} "}
        for sample, value in ours.items():
            assert settings.count(sample) == 1
            settings = settings.replace(sample, value)
        (config / "callbackd.yaml").write_text(settings)
        for profile in (config / "profiles").iterdir():
            profile.unlink()
        (config / "profiles/support.yaml").write_text(yaml.safe_dump(OWN_PROFILE))
        rig.phones.set(AGENT, presses("1"))
        rig.phones.set(CLIENT, talks(1.0))
        beside = stack.beside(config, pbx.ari_password)
        await asyncio.to_thread(beside.compose, "build", limit=300.0)
        try:
            await asyncio.to_thread(beside.up)
            asked = (await asyncio.to_thread(beside.callbackd, "request", "support", CLIENT))["id"]
            await (await rig.phones.call(CLIENT)).answered()
            await asyncio.to_thread(
                beside.until, lambda: beside.callbackd("show", asked)["state"] == "completed", within=60.0
            )
            assert (rig.phones.times_rung(AGENT), rig.phones.times_rung(CLIENT)) == (1, 1)
            assert beside.inspect("callbackd")["HostConfig"]["NetworkMode"] == "host"
        finally:
            await asyncio.to_thread(beside.compose, "down", "--volumes", "--timeout", "5")


def test_the_profiles_are_the_demonstrations() -> None:
    folder = PROJECT / "docker/callbackd/profiles"
    found = {path.stem: yaml.safe_load(path.read_text()) for path in folder.glob("*.yaml")}
    assert found == PROFILES


@pytest.mark.parametrize("file", ["docker-compose.yml", "docker/own-asterisk.yml"])
def test_no_compose_file_asks_for_a_privilege(file: str) -> None:
    for name, service in yaml.safe_load((PROJECT / Path(file)).read_text())["services"].items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not {"cap_add", "privileged", "devices", "pid", "user"} & set(service), name
        assert "healthcheck" in service, name

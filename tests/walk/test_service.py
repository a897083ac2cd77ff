"""callbackd under the systemd of a Debian 12 that has booted: the lines that `init` prints and those of README and
docs/service.md are typed there, and what they promise is judged by systemd, by the journal and by the phones.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from rig.ari import Ari
from rig.bare import BareRoot, FailedError
from rig.behaviours import presses, talks
from rig.booted import BootedRoot, BootError, booted, require_namespaces
from rig.pbx import Pbx
from rig.phones import Behaviour, PhoneCall
from rig.rig import Rig
from tests.test_notify import EXPOSURE_LIMIT
from tests.walk.installed import PROJECT, install, readiness, take_free_ports, until
from tests.walk.missing import missing
from tests.walk.service import PATIENCE, Service

AGENT = "1001"
CLIENT = "+14165550123"
PBX_ROOT = "/srv/pbx"
TALK = 3.0
"""Seconds: who hangs up within two of the answer has left."""

[EDITED] = re.findall(r"^```ini\n(.*?)^```$", (PROJECT / "docs/service.md").read_text(), re.MULTILINE | re.DOTALL)
"""What a site adds, by the page."""
SHORT = "WatchdogSec=6s\nTimeoutStopSec=2s\n"
"""And the times that make this test short."""

pytestmark = [pytest.mark.pbx, pytest.mark.install, pytest.mark.timeout(900)]


async def test_the_service_does_what_is_said_of_it(debian: BareRoot, tmp_path: Path) -> None:
    try:
        await asyncio.to_thread(require_namespaces)
        await asyncio.to_thread(install, debian, tmp_path, "systemd", "dbus")
        async with await Rig.prepared() as rig:
            _before_callbackd(rig.pbx)
            async with _machine(debian, rig.pbx) as machine:
                service = Service(machine)
                try:
                    last = await _walk(service, rig)
                except Exception as error:
                    error.add_note(service.journal())
                    raise
            async with _machine(debian, rig.pbx) as machine:
                await _it_is_there_after_a_power_cut(Service(machine), last)
            rig.phones.check()
    except BootError as error:
        missing("no systemd of its own", error)


async def _walk(service: Service, rig: Rig) -> str:
    """One promise after another; the last call-back's id."""
    rig.phones.set(CLIENT, talks())
    await _the_next_steps_of_init(service)
    await _a_callback(service, rig)
    await _its_files_are_its_own(service)
    await _a_reload_tells_whether_the_files_were_right(service)
    await _an_edit_of_the_unit_and_a_restart_that_two_who_talk_do_not_notice(service, rig)
    await _killed_it_is_started_again(service)
    await _hung_it_is_started_again_and_says_where(service)
    await _it_is_ready_once_the_link_is_proven(service, rig)
    await _evicted_it_stays_down(service, rig)
    await _what_cannot_start_says_why(service)
    last = await _a_stop_waits_for_the_call_in_progress(service, rig)
    assert "Traceback" not in service.journal()
    return last


# ---- the machine ----------------------------------------------------------------------------------------------------


def _before_callbackd(pbx: Pbx) -> None:
    """The PBX of a sysadmin who has not heard of callbackd yet."""
    etc = pbx.home / "etc"
    (etc / "ari.conf").write_text("[general]\nenabled = yes\n")
    (etc / "callbackd.conf").unlink()
    extensions = (etc / "extensions.conf").read_text()
    assert '#include "callbackd.conf"\n' in extensions
    (etc / "extensions.conf").write_text(extensions.replace('#include "callbackd.conf"\n', ""))
    shutil.rmtree(pbx.sounds / "callbackd")


@asynccontextmanager
async def _machine(debian: BareRoot, pbx: Pbx) -> AsyncIterator[BootedRoot]:
    """Booted, with the PBX on it: its configuration, its sounds and its console are where a sysadmin finds them."""
    console = debian.path / "usr/sbin/asterisk"
    console.write_text(
        f'#!/bin/sh\nexec chroot {PBX_ROOT} /usr/sbin/asterisk -C {pbx.inner_home}/etc/asterisk.conf "$@"\n'
    )
    console.chmod(0o755)
    mounts = {pbx.root: PBX_ROOT, pbx.home: pbx.inner_home, pbx.home / "etc": "/etc/asterisk"}
    async with booted(debian, mounts) as machine:
        yield machine


# ---- what is promised -----------------------------------------------------------------------------------------------


async def _the_next_steps_of_init(service: Service) -> None:
    """Every command that it prints, as it prints them; at the end the service runs, and is linked."""
    told = service.shell(
        f"callbackd init /etc/callbackd --no-input --endpoint PJSIP/{AGENT} --trunk trunk --zone America/Toronto"
        " --hours always --country CA --allow +1 --caller-id 'Acme Support <+14165550100>'"
    )
    take_free_ports(service.machine)
    commands = re.findall(r"^ {5}(\S.*)$", told.partition("Next:")[2], re.MULTILINE)
    assert {"systemctl daemon-reload", "asterisk -rx 'core reload'", "callbackd doctor"} < {*commands}
    assert commands[-1] == "systemctl enable --now callbackd"
    for command in commands:
        await service.typed(command)
    assert (service.state(), readiness(service.machine)) == ("active", 200), "it is ready when the command is over"
    assert service.show().text.startswith("linked to Asterisk at http://127.0.0.1:")
    assert service.shell("systemctl is-enabled callbackd").strip() == "enabled"


async def _a_callback(service: Service, rig: Rig) -> None:
    rig.phones.set(AGENT, _talks_briefly())
    asked = (await service.typed("callbackd request support '(416) 555-0123' --name 'Ann Lee'")).strip()
    desk, client = await rig.phones.call(AGENT), await rig.phones.call(CLIENT)
    assert (desk.caller_name, client.caller_name) == ("Ann Lee", "Acme Support")
    await service.completed(asked)
    assert (rig.phones.times_rung(AGENT), rig.phones.times_rung(CLIENT)) == (1, 1)
    told = service.shell("systemctl status callbackd")
    assert "Active: active (running)" in told
    assert 'Status: "linked to Asterisk at ' in told
    assert asked in told, "the last lines of the log are there too"
    assert asked in service.shell("journalctl -u callbackd")


async def _its_files_are_its_own(service: Service) -> None:
    """No capability, its own folder to write, and systemd says how exposed that leaves it."""
    pid = service.show().main_pid
    told = service.shell(f"cat /proc/{pid}/status")
    for line in (r"CapBnd:\s0+", r"CapEff:\s0+", r"NoNewPrivs:\s1", r"Seccomp:\s2"):
        assert re.search(f"^{line}$", told, re.MULTILINE), told
    user = service.shell("id -u callbackd").strip()
    assert re.search(rf"^Uid:\s{user}\s", told, re.MULTILINE)
    listed = service.shell("find /var/lib/callbackd -printf '%M %u %P\n'").splitlines()
    assert "drwxr-x--- callbackd " in listed
    assert {line[:20] for line in listed if not line.startswith("d")} == {"-rw------- callbackd"}
    assert _may_write(service) == {"/var/lib/callbackd", "/tmp", "/var/tmp"}
    told = service.shell("systemd-analyze security callbackd --no-pager")
    score = re.search(r"Overall exposure level for callbackd.service: ([0-9.]+)", told)
    assert score is not None, told
    assert float(score[1]) <= EXPOSURE_LIMIT


async def _a_reload_tells_whether_the_files_were_right(service: Service) -> None:
    profile = service.machine.path / "etc/callbackd/profiles/support.yaml"
    before = service.show()
    with _instead(profile, _with_a_mistake(profile)):
        await service.typed("systemctl reload callbackd")
        await service.until(lambda shown: "; not reloaded, " in shown.text)
    await service.typed("systemctl reload callbackd")
    shown = await service.until(lambda shown: shown.text.endswith("; reloaded"))
    assert (shown.active, shown.main_pid) == ("active", before.main_pid)


async def _an_edit_of_the_unit_and_a_restart_that_two_who_talk_do_not_notice(service: Service, rig: Rig) -> None:
    """What a site adds: a folder, a look at /home, a variable."""
    service.shell("install -d -o callbackd /srv/callbackd; printf 'a certificate' > /home/ca.pem")
    with pytest.raises(FailedError):
        service.shell(f"{_inside(service)} cat /home/ca.pem")
    root = service.machine.path
    (root / "root/override").write_text(EDITED + SHORT)
    service.shell("SYSTEMD_EDITOR='cp /root/override' script -qec 'systemctl edit callbackd' /dev/null")
    settings = root / "etc/callbackd/callbackd.yaml"
    before, text = service.show(), settings.read_text()
    settings.write_text(_changed(text, r"^drain: \S+", "drain: 1s"))
    await service.typed("callbackd reload")
    (root / "etc/default/callbackd").write_text(f"ARI_PASSWORD={(root / 'etc/callbackd/ari-password').read_text()}")
    settings.write_text(_changed(text, "^  password_file: .*$", "  password: ${ARI_PASSWORD}"))

    rig.phones.set(AGENT, presses("1"))
    asked, desk, client = await _two_who_talk(service, rig, nth=2)
    await service.typed("systemctl restart callbackd")
    shown = service.show()
    assert (shown.active, readiness(service.machine)) == ("active", 200)
    assert shown.main_pid != before.main_pid
    assert service.callback(asked)["state"] == "connected"
    assert "adopted" in service.journal()
    assert (desk.ended_at, client.ended_at) == (None, None), "nobody was cut off"
    await desk.hangup()
    await client.ended()
    await service.completed(asked)
    assert "/srv/callbackd" in _may_write(service)
    assert service.shell(f"{_inside(service)} cat /home/ca.pem") == "a certificate"


async def _killed_it_is_started_again(service: Service) -> None:
    before = service.show()
    await service.typed("systemctl kill --kill-whom=main --signal=KILL callbackd")
    await _back(service, before.main_pid, before.restarts + 1)


async def _hung_it_is_started_again_and_says_where(service: Service) -> None:
    before = service.show()
    await service.typed("systemctl kill --kill-whom=main --signal=STOP callbackd")
    await _back(service, before.main_pid, before.restarts + 1)
    told = service.journal()
    assert "Watchdog timeout" in told
    assert re.search(r"Fatal Python error: Aborted[\s\S]*most recent call first[\s\S]*File ", told), told


async def _it_is_ready_once_the_link_is_proven(service: Service, rig: Rig) -> None:
    """While Asterisk hears nothing the doors listen and the start goes on."""
    await service.typed("systemctl stop callbackd")
    with _stopped(rig.pbx.pid):
        await service.typed("systemctl start --no-block callbackd")
        await until(lambda: readiness(service.machine) == 503, PATIENCE, service.journal)
        shown = service.show()
        assert (shown.active, shown.text[:20]) == ("activating", "no link to Asterisk ")
    shown = await service.until(lambda shown: shown.active == "active")
    assert shown.text.startswith("linked to Asterisk")


async def _evicted_it_stays_down(service: Service, rig: Rig) -> None:
    """A second program takes the application."""
    password = (service.machine.path / "etc/callbackd/ari-password").read_text().strip()
    before = service.show()
    other = Ari(rig.pbx.ari_url, "callbackd", password)
    try:
        listener = await other.listen("callbackd", _hears_nothing)
        shown = await service.until(lambda shown: shown.active not in {"active", "deactivating"})
        await listener.close()
    finally:
        await other.close()
    assert (shown.active, shown.sub, shown.result, shown.status) == ("failed", "failed", "exit-code", 4)
    assert shown.restarts == before.restarts
    assert service.state() == "failed"
    await service.typed("systemctl start callbackd")
    assert readiness(service.machine) == 200


async def _what_cannot_start_says_why(service: Service) -> None:
    """It is tried again and again; once that is mended it runs."""
    profile = service.machine.path / "etc/callbackd/profiles/support.yaml"
    with _instead(profile, _with_a_mistake(profile)):
        with pytest.raises(FailedError, match="Job for callbackd"):
            await service.typed("systemctl restart callbackd")
        await service.until(lambda shown: shown.restarts >= 1)
        last = service.shell("journalctl -u callbackd -t callbackd").splitlines()[-1]
        assert "unknown setting 'lable'" in last
    shown = await service.until(lambda shown: shown.active == "active")
    assert shown.text.startswith("linked to Asterisk")


async def _a_stop_waits_for_the_call_in_progress(service: Service, rig: Rig) -> str:
    """As long as `drain` says, which is longer than the unit's own limit; the call-back's id."""
    asked, desk, client = await _two_who_talk(service, rig, nth=3)
    await service.typed("systemctl stop --no-block callbackd")
    shown = await service.until(lambda shown: shown.text == "stopping: no new calls")
    assert shown.active == "deactivating"
    await desk.tone(440, TALK)
    assert (desk.ended_at, client.ended_at) == (None, None)
    await desk.hangup()
    await client.ended()
    shown = await service.until(lambda shown: shown.active == "inactive")
    assert (shown.result, shown.status) == ("success", 0)
    return asked


async def _it_is_there_after_a_power_cut(service: Service, last: str) -> None:
    """By itself, for it was enabled."""
    shown = await service.until(lambda shown: shown.active == "active")
    assert shown.text.startswith("linked to Asterisk")
    assert service.callback(last)["state"] == "completed"


# ---- what is asked again and again ----------------------------------------------------------------------------------


async def _back(service: Service, gone: int, restarts: int) -> None:
    """It runs again, as another process, and its journal goes on."""
    shown = await service.until(lambda shown: shown.active == "active" and shown.main_pid not in {0, gone})
    assert shown.restarts == restarts
    assert readiness(service.machine) == 200


async def _two_who_talk(service: Service, rig: Rig, nth: int) -> tuple[str, PhoneCall, PhoneCall]:
    """The call-back, the agent's phone and the client's; for both it is the `nth` call."""
    asked = (await service.typed("callbackd request support '(416) 555-0123'")).strip()
    desk, client = await rig.phones.call(AGENT, nth), await rig.phones.call(CLIENT, nth)
    await until(lambda: service.callback(asked)["state"] == "connected", PATIENCE, service.journal)
    return asked, desk, client


def _talks_briefly() -> Behaviour:
    """An agent who presses 1, talks and hangs up."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await call.answer()
        await call.press("1")
        await call.tone(440, TALK)
        await call.hangup()

    return behave


def _hears_nothing(_event: object) -> None:
    pass


def _with_a_mistake(profile: Path) -> str:
    return _changed(profile.read_text(), "^label:", "lable:")


def _changed(text: str, form: str, to: str) -> str:
    """The one line of that form as it is to be."""
    changed, times = re.subn(form, to, text, flags=re.MULTILINE)
    assert times == 1, form
    return changed


def _inside(service: Service) -> str:
    """What has a command see the files as the service does, as its user."""
    pid = service.show().main_pid
    return f"nsenter --target {pid} --mount -- setpriv --reuid callbackd --regid callbackd --clear-groups"


def _may_write(service: Service) -> set[str]:
    """Which folders on a disk it may; what is inside them is left out."""
    not_disks = " -o ".join(f"-path {folder}" for folder in ("/proc", "/sys", "/dev", "/run", PBX_ROOT))
    found = service.shell(
        f"{_inside(service)} find / \\( {not_disks} \\) -prune -o -writable ! -type l -print -prune 2>/dev/null"
        " || true"  # there are folders that it may not look into
    )
    return set(found.splitlines())


@contextmanager
def _instead(file: Path, text: str) -> Iterator[None]:
    """For a while the file has another text."""
    before = file.read_text()
    file.write_text(text)
    try:
        yield
    finally:
        file.write_text(before)


@contextmanager
def _stopped(pid: int) -> Iterator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)

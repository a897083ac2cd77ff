"""A sysadmin's first ten minutes, on a bare Debian 12: install the wheel, init, check, doctor, run, one call-back; then
the same machine with the database of the release before. The PBX is a real Asterisk; its phones are the judge.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from callbackd.store.migrate import load_migrations
from rig.bare import BareRoot
from rig.behaviours import presses, talks
from rig.rig import Rig
from tests.store.earlier.make import FOLDER, name_of
from tests.walk.installed import install, readiness, take_free_ports, until

AGENT = "1001"
CLIENT = "+14165550123"
EARLIER = "01kaq5v2m8x0r9c3dz7e6w4tyn"
EARLIER_CLIENT = "+14165550001"
"""The call-back that is called `01kaq-scheduled` in tests/store/earlier, with an id that can be on the phone."""

Json = Any

pytestmark = [pytest.mark.pbx, pytest.mark.install, pytest.mark.timeout(900)]


async def test_from_a_wheel_to_a_callback_and_on_with_the_database_of_the_release_before(
    debian: BareRoot, tmp_path: Path
) -> None:
    await asyncio.to_thread(install, debian, tmp_path)
    _with_its_user(debian)
    async with await Rig.prepared() as rig:
        await _configured(debian, rig)
        host = Host(debian, tmp_path / "log")
        rig.phones.set(AGENT, presses("1"))
        await _a_callback(host, rig)
        _the_database_of_the_release_before(debian)
        await _goes_on_with_it(host, rig)
        rig.phones.check()


class Host:
    """The clean machine, once callbackd is set up there."""

    def __init__(self, root: BareRoot, log: Path) -> None:
        self._root = root
        self._log = log

    def callbackd(self, *arguments: str) -> Json:
        """A command as the user callbackd, with --json."""
        return json.loads(self._root.run("callbackd", *arguments, "--json", user="callbackd"))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The daemon, ready; afterwards it is told to stop, and stops well."""
        process = await self._root.start("callbackd", "run", user="callbackd", log=self._log)
        try:
            await until(
                lambda: process.returncode is not None or readiness(self._root) == 200, 30.0, self._log.read_text
            )
            assert process.returncode is None, self._log.read_text()
            yield
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 40.0) == 0
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        assert "Traceback" not in self._log.read_text(), self._log.read_text()

    async def completed(self, callback: str) -> Json:
        """Waits until that call-back has ended; it must be completed."""
        shown: Json = {}

        def ended() -> bool:
            shown.update(self.callbackd("show", callback))
            return bool(shown["ended_at"])

        await until(ended, 40.0, self._log.read_text)
        assert shown["state"] == "completed", shown
        return shown


def _with_its_user(debian: BareRoot) -> None:
    debian.run("useradd", "--system", "--home-dir", "/var/lib/callbackd", "--shell", "/usr/sbin/nologin", "callbackd")
    debian.run("install", "-d", "-o", "callbackd", "-g", "callbackd", "-m", "750", "/var/lib/callbackd")
    assert debian.run("callbackd", "--version", user="callbackd").startswith("callbackd ")


async def _configured(debian: BareRoot, rig: Rig) -> None:
    """`init`, what it tells the sysadmin to do at the PBX, `check` and `doctor`."""
    debian.run(
        *("callbackd", "init", "/etc/callbackd", "--no-input", "--ari-url", rig.pbx.ari_url),
        *("--endpoint", f"PJSIP/{AGENT}", "--trunk", "trunk", "--zone", "America/Toronto", "--hours", "always"),
        *("--country", "CA", "--allow", "+1", "--caller-id", "Acme Support <+14165550100>"),
    )
    etc = debian.path / "etc/callbackd"
    take_free_ports(debian)

    # At the PBX: the account, the dialplan and the sounds, as init wrote them.
    at_pbx = rig.pbx.home / "etc"
    (at_pbx / "ari.conf").write_text("[general]\nenabled = yes\n" + (etc / "asterisk/ari.conf").read_text())
    (at_pbx / "callbackd.conf").write_text((etc / "asterisk/callbackd.conf").read_text())
    shutil.rmtree(rig.pbx.sounds / "callbackd")
    shutil.copytree(etc / "asterisk/sounds/en/callbackd", rig.pbx.sounds / "callbackd")
    rig.pbx.ari_password = (etc / "ari-password").read_text().strip()
    for command in ("module reload res_ari.so", "dialplan reload", "module reload sounds"):
        await rig.pbx.cli(command)

    debian.run("callbackd", "check", user="callbackd")
    found = json.loads(debian.run("callbackd", "doctor", "--json", user="callbackd"))
    assert found["ok"] is True, found
    not_well = {finding["check"] for finding in found["findings"] if finding["result"] != "ok"}
    assert not_well <= {"application"}, f"only that the daemon does not run yet: {found}"


async def _a_callback(host: Host, rig: Rig) -> None:
    rig.phones.set(CLIENT, talks(1.0))
    async with host.running():
        asked = host.callbackd("request", "support", "(416) 555-0123", "--name", "Ann Lee")["id"]
        desk, client = await rig.phones.call(AGENT), await rig.phones.call(CLIENT)
        assert (desk.caller_name, desk.caller_number) == ("Ann Lee", CLIENT)
        assert (client.caller_name, client.caller_number) == ("Acme Support", "+14165550100")
        await client.answered()
        shown = await host.completed(asked)
        assert [each["outcome"] for each in shown["attempts"]] == ["answered"]
    assert (rig.phones.times_rung(AGENT), rig.phones.times_rung(CLIENT)) == (1, 1)


def _the_database_of_the_release_before(debian: BareRoot) -> None:
    """In place of the present one. One of its waiting call-backs is made as fresh as on a machine in use."""
    path = debian.path / "var/lib/callbackd/callbackd.sqlite3"
    for left in path.parent.glob("callbackd.sqlite3*"):
        left.unlink()
    dump = (FOLDER / name_of(len(load_migrations()) - 1)).read_text(encoding="utf-8")
    assert "'01kaq-scheduled'" in dump
    week = int((datetime.now(UTC) + timedelta(days=7)).timestamp() * 1000)
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(dump.replace("01kaq-scheduled", EARLIER))
        changed = database.execute(
            "UPDATE callbacks SET expires_at = ? WHERE id = ? AND number = ?", (week, EARLIER, EARLIER_CLIENT)
        )
        assert changed.rowcount == 1
    owner = (debian.path / "var/lib/callbackd").stat()
    os.chown(path, owner.st_uid, owner.st_gid)


async def _goes_on_with_it(host: Host, rig: Rig) -> None:
    rig.phones.set(EARLIER_CLIENT, talks(1.0))
    async with host.running():
        client = await rig.phones.call(EARLIER_CLIENT, timeout=30.0)
        await client.answered()
        shown = await host.completed(EARLIER)
        assert shown["name"] == "Zoë O'Neill"
        assert [each["outcome"] for each in shown["attempts"]] == ["answered"]
        assert host.callbackd("show", "01kaq-exhausted")["state"] == "exhausted"
    assert rig.phones.times_rung(EARLIER_CLIENT) == 1

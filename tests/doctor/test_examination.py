"""What doctor makes of an Asterisk's answers, and of this machine."""

from __future__ import annotations

import os
import socket
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callbackd.ari.fake import FakeTransport, Request
from callbackd.ari.transport import Response
from callbackd.config.load import Configuration, load
from callbackd.doctor import machine
from callbackd.doctor.examination import examine_with
from callbackd.doctor.finding import Finding, Result
from callbackd.doctor.link import _ALWAYS
from callbackd.domain.prompts import PROMPTS
from callbackd.share import SOUNDS
from rig.ports import free_tcp_port
from tests.cli.shell import settings_folder

EVENT_AT = datetime(2026, 11, 2, 15, 0, tzinfo=UTC)
"""When the fake Asterisk's events happen, by its clock."""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    settings_folder(tmp_path, free_tcp_port())
    return load(tmp_path / "callbackd.yaml", strict_env=True)


@pytest.fixture
def asterisk() -> FakeTransport:
    """One that has everything."""
    fake = FakeTransport()
    fake.on("GET", "/asterisk/info", Response(200, {"system": {"version": "22.5.0"}}))
    names = [*_ALWAYS, "chan_pjsip", "app_queue", "res_agi"]
    fake.on("GET", "/api-docs/bridges.json", Response(200, {"parameters": [{"name": "inhibitConnectedLineUpdates"}]}))
    fake.on("GET", "/api-docs/events.json", Response(200, {"models": {"tech_cause": {}}}))
    fake.on("GET", "/asterisk/modules", Response(200, [{"name": f"{name}.so", "status": "Running"} for name in names]))
    fake.on("DELETE", "/channels/callbackd-doctor-nobody", Response(404, {"message": "Channel not found"}))
    fake.on("GET", "/deviceStates/.*", Response(200, {"name": "x", "state": "NOT_INUSE"}))
    sounds = [*(f"callbackd/{name}" for name in PROMPTS), *(f"digits/{digit}" for digit in range(10))]
    fake.on("GET", "/sounds", Response(200, [{"id": name, "formats": []} for name in sounds]))
    return fake


async def _examine(
    configuration: Configuration, asterisk: FakeTransport, ours: datetime = EVENT_AT
) -> dict[str, list[Finding]]:
    found: dict[str, list[Finding]] = {}
    async for finding in examine_with(configuration, asterisk, lambda: ours):
        assert finding.message.isprintable()
        assert (finding.mend is None) == (finding.result is Result.OK)
        found.setdefault(finding.check, []).append(finding)
    return found


def _results(findings: list[Finding]) -> set[Result]:
    return {finding.result for finding in findings}


async def test_all_is_well_but_the_daemon_does_not_run(configuration: Configuration, asterisk: FakeTransport) -> None:
    found = await _examine(configuration, asterisk)
    worst = {check: _results(findings) for check, findings in found.items()}
    assert worst.pop("application") == {Result.WARNING}
    assert set(map(frozenset, worst.values())) == {frozenset({Result.OK})}


async def test_nothing_is_changed(configuration: Configuration, asterisk: FakeTransport) -> None:
    """No phone rings: it asks, and but for an event to itself it writes nothing."""
    await _examine(configuration, asterisk)
    written = [made for made in asterisk.requests if made.method != "GET"]
    assert [made.method for made in written] == ["DELETE", "POST"]
    assert written[1].path == "/events/user/callbackd-clock"
    assert written[1].query["application"].startswith("callbackd-doctor-")


async def test_what_an_old_asterisk_cannot_do(configuration: Configuration, asterisk: FakeTransport) -> None:
    asterisk.on("GET", "/api-docs/events.json", Response(200, {"models": {"cause": {}}}))
    [found] = (await _examine(configuration, asterisk))["abilities"]
    assert found.result is Result.WARNING
    assert "401" in found.message
    assert "22.7" in str(found.mend)


@pytest.mark.parametrize(
    ("version", "result"),
    [
        ("13.38.3", Result.FAILED),
        ("16.0.0", Result.OK),
        ("certified/18.9-cert1", Result.OK),
        ("22.7.0~dfsg+~cs6", Result.OK),
        ("23.0.0", Result.WARNING),
        ("GIT-master-123", Result.OK),
    ],
)
async def test_versions(configuration: Configuration, asterisk: FakeTransport, version: str, result: Result) -> None:
    asterisk.on("GET", "/asterisk/info", Response(200, {"system": {"version": version}}))
    found = await _examine(configuration, asterisk)
    assert _results(found["ari"]) == {result}
    assert ("modules" in found) == (result is not Result.FAILED)


async def test_what_is_not_loaded(configuration: Configuration, asterisk: FakeTransport) -> None:
    names = [name for name in _ALWAYS if name != "res_ari_playbacks"]
    modules = [{"name": f"{name}.so", "status": "Running"} for name in names]
    modules.append({"name": "chan_pjsip.so", "status": "Not Running"})
    asterisk.on("GET", "/asterisk/modules", Response(200, [*modules]))
    found = await _examine(configuration, asterisk)
    assert [finding.message.split()[0] for finding in found["modules"]] == ["res_ari_playbacks", "chan_pjsip"]
    assert _results(found["modules"]) == {Result.FAILED}


@pytest.mark.parametrize(("apart", "told"), [(-5, "5.0 s ahead of"), (5, "5.0 s behind"), (1, None), (-1, None)])
async def test_clocks(configuration: Configuration, asterisk: FakeTransport, apart: int, told: str | None) -> None:
    found = await _examine(configuration, asterisk, EVENT_AT + timedelta(seconds=apart))
    (clock,) = found["clock"]
    assert clock.result is (Result.OK if told is None else Result.WARNING)
    assert told is None or told in clock.message


async def test_no_event_comes(
    configuration: Configuration, asterisk: FakeTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callbackd.doctor.examination.PATIENCE", 0.05)
    asterisk.echo = False
    found = await _examine(configuration, asterisk)
    assert _results(found["events"]) == {Result.FAILED}
    assert "endpoint" in found


async def test_an_asterisk_that_fails_halfway(configuration: Configuration, asterisk: FakeTransport) -> None:
    asterisk.on("GET", "/deviceStates/.*", Response(500, {"message": "boom"}))
    found = await _examine(configuration, asterisk)
    assert "boom" in found["ari"][-1].message
    assert found["ari"][-1].result is Result.FAILED


async def test_a_language_is_looked_for_as_asterisk_does(configuration: Configuration, asterisk: FakeTransport) -> None:
    asked: list[str] = []

    def sounds(made: Request) -> Response:
        asked.append(made.query["lang"])
        return Response(404, {"message": "No sounds found"})

    support = configuration.settings.profiles / "support.yaml"
    support.write_text(support.read_text() + "language: en_GB\n")
    asterisk.on("GET", "/sounds", sounds)
    found = await _examine(load(configuration.settings.file, strict_env=True), asterisk)
    assert asked == ["en", "en_GB", "en"]
    assert _results(found["sounds"]) == {Result.FAILED}


async def test_the_way_out_of_a_queue(configuration: Configuration, asterisk: FakeTransport) -> None:
    support = configuration.settings.profiles / "support.yaml"
    support.write_text(support.read_text().replace("endpoint: PJSIP/1001", "endpoint: PJSIP/1001\n  queue: support"))
    asterisk.on("POST", "/channels/create", Response(200, {"id": "x", "name": "x", "state": "Down"}))
    asterisk.on("GET", "/channels/.*/variable", Response(200, {"value": "1"}))
    asterisk.on("DELETE", "/channels/cbq-.*", Response(204, None))
    gone = Response(200, {"name": "x", "state": "INVALID"})
    fresh = load(configuration.settings.file, strict_env=True)
    found = await _examine(fresh, asterisk)
    assert any("1@callbackd-queue-exit-support: there" in each.message for each in found["dialplan"])
    asterisk.on("GET", "/deviceStates/Local.*queue-exit-support", gone)
    found = await _examine(fresh, asterisk)
    (missing,) = [each for each in found["dialplan"] if each.result is Result.WARNING]
    assert "context = callbackd-queue-exit-support" in (missing.mend or "")


async def test_the_mend_for_missing_sounds_names_files_that_are_there(
    configuration: Configuration, asterisk: FakeTransport
) -> None:
    digits = [{"id": f"digits/{digit}", "formats": []} for digit in range(10)]
    asterisk.on("GET", "/sounds", Response(200, [*digits]))
    found = await _examine(configuration, asterisk)
    (sounds,) = found["sounds"]
    assert f"copy {SOUNDS / 'en'}/*.wav to " in (sounds.mend or "")


async def test_a_short_token_or_one_that_others_read(configuration: Configuration, asterisk: FakeTransport) -> None:
    assert configuration.settings.http is not None
    path = configuration.settings.http.token_file
    assert _results((await _examine(configuration, asterisk))["token"]) == {Result.OK}
    assert not path.exists(), "the daemon makes it"
    path.write_text("swordfish")
    path.chmod(0o600)
    [short] = (await _examine(configuration, asterisk))["token"]
    assert (short.result, "fewer than 32 characters" in short.message) == (Result.WARNING, True)
    assert "swordfish" not in f"{short}"
    path.chmod(0o644)
    found = (await _examine(configuration, asterisk))["token"]
    assert [each.mend for each in found] == [f"chmod 600 {path}", short.mend]
    path.write_text("")
    [empty] = (await _examine(configuration, asterisk))["token"]
    assert (empty.result, empty.message) == (Result.FAILED, f"{path} is empty")
    assert empty.mend == "remove it, and the next start makes a new token"
    path.write_text("x" * 40)
    path.chmod(0o600)
    assert _results((await _examine(configuration, asterisk))["token"]) == {Result.OK}


# ---- the machine --------------------------------------------------------------------------------------------------


def test_a_database_that_is_there_or_will_be(tmp_path: Path) -> None:
    path = tmp_path / "callbackd.sqlite3"
    assert machine.database(path).result is Result.OK
    assert not path.exists()
    sqlite3.connect(path).close()
    assert machine.database(path).result is Result.OK


def test_a_database_that_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "callbackd.sqlite3"
    connection = sqlite3.connect(path)
    connection.executescript("CREATE TABLE a (x); CREATE INDEX b ON a (x); INSERT INTO a VALUES (zeroblob(9000))")
    connection.close()
    assert machine.database(path).result is Result.OK
    with path.open("r+b") as file:
        file.seek(2 * 4096)
        file.write(b"\xff" * 8)
    found = machine.database(path)
    assert found.result is Result.FAILED
    assert "is damaged" in found.message
    assert found.mend == "stop callbackd and restore a backup"


def test_a_database_that_can_not_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "PATIENCE", 0.01)
    assert machine.database(tmp_path / "nowhere" / "x").result is Result.FAILED
    text = tmp_path / "text"
    text.write_text("no database, but a text that is long enough to be told from one" * 20)
    assert machine.database(text).result is Result.FAILED
    locked = tmp_path / "locked"
    holder = sqlite3.connect(locked, isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    assert "locked" in machine.database(locked).message
    holder.close()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert machine.database(tmp_path / "x").result is Result.FAILED


def test_a_password_that_others_can_read(tmp_path: Path) -> None:
    assert machine.password(tmp_path / "callbackd.yaml") is None
    secret = tmp_path / "ari-password"
    secret.write_text("x")
    secret.chmod(0o600)
    own = machine.password(tmp_path / "callbackd.yaml")
    assert own is not None
    assert own.result is Result.OK
    secret.chmod(0o644)
    open_ = machine.password(tmp_path / "callbackd.yaml")
    assert open_ is not None
    assert (open_.result, open_.mend) == (Result.WARNING, f"chmod 600 {secret}")


async def test_a_port_that_something_else_has(configuration: Configuration) -> None:
    assert configuration.settings.http is not None
    port = configuration.settings.http.listen.port
    with socket.create_server(("127.0.0.1", port)) as taken:
        taken.settimeout(10)
        found = await machine.daemon(configuration.settings)
    assert found is not None
    assert not found.answers
    assert found.finding.result is Result.FAILED
    free = await machine.daemon(configuration.settings)
    assert free is not None
    assert free.finding.result is Result.OK

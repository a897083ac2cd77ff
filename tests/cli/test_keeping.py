"""backup and forget."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from callbackd.cli import backup
from callbackd.domain.callback import State
from callbackd.store.sqlite import SqliteStore
from tests.cli.shell import Shell
from tests.http.house import NOON, House
from tests.store.samples import added

NUMBER = "+14165550123"


@pytest.fixture
async def store(shell: Shell) -> SqliteStore:
    """The database of the configuration, as a daemon has it open."""
    store = await SqliteStore.open(shell.folder / "callbackd.sqlite3")
    await added(store)
    return store


async def test_backup_while_the_database_is_in_use(shell: Shell, store: SqliteStore, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite3"
    result = await shell.ask("backup", str(target))
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"{target}: 1 call-backs, {target.stat().st_size / 1e6:.1f} MB, examined and sound\n"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    await store.close()
    copy = await SqliteStore.open(target)
    assert await copy.get("cb-a") is not None
    await copy.close()


async def test_backup_overwrites_only_what_it_is_told_to(shell: Shell, store: SqliteStore, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite3"
    target.write_text("precious")
    result = await shell.ask("backup", str(target))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"callbackd: {target} is there already, and is left as it is: name another file, or overwrite it with --force\n"
    )
    assert target.read_text() == "precious"
    result = await shell.ask("backup", "--force", "--json", str(target))
    assert json.loads(result.stdout) == {
        "file": str(target),
        "bytes": target.stat().st_size,
        "callbacks": 1,
        "schema": _schema(target),
    }
    await store.close()


def _schema(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[60:64])


async def test_backup_tells_its_progress_when_it_is_slow(
    shell: Shell, store: SqliteStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "QUIET_FOR", 0.0)
    result = await shell.ask("backup", "--json", str(tmp_path / "copy.sqlite3"))
    assert "copied 0 of 0 MB; now the copy is examined\n" in result.stderr
    assert json.loads(result.stdout)["callbacks"] == 1
    await store.close()


def test_backup_without_a_database(shell: Shell, tmp_path: Path) -> None:
    result = shell.run("backup", str(tmp_path / "copy.sqlite3"))
    assert result.exit_code == 1
    assert "does not exist: there is nothing to copy" in result.stderr
    assert not (shell.folder / "callbackd.sqlite3").exists()


# forget


async def known(house: House, state: State = State.COMPLETED) -> str:
    from callbackd.engine.intake import Request

    callback_id = (await house.intake.request(Request("support", NUMBER), "k")).callback.id
    if state is not State.SCHEDULED:
        await house.put(callback_id, state)
    return callback_id


async def test_forget(daemon: Shell, house: House) -> None:
    callback_id = await known(house)
    result = await daemon.ask("forget", NUMBER)
    assert (result.exit_code, result.stdout) == (0, "erased: call-backs 1, events 1, idempotency keys 1\n")
    assert await house.store.get(callback_id) is None
    result = await daemon.ask("forget", "--profile", "support", "(416) 555-0123")
    assert (result.exit_code, result.stdout) == (0, "erased: nothing was known\n")


async def test_forget_tells_what_it_keeps(daemon: Shell, house: House) -> None:
    await house.store.block(NUMBER, NOON, "asked")
    copy = daemon.folder / "callbackd.sqlite3.before-2"
    copy.touch()
    result = await daemon.ask("forget", NUMBER)
    assert "kept: its place on the block-list" in result.stdout
    assert f"{copy} was made before a migration" in result.stdout
    result = await daemon.ask("forget", NUMBER, "--unblock", "--json")
    told = json.loads(result.stdout)
    assert (told["unblocked"], told["blocked"], told["copies"]) == (True, False, [str(copy)])


async def test_forget_refuses_what_has_not_ended_unless_it_is_to_be_cancelled(daemon: Shell, house: House) -> None:
    callback_id = await known(house, State.SCHEDULED)
    result = await daemon.ask("forget", NUMBER)
    assert (result.exit_code, result.stdout) == (1, "")
    assert callback_id in result.stderr
    assert "(state_forbids)" in result.stderr
    result = await daemon.ask("forget", NUMBER, "--cancel")
    assert (result.exit_code, result.stdout) == (0, "erased: call-backs 1, events 2, idempotency keys 1\n")


@pytest.mark.parametrize("arguments", [["--profile", "nobody", NUMBER], ["call me"], [""]])
async def test_forget_refuses_what_is_no_number(daemon: Shell, house: House, arguments: list[str]) -> None:
    callback_id = await known(house)
    result = await daemon.ask("forget", *arguments)
    assert (result.exit_code, result.stdout) == (1, "")
    assert await house.store.get(callback_id) is not None


def test_forget_needs_the_daemon(shell: Shell) -> None:
    assert shell.run("forget", NUMBER).exit_code == 3

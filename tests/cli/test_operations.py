"""pause, resume, reload, status and list --watch, against a real server."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest

from callbackd.domain.callback import State
from callbackd.domain.hours import Interval, TargetHours
from callbackd.domain.profile import Target
from callbackd.engine.profiles import Limits
from callbackd.store.interface import Pause, ProfileCondition
from tests.cli.shell import Shell
from tests.http.house import NOON, SUPPORT, House

NUMBER = "+14165550123"


@pytest.mark.parametrize(
    ("arguments", "kept", "told"),
    [
        ([], {"*": Pause(True, True)}, "everything: dialling paused, intake paused"),
        (["--intake"], {"*": Pause(True, False)}, "everything: intake paused"),
        (["support"], {"support": Pause(True, True)}, "support: dialling paused, intake paused"),
        (["support", "--dialling"], {"support": Pause(False, True)}, "support: dialling paused"),
        (["sales", "--dialling", "--intake"], {"sales": Pause(True, True)}, "sales: dialling paused, intake paused"),
    ],
)
async def test_pause_and_resume(
    daemon: Shell, house: House, arguments: list[str], kept: dict[str, Pause], told: str
) -> None:
    result = await daemon.ask("pause", *arguments)
    assert (result.exit_code, result.stdout.splitlines()[0]) == (0, told)
    assert await house.store.pauses() == kept
    result = await daemon.ask("resume", *arguments)
    assert result.stdout.endswith("nothing is paused\n")
    assert not any(pause.intake or pause.dialling for pause in (await house.store.pauses()).values())


async def test_what_everything_pauses_is_told_of_each_profile(daemon: Shell, house: House) -> None:
    house.rules.profiles = {"support": replace(SUPPORT, target=replace(SUPPORT.target, max_concurrent=0))}
    result = await daemon.ask("pause", "--intake")
    assert result.stdout == "everything: intake paused\n  support: dialling paused by a limit of 0, intake paused\n"
    assert json.loads((await daemon.ask("pause", "--json")).stdout)["intake_paused"] is True


@pytest.mark.parametrize(("name", "code"), [("nobody", 1), ("../x", 1), ("", 2), ("\x1b[31m", 1)])
async def test_an_unknown_profile_is_not_paused(daemon: Shell, house: House, name: str, code: int) -> None:
    result = await daemon.ask("pause", name)
    assert (result.exit_code, result.stdout) == (code, "")
    assert "\x1b" not in result.stderr
    assert await house.store.pauses() == {}


async def test_a_mistake_in_a_profile_keeps_nobody_from_the_daemon(daemon: Shell) -> None:
    (daemon.folder / "profiles" / "support.yaml").write_text("labl: x\n")
    for command in ("pause", "status", "resume", "reload"):
        assert (await daemon.ask(command)).exit_code == 0, command
    (daemon.folder / "callbackd.yaml").write_text("arri: x\n")
    assert (await daemon.ask("pause")).exit_code == 1


async def test_reload(daemon: Shell, house: House) -> None:
    result = await daemon.ask("reload")
    assert (result.exit_code, result.stdout) == (0, "reloaded; profiles: sales, support\n")
    house.problems = ["support.yaml:3:5: one\x1b", "sales.yaml:4:5: two"]
    result = await daemon.ask("reload")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "support.yaml:3:5: one\\x1b",
        "sales.yaml:4:5: two",
        "callbackd: not reloaded: the old configuration stays in force",
    ]
    result = await daemon.ask("reload", "--json")
    assert json.loads(result.stdout)["problems"] == house.problems


async def test_status_in_full(daemon: Shell, house: House) -> None:
    hours = TargetHours(ZoneInfo("America/Toronto"), dict.fromkeys(range(5), (Interval(9 * 60, 12 * 60),)))
    target = Target(("PJSIP/1001",), timezone="America/Toronto", hours=hours)
    house.rules.profiles = {"support": replace(SUPPORT, target=target)}
    house.rules.limits = Limits(max_concurrent=0)
    await house.store.set_pause("support", Pause(intake=True))
    later = NOON + timedelta(minutes=1)
    await house.store.set_condition(
        "support", ProfileCondition(target_rests_until=later, target_rests=1, route_open_until=later)
    )
    result = await daemon.ask("status")
    assert result.exit_code == 0
    assert result.stdout == (
        "ready\n"
        "  daemon: callbackd 0.0.0, running for 2h\n"
        "  ari: ok\n"
        "  database: ok\n"
        "  asterisk: 16.28.0\n"
        "  asterisk lacks: old\n"
        "  everything: dialling paused by a limit of 0\n"
        "  calls: 0 live of 0 at most, 0 waiting\n"
        "  events for mqtt: all delivered\n"
        "  events for webhook:1: all delivered\n"
        "\n"
        "support: Support line\n"
        "  target: closed until Tue 3 Nov 2026 09:00 EST\n"
        "  paused: dialling paused by a limit of 0, intake paused\n"
        "  rests: nobody answered at the target: not rung until Mon 2 Nov 2026 12:01 EST\n"
        "  route: paused, its calls failed: one is tried from Mon 2 Nov 2026 12:01 EST\n"
        "  call-backs: 0 waiting, 0 live\n"
    )


async def test_status_says_what_fails_and_the_mend(daemon: Shell, house: House) -> None:
    house.health.checks["ari"] = "not connected"
    result = await daemon.ask("status")
    assert result.exit_code == 1
    told = "  ari state: lost since Mon 2 Nov 2026 17:00 UTC\n  error: not connected\n  mend: mend it\n"
    assert told in result.stdout


# ---- list --watch -------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _watching(daemon: Shell, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callbackd", "--config", str(daemon.folder / "callbackd.yaml")),
        *("list", "--watch", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    try:
        async with asyncio.timeout(30):
            yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def test_into_a_pipe_every_change_is_a_line(daemon: Shell, house: House) -> None:
    first = (await daemon.ask("request", "support", NUMBER)).stdout.strip()
    async with _watching(daemon) as process:
        assert process.stdout is not None
        assert (await process.stdout.readline()).decode().startswith(f"{first}  queued  {NUMBER}  support; ")
        second = (await daemon.ask("request", "sales", NUMBER)).stdout.strip()
        assert (await process.stdout.readline()).decode().startswith(f"{second}  queued")
        await house.put(first, State.COMPLETED)
        assert (await process.stdout.readline()).decode().startswith(f"{first}  completed")
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert (process.returncode, out, err) == (0, b"", b"")


async def test_as_json_every_change_is_an_object(daemon: Shell, house: House) -> None:
    made = (await daemon.ask("request", "support", NUMBER)).stdout.strip()
    async with _watching(daemon, "--json", "--state", "queued") as process:
        assert process.stdout is not None
        assert json.loads(await process.stdout.readline())["id"] == made
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_on_a_terminal_it_is_a_picture_and_leaves_it_as_it_was(daemon: Shell) -> None:
    made = (await daemon.ask("request", "support", NUMBER, "--name", "Ann")).stdout.strip()
    ours, theirs = pty.openpty()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "callbackd", "--config", str(daemon.folder / "callbackd.yaml"), "list", "--watch"),
        stdout=theirs,
        stderr=theirs,
        stdin=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "160", "LINES": "24"},
    )
    os.close(theirs)
    shown = b""
    async with asyncio.timeout(30):
        while made.encode() not in shown:
            shown += await asyncio.to_thread(os.read, ours, 4096)
        assert b"\x1b[?1049h" in shown
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0
        while b"\x1b[?1049l" not in shown:
            shown += await asyncio.to_thread(os.read, ours, 4096)
    os.close(ours)
    assert b"Ctrl-C leaves" in shown
    assert b"Aborted" not in shown


async def test_the_daemon_goes_away_while_it_is_watched(daemon: Shell) -> None:
    async with _watching(daemon) as process:
        (daemon.folder / "api-token").write_text("another\n")
        assert process.stderr is not None
        assert b"does not take the token" in await process.stderr.read()
        assert await process.wait() == 1

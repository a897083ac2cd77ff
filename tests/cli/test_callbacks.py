"""The commands that ask the daemon, against a real server."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from rich.console import Console

from callbackd.cli.tables import print_list
from callbackd.domain.callback import EventType, Kind, State, Step, TimelineEvent
from callbackd.store.interface import Change
from tests.cli.shell import Shell
from tests.http.house import House

NUMBER = "(416) 555-0123"


async def _requested(daemon: Shell, number: str = NUMBER, *more: str) -> str:
    result = await daemon.ask("request", "support", number, *more)
    assert result.exit_code == 0, result.stderr
    return result.stdout.strip()


async def test_request_prints_the_id(daemon: Shell, house: House) -> None:
    result = await daemon.ask("request", "support", NUMBER, "--name", "Ann", "--reason", "late", "--priority", "-5")

    callback = await house.store.get(result.stdout.strip())
    assert (result.exit_code, result.stderr) == (0, "")
    assert callback is not None
    assert (callback.number, callback.name, callback.reason, callback.priority) == ("+14165550123", "Ann", "late", -5)


async def test_asking_again_prints_the_same_id_and_says_so(daemon: Shell) -> None:
    first = await _requested(daemon)
    again = await daemon.ask("request", "support", NUMBER)
    assert (again.exit_code, again.stdout) == (0, f"{first}\n")
    assert "one already" in again.stderr


async def test_request_as_json(daemon: Shell) -> None:
    told = json.loads((await daemon.ask("request", "support", NUMBER, "--json")).stdout)
    assert told["number"] == "+14165550123"


async def test_not_before_is_on_the_targets_wall(daemon: Shell) -> None:
    told = await daemon.ask("request", "support", NUMBER, "--not-before", "2199-07-03 09:00", "--json")
    assert json.loads(told.stdout)["due_at"] == "2199-07-03T13:00:00.000Z"


@pytest.mark.parametrize(
    ("arguments", "exit_code", "told"),
    [
        (["support", "nonsense"], 1, "(number_malformed)"),
        (["support", "+442079460123"], 1, "(number_not_allowed)"),
        (["suport", NUMBER], 1, "(unknown_profile)"),
        (["suport", NUMBER, "--not-before", "2199-01-01 10:00"], 1, "no profile 'suport'"),
        (["support", NUMBER, "--name", "x" * 300], 1, "name"),
        (["support", NUMBER, "--name", "\x1b[31mred"], 1, "control characters"),
        (["support", NUMBER, "--language", "x/y"], 1, "language"),
        (["support", NUMBER, "--priority", "101"], 2, "--priority"),
        (["support", NUMBER, "--not-before", "soon"], 2, "--not-before"),
        (["support", NUMBER, "--not-before", "2198-03-11 02:30"], 2, "does not exist"),
    ],
)
async def test_request_refused(daemon: Shell, arguments: list[str], exit_code: int, told: str) -> None:
    result = await daemon.ask("request", *arguments)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert told in " ".join(result.stderr.split())
    if exit_code == 1:
        assert result.stderr.startswith("callbackd: ")
        assert result.stderr.count("\n") == 1


async def test_list(daemon: Shell, house: House) -> None:
    assert (await daemon.ask("list")).stdout == "no call-backs\n"
    first = await _requested(daemon, "+14165550101", "--name", "Ann")
    second = await _requested(daemon, "+14165550102")
    await house.put(second, State.COMPLETED)

    lines = (await daemon.ask("list")).stdout.splitlines()
    assert lines[0].split() == ["id", "profile", "state", "number", "name", "due", "tries", "why"]
    row = next(line for line in lines if first in line)
    for cell in ("support", "queued", "+14165550101", "Ann", "Mon 2 Nov 2026 12:00 EST", "first attempt"):
        assert cell in row
    assert "ended Mon 2 Nov 2026 12:00 EST" in next(line for line in lines if second in line)


async def test_a_narrow_terminal_gets_two_lines_for_each(daemon: Shell) -> None:
    callback_id = await _requested(daemon, NUMBER, "--name", "[b]Ann[/]")
    items = json.loads((await daemon.ask("list", "--json")).stdout)["items"]
    paper = io.StringIO()
    print_list(items, lambda _: ZoneInfo("America/Toronto"), Console(file=paper, width=80))
    assert paper.getvalue().splitlines() == [
        f"{callback_id}  queued  +14165550123",
        "    support; name [b]Ann[/]; due Mon 2 Nov 2026 12:00 EST; tries 0; why first attempt",
    ]


async def test_list_filters(daemon: Shell, house: House) -> None:
    first = await _requested(daemon, "+14165550101")
    second = await _requested(daemon, "+14165550102")
    await house.put(second, State.COMPLETED)

    async def ids(*arguments: str) -> set[str]:
        result = await daemon.ask("list", "--json", *arguments)
        assert result.exit_code == 0
        return {item["id"] for item in json.loads(result.stdout)["items"]}

    assert await ids("--state", "queued") == {first}
    assert await ids("--state", "queued", "--state", "completed") == {first, second}
    assert await ids("--profile", "sales") == set()
    assert await ids("--number", "416 555 0102") == {second}
    assert (await daemon.ask("list", "--state", "waiting")).exit_code == 2
    assert (await daemon.ask("list", "--number", "x")).exit_code == 1


async def test_list_says_that_there_is_more(daemon: Shell) -> None:
    for n in range(3):
        await _requested(daemon, f"+1416555010{n}")
    result = await daemon.ask("list", "--limit", "2")
    assert len(result.stdout.splitlines()) == 3
    assert "--limit" in result.stderr
    assert json.loads((await daemon.ask("list", "--limit", "2", "--json")).stdout)["next"]


async def test_list_goes_over_pages(daemon: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callbackd.cli.callbacks._PAGE", 2)
    made = {await _requested(daemon, f"+1416555010{n}") for n in range(5)}
    listed = json.loads((await daemon.ask("list", "--json")).stdout)
    assert {item["id"] for item in listed["items"]} == made
    assert listed["next"] is None


@pytest.mark.parametrize("name", ["[bold red]Ann[/]", "Ann :skull:", "[/nothing]", "[link=http://x]y[/link]"])
async def test_markup_in_a_name_is_only_text(daemon: Shell, name: str) -> None:
    callback_id = await _requested(daemon, NUMBER, "--name", name)
    assert name in (await daemon.ask("list")).stdout
    assert name in (await daemon.ask("show", callback_id)).stdout


async def test_a_hostile_name_does_not_reach_the_terminal(daemon: Shell, house: House) -> None:
    callback_id = await _requested(daemon)
    callback = await house.store.get(callback_id)
    assert callback is not None
    event = TimelineEvent(EventType.RESTING, house.clock.now(), {"why": ["a\x1b]0;owned\x07b"], "k\x9b": "\u202e\n"})
    await house.store.commit(Change(replace(callback, name="Ann\x1b[2J\r\u202e", reason="x\ny"), (event,)))

    for arguments in (["list"], ["show", callback_id], ["list", "--json"], ["show", callback_id, "--json"]):
        result = await daemon.ask(*arguments)
        assert result.exit_code == 0
        assert not set(result.stdout) & set("\x1b\x07\r\x9b\u202e")
    assert "Ann\\x1b[2J\\r\\u202e" in (await daemon.ask("list")).stdout


async def test_show_tells_the_story(daemon: Shell, house: House) -> None:
    callback_id = await _requested(daemon, NUMBER, "--name", "Ann")
    callback = await house.store.get(callback_id)
    assert callback is not None
    house.clock.move(timedelta(minutes=1))
    due = house.clock.now() + timedelta(minutes=10)
    event = TimelineEvent(
        EventType.RESCHEDULED,
        house.clock.now(),
        {"kind": "auto", "due_at": "2026-11-02T17:11:00.000Z", "why": ["busy", "moved"], "none": None},
    )
    later = replace(callback, next_kind=Kind.AUTO, due_at=due, rest_until=due, counted=1, attempts_made=1)
    await house.store.commit(Change(later, (event,)))

    text = (await daemon.ask("show", callback_id)).stdout

    for part in ("+14165550123", "Ann", "Mon 2 Nov 2026 12:11 EST", "tried again: the client was not reached"):
        assert part in text
    timeline = text[text.index("\n\n") :].split("\n")
    rescheduled = next(line for line in timeline if "rescheduled" in line)
    assert rescheduled.startswith("Mon 2 Nov 2026 12:01 EST")
    assert "kind: auto, due_at: Mon 2 Nov 2026 12:11 EST" in rescheduled
    assert "none" not in rescheduled
    assert [line.strip() for line in timeline][-3:] == ["busy", "moved", ""]


@pytest.mark.parametrize(
    ("step", "kind", "told"),
    [(Step.OFFER, Kind.AUTO, "asked for one more try"), (Step.ATTEMPT, Kind.AGENT, "the agent asked for it")]
    + [(Step.ATTEMPT, Kind.CLIENT, "the client asked for it")],
)
async def test_the_reason_it_waits(daemon: Shell, house: House, step: Step, kind: Kind, told: str) -> None:
    callback = await house.store.get(await _requested(daemon))
    assert callback is not None
    await house.store.commit(Change(replace(callback, next_step=step, next_kind=kind)))
    assert told in (await daemon.ask("list")).stdout


async def test_cancel(daemon: Shell) -> None:
    callback_id = await _requested(daemon)
    assert (await daemon.ask("cancel", callback_id)).stdout == f"{callback_id} is cancelled\n"
    again = await daemon.ask("cancel", callback_id, "--json")
    assert again.exit_code == 1
    assert "state_forbids" in again.stderr


async def test_reschedule(daemon: Shell) -> None:
    callback_id = await _requested(daemon, NUMBER, "--not-before", "2199-07-01 09:00")

    now = await daemon.ask("reschedule", callback_id)
    assert now.stdout == f"{callback_id} is due Mon 2 Nov 2026 12:00 EST\n"

    at = await daemon.ask("reschedule", callback_id, "--at", "2199-07-03 10:00")
    assert at.stdout == f"{callback_id} is due Wed 3 Jul 2199 10:00 EDT\n"

    at = await daemon.ask("reschedule", callback_id, "--at", "2199-07-03T15:00:00Z", "--json")
    assert json.loads(at.stdout)["due_at"] == "2199-07-03T15:00:00.000Z"

    assert (await daemon.ask("reschedule", callback_id, "--in", "1h30m")).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [["--in", "soon"], ["--in", "99999999d"], ["--in", "-1"], ["--at", "x"], ["--at", "10:00", "--in", "5m"]],
)
async def test_a_reschedule_to_nowhere_is_a_usage_error(daemon: Shell, arguments: list[str]) -> None:
    assert (await daemon.ask("reschedule", await _requested(daemon), *arguments)).exit_code == 2


async def test_a_profile_that_is_no_more_has_no_wall_clock(daemon: Shell) -> None:
    callback_id = await _requested(daemon)
    (daemon.folder / "profiles" / "support.yaml").unlink()
    result = await daemon.ask("reschedule", callback_id, "--at", "10:00")
    assert result.exit_code == 1
    assert "its profile 'support' is no more" in result.stderr
    assert " UTC" in (await daemon.ask("show", callback_id)).stdout


@pytest.mark.parametrize("command", ["show", "cancel", "reschedule"])
@pytest.mark.parametrize("callback_id", ["nobody", "../profiles", "a/b?c#d", "\x1b[31m", "x" * 3000])
async def test_an_id_that_nobody_has(daemon: Shell, command: str, callback_id: str) -> None:
    result = await daemon.ask(command, callback_id)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.count("\n") == 1


async def test_status(daemon: Shell, house: House) -> None:
    result = await daemon.ask("status")
    assert result.exit_code == 0
    assert result.stdout.startswith("ready\n  daemon: callbackd 0.0.0, running for 2h\n  ari: ok\n  database: ok\n")
    house.health.checks["ari"] = "not connected\x1b"
    result = await daemon.ask("status")
    assert result.exit_code == 1
    assert result.stdout.startswith("not ready\n")
    assert "  ari: not connected\\x1b\n  database: ok\n" in result.stdout
    result = await daemon.ask("status", "--json")
    assert (result.exit_code, json.loads(result.stdout)["ready"]) == (1, False)

"""Profiles: how each stands, its settings and hours in words and as a chart, pausing it, and what-if."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html import unescape
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import pytest

from callbackd.config import load
from callbackd.domain.callback import Outcome
from callbackd.domain.hours import Interval, TargetHours
from callbackd.portal.week import Bar, week_of
from callbackd.store.interface import Pause
from tests.cli.shell import Shell
from tests.http.house import NOON, SUPPORT
from tests.portal.office import Office, Visitor, text_of, words_of
from tests.portal.test_now import TORONTO, added

OFFICE = TargetHours(
    TORONTO,
    {day: (Interval(540, 720), Interval(780, 1020)) for day in range(5)} | {5: (Interval(1320, 1800),)},
    {date(2026, 11, 5): (), date(2026, 11, 6): (Interval(600, 840),)},
)
WITH_HOURS = replace(
    SUPPORT,
    target=replace(SUPPORT.target, hours=OFFICE),
    rescheduling=replace(SUPPORT.rescheduling, cut_off=timedelta(minutes=30)),
)


def test_a_week_as_a_chart() -> None:
    """Monday at noon: shut for lunch. Thursday is an exception, and so is Friday; Saturday's night ends on Sunday."""
    days = week_of(WITH_HOURS, NOON)
    ordinary = (Bar(540, 720, "open"), Bar(780, 990, "open"), Bar(990, 1020, "cut_off"))
    assert [day.weekday for day in days] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert [day.bars for day in days[:3]] == [ordinary] * 3
    assert (days[3].bars, days[3].text, days[3].exceptional) == ((), "closed", True)
    assert days[4].bars == (Bar(600, 810, "open"), Bar(810, 840, "cut_off"))
    assert days[5].bars == (Bar(1320, 1440, "open"),)
    assert days[6].bars == (Bar(0, 330, "open"), Bar(330, 360, "cut_off"))
    assert days[0].text == "09:00–12:00, 13:00–17:00; reschedules until 16:30"
    assert days[5].text == "22:00–06:00 next day; reschedules until 05:30 next day"
    assert [day.now for day in days] == [720, None, None, None, None, None, None]


def test_a_target_without_hours_and_one_that_never_closes() -> None:
    assert {day.bars for day in week_of(SUPPORT, NOON)} == {(Bar(0, 1440, "open"),)}
    around = TargetHours(TORONTO, {day: (Interval(0, 1440),) for day in range(7)})
    profile = replace(WITH_HOURS, target=replace(SUPPORT.target, hours=around))
    assert {day.bars for day in week_of(profile, NOON)} == {(Bar(0, 1440, "open"),)}


def test_a_cut_off_longer_than_the_last_interval_shades_all_of_it() -> None:
    profile = replace(WITH_HOURS, rescheduling=replace(WITH_HOURS.rescheduling, cut_off=timedelta(hours=5)))
    assert week_of(profile, NOON)[0].bars == (Bar(540, 720, "open"), Bar(780, 1020, "cut_off"))
    profile = replace(WITH_HOURS, rescheduling=replace(WITH_HOURS.rescheduling, cut_off=timedelta(hours=6)))
    assert week_of(profile, NOON)[0].bars[:2] == (Bar(540, 660, "open"), Bar(660, 720, "cut_off"))


@pytest.mark.parametrize("day", ["2026-03-08", "2026-11-01"])
def test_days_on_which_the_clocks_change_are_on_the_wall(day: str) -> None:
    at = datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=TORONTO).astimezone(UTC)
    hours = TargetHours(TORONTO, {6: (Interval(60, 1020),)})
    profile = replace(WITH_HOURS, target=replace(SUPPORT.target, hours=hours))
    assert week_of(profile, at)[0].bars == (Bar(60, 990, "open"), Bar(990, 1020, "cut_off"))


async def test_how_each_stands(office: Office, visitor: Visitor) -> None:
    office.rules.profiles = {"support": WITH_HOURS, "sales": replace(SUPPORT, id="sales", label="Sales")}
    await added(office, 1)
    await office.store.set_pause("sales", Pause(intake=True))
    words = words_of(await visitor.get("/profiles"))
    assert "Support line support closed until 13:00 Waiting 1 On the phone 0 Reschedules 2 Delay 10 min" in words
    assert "Sales sales always open intake is paused" in words


async def test_settings_in_words(office: Office, visitor: Visitor) -> None:
    office.rules.profiles = {"support": WITH_HOURS}
    words = words_of(await visitor.get("/profiles/support"))
    for told in (
        "Auto Rescheduling rescheduling.auto on a client who was not reached is tried again by itself",
        "Client Rescheduling rescheduling.client off the client is never asked by an automated call",
        "Max Reschedules rescheduling.max_reschedules 2 auto and agent together: 3 attempts that count, at most",
        "Reschedule Delay rescheduling.delay 10m",
        "Cut-Off Time rescheduling.cut_off 30m how long before the end of the target's day rescheduling stops",
        "After Cut-Off rescheduling.after_cut_off next_open",
        "Thu 5 Nov closed exception",
    ):
        assert told in words, told


@pytest.mark.parametrize("profile", ["support", None])
@pytest.mark.parametrize("part", ["intake", "dialling"])
async def test_pause_and_resume(office: Office, visitor: Visitor, profile: str | None, part: str) -> None:
    path = f"/profiles/{profile or 'everything'}/pausing"
    back = f"/profiles/{profile}" if profile else "/profiles"
    answer = await visitor.submit(path, part=part, to="pause")
    assert (answer.status, answer.headers["location"]) == (303, back)
    pause = (await office.store.pauses())[profile or "*"]
    assert (pause.intake, pause.dialling) == (part == "intake", part == "dialling")
    assert f"{part} is paused" in words_of(await visitor.get(back))
    assert f"Resume {part}" in words_of(await visitor.get(back))
    await visitor.submit(path, part=part, to="resume")
    assert not await office.store.pauses()


@pytest.mark.parametrize(
    "fields", [{}, {"part": "all", "to": "pause"}, {"part": "intake"}, {"part": "intake", "to": "x"}]
)
async def test_what_is_to_be_paused_must_be_said(office: Office, visitor: Visitor, fields: dict[str, str]) -> None:
    assert (await visitor.submit("/profiles/support/pausing", **fields)).status == 422
    assert (await visitor.submit("/profiles/nothing/pausing", part="intake", to="pause")).status == 404
    assert not await office.store.pauses()


# What-if. The answer is the command's, word by word.

YAML = """\
label: Support line
target:
  endpoint: PJSIP/1001
  timezone: America/Toronto
  hours: {mon-fri: [09:00-12:00, 13:00-17:00], sat: 22:00-06:00}
client: {endpoint: "PJSIP/{number}@trunk", allow: ["+1"], country: CA}
rescheduling: {delay: 30m, cut_off: 30m, max_reschedules: 2, %s}
"""
RULES = ["client: off", "client: on", "after_cut_off: drop", "auto: off", "agent: off, client: on"]
TIMES = ["2026-11-02T10:00", "2026-11-02T11:45", "2026-11-02T16:01", "2026-11-06T16:45", "2026-11-07T23:00"]


@pytest.mark.parametrize("rules", RULES)
async def test_what_if_is_what_the_command_says(office: Office, visitor: Visitor, tmp_path: Path, rules: str) -> None:
    """For every outcome and kind: the page says what ``callbackd when`` says, reason by reason."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "support.yaml").write_text(YAML % rules)
    (tmp_path / "callbackd.yaml").write_text(
        f"ari: {{username: x, password: y}}\ndatabase: {tmp_path}/x.sqlite3\nprofiles: profiles\n"
    )
    shell = Shell(tmp_path)
    office.rules.profiles = load(tmp_path / "callbackd.yaml", strict_env=False).profiles
    outcomes = [outcome.value for outcome in Outcome if outcome is not Outcome.CANCELLED]
    asked = [(TIMES[n % len(TIMES)], n % 4, "auto", outcome) for n, outcome in enumerate(outcomes)]
    asked += [(at, used, kind, "") for at in TIMES for used in (0, 2) for kind in ("auto", "agent", "client")]
    for failed_at, used, kind, outcome in asked:
        options = ["--failed-at", failed_at.replace("T", " "), "--used", str(used), "--kind", kind]
        options += ["--outcome", outcome] if outcome else []
        said = json.loads(shell.run("when", "support", *options, "--json").output)
        fields = urlencode({"failed_at": failed_at, "used": used, "kind": kind, "outcome": outcome})
        page = text_of(await visitor.get(f"/profiles/support?{fields}"))
        answer = re.search(r'<div class="answer".*?</div>', page, flags=re.DOTALL)
        assert answer is not None
        why = re.search(r'<ul class="why-lines">(.*?)</ul>', answer[0], flags=re.DOTALL)
        assert why is not None
        assert [unescape(line) for line in re.findall(r"<li>(.*?)</li>", why[1])] == said["why"]
        assert re.findall(r'data-decision="(\w+)"', answer[0]) == [said["decision"]]
        due = "" if said["due_at"] is None else f"{datetime.fromisoformat(said['due_at']):%Y-%m-%dT%H:%M:%SZ}"
        assert re.findall(r'data-due="([^"]*)"', answer[0]) == [due]
        last = shell.run("when", "support", *options).output.splitlines()[-1]
        summary = re.search(r"<strong>(.*?)</strong>", answer[0])
        assert summary is not None
        assert unescape(summary[1]) == last


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"failed_at": "soon", "used": "0"}, "expected [YYYY-MM-DD] HH:MM"),
        ({"failed_at": "2027-03-14T02:30", "used": "0"}, "the clocks jump over it"),
        ({"failed_at": "10:00", "used": "-1"}, "expected a whole number from 0 to 1000"),
        ({"failed_at": "10:00", "used": "1001"}, "expected a whole number from 0 to 1000"),
        ({"failed_at": "10:00", "used": "٣"}, "expected a whole number from 0 to 1000"),
    ],
)
async def test_what_can_not_be_asked_is_told(visitor: Visitor, fields: dict[str, str], said: str) -> None:
    assert said in words_of(await visitor.get(f"/profiles/support?{urlencode(fields)}"))


async def test_before_anything_is_asked_the_form_has_the_present_time_of_the_target(visitor: Visitor) -> None:
    page = text_of(await visitor.get("/profiles/support"))
    assert 'value="2026-11-02T12:00"' in page
    assert 'class="answer"' not in page
    assert ZoneInfo("America/Toronto") == TORONTO

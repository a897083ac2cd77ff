"""Profiles as the API tells them, and pausing: a profile, or everything."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from callbackd.domain.callback import State
from callbackd.domain.hours import Interval, TargetHours
from callbackd.domain.profile import Target
from callbackd.engine.profiles import Limits
from callbackd.store.interface import ProfileCondition
from tests.http.asgi import Caller
from tests.http.house import NOON, SUPPORT, House

PROFILE = "/api/v1/profiles/support"
OFFICE = TargetHours(
    ZoneInfo("America/Toronto"),
    {day: (Interval(9 * 60, 12 * 60), Interval(13 * 60, 17 * 60)) for day in range(5)} | {5: (Interval(1320, 1800),)},
    {date(2026, 12, 25): (), date(2026, 12, 24): (Interval(540, 1440),)},
)


async def _support(api: Caller) -> Any:
    answer = await api.get(PROFILE)
    assert answer.status == 200
    return answer.json


def _with_hours(house: House) -> None:
    profile = replace(SUPPORT, target=Target(("PJSIP/1001",), timezone="America/Toronto", hours=OFFICE))
    house.rules.profiles = {"support": profile}


async def test_how_a_profile_stands(api: Caller, house: House) -> None:
    for digits, state in enumerate([State.SCHEDULED, State.CLIENT, State.COMPLETED]):
        made = await api.post("/api/v1/callbacks", {"profile": "support", "number": f"+1416555010{digits}"})
        await house.put(made.json["id"], state)
    told = await _support(api)
    settings = told.pop("settings")
    assert told == {
        "id": "support",
        "label": "Support line",
        "timezone": "America/Toronto",
        "open": True,
        "next_opening": None,
        "closes_at": None,
        "paused": False,
        "paused_by_limit": False,
        "intake_paused": False,
        "target_rests_until": None,
        "route_paused_until": None,
        "waiting": 1,
        "live": 1,
        "counts": {"scheduled": 0, "queued": 1, "agent": 0, "client": 1, "connected": 0, "offering": 0},
    }
    assert settings["target"]["endpoint"] == ["PJSIP/1001"]
    assert settings["target"]["hours"] is None
    assert settings["client"]["allow"] == ["+1"]
    assert settings["rescheduling"]["delay"] == 600.0
    assert settings["offer"]["delay"] == 600.0
    assert settings["agent"]["keys"] == {"start": "1", "decline": "2", "again": "*", "reschedule": "9"}


async def test_hours_are_told_as_they_are_written(api: Caller, house: House) -> None:
    _with_hours(house)
    target = (await _support(api))["settings"]["target"]
    assert target["hours"]["mon"] == ["09:00-12:00", "13:00-17:00"]
    assert target["hours"]["sat"] == ["22:00-06:00"]
    assert "sun" not in target["hours"]
    assert target["exceptions"] == {"2026-12-24": ["09:00-24:00"], "2026-12-25": []}


async def test_open_and_closed(api: Caller, house: House) -> None:
    _with_hours(house)
    house.clock.at = NOON - timedelta(hours=1)
    told = await _support(api)
    assert (told["open"], told["next_opening"], told["closes_at"]) == (True, None, "2026-11-02T17:00:00.000Z")
    house.clock.at = NOON
    told = await _support(api)
    assert (told["open"], told["next_opening"], told["closes_at"]) == (False, "2026-11-02T18:00:00.000Z", None)


async def test_resting_and_a_route_that_failed(api: Caller, house: House) -> None:
    rests, opens = NOON + timedelta(seconds=30), NOON + timedelta(minutes=1)
    await house.store.set_condition(
        "support", ProfileCondition(target_rests_until=rests, target_rests=1, route_open_until=opens)
    )
    told = await _support(api)
    assert told["target_rests_until"] == "2026-11-02T17:00:30.000Z"
    assert told["route_paused_until"] == "2026-11-02T17:01:00.000Z"


async def test_all_of_them_in_order(api: Caller) -> None:
    items = (await api.get("/api/v1/profiles")).json["items"]
    assert [profile["id"] for profile in items] == ["sales", "support"]


@pytest.mark.parametrize("path", ["/nobody", "/nobody/pause", "/nobody/resume", "/%2e%2e", "/" + "x" * 300])
async def test_an_unknown_profile(api: Caller, path: str) -> None:
    method = "POST" if path.endswith(("pause", "resume")) else "GET"
    assert (await api.send(method, f"/api/v1/profiles{path}")).error == (404, "unknown_profile")


@pytest.mark.parametrize("scope", [PROFILE, "/api/v1"])
@pytest.mark.parametrize(
    ("body", "paused", "intake_paused"),
    [
        (None, True, True),
        ({}, True, True),
        ({"intake": None}, True, True),
        ({"intake": True}, False, True),
        ({"dialling": True}, True, False),
        ({"dialling": True, "intake": False}, True, False),
        ({"dialling": True, "intake": True}, True, True),
    ],
)
async def test_pause_and_resume(
    api: Caller, scope: str, body: object, paused: bool, intake_paused: bool, house: House
) -> None:
    answer = await api.post(f"{scope}/pause", body)
    assert (answer.status, answer.json["paused"], answer.json["intake_paused"]) == (200, paused, intake_paused)
    told = await _support(api)
    assert (told["paused"], told["intake_paused"], told["paused_by_limit"]) == (paused, intake_paused, False)
    asked = await api.post("/api/v1/callbacks", {"profile": "support", "number": "+14165550123"})
    assert asked.status == (409 if intake_paused else 201)
    elsewhere = (await api.get("/api/v1/profiles/sales")).json["intake_paused"]
    assert elsewhere == (intake_paused and scope == "/api/v1")

    answer = await api.post(f"{scope}/resume")
    assert (answer.status, answer.json["paused"], answer.json["intake_paused"]) == (200, False, False)


async def test_what_everything_pauses_a_profile_does_not_resume(api: Caller) -> None:
    await api.post("/api/v1/pause", {"dialling": True})
    assert (await api.post(f"{PROFILE}/resume")).json["paused"] is True


@pytest.mark.parametrize(
    "body",
    [{"intake": False}, {"intake": False, "dialling": False}, {"intake": "yes"}, {"intake": 1}, {"all": True}, []],
)
async def test_a_pause_that_says_nothing_clear_changes_nothing(api: Caller, house: House, body: object) -> None:
    assert (await api.post(f"{PROFILE}/pause", body)).error == (422, "invalid")
    assert (await api.post("/api/v1/pause", body)).error == (422, "invalid")
    assert await house.store.pauses() == {}


@pytest.mark.parametrize("whole", [True, False])
async def test_a_limit_of_0_is_a_pause_and_says_so(api: Caller, house: House, whole: bool) -> None:
    if whole:
        house.rules.limits = Limits(max_concurrent=0)
    else:
        target = replace(SUPPORT.target, max_concurrent=0)
        house.rules.profiles = {"support": replace(SUPPORT, target=target)}
    told = await _support(api)
    assert (told["paused"], told["paused_by_limit"], told["intake_paused"]) == (True, True, False)
    status = (await api.get("/api/v1/status")).json
    assert (status["paused"], status["paused_by_limit"]) == (whole, whole)
    assert status["profiles"][-1]["paused_by_limit"] is True
    text = (await api.without_token().get("/metrics")).body.decode()
    assert 'callbackd_profile_paused{part="dialling",profile="support"} 1.0' in text

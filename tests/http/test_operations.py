"""The daemon itself over the API: how it is, and reloading."""

from __future__ import annotations

from tests.http.asgi import Caller
from tests.http.house import House


async def test_status(api: Caller, house: House) -> None:
    await api.post("/api/v1/callbacks", {"profile": "support", "number": "+14165550123"})
    told = (await api.get("/api/v1/status")).json
    profiles = told.pop("profiles")
    assert [(profile["id"], profile["waiting"]) for profile in profiles] == [("sales", 0), ("support", 1)]
    assert told == {
        "version": "0.0.0",
        "now": "2026-11-02T17:00:00.000Z",
        "started_at": "2026-11-02T15:00:00.000Z",
        "stopping": False,
        "ready": True,
        "checks": {"ari": "ok", "database": "ok"},
        "ari": {
            "state": "ready", "since": "2026-11-02T17:00:00.000Z", "error": None, "mend": None,
            "version": "16.28.0", "lacks": ["old"],
        },
        "paused": False,
        "paused_by_limit": False,
        "intake_paused": False,
        "max_concurrent": 20,
        "waiting": 1,
        "live": 0,
        "outbox": {"mqtt": 0, "webhook:1": 0},
    }


async def test_a_status_that_is_not_ready_is_told_not_an_error(api: Caller, house: House) -> None:
    house.health.checks["ari"] = "not connected"
    answer = await api.get("/api/v1/status")
    assert (answer.status, answer.json["ready"]) == (200, False)
    assert answer.json["checks"]["ari"] == "not connected"
    assert answer.json["ari"]["mend"] == "mend it"


async def test_reload(api: Caller) -> None:
    answer = await api.post("/api/v1/reload")
    assert (answer.status, answer.json) == (200, {"profiles": ["sales", "support"]})


async def test_a_reload_with_problems_tells_all_of_them(api: Caller, house: House) -> None:
    house.problems = ["support.yaml:3:5: one", "support.yaml:4:5: two" + "x" * 500]
    answer = await api.post("/api/v1/reload", {})
    assert answer.status == 422
    assert answer.json == {
        "error": {"code": "configuration_invalid", "message": "support.yaml:3:5: one (and 1 more)"},
        "problems": house.problems,
    }

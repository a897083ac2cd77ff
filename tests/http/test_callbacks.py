"""Looking at call-backs, cancelling and moving them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from callbackd.domain.callback import (
    Attempt,
    EventType,
    Kind,
    Offer,
    OfferOutcome,
    Outcome,
    Reschedules,
    State,
    TimelineEvent,
)
from callbackd.store.interface import Change
from tests.http.asgi import Caller
from tests.http.house import NOON, SUPPORT, House

CALLBACKS = "/api/v1/callbacks"


async def _request(api: Caller, number: str = "+14165550123", profile: str = "support", **more: str) -> str:
    answer = await api.post(CALLBACKS, {"profile": profile, "number": number, **more})
    assert answer.status == 201
    return str(answer.json["id"])


async def test_a_single_one_comes_with_attempts_offers_and_events(api: Caller, house: House) -> None:
    callback_id = await _request(api)
    callback = await house.store.get(callback_id)
    assert callback is not None
    attempt = Attempt(
        callback_id,
        1,
        Kind.REQUEST,
        NOON,
        agent_answered_at=NOON + timedelta(seconds=3),
        client_dialled_at=NOON + timedelta(seconds=9),
        ended_at=NOON + timedelta(seconds=12, milliseconds=345),
        outcome=Outcome.CLIENT_BUSY,
        client_outcome=Outcome.CLIENT_BUSY,
        cause=17,
        counted=True,
    )
    offer = Offer(callback_id, 1, NOON, outcome=OfferOutcome.NO_KEY)
    ended = TimelineEvent(EventType.ATTEMPT_ENDED, NOON, {"attempt": 1, "outcome": "client_busy", "id": "not this"})
    later = replace(
        callback, attempts_made=1, counted=1, reschedules=Reschedules(auto=1), due_at=NOON + timedelta(minutes=10)
    )
    await house.store.commit(Change(later, (ended,), attempt, offer))

    answer = await api.get(f"{CALLBACKS}/{callback_id}")

    assert answer.status == 200
    story = answer.json
    assert (story["state"], story["due_at"]) == ("scheduled", "2026-11-02T17:10:00.000Z")
    assert story["reschedules"] == {"auto": 1, "agent": 0, "client": 0}
    assert story["attempts"] == [
        {
            "number": 1,
            "kind": "request",
            "outcome": "client_busy",
            "client_outcome": "client_busy",
            "cause": 17,
            "started_at": "2026-11-02T17:00:00.000Z",
            "agent_answered_at": "2026-11-02T17:00:03.000Z",
            "client_dialled_at": "2026-11-02T17:00:09.000Z",
            "client_answered_at": None,
            "ended_at": "2026-11-02T17:00:12.345Z",
            "armed": False,
            "counted": True,
        }
    ]
    assert story["offers"] == [
        {
            "number": 1,
            "outcome": "no_key",
            "client_outcome": None,
            "cause": None,
            "key": None,
            "started_at": "2026-11-02T17:00:00.000Z",
            "dialled_at": None,
            "answered_at": None,
            "ended_at": None,
        }
    ]
    assert [(event["seq"], event["type"]) for event in story["events"]] == [(1, "requested"), (2, "attempt_ended")]
    assert isinstance(story["events"][1]["id"], int)
    assert story["events"][1]["outcome"] == "client_busy"
    assert story["events"][1]["at"] == "2026-11-02T17:00:00.000Z"


@pytest.mark.parametrize("callback_id", ["nope", "0" * 26, "%00", "x" * 5000, "%2e%2e", "'; DROP TABLE callbacks; --"])
@pytest.mark.parametrize("call", ["", "/cancel", "/reschedule"])
async def test_an_id_that_nobody_has_is_404(api: Caller, callback_id: str, call: str) -> None:
    path = f"{CALLBACKS}/{callback_id}{call}"
    answer = await (api.post(path, {}) if call else api.get(path))
    assert answer.error == (404, "not_found")


async def test_a_list_has_no_attempts_and_the_newest_first(api: Caller, house: House) -> None:
    first = await _request(api, "+14165550101")
    house.clock.move(timedelta(minutes=1))
    second = await _request(api, "+14165550102")

    answer = await api.get(CALLBACKS)

    assert answer.status == 200
    assert set(answer.json) == {"items", "next"}
    assert [item["id"] for item in answer.json["items"]] == [second, first]
    assert answer.json["next"] is None
    assert not {"attempts", "offers", "events"} & set(answer.json["items"][0])


async def test_pages_follow_one_another(api: Caller, house: House) -> None:
    made = []
    for n in range(5):
        made.append(await _request(api, f"+1416555010{n}"))
        house.clock.move(timedelta(seconds=1))

    seen, cursor = [], ""
    for _ in range(3):
        page = (await api.get(CALLBACKS, limit="2", cursor=cursor)).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"] or ""
    assert seen == made[::-1]
    assert not cursor


async def test_the_filters(api: Caller, house: House) -> None:
    waits = await _request(api, "+14165550101")
    later = await _request(api, "+14165550102", not_before="2026-11-03T00:00:00Z")
    ended = await _request(api, "+14165550103", profile="sales")
    await house.put(ended, State.COMPLETED)

    async def ids(**parameters: str | list[str]) -> set[str]:
        answer = await api.get(CALLBACKS, **parameters)
        assert answer.status == 200, answer.body
        return {item["id"] for item in answer.json["items"]}

    assert await ids(state="queued") == {waits}
    assert await ids(state="scheduled") == {later}
    assert await ids(state=["queued", "completed"]) == {waits, ended}
    assert await ids(state="queued, scheduled") == {waits, later}
    assert await ids(profile="sales") == {ended}
    assert await ids(profile="gone") == set()
    assert await ids(number="(416) 555-0102") == {later}
    assert await ids(number="+14165550102") == {later}
    assert await ids(number="416 555 0102", profile="sales") == set()
    assert await ids(state="", profile="", number="", limit="", cursor="") == {waits, later, ended}


@pytest.mark.parametrize(
    "query",
    [
        "state=waiting",
        "state=queued,%0a,x",
        "limit=0",
        "limit=501",
        "limit=-1",
        "limit=many",
        "limit=1&limit=2",
        "limit=" + "9" * 5000,
        "profile=../etc",
        "profile=%00",
        "profile=a&profile=b",
        "number=x",
        "number=%00",
        "number=" + "4" * 300,
        "cursor=no-such-cursor",
        "cursor=%00",
        "cursor=" + "x" * 5000,
        "stat=queued",
    ],
)
async def test_filters_that_mean_nothing_are_422(api: Caller, query: str) -> None:
    answer = await api.send("GET", f"{CALLBACKS}?{query}")
    status, code = answer.error
    assert (status, code) in {(422, "invalid"), (422, "number_malformed")}
    assert query.partition("=")[0] in answer.message


async def test_a_national_number_needs_a_country_that_is_clear(api: Caller, house: House) -> None:
    callback_id = await _request(api, "+14165550123")
    uk = replace(SUPPORT, id="london", client=replace(SUPPORT.client, country="GB", allow=("+44",)))
    house.rules.profiles = {"support": SUPPORT, "london": uk}

    assert (await api.get(CALLBACKS, number="2079460123")).error == (422, "invalid")
    answer = await api.get(CALLBACKS, number="4165550123", profile="support")
    assert [item["id"] for item in answer.json["items"]] == [callback_id]

    house.rules.profiles = {}
    assert (await api.get(CALLBACKS, number="4165550123")).error == (422, "number_malformed")


async def test_cancel(api: Caller) -> None:
    callback_id = await _request(api)
    answer = await api.post(f"{CALLBACKS}/{callback_id}/cancel")

    assert answer.status == 200
    assert (answer.json["state"], answer.json["ended_at"]) == ("cancelled", "2026-11-02T17:00:00.000Z")
    assert answer.json["next"] is None
    assert (await api.post(f"{CALLBACKS}/{callback_id}/cancel")).error == (409, "state_forbids")


async def test_two_who_talk_are_not_cancelled(api: Caller, house: House) -> None:
    callback_id = await _request(api)
    await house.put(callback_id, State.CONNECTED)
    assert (await api.post(f"{CALLBACKS}/{callback_id}/cancel")).error == (409, "state_forbids")
    assert (await api.post(f"{CALLBACKS}/{callback_id}/reschedule", {})).error == (409, "state_forbids")


async def test_reschedule(api: Caller) -> None:
    path = f"{CALLBACKS}/{await _request(api)}/reschedule"

    answer = await api.post(path, {"at": "2026-11-03T09:00:00-05:00"})
    assert (answer.status, answer.json["due_at"]) == (200, "2026-11-03T14:00:00.000Z")
    assert answer.json["state"] == "scheduled"

    for now in ({"at": None}, {}):
        answer = await api.post(path, now)
        assert (answer.json["due_at"], answer.json["state"]) == ("2026-11-02T17:00:00.000Z", "queued")


@pytest.mark.parametrize(
    "body", [{"at": "tomorrow"}, {"at": 5}, {"at": "2026-11-03T09:00:00"}, {"when": 1}, [], "now", {"at": []}]
)
async def test_a_malformed_reschedule_is_422(api: Caller, body: object) -> None:
    assert (await api.post(f"{CALLBACKS}/{await _request(api)}/reschedule", body)).error == (422, "invalid")


async def test_a_reschedule_without_json_is_415(api: Caller) -> None:
    path = f"{CALLBACKS}/{await _request(api)}/reschedule"
    assert (await api.post(path)).error == (415, "unsupported_media_type")

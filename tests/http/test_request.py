"""POST /callbacks."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from callbackd.domain.callback import State
from callbackd.engine.refusals import Code, Refused
from callbackd.http.app import create_app
from callbackd.http.errors import STATUS
from callbackd.store.interface import Change, Pause, StoreUnavailable
from tests.http.asgi import TOKEN, Caller
from tests.http.house import House

CALLBACKS = "/api/v1/callbacks"
ASKED = {"profile": "support", "number": "(416) 555-0123"}
KEY = [("Idempotency-Key", "order-17")]


async def test_a_new_call_back_is_201_in_the_promised_shape(api: Caller) -> None:
    answer = await api.post(CALLBACKS, {**ASKED, "name": "Ann", "priority": 5})

    assert answer.status == 201
    callback = answer.json
    assert answer.headers["location"] == f"{CALLBACKS}/{callback['id']}"
    assert callback == {
        "id": callback["id"],
        "profile": "support",
        "number": "+14165550123",
        "name": "Ann",
        "reason": None,
        "language": None,
        "priority": 5,
        "state": "queued",
        "requested_at": "2026-11-02T17:00:00.000Z",
        "not_before": None,
        "due_at": "2026-11-02T17:00:00.000Z",
        "expires_at": "2026-11-09T17:00:00.000Z",
        "ended_at": None,
        "reschedules": {"auto": 0, "agent": 0, "client": 0},
        "tries": 0,
        "next": {"step": "attempt", "kind": "request", "rests_until": None},
    }


async def test_a_later_one_is_scheduled_until_the_clock_says_queued(api: Caller, house: House) -> None:
    answer = await api.post(CALLBACKS, {**ASKED, "not_before": "2026-11-02T15:00:00.5-05:00"})
    assert (answer.json["state"], answer.json["due_at"]) == ("scheduled", "2026-11-02T20:00:00.500Z")

    house.clock.move(timedelta(hours=4))
    assert (await api.get(f"{CALLBACKS}/{answer.json['id']}")).json["state"] == "queued"


async def test_asking_again_is_200_and_the_one_that_exists(api: Caller) -> None:
    first = await api.post(CALLBACKS, ASKED)
    again = await api.post(CALLBACKS, {"profile": "support", "number": "+1 416 555 0123"})

    assert again.status == 200
    assert again.json == first.json


async def test_each_profile_has_its_own(api: Caller) -> None:
    first = await api.post(CALLBACKS, ASKED)
    other = await api.post(CALLBACKS, {**ASKED, "profile": "sales"})

    assert other.status == 201
    assert other.json["id"] != first.json["id"]


async def test_an_idempotency_key_makes_a_repeat_harmless_even_after_the_end(api: Caller, house: House) -> None:
    first = await api.post(CALLBACKS, ASKED, KEY)
    await house.put(first.json["id"], State.COMPLETED)

    again = await api.post(CALLBACKS, ASKED, KEY)
    assert (again.status, again.json["id"]) == (200, first.json["id"])

    other = await api.post(CALLBACKS, {**ASKED, "number": "+14165550199"}, KEY)
    assert other.error == (422, "idempotency_mismatch")


@pytest.mark.parametrize("key", ["", "x" * 201, "a\tb", "clé"])
async def test_an_idempotency_key_is_short_and_visible(api: Caller, key: str) -> None:
    answer = await api.post(CALLBACKS, ASKED, [("Idempotency-Key", key)])
    assert answer.error == (422, "invalid")
    assert answer.message.startswith("Idempotency-Key: ")


async def test_two_idempotency_keys_are_refused(api: Caller) -> None:
    assert (await api.post(CALLBACKS, ASKED, KEY * 2)).error == (422, "invalid")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("not a number", "number_malformed"),
        ("", "number_malformed"),
        ("+44 20 7946 0123", "number_not_allowed"),
        ("+1 900 555 0123", "number_premium"),
    ],
)
async def test_numbers_that_may_not_be_called_are_422_with_their_code(api: Caller, number: str, code: str) -> None:
    assert (await api.post(CALLBACKS, {**ASKED, "number": number})).error == (422, code)


async def test_an_unknown_profile_is_404(api: Caller) -> None:
    assert (await api.post(CALLBACKS, {**ASKED, "profile": "x\n" * 500})).error == (404, "unknown_profile")


async def test_a_blocked_number_is_403(api: Caller, house: House) -> None:
    await house.store.block("+14165550123", house.clock.now(), "asked")
    assert (await api.post(CALLBACKS, ASKED)).error == (403, "number_blocked")


@pytest.mark.parametrize("profile", ["support", "*"])
async def test_paused_intake_is_409(api: Caller, house: House, profile: str) -> None:
    await house.store.set_pause(profile, Pause(intake=True))
    assert (await api.post(CALLBACKS, ASKED)).error == (409, "intake_paused")


async def test_too_many_requests_of_a_number_are_429(api: Caller, house: House) -> None:
    for _ in range(house.rules.limits.requests_per_number):
        made = await api.post(CALLBACKS, ASKED)
        assert made.status == 201
        await house.put(made.json["id"], State.COMPLETED)
    assert (await api.post(CALLBACKS, ASKED)).error == (429, "number_limit")


async def test_too_many_dials_of_a_number_are_429(api: Caller, house: House) -> None:
    made = await api.post(CALLBACKS, ASKED)
    for _ in range(house.rules.limits.dials_per_number):
        callback = await house.store.get(made.json["id"])
        assert callback is not None
        await house.store.commit(Change(callback, dialled=house.clock.now()))
        house.clock.move(timedelta(minutes=1))
    await house.put(made.json["id"], State.COMPLETED)
    assert (await api.post(CALLBACKS, ASKED)).error == (429, "number_limit")


class Refuses:
    """An intake that always raises."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def request(self, *_: Any) -> Any:
        raise self._error


@pytest.mark.parametrize("code", Code)
async def test_every_code_has_its_status(house: House, code: Code) -> None:
    services = replace(house.services, intake=Refuses(Refused(code, "because")))
    answer = await Caller(create_app(services, TOKEN)).post(CALLBACKS, ASKED)
    assert answer.error == (STATUS[code], code.value)
    assert answer.message == "because"


async def test_a_store_that_fails_is_503_and_keeps_its_paths_to_itself(house: House) -> None:
    failing = Refuses(StoreUnavailable("/var/lib/callbackd is full"))
    services = replace(house.services, intake=failing)
    answer = await Caller(create_app(services, TOKEN)).post(CALLBACKS, ASKED)
    assert answer.error == (503, "unavailable")
    assert "/var" not in answer.message


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"profile": None}, "profile"),
        ({"profile": 5}, "profile"),
        ({"number": 14165550123}, "number"),
        ({"number": ["+14165550123"]}, "number"),
        ({"name": {"first": "Ann"}}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"name": "Ann\nBcc: all"}, "name"),
        ({"name": "Ann\0"}, "name"),
        ({"name": "Ann\u202eevil"}, "name"),
        ({"name": "\ud800"}, "name"),
        ({"reason": "x" * 201}, "reason"),
        ({"priority": "5"}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": 1.0}, "priority"),
        ({"priority": 101}, "priority"),
        ({"priority": -101}, "priority"),
        ({"priority": 10**40}, "priority"),
        ({"not_before": "2026-11-02T15:00:00"}, "not_before"),
        ({"not_before": "2026-11-02"}, "not_before"),
        ({"not_before": "2026-02-30T15:00:00Z"}, "not_before"),
        ({"not_before": "2026-11-02T25:00:00Z"}, "not_before"),
        ({"not_before": "0001-01-01T00:00:00+14:00"}, "not_before"),
        ({"not_before": "9999-12-31T23:59:59-14:00"}, "not_before"),
        ({"not_before": 1793631600}, "not_before"),
        ({"not_before": "1793631600"}, "not_before"),
        ({"not_before": "x" * 30000}, "not_before"),
        ({"language": "en/../.."}, "language"),
        ({"language": "e" * 21}, "language"),
        ({"nmae": "Ann"}, "nmae"),
        ({"state": "completed"}, "state"),
    ],
)
async def test_what_is_malformed_is_422_and_names_the_field(api: Caller, change: dict[str, Any], field: str) -> None:
    answer = await api.post(CALLBACKS, {**ASKED, **change})
    assert answer.error == (422, "invalid")
    assert field in answer.message


async def test_what_is_missing_is_named(api: Caller) -> None:
    answer = await api.post(CALLBACKS, {})
    assert answer.error == (422, "invalid")
    assert "profile" in answer.message
    assert "number" in answer.message


@pytest.mark.parametrize("key", ["\x1b[31m", "a" * 3000, "x\ny", "é\u202e"])
async def test_a_hostile_key_is_neither_echoed_whole_nor_raw(api: Caller, key: str) -> None:
    answer = await api.post(CALLBACKS, {**ASKED, key: 1})
    assert answer.error == (422, "invalid")


async def test_a_thousand_mistakes_make_a_short_message(api: Caller) -> None:
    answer = await api.post(CALLBACKS, {f"key{n}": n for n in range(1000)})
    assert answer.error == (422, "invalid")
    assert answer.message.endswith("more")


@pytest.mark.parametrize(
    "name", ["A & B / C, D; E", "${EXTEN}", "a" * 80, 'O\'Brien "Bob" <x>', "Zoë 李", "[bold]x[/]"]
)
async def test_names_of_every_kind_come_back_as_they_were(api: Caller, name: str) -> None:
    answer = await api.post(CALLBACKS, {**ASKED, "name": name})
    assert (answer.status, answer.json["name"]) == (201, name)


async def test_null_is_the_same_as_left_out(api: Caller) -> None:
    optional = dict.fromkeys(["name", "reason", "not_before", "priority", "language"])
    answer = await api.post(CALLBACKS, {**ASKED, **optional})
    assert (answer.status, answer.json["priority"]) == (201, 0)


@pytest.mark.parametrize(
    "number",
    ["+1416555&0123", "4165550123/1001", "416,5550123", "416;5550123", "${EXTEN}", "416\n5550123", "416\x005550123"]
    + ["9" * 300, "+14165550123;ext=1", "\uff14\uff11\uff16\uff15\uff15\uff15\uff10\uff11\uff12\uff13", "\ud800"],
)
async def test_nothing_but_digits_gets_through_as_a_number(api: Caller, house: House, number: str) -> None:
    answer = await api.post(CALLBACKS, {**ASKED, "number": number})
    assert answer.error in {(422, "number_malformed"), (422, "invalid")}
    assert number not in answer.message
    assert (await api.get(CALLBACKS)).json["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b'"text"',
        b"{'profile': 'support'}",
        b"[" * 60_000,
        b'{"profile":' * 5_000,
        b"\xff\xfe{",
        b'{"priority": ' + b"9" * 5_000 + b"}",
        b"\0" * 100,
    ],
)
async def test_a_body_that_is_no_object_of_json_is_422(api: Caller, body: bytes) -> None:
    assert (await api.post_text(CALLBACKS, body)).error == (422, "invalid")


async def test_a_number_that_json_lacks_is_422(api: Caller) -> None:
    body = b'{"profile": "support", "number": "4165550123", "priority": NaN}'
    assert (await api.post_text(CALLBACKS, body)).error == (422, "invalid")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "", "multipart/form-data"])
async def test_another_content_type_is_415(api: Caller, kind: str) -> None:
    body = json.dumps(ASKED).encode()
    answer = await api.send("POST", CALLBACKS, [body], [("Content-Type", kind)])
    assert answer.error == (415, "unsupported_media_type")
    assert (await api.send("POST", CALLBACKS, [body])).error == (415, "unsupported_media_type")


@pytest.mark.parametrize("kind", ["application/json", "Application/JSON; charset=utf-8", "application/vnd.crm+json"])
async def test_json_by_any_name_is_taken(api: Caller, kind: str) -> None:
    answer = await api.send("POST", CALLBACKS, [json.dumps(ASKED).encode()], [("Content-Type", kind)])
    assert answer.status == 201


async def test_a_body_of_64_kib_is_read_and_one_byte_more_is_413(api: Caller) -> None:
    body = json.dumps(ASKED).encode()
    assert (await api.post_text(CALLBACKS, body.ljust(64 * 1024))).status == 201
    assert (await api.post_text(CALLBACKS, body.ljust(64 * 1024 + 1))).error == (413, "too_large")


async def test_a_body_in_pieces_is_counted_as_it_comes(api: Caller) -> None:
    answer = await api.send("POST", CALLBACKS, [b" " * 1024] * 65, [("Content-Type", "application/json")])
    assert answer.error == (413, "too_large")


@pytest.mark.parametrize("length", ["65537", "99999999999999999999999"])
async def test_an_announced_length_is_enough_to_refuse(api: Caller, length: str) -> None:
    answer = await api.send("POST", CALLBACKS, [], [("Content-Type", "application/json"), ("Content-Length", length)])
    assert answer.error == (413, "too_large")

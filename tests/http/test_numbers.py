"""POST /numbers/forget."""

from __future__ import annotations

from typing import Any

import pytest

from callbackd.domain.callback import State
from callbackd.store.interface import Query
from tests.http.asgi import Caller
from tests.http.house import NOON, House

NUMBER = "+14165550123"
PATH = "/api/v1/numbers/forget"
NOTHING: dict[str, Any] = {
    **dict.fromkeys(("callbacks", "attempts", "offers", "events", "undelivered", "keys", "dials", "suspects"), 0),
    "unblocked": False,
    "blocked": False,
    "off_disk": True,
}


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
def caller(house: House) -> Caller:
    return Caller(house.app())


async def asked(caller: Caller, number: str = NUMBER) -> str:
    answer = await caller.post(
        "/api/v1/callbacks", {"profile": "support", "number": number}, [("Idempotency-Key", "k")]
    )
    assert answer.status == 201
    found: str = answer.json["id"]
    return found


async def test_what_ended_is_forgotten(house: House, caller: Caller) -> None:
    callback_id = await asked(caller)
    await house.put(callback_id, State.COMPLETED)
    answer = await caller.post(PATH, {"number": NUMBER})
    assert (answer.status, answer.json) == (200, NOTHING | {"callbacks": 1, "events": 1, "keys": 1})
    assert (await caller.get(f"/api/v1/callbacks/{callback_id}")).error == (404, "not_found")
    assert (await caller.post(PATH, {"number": NUMBER})).json == NOTHING


@pytest.mark.parametrize(
    "body",
    [
        {"number": "(416) 555-0123"},
        {"number": "416 555 0123", "profile": "sales"},
        {"number": "+1 416 555-0123", "cancel": False, "unblock": False},
    ],
)
async def test_numbers_as_people_write_them(house: House, caller: Caller, body: dict[str, Any]) -> None:
    await house.put(await asked(caller), State.COMPLETED)
    assert (await caller.post(PATH, body)).json["callbacks"] == 1


async def test_what_has_not_ended_is_refused_and_named(house: House, caller: Caller) -> None:
    callback_id = await asked(caller)
    answer = await caller.post(PATH, {"number": NUMBER})
    assert answer.error == (409, "state_forbids")
    assert callback_id in answer.message
    assert await house.store.get(callback_id) is not None
    answer = await caller.post(PATH, {"number": NUMBER, "cancel": True})
    assert (answer.status, answer.json["callbacks"], answer.json["events"]) == (200, 1, 2)
    assert (await house.store.list(Query(NOON))).items == ()


async def test_two_who_talk_are_left(house: House, caller: Caller) -> None:
    callback_id = await asked(caller)
    await house.put(callback_id, State.CONNECTED)
    answer = await caller.post(PATH, {"number": NUMBER, "cancel": True})
    assert answer.error == (409, "state_forbids")
    assert "talking" in answer.message
    assert await house.store.get(callback_id) is not None


async def test_the_block_list(house: House, caller: Caller) -> None:
    await house.store.block(NUMBER, NOON, "asked")
    assert (await caller.post(PATH, {"number": NUMBER})).json == NOTHING | {"blocked": True}
    assert (await caller.post(PATH, {"number": NUMBER, "unblock": True})).json == NOTHING | {"unblocked": True}
    assert not await house.store.is_blocked(NUMBER)


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, (422, "invalid")),
        ({"number": 14165550123}, (422, "invalid")),
        ({"number": NUMBER, "cancel": "yes"}, (422, "invalid")),
        ({"number": NUMBER, "all": True}, (422, "invalid")),
        ({"number": "call me"}, (422, "number_malformed")),
        ({"number": NUMBER, "profile": "nobody"}, (404, "unknown_profile")),
    ],
)
async def test_what_is_malformed_forgets_nobody(
    house: House, caller: Caller, body: dict[str, Any], error: tuple[int, str]
) -> None:
    callback_id = await asked(caller)
    await house.put(callback_id, State.COMPLETED)
    assert (await caller.post(PATH, body)).error == error
    assert await house.store.get(callback_id) is not None


async def test_without_the_token_nobody_is_forgotten(caller: Caller) -> None:
    assert (await caller.without_token().post(PATH, {"number": NUMBER})).error == (401, "unauthorized")

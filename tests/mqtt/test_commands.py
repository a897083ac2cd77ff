"""Commands by MQTT: the same bodies and refusals as over HTTP, answered where the asker wants them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from callbackd.domain.callback import State
from callbackd.store.interface import Pause, Query, StoreUnavailable
from callbackd.store.memory import MemoryStore
from rig.mosquitto import Mosquitto
from tests.mqtt.journal import Journal
from tests.mqtt.shop import PREFIX, TOPICS, Shop

NUMBER = "+14164360001"
ASKED = {"profile": "support", "number": "(416) 436-0001"}


def answer_to(topic: str, data: str = "7") -> tuple[str, ...]:
    """The options of ``mosquitto_pub``."""
    return ("-D", "publish", "response-topic", topic, "-D", "publish", "correlation-data", data)


async def kept(shop: Shop) -> list[Any]:
    """All call-backs."""
    return list((await shop.store.list(Query(now=shop.clock.now(), limit=500))).items)


async def test_a_request_is_answered_with_the_call_back_and_a_cancel_ends_it(
    mosquitto: Mosquitto, shop: Shop, journal: Journal
) -> None:
    async with mosquitto.listening("answers/#") as listener, shop.open_to(mosquitto.url):
        await journal.says("MQTT connected")
        await mosquitto.publish(TOPICS.request, json.dumps({**ASKED, "name": "Ann"}), *answer_to("answers/a", "one"))
        (made,) = await listener.payloads(1)
        await mosquitto.publish(TOPICS.request, json.dumps(ASKED), *answer_to("answers/a", "two"))
        _, again = await listener.payloads(2)
        await mosquitto.publish(TOPICS.cancel, json.dumps({"id": made["id"]}), *answer_to("answers/b", "three"))
        cancelled = (await listener.payloads(3))[2]
        await mosquitto.publish(TOPICS.cancel, json.dumps({"id": made["id"]}), *answer_to("answers/b", "four"))
        refused = (await listener.payloads(4))[3]
    assert (made["number"], made["name"], made["state"]) == (NUMBER, "Ann", "queued")
    assert again == made
    assert (cancelled["id"], cancelled["state"]) == (made["id"], "cancelled")
    assert refused["error"]["code"] == "state_forbids"
    properties = [message["properties"] for message in listener.messages]
    assert [each["correlation-data"] for each in properties] == ["one", "two", "three", "four"]
    assert [each.get("user-properties") for each in properties] == [
        {"created": "true"},
        {"created": "false"},
        None,
        None,
    ]
    assert {each["content-type"] for each in properties} == {"application/json"}
    assert [message["topic"] for message in listener.messages] == ["answers/a", "answers/a", "answers/b", "answers/b"]


async def test_a_command_without_a_response_topic_is_carried_out(
    mosquitto: Mosquitto, shop: Shop, journal: Journal
) -> None:
    async with mosquitto.listening(f"{PREFIX}/event/#") as listener, shop.open_to(mosquitto.url):
        await journal.says("MQTT connected")
        await mosquitto.publish(TOPICS.request, json.dumps(ASKED))
        (event,) = await listener.payloads(1)
        await mosquitto.publish(TOPICS.cancel, json.dumps({"id": event["callback_id"]}))
        assert [each["type"] for each in await listener.payloads(2)] == ["requested", "ended"]
        await mosquitto.publish(TOPICS.request, "not JSON")
        assert "code=invalid" in await journal.says("command refused, and nobody to tell")


async def test_what_came_while_callbackd_was_away_is_carried_out(
    mosquitto: Mosquitto, shop: Shop, journal: Journal
) -> None:
    async with shop.open_to(mosquitto.url):
        await journal.says("MQTT connected")
    async with mosquitto.listening("answers") as listener:
        await mosquitto.publish(TOPICS.request, json.dumps(ASKED), *answer_to("answers"))
        assert not await kept(shop)
        async with Shop(shop.store).open_to(mosquitto.url):
            await listener.payloads(1)
    assert len(await kept(shop)) == 1


async def test_a_retained_command_is_not_carried_out_again_at_every_start(
    mosquitto: Mosquitto, shop: Shop, journal: Journal
) -> None:
    await mosquitto.publish(TOPICS.request, json.dumps(ASKED), "-r")
    async with mosquitto.listening("answers") as listener, shop.open_to(mosquitto.url):
        await journal.says("MQTT connected")
        await mosquitto.publish(TOPICS.cancel, json.dumps({"id": "x"}), *answer_to("answers"))
        await listener.payloads(1)
    assert not await kept(shop)


@pytest.mark.parametrize(
    "topic",
    [TOPICS.status, TOPICS.event("support"), TOPICS.request, TOPICS.profile("x"), f"{PREFIX}/command/x", "$SYS/x"],
)
async def test_nobody_writes_to_our_own_topics_through_us(
    mosquitto: Mosquitto, shop: Shop, journal: Journal, topic: str
) -> None:
    async with shop.open_to(mosquitto.url):
        await journal.says("MQTT connected")
        async with mosquitto.listening(topic) as listener:
            await mosquitto.publish(TOPICS.request, json.dumps(ASKED), *answer_to(topic))
            await journal.says("its response topic can't be used")
            heard = [message["payload"] for message in listener.messages if message["payload"] != json.dumps(ASKED)]
            assert not [payload for payload in heard if payload and "number" in payload]
    assert not await kept(shop)


@pytest.mark.parametrize("topic", ["", "a/+", "#", "a\0b", "a" * 1025, f"{PREFIX}/status", f"{PREFIX}/event/x/y"])
def test_topics_that_take_no_answer(topic: str) -> None:
    assert not TOPICS.may_take_an_answer(topic)


@pytest.mark.parametrize("topic", ["answers", f"{PREFIX}/answers/7", f"{PREFIX}/events", f"{PREFIX}-2/status"])
def test_topics_that_do(topic: str) -> None:
    assert TOPICS.may_take_an_answer(topic)


async def refusal(shop: Shop, topic: str, body: object) -> tuple[str, str]:
    """Code and message; fails if it was carried out."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = await shop.commands.carry_out(topic, payload)
    error = json.loads(answer.body)["error"]
    assert set(error) == {"code", "message"}
    assert answer.code == error["code"]
    return error["code"], error["message"]


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"profile": "nope"}, "unknown_profile", "no profile 'nope'"),
        ({"number": "12"}, "number_malformed", ""),
        ({"number": "+442079460000"}, "number_not_allowed", ""),
        ({"number": "911"}, "number_emergency", ""),
        ({"number": 4164360001}, "invalid", "number: input should be a valid string"),
        ({"name": "x" * 81}, "invalid", "name has 81 characters; at most 80 are allowed"),
        ({"name": "a\nb"}, "invalid", "name has control characters in it"),
        ({"priority": 101}, "invalid", "priority is 101; it must be from -100 to 100"),
        ({"priority": "5"}, "invalid", "priority: input should be a valid integer"),
        ({"not_before": "tomorrow"}, "invalid", "not_before: expected a time with its zone as in RFC 3339"),
        ({"nmae": "Ann"}, "invalid", "nmae: there is no such key"),
    ],
)
async def test_a_refused_request_tells_the_code_of_http(
    shop: Shop, change: dict[str, object], code: str, message: str
) -> None:
    found, text = await refusal(shop, TOPICS.request, {**ASKED, **change})
    assert found == code
    assert text.startswith(message)
    assert not await kept(shop)


async def test_the_other_refusals(shop: Shop) -> None:
    assert (await refusal(shop, TOPICS.request, b"{"))[1].startswith("the body is not JSON: ")
    assert await refusal(shop, TOPICS.request, b"") == (
        "invalid",
        "the body is not JSON: EOF while parsing a value at line 1 column 0",
    )
    assert (await refusal(shop, TOPICS.request, []))[1].startswith("the body: input should be an object")
    assert await refusal(shop, TOPICS.request, {}) == ("invalid", "profile: field required; number: field required")
    assert (await refusal(shop, TOPICS.request, b" " * 65537))[0] == "too_large"
    assert (await refusal(shop, TOPICS.cancel, {"id": "01x"}))[0] == "not_found"
    assert (await refusal(shop, TOPICS.cancel, {"id": 5}))[0] == "invalid"
    assert (await refusal(shop, f"{PREFIX}/command/reboot", {}))[0] == "not_found"
    await shop.store.set_pause("support", Pause(intake=True))
    assert (await refusal(shop, TOPICS.request, ASKED))[0] == "intake_paused"
    await shop.store.set_pause("support", Pause())
    await shop.store.block(NUMBER, shop.clock.now(), "asked")
    assert (await refusal(shop, TOPICS.request, ASKED))[0] == "number_blocked"
    assert not await kept(shop)


async def test_a_store_that_fails_is_told_without_a_traceback(journal: Journal) -> None:
    class Sick(MemoryStore):
        async def requests(self, *_: object) -> int:
            raise StoreUnavailable("the disk is full")

    code, message = await refusal(Shop(Sick()), TOPICS.request, ASKED)
    assert (code, message) == ("unavailable", "the database can't be used now: see the log")


async def test_an_accepted_one_stands_in_the_store(shop: Shop) -> None:
    answer = await shop.commands.carry_out(TOPICS.request, json.dumps(ASKED).encode())
    assert (answer.code, answer.created) == (None, True)
    (callback,) = await kept(shop)
    assert (callback.id, callback.state) == (json.loads(answer.body)["id"], State.SCHEDULED)

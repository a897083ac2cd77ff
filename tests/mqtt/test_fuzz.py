"""Whatever is published as a command: a clear refusal, no traceback, nothing changed."""

from __future__ import annotations

import asyncio
import json
import socket
from random import Random

from aiomqtt import Client, ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from callbackd.engine.refusals import Code
from rig.mosquitto import Mosquitto
from tests.mqtt.journal import Journal
from tests.mqtt.shop import PREFIX, TOPICS, Shop
from tests.mqtt.test_commands import kept

CODES = {*Code, "too_large"}
IN_PROCESS = 40_000
THROUGH_THE_BROKER = 3_000

REQUEST = {"profile": "support", "number": "+14164360001", "name": "Ann", "priority": 3}
WRONG: list[object] = [
    *(None, True, False, -1, 1.5, 10**30, 1e308, "", "x", "\0", "\u202e", "é" * 300, "' OR 1=1 --", "${EXTEN}"),
    *([], [[]], {}, {"a": {}}, "../../etc/passwd", "%s%n", "\ud800", "support\n", "SUPPORT", "&&PJSIP/1@trunk"),
]
RAW = [
    *(
        b"",
        b"\0",
        b"\xff\xfe",
        b"null",
        b"NaN",
        b"-Infinity",
        b"[" * 60_000,
        b'{"a":' * 10_000,
        b"9" * 5000,
        b'"',
        b"{}",
    ),
    *(b'{"id":"x","id":"x"', b"\xef\xbb\xbf{}", b'{"profile":"support","number":"\xff"}', b"'", b" " * 70_000),
    *(b'{"profile":"support","number":"\\ud800"}', b'{"profile":"support","number":"1","number":1e999}'),
]


def malformed(chance: Random) -> tuple[str, bytes]:
    """A topic of commands, and a payload that must be refused there."""
    topic = chance.choice([TOPICS.request, TOPICS.cancel])
    kind = chance.randrange(6)
    if kind == 0:
        return topic, chance.choice(RAW)
    if kind == 1:
        return topic, chance.randbytes(chance.randrange(200))
    if kind == 2:
        whole = json.dumps(REQUEST).encode()
        return topic, whole[: chance.randrange(len(whole))]
    if kind == 3:
        broken = bytearray(json.dumps(REQUEST).encode())
        broken[chance.randrange(len(broken))] = chance.choice(b"\0\x01\x7f\x80\xff{}[]")
        return TOPICS.cancel, bytes(broken)
    if kind == 4:
        return TOPICS.cancel, json.dumps({"id": chance.choice(WRONG)}).encode()
    body = {**REQUEST, "number": chance.choice(WRONG), chance.choice([*REQUEST, "extra"]): chance.choice(WRONG)}
    return TOPICS.request, json.dumps(body | {"number": chance.choice(WRONG)}).encode()


async def test_malformed_commands_change_nothing(shop: Shop, journal: Journal) -> None:
    chance = Random(20261102)  # noqa: S311
    codes: set[str] = set()
    for _ in range(IN_PROCESS):
        topic, payload = malformed(chance)
        answer = await shop.commands.carry_out(topic, payload)
        assert answer.code is not None, (topic, payload, answer)
        assert answer.code in CODES
        error = json.loads(answer.body)["error"]
        assert error["code"] == answer.code
        assert 0 < len(error["message"]) <= 400
        assert error["message"].isprintable(), error
        codes.add(answer.code)
    assert not await kept(shop)
    assert await shop.store.events_after(0) == ()
    assert not journal.lines
    assert {"invalid", "not_found", "too_large", "number_malformed", "unknown_profile"} <= codes


async def test_malformed_commands_through_the_broker_are_each_refused(
    mosquitto: Mosquitto, shop: Shop, journal: Journal
) -> None:
    chance = Random(411)  # noqa: S311
    answers = f"{PREFIX}/answers"
    refused: dict[bytes, str] = {}
    async with shop.open_to(mosquitto.url):
        await journal.says("MQTT connected")
        no_delay = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
        fuzzer = Client("127.0.0.1", mosquitto.port, protocol=ProtocolVersion.V5, socket_options=no_delay)
        async with fuzzer as client:
            client.pending_calls_threshold = THROUGH_THE_BROKER
            await client.subscribe(answers, qos=1)

            async def listen() -> None:
                async for message in client.messages:
                    assert isinstance(message.payload, bytes)
                    assert message.properties is not None
                    refused[vars(message.properties)["CorrelationData"]] = json.loads(message.payload)["error"]["code"]
                    if len(refused) == THROUGH_THE_BROKER:
                        return

            async def ask() -> None:
                places = asyncio.Semaphore(20)
                async with asyncio.TaskGroup() as group:
                    for number in range(THROUGH_THE_BROKER):
                        await places.acquire()
                        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
                        properties.ResponseTopic = answers
                        properties.CorrelationData = str(number).encode()
                        topic, payload = malformed(chance)
                        task = group.create_task(client.publish(topic, payload, qos=1, properties=properties))
                        task.add_done_callback(lambda _: places.release())

            async with asyncio.timeout(120), asyncio.TaskGroup() as group:
                group.create_task(listen())
                group.create_task(ask())
    assert len(refused) == THROUGH_THE_BROKER
    assert set(refused.values()) <= CODES
    assert not await kept(shop)
    assert journal.lines == journal.with_("MQTT connected")


async def test_a_flood_without_confirmation_harms_nobody(mosquitto: Mosquitto, shop: Shop, journal: Journal) -> None:
    """QoS 0 is not held back by anything; what does not fit is dropped, and the door goes on."""
    async with mosquitto.listening("answers") as listener, shop.open_to(mosquitto.url):
        await journal.says("MQTT connected")
        flood = await asyncio.create_subprocess_exec(
            *("mosquitto_pub", "-p", str(mosquitto.port), "-t", TOPICS.request, "-l", "-q", "0"),
            stdin=asyncio.subprocess.PIPE,
        )
        await flood.communicate(b'{"profile": 1}\n' * 10_000)
        await mosquitto.publish(TOPICS.cancel, "{}", "-D", "publish", "response-topic", "answers")
        await listener.payloads(1)
    assert not await kept(shop)
    assert {line.split()[2] for line in journal.lines} <= {"mqtt.door", "mqtt.commands", "mqtt.broker"}
    assert len(journal.with_("come too fast")) <= 1

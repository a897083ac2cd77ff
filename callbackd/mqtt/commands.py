"""What is commanded by MQTT: the same bodies, answers and error codes as over HTTP."""

from __future__ import annotations

import asyncio
import logging
from asyncio import TaskGroup
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from aiomqtt import Message, MqttError
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from pydantic import BaseModel, ValidationError

from callbackd.engine.desk import Desk
from callbackd.engine.intake import Intake
from callbackd.engine.refusals import Code
from callbackd.engine.refusals import Refused as EngineRefused
from callbackd.mqtt.broker import AT_ONCE, Broker
from callbackd.mqtt.topics import Topics
from callbackd.store.interface import StoreError
from callbackd.wire.asked import CallBackRequest, Cancellation
from callbackd.wire.errors import ErrorBody, explain
from callbackd.wire.told import ToldCallBack

log = logging.getLogger(__name__)

BODY_LIMIT = 64 * 1024
"""Bytes, as over HTTP."""

_Body = TypeVar("_Body", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Answer:
    """The call-back, or an error: JSON. `code` is the error's. `created`, of a request: it was not there before."""

    body: str
    code: str | None = None
    created: bool | None = None


class Commands:
    """Carries out commands. Whatever a payload is, the answer is the call-back or a refusal that changed nothing."""

    def __init__(self, intake: Intake, desk: Desk, topics: Topics) -> None:
        self._intake = intake
        self._desk = desk
        self._topics = topics
        self._carry_out = {topics.request: self._request, topics.cancel: self._cancel}

    async def obey(self, broker: Broker) -> None:
        """Carry out what comes, until the connection is lost: then raises `MqttError`.

        A command is acknowledged once it has been carried out: one that a crash cuts off comes again.
        """
        places = asyncio.Semaphore(AT_ONCE)
        async with TaskGroup() as group:
            async for message in broker.messages:
                await places.acquire()
                task = group.create_task(self._handle(broker, message), name="command")
                task.add_done_callback(lambda _: places.release())

    async def carry_out(self, topic: str, payload: bytes) -> Answer:
        """Carry out the command that came on a topic. Never raises."""
        if len(payload) > BODY_LIMIT:
            return _error("too_large", f"the body is larger than {BODY_LIMIT // 1024} KiB")
        carry_out = self._carry_out.get(topic)
        if carry_out is None:
            return _error(Code.NOT_FOUND, "there is no such command")
        return await _answered(lambda: carry_out(payload))

    async def _handle(self, broker: Broker, message: Message) -> None:
        asked = message.properties
        answer_to = getattr(asked, "ResponseTopic", None)
        if answer_to is not None and not self._topics.may_take_an_answer(answer_to):
            log.warning("command refused", extra={"topic": message.topic, "reason": "its response topic can't be used"})
            broker.done_with(message)
            return
        payload = message.payload if isinstance(message.payload, bytes) else b""
        answer = await self.carry_out(str(message.topic), payload)
        if answer_to is not None:
            properties = _answer_properties(answer, getattr(asked, "CorrelationData", None))
            try:
                await broker.send(answer_to, answer.body, properties=properties)
            except (MqttError, ValueError) as error:
                log.warning("the answer to a command was not taken", extra={"reason": str(error)})
        elif answer.code is not None:
            log.info("command refused, and nobody to tell", extra={"topic": message.topic, "code": answer.code})
        broker.done_with(message)

    async def _request(self, payload: bytes) -> Answer:
        accepted = await self._intake.request(_read(CallBackRequest, payload).as_request())
        told = ToldCallBack.of(accepted.callback, self._desk.now())
        return Answer(told.model_dump_json(), created=accepted.created)

    async def _cancel(self, payload: bytes) -> Answer:
        callback = await self._desk.cancel(_read(Cancellation, payload).id)
        return Answer(ToldCallBack.of(callback, self._desk.now()).model_dump_json())


async def _answered(carry_out: Callable[[], Awaitable[Answer]]) -> Answer:
    try:
        return await carry_out()
    except EngineRefused as refused:
        return _error(refused.code, refused.message)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        return _error(Code.INVALID, explain([{**problem, "loc": ("body", *problem["loc"])} for problem in found]))
    except StoreError as error:
        log.error("the store failed a command: %s", error)
        return _error(Code.UNAVAILABLE, "the database can't be used now: see the log")
    except Exception:
        log.exception("a command failed")
        return _error("internal", "the daemon failed: see its log")


def _read(model: type[_Body], payload: bytes) -> _Body:
    """Raises `ValidationError`."""
    return model.model_validate_json(payload)


def _error(code: str, message: str) -> Answer:
    return Answer(ErrorBody.of(code, message).model_dump_json(), code=code)


def _answer_properties(answer: Answer, correlation: bytes | None) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.ContentType = "application/json"
    properties.PayloadFormatIndicator = 1
    if correlation is not None:
        properties.CorrelationData = correlation
    if answer.created is not None:
        properties.UserProperty = ("created", "true" if answer.created else "false")
    return properties

"""One connection to the broker: MQTT 5, QoS 1, nothing taken for sent before the broker confirmed it.

aiomqtt takes any PUBACK for success and acknowledges what comes in before it is handled. Both would lose something, so
this class looks at the confirmation's reason code, and acknowledges a message when it has been dealt with.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from asyncio import Future
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import aiomqtt
from aiomqtt import Message, MqttCodeError, MqttError
from paho.mqtt.client import MQTTMessage
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from callbackd.config.settings import Mqtt

log = logging.getLogger(__name__)

KEEP_ALIVE = 15
"""Seconds after which a broker that has gone silent is noticed."""

ANSWERS_WITHIN = 10.0
"""Seconds that the broker may take to confirm something."""

GOODBYE_WITHIN = 2.0
"""Seconds that leaving may take."""

SESSION_KEPT = 3600
"""Seconds for which the broker keeps commands for a callbackd that is away."""

AT_ONCE = 20
"""Messages that may be under way unconfirmed, in each direction."""

QUEUED_AT_MOST = 1000
"""Messages that may wait to be handled while more come with QoS 0, which nothing holds back: those are then dropped.

One with QoS 1 never is: the broker holds it back while `AT_ONCE` are unacknowledged (or, if it does not, it is kept).
"""

LARGEST_PACKET = 1024 * 1024
"""Bytes. The broker does not pass on what is larger."""

PORT = 1883
PORT_TLS = 8883

LOST = {MQTTErrorCode.MQTT_ERR_NO_CONN, MQTTErrorCode.MQTT_ERR_CONN_LOST, 128}
OTHER_VERSION = 132
NOT_LET_IN = {134, 135}
TAKEN_OVER = 142


class Refused(MqttError):
    """The broker lives, but refuses a message or a subscription; the text says why."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where the broker is."""

    host: str
    port: int
    encrypted: bool

    @classmethod
    def of(cls, url: str) -> Self:
        """From ``mqtt://`` or ``mqtts://``."""
        parts = urlsplit(url)
        encrypted = parts.scheme == "mqtts"
        return cls(parts.hostname or "", parts.port or (PORT_TLS if encrypted else PORT), encrypted)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Broker(aiomqtt.Client):
    """`async with Broker(...) as broker`. Raises `MqttError`; its text and `why` tell people what is wrong.

    Left after an error, the connection is dropped, and the broker publishes the last will; left otherwise, it is closed
    in good order, and the last will is forgotten.
    """

    def __init__(self, settings: Mqtt, client_id: str, will: aiomqtt.Will) -> None:
        address = Address.of(settings.url)
        super().__init__(
            address.host,
            address.port,
            identifier=client_id,
            username=settings.username,
            password=None if settings.password is None else settings.password.reveal(),
            protocol=aiomqtt.ProtocolVersion.V5,
            clean_start=False,
            properties=_connect_properties(),
            tls_context=_tls(settings.ca_file) if address.encrypted else None,
            will=will,
            timeout=ANSWERS_WITHIN,
            keepalive=KEEP_ALIVE,
            max_inflight_messages=AT_ONCE,
            socket_options=[(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)],
            logger=logging.Logger("mqtt", logging.CRITICAL + 1),
        )
        self._client.manual_ack_set(True)
        self._confirmations: dict[int, Future[ReasonCode]] = {}
        self._free = asyncio.Semaphore(AT_ONCE)
        self._dropped = 0

    async def __aenter__(self) -> Self:
        lost = self._disconnected
        try:
            await super().__aenter__()
            if lost.done():  # aiomqtt forgets a connection that was lost in the moment in which it was made
                raise MqttError("disconnected at once") from lost.exception()
            return self
        except BaseException:
            self._drop()
            raise

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None or isinstance(error, asyncio.CancelledError):
                with contextlib.suppress(MqttError, TimeoutError):
                    async with asyncio.timeout(GOODBYE_WITHIN):
                        await super().__aexit__(kind, error, trace)
        finally:
            self._drop()

    async def take(self, topics: Iterable[str]) -> None:
        """Subscribe with QoS 1. Retained messages are left alone: an old command must not be carried out again.

        Raises `MqttError`, and `Refused` if the broker does not let us.
        """
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        reasons = await self.subscribe([(topic, options) for topic in topics])
        for reason in reasons:
            if isinstance(reason, ReasonCode) and reason.is_failure:
                raise Refused(str(reason))

    def done_with(self, message: Message) -> None:
        """Acknowledge a message: the broker may forget it."""
        self._client.ack(message.mid, message.qos)

    async def start_to_send(
        self, topic: str, payload: str, *, retain: bool = False, properties: Properties | None = None
    ) -> Future[ReasonCode]:
        """Send with QoS 1, in the order of these calls; what comes is the confirmation, for `confirmed`.

        Waits while too many are under way. Raises `MqttError`, and `ValueError` for a topic that is none.
        """
        await self._free.acquire()
        confirmation: Future[ReasonCode] = asyncio.get_running_loop().create_future()
        confirmation.add_done_callback(lambda _: self._free.release())
        try:
            sent = self._client.publish(topic, payload, 1, retain, properties)
            if sent.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
                raise MqttCodeError(sent.rc)
        except BaseException:
            confirmation.cancel()
            raise
        self._confirmations[sent.mid] = confirmation
        return confirmation

    async def confirmed(self, confirmation: Future[ReasonCode]) -> None:
        """Return once the broker has it. Raises `MqttError`, and `Refused` if it does not want it."""
        try:
            async with asyncio.timeout(ANSWERS_WITHIN):
                reason = await confirmation
        except TimeoutError:
            raise MqttError(f"a message was not confirmed within {ANSWERS_WITHIN:.0f} s") from None
        if reason.is_failure:
            raise Refused(str(reason))

    async def send(
        self, topic: str, payload: str, *, retain: bool = False, properties: Properties | None = None
    ) -> None:
        """Send with QoS 1; the broker has it when this returns. Raises as `start_to_send` and `confirmed`."""
        await self.confirmed(await self.start_to_send(topic, payload, retain=retain, properties=properties))

    # What paho tells.

    def _on_connect(
        self, client: Any, userdata: Any, flags: Any, reason_code: ReasonCode, properties: Properties | None = None
    ) -> None:
        at_once = min(AT_ONCE, getattr(properties, "ReceiveMaximum", AT_ONCE))
        self._free = asyncio.Semaphore(at_once)
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_message(self, client: Any, userdata: Any, message: MQTTMessage) -> None:
        if message.qos == 0 and self._queue.qsize() >= QUEUED_AT_MOST:
            self._dropped += 1
            if self._dropped == 1:
                log.warning("commands come too fast: of those sent with QoS 0 some are dropped")
            return
        super()._on_message(client, userdata, message)

    def _on_publish(
        self, client: Any, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        confirmation = self._confirmations.pop(mid, None)
        if confirmation is not None and not confirmation.done():
            confirmation.set_result(reason_code)
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _drop(self) -> None:
        """Let go of the socket, whatever state it is in, and of whoever waits."""
        self._client._sock_close()  # noqa: SLF001
        if self._misc_task is not None:
            self._misc_task.cancel()
        for confirmation in self._confirmations.values():
            confirmation.cancel()
        for outcome in (self._connected, self._disconnected):
            if outcome.done() and not outcome.cancelled():
                outcome.exception()


def why(error: BaseException) -> str:
    """What went wrong, for people, with what mends it where that is known."""
    code = _code(error)
    text = str(_origin(error)) or type(error).__name__
    if code in NOT_LET_IN:
        return f"the broker refuses us ({text}): correct mqtt.username and mqtt.password"
    if code == TAKEN_OVER:
        return "another client with our client id took our place: is a copy of this installation running elsewhere?"
    if code in LOST:
        return "the connection was lost"
    if code == OTHER_VERSION:
        return "the broker does not speak MQTT 5"
    if "CERTIFICATE_VERIFY_FAILED" in text:
        return f"the broker's certificate is not trusted ({text}): correct mqtt.ca_file or the host in mqtt.url"
    if text == "Operation timed out":
        return f"no answer within {ANSWERS_WITHIN:.0f} s: does it speak MQTT 5, and TLS just if mqtt.url is mqtts?"
    return text


def is_taken_over(error: BaseException) -> bool:
    """Whether another client with our id is connected now."""
    return _code(error) == TAKEN_OVER


def _origin(error: BaseException) -> BaseException:
    return error if error.__cause__ is None else error.__cause__


def _code(error: BaseException) -> int | None:
    reason = getattr(_origin(error), "rc", None)
    return reason.value if isinstance(reason, ReasonCode) else reason


def _connect_properties() -> Properties:
    properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
    properties.SessionExpiryInterval = SESSION_KEPT
    properties.ReceiveMaximum = AT_ONCE
    properties.MaximumPacketSize = LARGEST_PACKET
    return properties


def _tls(ca_file: Path | None) -> ssl.SSLContext:
    """Raises `MqttError` if the file holds no certificates."""
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except OSError as error:
        raise MqttError(f"mqtt.ca_file can't be used: {error}") from None

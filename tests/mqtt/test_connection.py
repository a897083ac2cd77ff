"""The connection to the broker: status, last will, credentials, TLS, and what is said about it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callbackd.mqtt import summaries
from callbackd.mqtt.door import client_id
from rig.mosquitto import Mosquitto, make_certificates
from rig.ports import free_tcp_port
from tests.mqtt.journal import Journal
from tests.mqtt.shop import IMPATIENT, PREFIX, SALES, SUPPORT, TOPICS, Shop


async def test_the_status_is_retained_online_and_then_offline(mosquitto: Mosquitto, shop: Shop) -> None:
    async with mosquitto.listening(TOPICS.status) as listener:
        async with shop.open_to(mosquitto.url):
            await listener.text("online")
            async with mosquitto.listening(TOPICS.status) as late:
                assert (await late.text("online"))["retain"] == 1
        await listener.text("offline")
    async with mosquitto.listening(TOPICS.status) as late:
        assert (await late.text("offline"))["retain"] == 1


async def test_leaving_for_a_failure_leaves_the_last_will(
    mosquitto: Mosquitto, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("a fault of ours")

    door = shop.door(mosquitto.url)
    monkeypatch.setattr(door._events, "publish", fail)
    async with mosquitto.listening(TOPICS.status) as listener:
        task = asyncio.create_task(door.run())
        await listener.until(lambda all_: [each["payload"] for each in all_][:3] == ["online", "offline", "online"])
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_summary_of_each_profile_is_retained_and_follows_every_change(
    mosquitto: Mosquitto, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(summaries, "AT_LEAST_EVERY", 0.2)

    def told(topic: str, **wanted: object) -> object:
        def holds(messages: list[dict[str, str]]) -> bool:
            found = [each["payload"] for each in messages if each["topic"] == topic]
            return bool(found) and bool(found[-1]) and wanted.items() <= json.loads(found[-1]).items()

        return holds

    support, sales = TOPICS.profile("support"), TOPICS.profile("sales")
    calm = {"waiting": 0, "live": 0, "open": True, "paused": False, "intake_paused": False}
    async with mosquitto.listening(f"{PREFIX}/profile/+") as listener, shop.open_to(mosquitto.url):
        await listener.until(told(support, **calm))  # type: ignore[arg-type]
        await listener.until(told(sales, **calm))  # type: ignore[arg-type]
        callback = await shop.asks()
        await listener.until(told(support, waiting=1))  # type: ignore[arg-type]
        await shop.control.pause("support", intake=False, dialling=True)
        await listener.until(told(support, paused=True, intake_paused=False))  # type: ignore[arg-type]
        await shop.control.pause(None, intake=True, dialling=False)
        await listener.until(told(sales, paused=False, intake_paused=True))  # type: ignore[arg-type]
        await shop.desk.cancel(callback.id)
        await listener.until(told(support, waiting=0))  # type: ignore[arg-type]
        async with mosquitto.listening(f"{PREFIX}/profile/+") as late:
            await late.until(lambda all_: len(all_) == 2)
            assert all(message["retain"] == 1 for message in late.messages)
        shop.rules.profiles = {"support": SUPPORT}
        await listener.until(lambda all_: all_[-1]["topic"] == sales and not all_[-1]["payload"])
        shop.rules.profiles = {"support": SUPPORT, "sales": SALES}
        await listener.until(told(sales, waiting=0))  # type: ignore[arg-type]
    count = len(listener.messages)
    assert count <= 12, listener.messages


async def test_a_wrong_password_is_said_once_and_mended_by_the_right_one(installed: None, journal: Journal) -> None:
    shop = Shop()
    async with Mosquitto(users={"callbackd": "right", "judge": "judge"}) as mosquitto:
        async with shop.open_to(mosquitto.url, username="callbackd", password="wrong-secret"):
            await mosquitto.logs("not authorised", 4)
        async with shop.open_to(mosquitto.url):
            await mosquitto.logs("not authorised", 8)
        assert [line.partition("Z ")[2] for line in journal.lines] == 2 * [
            f"warning mqtt.door no MQTT broker: trying again broker=127.0.0.1:{mosquitto.port} "
            'reason="the broker refuses us ([code:135] Not authorized): correct mqtt.username and mqtt.password"'
        ]
        async with (
            mosquitto.listening(TOPICS.status, user="judge") as listener,
            shop.open_to(mosquitto.url, username="callbackd", password="right"),
        ):
            await listener.text("online")
    assert "wrong-secret" not in "".join(journal.lines)


async def test_tls_with_a_private_ca(installed: None, journal: Journal, shop: Shop) -> None:
    async with (
        Mosquitto(tls=True) as mosquitto,
        mosquitto.listening(f"{PREFIX}/event/#") as listener,
        shop.open_to(mosquitto.url, ca_file=mosquitto.ca_file),
    ):
        await shop.asks()
        await listener.payloads(1)
    assert not journal.with_("warning")


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
async def test_a_certificate_of_somebody_else_is_refused(installed: None, journal: Journal, tmp_path: Path) -> None:
    await asyncio.to_thread(make_certificates, tmp_path, "stranger")
    shop = Shop()
    tries = 0
    async with Mosquitto(tls=True) as mosquitto:
        for ca_file in (None, tmp_path / "stranger.pem"):
            journal.lines.clear()
            async with shop.open_to(mosquitto.url, ca_file=ca_file):
                line = await journal.says("no MQTT broker")
                await mosquitto.logs("SSL routines", tries := tries + 3)
            assert "certificate is not trusted" in line
            assert "mqtt.ca_file" in line
            assert len(journal.lines) == 1
    gc.collect()


async def test_a_ca_file_without_certificates_is_said(installed: None, journal: Journal, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("not a certificate\n")
    async with Shop().open_to("mqtts://localhost:1", ca_file=tmp_path / "ca.pem"):
        assert "mqtt.ca_file can't be used" in await journal.says("no MQTT broker")


@contextlib.asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[tuple[int, asyncio.Semaphore]]:
    """A server that is no broker: it sends `answer` to whoever comes, and hangs up."""
    came = asyncio.Semaphore(0)

    async def meet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.release()
        with contextlib.suppress(ConnectionError):
            writer.write(answer)
            await writer.drain()
            writer.close()
            await writer.wait_closed()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], came


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"\x20\x02\x00\x01",
        b"\x20\x03\x00\x84\x00",
        b"\x20\x03\x00\x00\x00\x30\xff\xff\xff\xff\xff",
        b"\x20\x03\x00\x00\x00\x40\x02\x00\x01\xf0\x00",
        b"\xe0\x02\x8e\x00",
        bytes(range(256)),
    ],
)
async def test_what_is_no_broker_harms_nobody(answer: bytes, shop: Shop, journal: Journal) -> None:
    async with answering(answer) as (port, came), shop.open_to(f"mqtt://127.0.0.1:{port}"):
        await came.acquire()
        await shop.asks()
        assert not journal.with_("MQTT connected")


async def test_no_broker_is_said_once_however_often_it_is_tried(shop: Shop, journal: Journal) -> None:
    async with answering(b"") as (port, came), shop.open_to(f"mqtt://127.0.0.1:{port}"):
        await came.acquire()
    async with shop.open_to(f"mqtt://127.0.0.1:{free_tcp_port()}"):
        line = await journal.says("Connection refused")
    assert len(journal.with_("Connection refused")) == 1
    assert "no MQTT broker: trying again" in line


async def test_another_client_with_our_id_is_said_and_not_fought(shop: Shop, journal: Journal) -> None:
    welcome, taken_over = b"\x20\x03\x00\x00\x00", b"\xe0\x02\x8e\x00"
    async with answering(welcome + taken_over) as (port, came), shop.open_to(f"mqtt://127.0.0.1:{port}"):
        await came.acquire()
        line = await journal.says("another client with our client id took our place")
        await asyncio.sleep(IMPATIENT.longest * 2)
        assert came.locked(), "it came again at once"
    assert "warning" in line


async def test_clients_of_two_installations_stand_side_by_side(
    mosquitto: Mosquitto, shop: Shop, journal: Journal
) -> None:
    names = [client_id(Path("/var/lib/one.sqlite3")), client_id(Path("/var/lib/two.sqlite3"))]
    assert names[0] != names[1]
    assert client_id(Path("/var/lib/one.sqlite3")) == names[0]
    assert all(len(name) <= 23 and name.replace("-", "").isalnum() for name in names)
    async with shop.open_to(mosquitto.url, client_id=names[0]), Shop().open_to(mosquitto.url, client_id=names[1]):
        await journal.says("MQTT connected", 2)
    assert not journal.with_("warning")

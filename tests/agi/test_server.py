"""What a socket can do to the server, and what the server does then."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from ipaddress import ip_network

import pytest

from callbackd.agi.answers import Answer, Status
from callbackd.agi.conversation import Patience
from callbackd.agi.environment import LINE_LIMIT, LINES_LIMIT, Environment
from callbackd.agi.query import MOST_PARAMETERS
from callbackd.agi.scripts import Scripts
from callbackd.agi.seldom import Seldom
from callbackd.agi.server import CannotListen, Visitors, is_allowed, serve
from callbackd.agi.services import Services
from tests.agi.house import HERE, NUMBER, Asterisk, House, ask, environment, serving, uri

REFUSED = {"CALLBACKD_STATUS": "REFUSED", "CALLBACKD_REASON": "invalid", "CALLBACKD_ID": "", "CALLBACKD_WAITING": ""}
REQUEST = uri("request", profile="support", number=NUMBER)
SHORT = Patience(hear=0.2, tell=0.2)


async def _still_answers(port: int) -> None:
    assert (await ask(port, environment(uri("status", number="+14165550000"))))["CALLBACKD_STATUS"] == "NONE"


# ---- malformed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "script",
    [
        "",
        "/",
        "nothing",
        "REQUEST?profile=support&number=1",
        "request",
        "request?",
        "request?profile",
        "request?profile=support&number=%2B14165550123&number=%2B14165550124",
        "request?profile=support&number=%2B14165550123&",
        "request?profile=support&&number=%2B14165550123",
        "request?profile=support&number=%2B14165550123&colour=red",
        "request?profile=support;number=%2B14165550123",
        "request?profile=support&number=%2B1416%5",
        "request?profile=support&number=%2B1416%zz",
        "request?profile=support&number=%2B14165550123&name=%ff",
        "request?profile=support&number=%2B14165550123&name=%c0%af",
        "request?profile=support&number=%2B14165550123&name=%ed%a0%80",
        "request?profile=support&number=%2B14165550123&name=Jane Doe",
        'request?profile=support&number=%2B14165550123&name="Jane"',
        "request?profile=support&number=%2B14165550123&name=a\x00b",
        "request?profile=support&number=%2B14165550123&name=a=\x1b[2J",
        "request?profile=support&number=%2B14165550123&name=Zoë",
        "request?profile=support&number=%2B14165550123&name=${SHELL(id)}",
        "request?" + "&".join(f"name{place}=x" for place in range(MOST_PARAMETERS + 1)),
        "request#profile=support",
        "../request?profile=support&number=%2B14165550123",
        "request/?profile=support&number=%2B14165550123",
        "cancel?number=%2B14165550123&name=Jane",
        "released?number=%2B14165550123&profile=support",
        "status",
        "inbound?profile=support",
    ],
)
async def test_a_script_that_is_not_as_it_should_be(
    house: House, port: int, script: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert await ask(port, environment(script)) == REFUSED
    assert not await house.store.events_after(0)
    told = [record for record in caplog.records if record.message.startswith(("refused", "no AGI request"))]
    assert len(told) == 1
    assert not any(record.exc_info for record in caplog.records)


WHOLE = environment(REQUEST)


@pytest.mark.parametrize(
    "sent",
    [
        b"\n",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\n\n",
        b"\0" * 100 + b"\n\n",
        b"agi_network: yes\n\n",
        b"agi_network_script\n\n",
        b"AGI_network_script: status\n\n",
        WHOLE.replace(b"agi_language: en", b"language: en"),
        WHOLE.replace(b"agi_language: en", b"agi_language en"),
        WHOLE.replace(b"agi_language: en", b"agi_language: e\0n"),
        WHOLE.replace(b"agi_callerid: +14165550123", b"agi_callerid: 1\nagi_network_script: cancel?number=2"),
        WHOLE.replace(b"agi_version", b"agi_uniqueid"),
        WHOLE.replace(b"Jane Doe", b"x" * LINE_LIMIT),
        WHOLE.replace(b"Jane Doe", b"x" * 3 * LINE_LIMIT),
        WHOLE[:-1] + b"agi_arg_1: x\n" * LINES_LIMIT + b"\n",
        environment(REQUEST + "&name=" + "x" * 2048),
    ],
)
async def test_what_is_no_agi_request_is_refused(house: House, port: int, sent: bytes) -> None:
    assert await ask(port, sent) == REFUSED
    assert not await house.store.events_after(0)
    await _still_answers(port)


async def test_what_asterisk_may_send_is_taken(port: int) -> None:
    script = uri("status", number=NUMBER)
    for name in ("", ": : :", "Zo\u00eb", "\ud83d\ude00", "agi_network_script: cancel", "x" * 4000):
        sent = environment(script).replace(b"Jane Doe", name.encode("utf-8", "surrogatepass"))
        assert (await ask(port, sent))["CALLBACKD_STATUS"] == "NONE"
    arguments = b"".join(b"agi_arg_%d: x\n" % number for number in range(1, 129))
    assert (await ask(port, environment(script)[:-1] + arguments + b"\n"))["CALLBACKD_STATUS"] == "NONE"
    assert (await ask(port, environment(script).replace(b"\n", b"\r\n")))["CALLBACKD_STATUS"] == "NONE"


async def test_a_name_cannot_smuggle_in_a_parameter(house: House, port: int) -> None:
    script = uri("request", name="x&priority=100&number=+14165550199", profile="support", number=NUMBER)
    told = await ask(port, environment(script))
    kept = await house.store.get(told["CALLBACKD_ID"])
    assert kept is not None
    assert (kept.number, kept.priority, kept.name) == (NUMBER, 0, "x&priority=100&number=+14165550199")


# ---- replies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reply",
    [
        b"HANGUP\n200 result=1\n",
        b"100 result=0 Trying...\n200 result=1\n",
        b"511 Command Not Permitted on a dead channel or intercept routine\n",
        b"510 Invalid or unknown command\n",
        b"520-Invalid command syntax.  Proper usage follows:\n Usage: SET VARIABLE\n520 End of proper usage.\n",
        b"x" * 10_000 + b"\n200 result=1\n",
    ],
)
async def test_all_is_told_whatever_asterisk_replies(port: int, reply: bytes) -> None:
    told = await ask(port, environment(uri("status", number=NUMBER)), reply)
    assert told["CALLBACKD_STATUS"] == "NONE"
    assert len(told) == 4


async def test_one_command_at_a_time(port: int) -> None:
    asterisk = await Asterisk.connect(port)
    await asterisk.send(environment(uri("status", number=NUMBER)))
    first = await asterisk.reader.readline()
    assert first == b'SET VARIABLE CALLBACKD_ID ""\n'
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(asterisk.reader.read(1), 0.1)
    await asterisk.close()
    await _still_answers(port)


async def test_half_closed_after_a_whole_request_all_is_done_and_told(house: House, port: int) -> None:
    asterisk = await Asterisk.connect(port)
    await asterisk.send(environment(REQUEST))
    asterisk.writer.write_eof()
    assert (await asterisk.take(b""))["CALLBACKD_STATUS"] == "ACCEPTED"
    await asterisk.close()
    assert await house.store.find_waiting_or_live(NUMBER)


async def test_half_closed_before_the_end_nothing_is_done(house: House, port: int) -> None:
    asterisk = await Asterisk.connect(port)
    await asterisk.send(environment(REQUEST)[:-1])
    asterisk.writer.write_eof()
    assert await asterisk.take(b"") == REFUSED
    await asterisk.close()
    assert not await house.store.events_after(0)


async def test_gone_at_once(house: House, port: int, caplog: pytest.LogCaptureFixture) -> None:
    """Reset, before and after a whole request."""
    caplog.set_level(logging.DEBUG)
    for sent in (b"", b"agi_network: yes\n", environment(uri("status", number=NUMBER))):
        for _ in range(20):
            asterisk = await Asterisk.connect(port)
            await asterisk.send(sent)
            asterisk.writer.transport.abort()
    await _still_answers(port)
    assert not any(record.exc_info for record in caplog.records)


# ---- time and number ----------------------------------------------------------------------------------------------


async def test_whoever_dawdles_is_refused_and_let_go(house: House) -> None:
    async with serving(Visitors(HERE, house.scripts.answer, patience=SHORT)) as port:
        silent = await Asterisk.connect(port)
        assert await silent.take() == REFUSED
        await silent.close()

        slow = await Asterisk.connect(port)

        async def drip() -> None:
            with contextlib.suppress(OSError):
                for byte in environment(REQUEST):
                    slow.writer.write(bytes([byte]))
                    await slow.writer.drain()
                    await asyncio.sleep(0.05)

        dripping = asyncio.create_task(drip())
        assert await slow.take(b"") == {"CALLBACKD_ID": ""}  # the first of the answer; its drops are no replies
        dripping.cancel()
        await slow.close()
    assert not await house.store.events_after(0)


async def test_whoever_takes_no_answer_is_let_go(house: House) -> None:
    async with serving(Visitors(HERE, house.scripts.answer, patience=SHORT)) as port:
        asterisk = await Asterisk.connect(port)
        await asterisk.send(environment(uri("status", number=NUMBER)))
        async with asyncio.timeout(3):
            assert await asterisk.reader.read() == b'SET VARIABLE CALLBACKD_ID ""\n'
        await asterisk.close()


async def test_a_script_that_takes_too_long_is_an_error(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never(*_: object) -> None:
        await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(house.store, "is_blocked", never)
    scripts = Scripts(Services(house.intake, house.callers), limit=0.1)
    async with serving(Visitors(HERE, scripts.answer)) as port:
        told = await ask(port, environment(REQUEST))
    assert (told["CALLBACKD_STATUS"], told["CALLBACKD_REASON"]) == ("ERROR", "unavailable")


async def test_more_than_there_is_room_for_are_closed_at_once(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Visitors(HERE, house.scripts.answer, most=5)) as port:
        there = [await Asterisk.connect(port) for _ in range(5)]
        for asterisk in there:
            await asterisk.send(b"agi_network: yes\n")
        for _ in range(10):
            assert await ask(port, environment(REQUEST)) == {}
        for asterisk in there:
            await asterisk.send(environment(uri("status", number=NUMBER)))
            assert (await asterisk.take())["CALLBACKD_STATUS"] == "NONE"
            await asterisk.close()
        await _still_answers(port)
    assert [record.message for record in caplog.records] == ["refused a connection: too many at once"]
    assert not await house.store.events_after(0)


async def test_many_at_once_are_all_answered(house: House, port: int) -> None:
    scripts = [uri("request", profile="support", number=f"+1416555{line:04d}") for line in range(100)]
    told = await asyncio.gather(*(ask(port, environment(script)) for script in scripts))
    assert {each["CALLBACKD_STATUS"] for each in told} == {"ACCEPTED"}
    assert len({each["CALLBACKD_ID"] for each in told}) == 100


# ---- who may come -------------------------------------------------------------------------------------------------


async def test_only_those_in_allow_from_may_come(house: House, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(Visitors((ip_network("192.0.2.0/24"),), house.scripts.answer)) as port:
        for _ in range(20):
            assert await ask(port, environment(REQUEST)) == {}
    (record,) = caplog.records
    assert record.message == "refused a connection: not in agi.allow_from"
    assert vars(record)["peer"] == "127.0.0.1"
    assert not await house.store.events_after(0)


async def test_a_refused_peer_is_closed_without_having_sent_a_byte(house: House) -> None:
    async with serving(Visitors((ip_network("127.0.0.2"),), house.scripts.answer)) as port:
        refused = await Asterisk.connect(port)
        with contextlib.suppress(ConnectionError):
            assert await asyncio.wait_for(refused.reader.read(), 1) == b""
        await refused.close()
        allowed = socket.create_connection(("127.0.0.1", port), source_address=("127.0.0.2", 0))
        asterisk = Asterisk(*await asyncio.open_connection(sock=allowed))
        await asterisk.send(environment(uri("status", number=NUMBER)))
        assert (await asterisk.take())["CALLBACKD_STATUS"] == "NONE"
        await asterisk.close()


@pytest.mark.parametrize(
    ("address", "network", "allowed"),
    [
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.2", "127.0.0.1", False),
        ("10.1.2.3", "10.0.0.0/8", True),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("::ffff:11.1.2.3", "10.0.0.0/8", False),
        ("::1", "::1", True),
        ("fe80::1%eth0", "fe80::/64", True),
        ("::1", "127.0.0.0/8", False),
        ("", "0.0.0.0/0", False),
        ("no address", "0.0.0.0/0", False),
    ],
)
def test_addresses(address: str, network: str, allowed: bool) -> None:
    assert is_allowed(address, (ip_network(network),)) is allowed


def test_log_lines_come_seldom_and_say_how_many_were_kept_back(caplog: pytest.LogCaptureFixture) -> None:
    now = 0.0
    seldom = Seldom(logging.getLogger("test"), 60.0, lambda: now)
    for second in range(130):
        now = float(second)
        seldom.warning("one kind")
    seldom.warning("another kind")
    told = [(record.message, vars(record)["more_before"]) for record in caplog.records]
    assert told == [("one kind", None), ("one kind", 59), ("one kind", 59), ("another kind", None)]


# ---- its life -----------------------------------------------------------------------------------------------------


async def test_an_address_in_use_is_told_with_the_mend(house: House, port: int) -> None:
    with pytest.raises(CannotListen, match=rf"AGI can't listen at 127.0.0.1:{port}: it is in use.*agi.listen"):
        await serve("127.0.0.1", port, Visitors(HERE, house.scripts.answer), lambda _: None)


async def test_an_address_that_is_not_ours(house: House) -> None:
    with pytest.raises(CannotListen, match="does not have that address"):
        await serve("192.0.2.1", 4573, Visitors(HERE, house.scripts.answer), lambda _: None)


async def test_cancelled_it_finishes_what_runs_and_closes_its_port() -> None:
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(_: Environment) -> Answer:
        entered.set()
        await release.wait()
        return Answer(Status.NONE)

    async with serving(Visitors(HERE, slow)) as port:
        asterisk = await Asterisk.connect(port)
        await asterisk.send(environment("status"))
        await entered.wait()
        asyncio.get_running_loop().call_later(0.1, release.set)
        taking = asyncio.create_task(asterisk.take())
    assert (await taking)["CALLBACKD_STATUS"] == "NONE"
    await asterisk.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


def test_nothing_that_a_dialplan_could_take_for_its_own_is_told() -> None:
    for value in ('"', "\n", "${X}", "a b", "a,b", "é"):
        with pytest.raises(ValueError, match="CALLBACKD_ID"):
            Answer(Status.NONE, callback=value).commands()

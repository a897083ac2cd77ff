"""The same request at every door (HTTP, command line, AGI, MQTT, menu): the same call-back, and the same refusals.

One callbackd on a real Asterisk; a phone calls the script and the menu, Mosquitto's own clients command. Nobody is
dialled unless a test says so: the profile's limit is 0.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import re
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml

from rig.behaviours import FOR_EVER, answers, busy, hears, in_turn, presses
from rig.daemon import Json
from rig.mosquitto import Listener, Mosquitto, is_installed
from rig.phones import PhoneCall
from rig.ports import free_tcp_port
from tests.pbx.company import AGENT, CLIENT, Company, heard, hears_mark, profile
from tests.pbx.test_offers import offering
from tests.pbx.test_operators import command

pytestmark = [pytest.mark.pbx, pytest.mark.skipif(not is_installed(), reason="no Mosquitto")]

NAMES = ("http", "command line", "agi", "mqtt", "menu")
SCRIPT, MENU = "520", "521"
"""Extensions: they run the script, or enter the menu, for the profile (and the number) that `Doors` has set."""

DIALS_NOBODY: Json = {"target": {"max_concurrent": 0}}
USERS = {"judge": "the judge's password", "guest": "the guest's password", "callbackd": "the daemon's password"}
ACL = "user judge\ntopic readwrite #\nuser callbackd\ntopic readwrite #\nuser guest\ntopic read #\n"

STATUS = {
    "unknown_profile": 404,
    "number_malformed": 422,
    "number_not_allowed": 422,
    "number_premium": 422,
    "number_short": 422,
    "number_emergency": 422,
    "number_blocked": 403,
    "intake_paused": 409,
    "number_limit": 429,
}
"""What HTTP answers with each code."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a door answered: the call-back, and whether it is new; or the code of a refusal."""

    callback: str = ""
    created: bool = False
    code: str = ""


class Doors:
    """All ways to ask for a call-back. Each is asked for a profile and a number, and speaks its own language."""

    def __init__(self, company: Company, mosquitto: Mosquitto, answered: Listener) -> None:
        self.company = company
        self.mosquitto = mosquitto
        self.agi_port = free_tcp_port()
        self._answered = answered
        self._told = Path(company.rig.pbx.home / "log/doors.csv")
        self._commands = itertools.count(1)

    async def build(self) -> None:
        """The extensions."""
        pbx = self.company.rig.pbx
        told = f"{pbx.inner_home}/log/doors.csv"
        asked = "profile=${URIENCODE(${DOOR_PROFILE})}&number=${URIENCODE(${DOOR_NUMBER})}"
        pbx.inbound = (
            f"exten => {SCRIPT},1,AGI(agi://127.0.0.1:{self.agi_port}/request?{asked})\n"
            f" same => n,Set(FILE({told},,,al,u)=${{CALLBACKD_STATUS}}:${{CALLBACKD_ID}}:${{CALLBACKD_REASON}})\n"
            " same => n,Answer()\n same => n,Wait(60)\n"
            f"exten => {MENU},1,Answer()\n same => n,Set(CALLBACKD_PROFILE=${{DOOR_PROFILE}})\n"
            " same => n,Goto(callbackd-intake,s,1)\n"
        )
        await pbx.reload()

    async def opens(self, support: Json | None = None, **limits: int) -> None:
        """The company with all its doors."""
        await self.company.opens(
            support or profile(**DIALS_NOBODY),
            settings={
                "agi": {"listen": f"127.0.0.1:{self.agi_port}", "allow_from": ["127.0.0.1"]},
                "mqtt": {"url": self.mosquitto.url, "username": "callbackd", "password": USERS["callbackd"]},
                "limits": {"max_concurrent": 20, "dials_per_number": 100, "requests_per_number": 1000, **limits},
            },
        )
        await self._answered.text("online")

    async def ask(self, door: str, number: str, keyed: str, profile_id: str = "support") -> Answer:
        """Ask at one door. Where there are only keys to write with, `keyed` is pressed."""
        at: dict[str, Callable[[str, str], Awaitable[Answer]]] = {
            "http": self._http,
            "command line": self._command_line,
            "agi": self._agi,
            "mqtt": self._mqtt,
            "menu": self._menu,
        }
        return await at[door](profile_id, keyed if door == "menu" else number)

    async def refused_everywhere(self, code: str, number: str, keyed: str, profile_id: str = "support") -> None:
        """Every door refuses it with that code."""
        found = {door: await self.ask(door, number, keyed, profile_id) for door in NAMES}
        assert found == dict.fromkeys(NAMES, Answer(code=code)), number

    async def callbacks(self) -> list[Json]:
        """All there are."""
        items: list[Json] = (await self.company.daemon.call("GET", "/callbacks"))["items"]
        return items

    async def post(self, body: Json, **headers: str) -> tuple[int, Json]:
        """A request over HTTP with just these headers: status and body."""
        url = f"http://127.0.0.1:{self.company.daemon.port}/api/v1/callbacks"
        async with aiohttp.ClientSession() as session, session.post(url, json=body, headers=headers) as answer:
            return answer.status, await answer.json()

    # ---- the doors ----------------------------------------------------------------------------------------------

    async def _http(self, profile_id: str, number: str) -> Answer:
        token = f"Bearer {self.company.daemon.token}"
        status, body = await self.post({"profile": profile_id, "number": number}, Authorization=token)
        if "error" in body:
            code = body["error"]["code"]
            assert status == STATUS[code]
            return Answer(code=code)
        assert status in (200, 201)
        return Answer(body["id"], status == 201)

    async def _command_line(self, profile_id: str, number: str) -> Answer:
        said = await command(self.company.daemon, "request", profile_id, number)
        if said.code != 0:
            found = re.fullmatch(r"callbackd: .* \((\w+)\)\n", said.err)
            assert found is not None, said
            assert (said.code, said.out) == (1, "")
            return Answer(code=found[1])
        return Answer(said.out.strip(), "there was one already" not in said.err)

    async def _agi(self, profile_id: str, number: str) -> Answer:
        self._told.unlink(missing_ok=True)
        await self._set(DOOR_PROFILE=profile_id, DOOR_NUMBER=number)
        uri = self.company.rig.pbx.sip_uri(SCRIPT)
        call = await self.company.phones.dial(uri, "<anonymous>", answers())
        await call.hangup()
        status, callback, code = self._told.read_text().strip().split(":")
        expected = "CLOSED" if code == "intake_paused" else "REFUSED"
        assert status == expected if code else status in ("ACCEPTED", "DUPLICATE"), status
        return Answer(callback, status == "ACCEPTED", code)

    async def _mqtt(self, profile_id: str, number: str) -> Answer:
        answer_to = f"answers/{next(self._commands)}"
        body = json.dumps({"profile": profile_id, "number": number})
        await self.mosquitto.publish(
            "callbackd/command/request", body, "-D", "publish", "response-topic", answer_to, user="judge"
        )
        heard_all = await self._answered.until(lambda all_: any(each["topic"] == answer_to for each in all_))
        (message,) = (each for each in heard_all if each["topic"] == answer_to)
        answer = json.loads(message["payload"])
        if "error" in answer:
            return Answer(code=answer["error"]["code"])
        created: str = message["properties"]["user-properties"]["created"]
        return Answer(answer["id"], created == "true")

    async def _menu(self, profile_id: str, keyed: str) -> Answer:
        """What the caller hears says whether; the call-back and the code stand in the log."""
        await self._set(DOOR_PROFILE=profile_id)
        written = len(self._log())

        async def keys_it(call: PhoneCall) -> None:
            await call.ended(FOR_EVER)

        uri = self.company.rig.pbx.sip_uri(MENU)
        call = await self.company.phones.dial(uri, "<anonymous>", hears(keys_it))
        await first(hears_mark(call, "menu-offer"), call.ended())
        if call.ended_at is None:
            await call.press(f"{keyed}#1", pause=0.2)
            await first(hears_mark(call, "menu-refused", within=20.0), call.ended(20.0))
            await call.hangup()
        await call.ended()
        new = self._log()[written:]
        told = set(heard(call))
        if "a profile that there is not" in new:
            assert told == set()
            return Answer(code="unknown_profile")
        (kept, refused) = (re.findall(pattern, new) for pattern in (_KEPT, _REFUSED))
        if refused:
            ((code,), []) = (refused, kept)
            assert told & _TOLD == {"menu-sorry" if code == "intake_paused" else "menu-refused"}
            return Answer(code=code)
        ((callback, was_there),) = kept
        created = was_there == "False"
        assert told & _TOLD == {"menu-accepted" if created else "menu-duplicate"}
        return Answer(callback, created)

    def _log(self) -> str:
        return self.company.daemon.log.read_text()

    async def _set(self, **variables: str) -> None:
        for name, value in variables.items():
            await self.company.rig.pbx.ari.request("POST", "/asterisk/variable", variable=name, value=value)


_KEPT = r"engine\.menus kept .*callback=(\w+) was_there=(\w+)"
_REFUSED = r"engine\.menus refused .*reason=(\w+)"
_TOLD = {"menu-accepted", "menu-duplicate", "menu-refused", "menu-sorry"}


async def first(*waits: Awaitable[None]) -> None:
    """Wait for whatever comes first. Raises what it raised."""
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        await next(iter(done))
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest_asyncio.fixture(loop_scope="session")
async def doors(company: Company) -> AsyncIterator[Doors]:
    async with (
        Mosquitto(users=USERS, acl=ACL) as mosquitto,
        mosquitto.listening("#", user="judge") as listener,
    ):
        made = Doors(company, mosquitto, listener)
        await made.build()
        try:
            yield made
        finally:
            await company.closes()
            company.rig.pbx.inbound = ""
            await company.rig.pbx.reload()


# ---- the same request ---------------------------------------------------------------------------------------------

WRITTEN = {
    "http": "+14165550123",
    "command line": "(416) 555-0123",
    "agi": "1-416-555-0123",
    "mqtt": "011 1 416.555.0123",
    "menu": "4165550123",
}
"""One number, as it is written at each door."""


@pytest.mark.parametrize("turn", range(len(NAMES)), ids=NAMES)
async def test_whichever_door_is_first_all_others_answer_with_its_call_back(doors: Doors, turn: int) -> None:
    await doors.opens()
    order = (*NAMES[turn:], *NAMES[:turn], NAMES[turn])
    found = [await doors.ask(door, WRITTEN[door], WRITTEN["menu"]) for door in order]
    assert found[0].created
    again = Answer(found[0].callback, created=False)
    assert found[1:] == [again] * len(NAMES), list(zip(order, found, strict=True))
    (only,) = await doors.callbacks()
    assert (only["id"], only["number"], only["profile"]) == (found[0].callback, CLIENT, "support")
    assert doors.company.phones.times_rung(AGENT) == 0


# ---- the same refusals --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "number", "keyed"),
    [
        ("number_malformed", "416 555 012", "416555012"),
        ("number_not_allowed", "+49 30 12345678", "011493012345678"),
        ("number_premium", "+1 900 555 0123", "9005550123"),
        ("number_short", "411", "411"),
        ("number_emergency", "911", "911"),
        ("number_blocked", "(416) 555-0171", "4165550171"),
    ],
)
async def test_a_number_is_refused_alike(doors: Doors, code: str, number: str, keyed: str) -> None:
    await doors.opens(profile(**DIALS_NOBODY, client={"block": ["+1416555017"]}))
    await doors.refused_everywhere(code, number, keyed)
    assert await doors.callbacks() == []


async def test_what_no_key_can_write_is_malformed_at_every_door_that_takes_text(doors: Doors) -> None:
    await doors.opens()
    for door in NAMES[:-1]:
        for number in ("416-555-CALL", "4165550123;x=${CHANNEL}", "+1 416 555 0123 ext. 4", "\u0664\u0661\u0666"):
            assert await doors.ask(door, number, "") == Answer(code="number_malformed"), (door, number)
    assert await doors.callbacks() == []


async def test_a_number_that_asked_never_to_be_called_is_refused_alike(doors: Doors) -> None:
    await doors.opens(offering())
    phones = doors.company.phones
    phones.set(AGENT, presses("1", after=0.2))
    phones.set(CLIENT, in_turn(busy(), presses("3", after=0.5)))
    shown = await doors.company.ended(await doors.company.asks())
    assert shown["state"] == "declined"
    await doors.refused_everywhere("number_blocked", WRITTEN["agi"], WRITTEN["menu"])
    assert len(await doors.callbacks()) == 1
    assert phones.times_rung(CLIENT) == 2


@pytest.mark.parametrize("whole", [False, True], ids=["the profile", "everything"])
async def test_while_intake_is_paused_all_refuse(doors: Doors, whole: bool) -> None:
    await doors.opens()
    of = () if whole else ("support",)
    assert (await command(doors.company.daemon, "pause", *of, "--intake")).code == 0
    await doors.refused_everywhere("intake_paused", WRITTEN["agi"], WRITTEN["menu"])
    assert await doors.callbacks() == []


async def test_a_profile_that_there_is_not_is_unknown_at_every_door(doors: Doors) -> None:
    await doors.opens()
    await doors.refused_everywhere("unknown_profile", WRITTEN["agi"], WRITTEN["menu"], "nobody")
    assert await doors.callbacks() == []


async def test_the_requests_of_the_day_are_used_up_at_every_door(doors: Doors) -> None:
    """One for each door, asked for there and cancelled; then all are refused."""
    await doors.opens(requests_per_number=len(NAMES))
    for door in NAMES:
        asked = await doors.ask(door, WRITTEN[door], WRITTEN["menu"])
        assert asked.created, door
        await doors.company.cancels(asked.callback)
    await doors.refused_everywhere("number_limit", WRITTEN["agi"], WRITTEN["menu"])
    assert len(await doors.callbacks()) == len(NAMES)


# ---- no door without its credential -------------------------------------------------------------------------------

BODY: Json = {"profile": "support", "number": CLIENT}


@pytest.mark.parametrize("header", [None, "Bearer", "Bearer another-token", "Basic dXNlcjpwYXNz"])
async def test_http_without_the_token_is_401(doors: Doors, header: str | None) -> None:
    await doors.opens()
    status, body = await doors.post(BODY, **({} if header is None else {"Authorization": header}))
    assert (status, body["error"]["code"]) == (401, "unauthorized")
    assert await doors.callbacks() == []


async def test_the_command_line_without_the_token_is_refused(doors: Doors, tmp_path: Path) -> None:
    await doors.opens()
    daemon = doors.company.daemon
    wrong, empty = tmp_path / "wrong", tmp_path / "empty"
    wrong.write_text("another-token\n")
    empty.write_text("")
    for token_file, code, why in (
        (wrong, 1, "does not take the token"),
        (empty, 1, "holds no token"),
        (tmp_path, 1, "can't be read"),
        (tmp_path / "nowhere", 3, "there is no token"),
    ):
        said = await command(daemon, "--config", str(_with_token(daemon.config, token_file)), "request", *BODY.values())
        assert (said.code, said.out) == (code, ""), said
        assert why in said.err
    assert await doors.callbacks() == []


async def test_agi_from_an_address_that_is_not_allowed_is_closed_without_an_answer(doors: Doors) -> None:
    await doors.opens()
    stranger = socket.create_connection(("127.0.0.1", doors.agi_port), source_address=("127.0.0.2", 0))
    reader, writer = await asyncio.open_connection(sock=stranger)
    received = b""
    with contextlib.suppress(ConnectionError):
        writer.write(f"agi_network_script: request?profile=support&number={CLIENT}\n\n".encode())
        received = await asyncio.wait_for(reader.read(), 5.0)
    assert received == b""
    writer.close()
    assert "not in agi.allow_from peer=127.0.0.2" in doors.company.daemon.log.read_text()
    assert await doors.callbacks() == []
    assert (await doors.ask("agi", CLIENT, "")).created  # the PBX's own address


async def test_mqtt_takes_nobody_with_a_wrong_password_nor_one_who_may_only_read(doors: Doors) -> None:
    await doors.opens()
    body = json.dumps(BODY)
    with pytest.raises(AssertionError, match=r"(?i)not authori[sz]ed"):
        await doors.mosquitto.publish("callbackd/command/request", body, "-P", "a wrong password", user="judge")
    await doors.mosquitto.publish("callbackd/command/request", body, user="guest")
    await doors.mosquitto.logs("Denied PUBLISH")
    later = await doors.ask("mqtt", "+14165550188", "")  # whoever may is heard
    assert [each["id"] for each in await doors.callbacks()] == [later.callback]


def _with_token(config: Path, token_file: Path) -> Path:
    """A copy of the settings, in the same folder, that names another token file."""
    settings: dict[str, Any] = yaml.safe_load(config.read_text())
    settings["http"]["token_file"] = str(token_file)
    copy = config.with_name("other.yaml")
    copy.write_text(yaml.safe_dump(settings))
    return copy

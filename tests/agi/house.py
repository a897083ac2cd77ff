"""The real engine over the store that keeps nothing, and the AGI server before it, on a real socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from random import Random
from urllib.parse import quote, urlencode

from callbackd.agi.scripts import Scripts
from callbackd.agi.server import Networks, Visitors, serve
from callbackd.agi.services import Services
from callbackd.domain.callback import CallBack, State
from callbackd.domain.profile import ClientRoute, OnInbound, Profile, Target
from callbackd.engine.callers import Callers
from callbackd.engine.desk import Desk
from callbackd.engine.holds import Holds
from callbackd.engine.intake import Intake
from callbackd.engine.profiles import Limits, Rules
from callbackd.store.interface import Change
from callbackd.store.memory import MemoryStore

NOON = datetime(2026, 11, 2, 17, 0, tzinfo=UTC)
NUMBER = "+14165550123"
HERE: Networks = (ip_network("127.0.0.0/8"),)

SUPPORT = Profile(
    id="support",
    label="Support line",
    target=Target(endpoints=("PJSIP/1001",), timezone="America/Toronto"),
    client=ClientRoute(endpoint="PJSIP/{number}@trunk", allow=("+1",), country="CA"),
)
SALES = replace(SUPPORT, id="sales", label="Sales", on_inbound=OnInbound.CANCEL)
BILLING = replace(SUPPORT, id="billing", label="Billing", on_inbound=OnInbound.KEEP)
LONDON = replace(
    SUPPORT, id="london", client=ClientRoute(endpoint="PJSIP/{number}@trunk", allow=("+44",), country="GB")
)


@dataclass
class StoppedClock:
    """Stands still until it is moved."""

    at: datetime = NOON

    def now(self) -> datetime:
        return self.at

    def move(self, by: timedelta) -> None:
        self.at += by


@dataclass
class Woken:
    """Counts how often it was woken."""

    times: int = 0

    def wake(self) -> None:
        self.times += 1


class NoCalls:
    """No call is running."""

    async def cancel(self, callback_id: str) -> None:
        """Nothing to take down."""


class House:
    """All parts, to be looked into by tests."""

    def __init__(self) -> None:
        self.clock = StoppedClock()
        self.store = MemoryStore()
        self.woken = Woken()
        profiles = {each.id: each for each in (SUPPORT, SALES, BILLING, LONDON)}
        self.rules = Rules(profiles, Limits(requests_per_number=10))
        self.intake = Intake(self.store, self.rules, self.clock, Random(1), self.woken)  # noqa: S311
        self.desk = Desk(self.store, self.clock, self.rules, NoCalls(), self.woken)
        self.holds = Holds(self.clock)
        self.callers = Callers(self.store, self.rules, self.desk, self.holds, self.woken)
        self.scripts = Scripts(Services(self.intake, self.callers))

    async def put(self, callback_id: str, state: State) -> CallBack:
        """Bring a call-back into a state, as the engine would."""
        callback = await self.store.get(callback_id)
        assert callback is not None
        ended_at = self.clock.now() if state.ended else None
        return await self.store.commit(Change(replace(callback, state=state, ended_at=ended_at)))

    async def state(self, callback_id: str) -> State:
        """As it is kept."""
        callback = await self.store.get(callback_id)
        assert callback is not None
        return callback.state


@contextlib.asynccontextmanager
async def serving(visitors: Visitors, host: str = "127.0.0.1") -> AsyncIterator[int]:
    """The server at a free port, which is given. Afterwards nobody is there any more."""
    port = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(host, 0, visitors, port.set_result))
    await asyncio.wait({task, port}, return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        await task
    try:
        yield await port
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


def environment(script: str, call: str = "1700000000.1", **more: str) -> bytes:
    """What Asterisk 22 sends for ``AGI(agi://127.0.0.1/script)``; `more` replaces values."""
    values = {
        "agi_network": "yes",
        "agi_network_script": script,
        "agi_request": f"agi://127.0.0.1:4573/{script}",
        "agi_channel": "PJSIP/trunk-00000001",
        "agi_language": "en",
        "agi_type": "PJSIP",
        "agi_uniqueid": call,
        "agi_version": "22.10.1",
        "agi_callerid": "+14165550123",
        "agi_calleridname": "Jane Doe",
        "agi_callingpres": "0",
        "agi_callingani2": "0",
        "agi_callington": "0",
        "agi_callingtns": "0",
        "agi_dnid": "500",
        "agi_rdnis": "unknown",
        "agi_context": "from-trunk",
        "agi_extension": "500",
        "agi_priority": "1",
        "agi_enhanced": "0.0",
        "agi_accountcode": "",
        "agi_threadid": "139842",
        **more,
    }
    return "".join(f"{name}: {value}\n" for name, value in values.items()).encode() + b"\n"


def uri(script: str, **parameters: str) -> str:
    """As a dialplan writes it with URIENCODE()."""
    return f"{script}?{urlencode(parameters, quote_via=quote, safe='')}"


_COMMAND = re.compile(rb'SET VARIABLE ([A-Z_]+) "([^"]*)"\n')


class Asterisk:
    """A connection from Asterisk. `told` is what was set, in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.told: dict[str, str] = {}

    @classmethod
    async def connect(cls, port: int, host: str = "127.0.0.1") -> Asterisk:
        return cls(*await asyncio.open_connection(host, port))

    async def send(self, what: bytes) -> None:
        self.writer.write(what)
        await self.writer.drain()

    async def take(self, reply: bytes = b"200 result=1\n") -> dict[str, str]:
        """Take every command until the other side closes, and reply to each."""
        async with asyncio.timeout(10):
            try:
                while line := await self.reader.readline():
                    match = _COMMAND.fullmatch(line)
                    assert match is not None, line
                    self.told[match[1].decode()] = match[2].decode()
                    if reply:
                        self.writer.write(reply)
            except ConnectionError:
                pass
        return self.told

    async def close(self) -> None:
        self.writer.close()
        with contextlib.suppress(OSError):
            await self.writer.wait_closed()


async def ask(port: int, sent: bytes, reply: bytes = b"200 result=1\n") -> dict[str, str]:
    """One connection from beginning to end: what was set."""
    asterisk = await Asterisk.connect(port)
    try:
        with contextlib.suppress(ConnectionError):
            await asterisk.send(sent)
        return await asterisk.take(reply)
    finally:
        await asterisk.close()

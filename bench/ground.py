"""Where callbackd and Asterisk's own means do the same job: one PBX, its phones, and both ways to use them.

The job: an agent's phone is rung; the agent answers, hears a prompt, presses 1; the client is dialled and is busy; the
agent hears that, and is hung up. Callbackd does it with everything real, its database durable. Asterisk does it with a
call file and a few lines of dialplan, which remember nothing. Both play the same short sounds.

Whatever is measured comes from the phones, from the wire, or from the kernel's account of the processes.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from callbackd.domain.prompts import PROMPTS
from rig.daemon import Callbackd
from rig.pbx import Pbx
from rig.processes import cpu_seconds
from rig.rig import Rig

AT_ONCE = "70001"
"""An agent's extension at the phones: any number of calls, each presses 1 0.2 s after its answer."""
AT_RANDOM = "80001"
"""The same, but each presses at a moment of its own."""

SOUND = "beep"
_LEGS_PER_SLOT = 240
_REQUESTS_AT_ONCE = 8
_POLL = 0.02

Report = Callable[[str], None]


class LostError(Exception):
    """Calls were lost, or were made more than once: what was measured is worth nothing."""


@dataclass(frozen=True, slots=True)
class Cpu:
    """CPU seconds that were used."""

    daemon: float
    pbx: float
    phones: float

    def __sub__(self, before: Cpu) -> Cpu:
        return Cpu(self.daemon - before.daemon, self.pbx - before.pbx, self.phones - before.phones)


@dataclass(frozen=True, slots=True)
class Round:
    """How one round of calls went. Instants are epoch seconds, as the phones wrote them down."""

    calls: int
    began: float
    clients_rung: Sequence[float]
    agents_ended: Sequence[float]
    cpu: Cpu

    @property
    def per_second(self) -> float:
        """Calls that were done in a second, from the start of the first to the end of the last leg of the last."""
        return self.calls / (max(self.agents_ended) - self.began)

    @property
    def rung_per_second(self) -> float:
        """Clients rung in a second, from the start on."""
        return self.calls / (max(self.clients_rung) - self.began)


class Ground:
    """`numbers` gives the clients' numbers of one round; each is used once."""

    def __init__(self, rig: Rig, daemon: Callbackd) -> None:
        self.rig = rig
        self.daemon = daemon
        self._rounds = 0
        self._files = 0

    def numbers(self, count: int) -> list[str]:
        """Numbers that were not used before."""
        self._rounds += 1
        exchange = 555 + self._rounds
        return [f"+1{416 + index // 10000}{exchange}{index % 10000:04d}" for index in range(count)]

    def cpu(self) -> Cpu:
        """CPU seconds used so far."""
        assert self.daemon.process is not None
        rig = self.rig
        return Cpu(cpu_seconds(self.daemon.process.pid), cpu_seconds(rig.pbx.pid), cpu_seconds(rig.phones.pid))

    async def round(self, numbers: Sequence[str], start: Callable[[], Awaitable[None]], limit: float = 120.0) -> Round:
        """Run calls to those clients to their end. Raises `LostError` unless each was rung exactly once."""
        phones = self.rig.phones
        await phones.reset()
        before = self.cpu()
        began = time.time()
        await start()
        until = time.monotonic() + limit
        count = len(numbers)
        while True:
            begun, ended = phones.load_progress()
            if (begun >= 2 * count and ended >= count) or time.monotonic() > until:
                break
            await asyncio.sleep(_POLL)
        await asyncio.sleep(0.5)  # for what is still being written, and for a call too many
        used = self.cpu() - before
        log, ends = phones.load_log(), phones.load_ends()
        saw = Counter(who for who, _ in log if who.startswith("+"))
        wanted = Counter(dialled(number) for number in numbers)
        agents = sum(not who.startswith("+") for who, _ in log)
        if saw != wanted or agents != count or len(ends) != count:
            raise LostError(
                f"of {count} clients {len(wanted - saw)} were not rung, {sum((saw - wanted).values())} rung too often;"
                f" agents were rung {agents} times, and {len(ends)} of their calls ended"
            )
        await self.rig.no_channels_left(within=5.0)
        return Round(count, began, [at for who, at in log if who.startswith("+")], [at for _, at in ends], used)

    # Callbackd.

    async def ask(self, profile: str, numbers: Sequence[str]) -> None:
        """Ask for call-backs over HTTP, and have none of them started."""
        await self.daemon.call("POST", f"/profiles/{profile}/pause", {"dialling": True})
        free = asyncio.Semaphore(_REQUESTS_AT_ONCE)

        async def one(number: str) -> None:
            async with free:
                await self.daemon.request(profile, number)

        await asyncio.gather(*map(one, numbers))

    async def go(self, profile: str) -> None:
        """Have them started."""
        await self.daemon.call("POST", f"/profiles/{profile}/resume", {"dialling": True})

    async def decided(self, profile: str, numbers: Sequence[str]) -> None:
        """Raises `LostError` unless every call-back has been decided: rescheduled once, automatically."""
        for number in numbers:
            [shown] = (await self.daemon.call("GET", f"/callbacks?number={number.replace('+', '%2B')}"))["items"]
            if (shown["state"], shown["reschedules"]["auto"], shown["profile"]) != ("scheduled", 1, profile):
                raise LostError(f"a call-back was not rescheduled, but is {shown['state']}")

    # Call files.

    def write_call_files(self, agent: str, numbers: Sequence[str]) -> list[CallFile]:
        """Written where Asterisk does not see them yet."""
        return [self._call_file(agent, number) for number in numbers]

    def _call_file(self, agent: str, number: str) -> CallFile:
        spool = self.rig.pbx.home / "spool"
        (spool / "tmp").mkdir(exist_ok=True)
        self._files += 1
        name = f"{self._files:06d}.call"
        (spool / "tmp" / name).write_text(
            f"Channel: PJSIP/{agent}@phones\nCallerID: <{number}>\nWaitTime: 30\nMaxRetries: 0\n"
            f"Context: bench\nExtension: s\nPriority: 1\nSetvar: CLIENT={dialled(number)}\n"
        )
        return CallFile(spool, name)


@dataclass(frozen=True, slots=True)
class CallFile:
    """One call for Asterisk's spool."""

    spool: Any
    name: str

    def move(self) -> None:
        """Asterisk takes it from here."""
        (self.spool / "tmp" / self.name).rename(self.spool / "outgoing" / self.name)


def dialled(number: str) -> str:
    """What the trunk is asked for: the phones' own busy clients begin with +1999."""
    return f"+1999{number.removeprefix('+1')}"


def profile(agent: str, at_once: int) -> dict[str, Any]:
    """The profile whose calls are like those of the call files."""
    return {
        "label": "Bench",
        "target": {"endpoint": f"PJSIP/{agent}@phones", "timezone": "America/Toronto", "max_concurrent": at_once},
        "agent": {"ring": "30s", "key_wait": "20s", "after_failure": "0s"},
        "client": {
            "endpoint": "PJSIP/+1999{national}@trunk",
            "caller_id": "Acme Support <+14165550100>",
            "country": "CA",
            "allow": ["+1"],
            "ring": "30s",
        },
        "rescheduling": {"delay": "12h"},
        "prompts": dict.fromkeys(sorted(PROMPTS - {"connecting", "ringing"}), f"sound:{SOUND}"),
    }


def _dialplan() -> str:
    """The same call in the dialplan: the same number of the same sounds."""
    digits = "&".join(f"digits/{digit}" for digit in "4165550123")
    return (
        "[bench]\n"
        f"exten => s,1,Read(KEY,{SOUND}&{digits}&{SOUND},1,,1,20)\n"
        ' same => n,GotoIf($["${KEY}" != "1"]?end)\n'
        " same => n,Dial(PJSIP/${CLIENT}@trunk,30)\n"
        f' same => n,ExecIf($["${{DIALSTATUS}}" = "BUSY"]?Playback({SOUND}&{SOUND}))\n'
        " same => n(end),Hangup()\n"
    )


@asynccontextmanager
async def prepared(at_once: int, report: Report) -> AsyncIterator[Ground]:
    """A ground for that many calls at once."""
    report("starting a PBX, its phones and callbackd")
    width = 1 + 2 * at_once // _LEGS_PER_SLOT
    async with await Rig.prepared(progress=report, width=width) as rig:
        await _teach(rig.pbx)
        profiles = {name: profile(agent, at_once) for name, agent in (("once", AT_ONCE), ("random", AT_RANDOM))}
        settings = {"log": {"level": "info"}, "limits": {"max_concurrent": at_once}}
        pbx = rig.pbx
        async with Callbackd(pbx.ari_url, pbx.ari_user, pbx.ari_password, profiles, settings) as daemon:
            yield Ground(rig, daemon)


async def _teach(pbx: Pbx) -> None:
    pbx.inbound += _dialplan()
    await pbx.reload()

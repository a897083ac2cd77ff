"""Two hundred at once: each client's phone rings exactly once, each call-back is decided once, nothing is left."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import pytest
import pytest_asyncio

from rig.daemon import Callbackd, Json
from rig.rig import Rig
from tests.pbx.company import MARKED, instant, profile

pytestmark = pytest.mark.pbx

T = TypeVar("T")

CALLBACKS = 200
AGENTS = "70001"
"""An extension of the phones that any number of agents can be rung at: each call is an agent who presses 1."""


@pytest_asyncio.fixture(loop_scope="session")
async def wide(rig: Rig) -> AsyncIterator[Rig]:
    """A rig with ports for four hundred legs. (It has the sounds of Asterisk and ours, not the marks.)"""
    async with Rig(rig.root, width=3) as wide:
        yield wide


def number(index: int) -> str:
    """A client's number; its phone is busy (see the profile's endpoint)."""
    return f"+1416555{index:04d}"


def dialled(index: int) -> str:
    """What the trunk is asked for then: the phones' own busy clients, who need no Python, begin so."""
    return f"+1999416555{index:04d}"


async def test_two_hundred_at_once(wide: Rig, record_property: Callable[[str, object], None]) -> None:
    everybody = profile(
        target={"endpoint": f"PJSIP/{AGENTS}@phones", "max_concurrent": CALLBACKS},
        client={"ring": "30s", "endpoint": "PJSIP/+1999{national}@trunk"},
        agent={"ring": "30s", "after_failure": "0s", "key_wait": "20s"},
        rescheduling={"delay": "1h"},
        prompts=dict.fromkeys(MARKED, "sound:beep"),
    )
    pbx = wide.pbx
    daemon = Callbackd(pbx.ari_url, pbx.ari_user, pbx.ari_password, {"support": everybody}, {"log": {"level": "info"}})
    async with daemon:
        numbers = [number(index) for index in range(CALLBACKS)]
        due = datetime.now(UTC) + timedelta(seconds=4)
        asked = await in_parallel(8, [daemon.request("support", each, not_before=due.isoformat()) for each in numbers])
        assert datetime.now(UTC) < due, "all of them wait when the first is due"
        assert len(set(asked)) == CALLBACKS
        shown = await in_parallel(4, [daemon.until(each, rescheduled, 60.0) for each in asked])
        await wide.no_channels_left(within=2.0)
        log = wide.phones.load_log()
        rung = [at for who, at in log if who != AGENTS]
        ended = max(instant(each["attempts"][0]["ended_at"]).timestamp() for each in shown)
        since = due.timestamp()
        record_property("last_client_rung_after_seconds", round(max(rung) - since, 1))
        record_property("all_decided_after_seconds", round(ended - since, 1))

        saw = Counter(who for who, _ in log)
        assert saw.pop(AGENTS) == CALLBACKS, "each call-back rang an agent once"
        assert saw == Counter(dialled(index) for index in range(CALLBACKS)), "each client's phone rang exactly once"
        for each in shown:
            [attempt] = each["attempts"]
            assert (attempt["outcome"], attempt["counted"]) == ("client_busy", True)
            assert each["reschedules"] == {"auto": 1, "agent": 0, "client": 0}
            assert each["state"] == "scheduled"
        assert await listed(daemon) == set(asked), "none is lost"
        assert "Traceback" not in daemon.log.read_text()


def rescheduled(shown: Json) -> bool:
    return bool(shown["state"] == "scheduled" and shown["attempts"] and shown["attempts"][0]["outcome"])


async def in_parallel(width: int, work: list[Coroutine[Any, Any, T]]) -> list[T]:
    """The results of all, `width` at a time."""
    free = asyncio.Semaphore(width)

    async def one(each: Coroutine[Any, Any, T]) -> T:
        async with free:
            return await each

    return await asyncio.gather(*map(one, work))


async def listed(daemon: Callbackd) -> set[str]:
    found: set[str] = set()
    cursor = ""
    while True:
        page = await daemon.call("GET", "/callbacks?limit=100" + (f"&cursor={cursor}" if cursor else ""))
        found |= {each["id"] for each in page["items"]}
        if (cursor := page["next"]) is None:
            return found

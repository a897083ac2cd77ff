"""What was answered is on the disk: a thousand requests at once, and then a daemon that is killed."""

from __future__ import annotations

import asyncio
import random
import signal
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from callbackd.store.interface import Query
from callbackd.store.sqlite import SqliteStore
from tests.http.asgi import TOKEN

REQUESTS = 1000


async def _ask(session: aiohttp.ClientSession, digits: int) -> tuple[int, str]:
    body = {"profile": "support", "number": f"+1416555{digits:04d}", "reason": f"request {digits}"}
    async with session.post("/api/v1/callbacks", json=body, headers={"Idempotency-Key": f"order-{digits}"}) as answer:
        return answer.status, (await answer.json())["id"]


async def _kept(database: Path) -> Counter[str]:
    """How often each number is in the database."""
    store = await SqliteStore.open(database)
    found: Counter[str] = Counter()
    cursor: str | None = None
    try:
        while True:
            page = await store.list(Query(now=datetime.now(UTC), limit=500, cursor=cursor))
            found.update(callback.number for callback in page.items)
            cursor = page.next
            if cursor is None:
                return found
    finally:
        await store.close()


async def test_a_thousand_at_once_are_durable_before_they_are_answered(tmp_path: Path) -> None:
    """Each is sent twice or thrice with its key, in any order, as clients do whose answer was lost; none is doubled.

    The daemon is killed, with no chance to write anything, the moment the last answer is there.
    """
    database = tmp_path / "callbackd.sqlite3"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.http.durable_daemon", str(database)), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        port = int(await process.stdout.readline())
        sent = [digits for digits in range(REQUESTS) for _ in range(2 + digits % 2)]
        random.Random(7).shuffle(sent)  # noqa: S311
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{port}",
            connector=aiohttp.TCPConnector(limit=REQUESTS),
            headers={"Authorization": f"Bearer {TOKEN}"},
            timeout=aiohttp.ClientTimeout(total=120),
        ) as session:
            answers = await asyncio.gather(*(_ask(session, digits) for digits in sent))
            process.send_signal(signal.SIGKILL)
        assert await process.wait() == -signal.SIGKILL
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()

    assert {status for status, _ in answers} == {200, 201}
    assert sum(status == 201 for status, _ in answers) == REQUESTS
    ids = {digits: {name for other, (_, name) in zip(sent, answers, strict=True) if other == digits} for digits in sent}
    assert all(len(names) == 1 for names in ids.values())
    assert await _kept(database) == Counter(f"+1416555{digits:04d}" for digits in range(REQUESTS))

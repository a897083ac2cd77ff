"""``python -m tests.store.busy_writer DATABASE``: writes call-backs and their lives until killed; prints as it goes."""

from __future__ import annotations

import asyncio
import itertools
import sys
from dataclasses import replace
from pathlib import Path

from callbackd.domain.callback import EventType, State
from callbackd.store.interface import Change
from callbackd.store.sqlite import SqliteStore
from tests.store.samples import T0, added, claimed, ended, event


async def main(path: Path) -> None:
    """For ever; a line after each hundred lives."""
    store = await SqliteStore.open(path)

    async def live(i: int) -> None:
        made = await claimed(store, await added(store, f"{i:08}", f"+1416{i:07}"))
        rest = Change(replace(made, state=State.SCHEDULED), [event(EventType.RESTING, why=["x" * 50])], dialled=T0)
        await ended(store, await store.commit(rest))

    for block in itertools.count():
        await asyncio.gather(*(live(100 * block + i) for i in range(100)))
        print(block, flush=True)  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

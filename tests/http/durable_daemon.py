"""``python -m tests.http.durable_daemon DATABASE``: the API over a real database, until killed; prints its port."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from callbackd.engine.profiles import Limits
from callbackd.http.server import serve
from callbackd.store.sqlite import SqliteStore
from tests.http.house import House


async def main(database: Path) -> None:
    """Serve for ever."""
    house = House(await SqliteStore.open(database))
    house.rules.limits = Limits(dials_per_number=6, requests_per_number=1000)
    await serve(house.app(), "127.0.0.1", 0, lambda port: print(port, flush=True))  # noqa: T201


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))

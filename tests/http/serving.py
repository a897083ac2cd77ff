"""Serves an application at a free port, as the daemon would."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from callbackd.http.server import serve


@contextlib.asynccontextmanager
async def serving(app: Any) -> AsyncIterator[int]:
    """The application served at a free port, which is given."""
    port = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(serve(app, "127.0.0.1", 0, port.set_result))
    done, _ = await asyncio.wait({task, port}, return_when=asyncio.FIRST_COMPLETED)
    if task in done:
        await task
    try:
        yield await port
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

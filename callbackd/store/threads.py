"""Work that blocks, apart from the event loop and from everybody else's threads."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """What `work` returns or raises, from a thread of its own that ends with it. Who is cancelled does not stop it."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="callbackd-store")
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, functools.partial(work, *args, **kwargs))
    finally:
        thread.shutdown(wait=False)

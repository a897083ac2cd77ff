"""The event loop that the daemon runs on: uvloop's where it is installed, for it takes less of a core; or Python's."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run it to its end, as `asyncio.run` does.

    What was made before (modules, schemas, tables) lives as long as the process: the collector is told not to look
    through it again and again. On a daemon at work one look took a tenth of a second, in which nothing else was done.
    """
    gc.collect()
    gc.freeze()
    with asyncio.Runner(loop_factory=_factory()) as runner:
        return runner.run(main)


def _factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop

"""pytest's side of the rig. A conftest.py loads it with `load`; tests then ask for ``rig``.

Every async test below a folder that loads it shares one event loop, the one in which the rig lives.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from rig.rig import Rig
from rig.root import RootError, StderrProgress

SHARED_LOOP_FOLDERS = ("tests/pbx/", "tests/rig/")


def load(config: pytest.Config) -> None:
    """Makes the fixtures known, once, whichever conftest.py comes first."""
    if not config.pluginmanager.has_plugin("rig.fixtures"):
        config.pluginmanager.register(sys.modules[__name__], "rig.fixtures")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Puts the tests of those folders into the session's event loop."""
    for item in items:
        folder = item.path.relative_to(config.rootpath).as_posix() if item.path.is_relative_to(config.rootpath) else ""
        if folder.startswith(SHARED_LOOP_FOLDERS) and item.get_closest_marker("asyncio"):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def rig_of_this_worker() -> AsyncIterator[Rig]:
    """A started rig, one for each process of pytest. Use ``rig``."""
    missing = ""
    try:
        rig = await Rig.prepared(progress=StderrProgress())
    except RootError as error:
        missing = str(error)
    if missing and os.environ.get("CI"):
        pytest.fail(f"no Asterisk, and CI needs one: {missing}", pytrace=False)
    if missing:
        pytest.skip(f"no Asterisk: {missing}")
    async with rig:
        yield rig


@pytest_asyncio.fixture(loop_scope="session")
async def rig(rig_of_this_worker: Rig) -> AsyncIterator[Rig]:
    """A rig as new: no calls, no behaviours. After the test, what went wrong in a phone's behaviour fails it."""
    await rig_of_this_worker.reset()
    yield rig_of_this_worker
    try:
        rig_of_this_worker.phones.check()
    finally:
        await rig_of_this_worker.reset()

"""What the service manager is told of a daemon that has a real Asterisk, and of one whose Asterisk goes away."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from callbackd.notify import SILENCE
from tests.pbx.company import Company
from tests.test_notify import Manager

pytestmark = pytest.mark.pbx


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Manager]:
    listening = Manager(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", listening.address)
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")
    monkeypatch.delenv("WATCHDOG_PID", raising=False)
    yield listening
    listening.close()


async def test_ready_with_the_link_and_alive_without(manager: Manager, company: Company) -> None:
    daemon = await company.opens()
    after = await asyncio.to_thread(manager.wait, "READY=1")
    assert manager.told[after] == f"STATUS=linked to Asterisk at {company.rig.pbx.ari_url}", "ready means proven"
    await company.rig.pbx.kill()
    after = await asyncio.to_thread(manager.wait, "STATUS=no link to Asterisk .*", after)
    for _ in range(4):
        after = await asyncio.to_thread(manager.wait, "WATCHDOG=1", after, SILENCE)
    await company.rig.pbx.start()
    after = await asyncio.to_thread(manager.wait, "STATUS=linked to Asterisk at .*", after, SILENCE)
    assert manager.told.count("READY=1") == 1
    assert await daemon.stop() == 0
    await asyncio.to_thread(manager.wait, "STOPPING=1", after)

"""What the daemon says of its token when it starts."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import pytest

from callbackd.config.load import load
from callbackd.daemon import Daemon
from callbackd.engine.clock import SystemClock
from callbackd.store.memory import MemoryStore
from rig.ports import free_tcp_port
from tests.cli.shell import settings_folder
from tests.test_daemon_contact import Doorway


class _Enough(Exception):
    """The test has seen it."""


async def test_a_short_token_is_warned_of_when_it_starts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings_folder(tmp_path, free_tcp_port())
    configuration = load(tmp_path / "callbackd.yaml", strict_env=True)
    assert configuration.settings.http is not None
    configuration.settings.http.token_file.write_text("swordfish")
    configuration.settings.http.token_file.chmod(0o600)
    clock, chance = SystemClock(), random.Random(1)  # noqa: S311
    try:
        async with asyncio.TaskGroup() as group:
            Daemon(configuration, MemoryStore(), Doorway(), group, clock, chance).start()
            raise _Enough
    except* _Enough:
        pass
    [warned] = [record.__dict__ for record in caplog.records if record.getMessage() == "API token"]
    assert (warned["levelname"], "fewer than 32 characters" in warned["problem"]) == ("WARNING", True)
    assert "remove it and start callbackd anew" in warned["mend"]
    assert "swordfish" not in f"{caplog.text}{warned}"

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.cli.shell import Shell, settings_folder
from tests.http.asgi import TOKEN
from tests.http.house import House
from tests.http.serving import serving


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """The command with a configuration, and no daemon."""
    return Shell(settings_folder(tmp_path, port=1))


@pytest.fixture
def house() -> House:
    return House()


@pytest.fixture
async def daemon(tmp_path: Path, house: House) -> AsyncIterator[Shell]:
    """The command with a daemon's API to talk to."""
    async with serving(house.app()) as port:
        folder = await asyncio.to_thread(settings_folder, tmp_path, port)
        (folder / "api-token").write_text(f"{TOKEN}\n")
        yield Shell(folder)

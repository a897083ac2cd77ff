"""The daemon's event loop, with uvloop and without it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from callbackd.loop import run


async def module_of_the_loop() -> str:
    return type(asyncio.get_running_loop()).__module__


def test_uvloop_is_used_where_it_is_installed() -> None:
    assert run(module_of_the_loop()).startswith("uvloop")


def test_without_uvloop_it_is_pythons_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run(module_of_the_loop()).startswith("asyncio")


def test_what_is_raised_comes_through() -> None:
    async def fails() -> None:
        raise LookupError("this")

    with pytest.raises(LookupError, match="this"):
        run(fails())

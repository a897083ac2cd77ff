"""Scenarios of minutes run on both stores, those of hours and days in memory only: they are thousands of looks."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.company import Stores


@pytest.fixture(params=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """The two kinds of store."""
    return Stores(request.param, tmp_path)


@pytest.fixture
def memory(tmp_path: Path) -> Stores:
    """The quick one."""
    return Stores("memory", tmp_path)

"""Every scenario of the engine runs on both stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.engine.company import Stores


@pytest.fixture(params=["memory", "sqlite"])
def stores(request: pytest.FixtureRequest, tmp_path: Path) -> Stores:
    """The two kinds of store."""
    return Stores(request.param, tmp_path)

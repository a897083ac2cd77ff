"""Tests with a real Asterisk: the fixture ``rig`` comes from `rig.fixtures`, ``company`` from `tests.pbx.company`."""

import pytest

from rig import fixtures
from tests.pbx.company import company

__all__ = ["company"]


def pytest_configure(config: pytest.Config) -> None:
    """Loads the fixtures."""
    fixtures.load(config)

"""Tests with a real Asterisk: the fixture ``rig`` comes from `rig.fixtures`."""

import pytest

from rig import fixtures


def pytest_configure(config: pytest.Config) -> None:
    """Loads the fixtures."""
    fixtures.load(config)

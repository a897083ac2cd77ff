"""The portal without a network. The tests in a real browser have fixtures of their own, in `browser.py`."""

from __future__ import annotations

import pytest

from tests.portal.office import Office, Visitor


@pytest.fixture
def office() -> Office:
    return Office()


@pytest.fixture
def stranger(office: Office) -> Visitor:
    """Not logged in."""
    return Visitor(office.portal)


@pytest.fixture
async def visitor(stranger: Visitor) -> Visitor:
    """Logged in."""
    answer = await stranger.log_in()
    assert answer.status == 303
    return stranger

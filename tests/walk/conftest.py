"""The clean machine of every walk."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rig.bare import BareRoot, bare_root
from rig.root import RootError, StderrProgress
from tests.walk.missing import missing


@pytest.fixture
def debian() -> Iterator[BareRoot]:
    """A bare Debian 12."""
    try:
        with bare_root(StderrProgress()) as root:
            yield root
    except RootError as error:
        missing("no bare Debian", error)

"""What this machine cannot do for a walk."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def missing(what: str, why: Exception) -> NoReturn:
    """The test is skipped for want of it; with `CI` set it fails."""
    if os.environ.get("CI"):
        pytest.fail(f"{what}, and CI needs one: {why}", pytrace=False)
    pytest.skip(f"{what}: {why}")

"""The lines that the README has people type at Asterisk's console."""

import re

import pytest

from rig.rig import Rig
from tests.docs.test_readme import BY_ASTERISK

pytestmark = pytest.mark.pbx


@pytest.mark.parametrize("line", BY_ASTERISK)
async def test_asterisk_knows_it(rig: Rig, line: str) -> None:
    command = re.fullmatch(r"asterisk -rx '([^']+)'", line)
    assert command is not None
    said = await rig.pbx.cli(command[1])
    assert "No such command" not in said
    assert "Usage:" not in said

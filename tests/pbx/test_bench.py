"""What measures callbackd on a real Asterisk runs to its end and tells its figures; whether they are good is no matter
here."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from pathlib import Path

import pytest

from rig.rig import Rig

BENCH = Path(__file__).resolve().parents[2] / "scripts/bench"

pytestmark = pytest.mark.pbx


async def test_a_small_round_of_each_loses_no_call(rig: Rig) -> None:  # the rig: as a sign that there is an Asterisk
    arguments = ("--json", "--rounds", "1", "--calls", "20", "--reactions", "5", "--requests", "40", "--clients", "4")
    process = await asyncio.create_subprocess_exec(
        BENCH, "load", "reaction", "requests", *arguments,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )  # fmt: skip
    try:
        out, err = await asyncio.wait_for(process.communicate(), 120.0)
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 0, err.decode()
    told = json.loads(out)
    assert told["load: callbackd"]["calls lost"] == 0
    for subject in ("load: call files", "load: ratios", "reaction: callbackd", "reaction: dialplan", "requests"):
        assert told[subject], subject
        assert all(value >= 0 for value in told[subject].values()), told[subject]

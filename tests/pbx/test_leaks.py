"""What a minute of mixed load leaves behind on a real PBX: nothing. `scripts/soak` does the same for longer."""

import sys

import pytest

from bench.soak import Soak
from rig.rig import Rig

pytestmark = pytest.mark.pbx

RATE = 5.0
FIRST, THEN = 20.0, 45.0


@pytest.mark.timeout(400)
async def test_a_minute_of_mixed_load_leaves_nothing(rig: Rig) -> None:
    async with Soak(rig) as soak:
        verdict = await soak.run(FIRST, THEN, RATE, lambda what: print(what, file=sys.stderr))  # noqa: T201
    assert not verdict.grown, f"{verdict.grown} in {verdict.told()}"
    assert verdict.last.kept == verdict.last.channels == verdict.last.bridges == 0
    assert verdict.attempts >= 0.8 * THEN * RATE, "the load was a load"

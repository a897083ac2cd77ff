"""Asterisk dies by SIGKILL in every state and is started again; callbackd runs through. What the phones see of it."""

import asyncio

import pytest

from callbackd.domain.rest import CONVERSATION
from tests.pbx.company import Company
from tests.pbx.scenes import (
    ALL,
    AgentRings,
    ClientRings,
    Fault,
    Stage,
    Talking,
    TalkingLong,
    TalkingLongNine,
    TalkingNine,
)

pytestmark = pytest.mark.pbx


async def test_asterisk_killed_in_every_state_and_started_again(company: Company, subtests: pytest.Subtests) -> None:
    stage = Stage(company)
    await stage.opens(ALL)
    await stage.set()
    await company.rig.pbx.kill()
    await company.daemon.not_ready()
    await company.rig.pbx.start()
    await company.daemon.ready()
    await stage.judge(Fault.CRASHED, subtests)


async def test_both_killed_and_started_again_much_later(company: Company, subtests: pytest.Subtests) -> None:
    """A power cut. How long the two had talked decides, not how long all was dark."""
    stage = Stage(company)
    await stage.opens((AgentRings, ClientRings, Talking, TalkingNine, TalkingLong, TalkingLongNine))
    await stage.set()
    await asyncio.gather(company.daemon.kill(), company.rig.pbx.kill())
    await asyncio.sleep(CONVERSATION.total_seconds())
    await company.rig.pbx.start()
    await company.daemon.start()
    await stage.judge(Fault.CRASHED, subtests)

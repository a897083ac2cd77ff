"""callbackd dies by SIGKILL in every state, and is started again on the same database: what the phones see of it."""

import pytest

from tests.pbx.company import Company
from tests.pbx.scenes import ALL, UNSEEN, Fault, Stage

pytestmark = pytest.mark.pbx


async def test_killed_in_every_state_and_started_again(company: Company, subtests: pytest.Subtests) -> None:
    stage = Stage(company)
    await stage.opens((*ALL, *UNSEEN))
    await stage.set()
    await company.daemon.kill()
    up = [call for call in company.phones.calls() if call.ended_at is None]
    await stage.during()
    assert [call for call in up if call.ended_at is not None and call.hangup_cause is None] == []
    await company.daemon.start()
    await stage.judge(Fault.KILLED, subtests)

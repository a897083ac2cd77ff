"""An agent is rung first; only after their 1 is the client rung, and the two are joined."""

import pytest

from rig.behaviours import hears, talks, busy, presses
from tests.pbx.company import AGENT, CLIENT, COMPANY_NUMBER, Company, events, expect, expect_due, heard, profile, reschedules

pytestmark = pytest.mark.pbx


async def test_happy(company: Company) -> None:
    await company.opens(profile())
    company.phones.set(AGENT, hears(presses("1", after=3.5)))
    company.phones.set(CLIENT, hears(talks(2.0, hertz=500)))
    asked = await company.asks(name="Jane")
    shown = await company.ended(asked)
    expect(shown, 1, outcome="answered")
    a, c = company.phones.calls()
    print(a, c, a.digits, c.digits)
    print(heard(a), heard(c))
    print(events(shown))


async def test_busy(company: Company) -> None:
    await company.opens(profile())
    company.phones.set(AGENT, hears(presses("1", after=0.5)))
    company.phones.set(CLIENT, busy())
    asked = await company.asks(name="Jane")
    shown = await company.attempt_over(asked)
    expect(shown, 1, outcome="client_busy")
    expect_due(shown, 1, 3)
    print(heard(company.phones.calls(AGENT)[0]))
    assert reschedules(shown) == (1,0,0)

"""A held number is not dialled at key 1 either."""

from __future__ import annotations

from datetime import timedelta

from callbackd.engine.admission import CALLING_IN, Admission
from callbackd.engine.intake import Request
from tests.agi.house import NUMBER, House


async def test_at_key_1_a_held_number_is_withheld_until_it_is_released(house: House) -> None:
    callback = (await house.intake.request(Request("support", NUMBER))).callback
    admission = Admission(house.store, house.rules, house.clock)
    assert await admission.at_key_one(callback) is None
    admission.holds.hold("support", NUMBER, "1.1")
    hindrance = await admission.at_key_one(callback)
    assert hindrance is not None
    assert (hindrance.reason, hindrance.until) == (CALLING_IN, house.clock.now())
    house.clock.move(timedelta(minutes=1))
    admission.holds.release([NUMBER], "1.1")
    assert await admission.at_key_one(callback) is None

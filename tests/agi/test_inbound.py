"""A waiting client calls in: what each profile's `on_inbound` makes of that."""

from __future__ import annotations

from datetime import timedelta

from callbackd.domain.callback import State, Step
from callbackd.engine.holds import LONGEST, MOST_CALLS, Holds
from tests.agi.conftest import Run
from tests.agi.house import NUMBER, House, StoppedClock


async def test_nobody_waits(house: House, run: Run) -> None:
    assert (await run("inbound", number=NUMBER))["CALLBACKD_STATUS"] == "NONE"
    assert (await run("released", number=NUMBER))["CALLBACKD_STATUS"] == "NONE"
    assert not house.holds.held("support")


async def test_hold_until_the_call_is_over(house: House, run: Run) -> None:
    asked = (await run("request", profile="support", number=NUMBER))["CALLBACKD_ID"]
    told = await run("inbound", number="4165550123", call="1.1")
    assert (told["CALLBACKD_STATUS"], told["CALLBACKD_ID"]) == ("HELD", asked)
    held = house.holds.held("support")
    assert held == {NUMBER}
    now = house.clock.now()
    assert await house.store.next_startable("support", Step.ATTEMPT, now, avoid=held) is None
    before = house.woken.times
    assert (await run("released", number="4165550123", call="1.1"))["CALLBACKD_STATUS"] == "RELEASED"
    assert house.woken.times == before + 1
    assert not house.holds.held("support")
    assert await house.state(asked) is State.SCHEDULED


async def test_each_call_holds_for_itself(house: House, run: Run) -> None:
    await run("request", profile="support", number=NUMBER)
    for call in ("1.1", "1.1", "1.2"):
        await run("inbound", number=NUMBER, call=call)
    await run("released", number=NUMBER, call="1.1")
    assert house.holds.held("support") == {NUMBER}
    assert (await run("released", number=NUMBER, call="1.1"))["CALLBACKD_STATUS"] == "NONE"
    await run("released", number=NUMBER, call="1.2")
    assert not house.holds.held("support")


async def test_a_release_that_never_comes_loses_nothing(house: House, run: Run) -> None:
    await run("request", profile="support", number=NUMBER)
    await run("inbound", number=NUMBER)
    house.clock.move(LONGEST - timedelta(milliseconds=1))
    assert house.holds.held("support")
    house.clock.move(timedelta(milliseconds=1))
    assert not house.holds.held("support")


async def test_cancel_and_keep(house: House, run: Run) -> None:
    sales = (await run("request", profile="sales", number=NUMBER))["CALLBACKD_ID"]
    billing = (await run("request", profile="billing", number=NUMBER))["CALLBACKD_ID"]
    told = await run("inbound", number=NUMBER, profile="billing")
    assert (told["CALLBACKD_STATUS"], told["CALLBACKD_ID"]) == ("WAITING", billing)
    told = await run("inbound", number=NUMBER)
    assert (told["CALLBACKD_STATUS"], told["CALLBACKD_ID"]) == ("CANCELLED", sales)
    assert (await house.state(sales), await house.state(billing)) == (State.CANCELLED, State.SCHEDULED)
    assert not house.holds.held("billing")


async def test_each_profile_has_its_will(house: House, run: Run) -> None:
    sales, support, _ = [
        (await run("request", profile=profile, number=NUMBER))["CALLBACKD_ID"]
        for profile in ("sales", "support", "billing")
    ]
    told = await run("inbound", number=NUMBER)
    assert (told["CALLBACKD_STATUS"], told["CALLBACKD_ID"]) == ("HELD", support)
    assert await house.state(sales) is State.CANCELLED
    assert house.holds.held("support") == {NUMBER}
    assert not house.holds.held("billing")


async def test_one_that_is_connected_is_left_alone(house: House, run: Run) -> None:
    sales = (await run("request", profile="sales", number=NUMBER))["CALLBACKD_ID"]
    await house.put(sales, State.CONNECTED)
    assert (await run("inbound", number=NUMBER))["CALLBACKD_STATUS"] == "WAITING"
    assert await house.state(sales) is State.CONNECTED


def test_one_number_is_not_held_by_calls_without_end() -> None:
    holds = Holds(StoppedClock())
    for call in range(1000):
        holds.hold("support", NUMBER, str(call))
    assert not holds.release([NUMBER], "0")
    assert sum(holds.release([NUMBER], str(call)) for call in range(1000)) == MOST_CALLS
    assert not holds.held("support")

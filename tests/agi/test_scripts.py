"""What each script does and tells, over a real socket."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from callbackd.domain.callback import State
from callbackd.store.interface import Pause, StoreUnavailable
from tests.agi.conftest import Run
from tests.agi.house import NUMBER, SUPPORT, House

ALL = ["CALLBACKD_ID", "CALLBACKD_REASON", "CALLBACKD_WAITING", "CALLBACKD_STATUS"]


def status(told: dict[str, str]) -> tuple[str, str]:
    return told["CALLBACKD_STATUS"], told["CALLBACKD_REASON"]


async def test_a_request_is_kept_before_it_is_answered(house: House, run: Run) -> None:
    told = await run(
        "request",
        profile="support",
        number="(416) 555-0123",
        name="Zoë & Söhne",
        reason="Order #17, 50% off",
        priority="-5",
        language="en_GB",
        not_before="2026-11-03T10:00:00-05:00",
    )
    assert list(told) == ALL
    assert told == {
        "CALLBACKD_ID": told["CALLBACKD_ID"],
        "CALLBACKD_REASON": "",
        "CALLBACKD_WAITING": "0",
        "CALLBACKD_STATUS": "ACCEPTED",
    }
    kept = await house.store.get(told["CALLBACKD_ID"])
    assert kept is not None
    assert (kept.profile, kept.number, kept.name, kept.reason) == (
        "support",
        NUMBER,
        "Zoë & Söhne",
        "Order #17, 50% off",
    )
    assert (kept.priority, kept.language) == (-5, "en_GB")
    assert kept.due_at == datetime(2026, 11, 3, 15, 0, tzinfo=UTC)


async def test_what_is_empty_was_not_given(house: House, run: Run) -> None:
    told = await run(
        "request", profile="support", number=NUMBER, name="", reason="", priority="", language="", not_before=""
    )
    kept = await house.store.get(told["CALLBACKD_ID"])
    assert kept is not None
    assert (kept.name, kept.reason, kept.priority, kept.language) == (None, None, 0, None)


async def test_asking_again_tells_of_the_one_that_exists(run: Run) -> None:
    first = await run("request", profile="support", number=NUMBER)
    again = await run("request", profile="support", number="416 555 0123")
    assert status(again) == ("DUPLICATE", "")
    assert again["CALLBACKD_ID"] == first["CALLBACKD_ID"]


async def test_it_is_told_how_many_are_before(house: House, run: Run) -> None:
    for line in range(3):
        told = await run("request", profile="support", number=f"+1416555010{line}")
        assert told["CALLBACKD_WAITING"] == str(line)
        house.clock.move(timedelta(seconds=1))
    told = await run("status", number="+14165550101")
    assert (told["CALLBACKD_STATUS"], told["CALLBACKD_WAITING"]) == ("WAITING", "1")


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("", "number_malformed"),
        ("anonymous", "number_malformed"),
        ("+33142685300", "number_not_allowed"),
        ("911", "number_emergency"),
        ("+1900 555 0123", "number_premium"),
    ],
)
async def test_numbers_are_refused_as_at_every_door(house: House, run: Run, number: str, code: str) -> None:
    told = await run("request", profile="support", number=number)
    assert status(told) == ("REFUSED", code)
    assert told["CALLBACKD_ID"] == ""
    assert not await house.store.events_after(0)


async def test_a_blocked_number_an_unknown_profile_and_a_used_up_day(house: House, run: Run) -> None:
    await house.store.block(NUMBER, house.clock.now(), "asked")
    assert status(await run("request", profile="support", number=NUMBER)) == ("REFUSED", "number_blocked")
    assert status(await run("request", profile="nobody", number=NUMBER)) == ("REFUSED", "unknown_profile")
    await house.store.unblock(NUMBER)
    house.rules.limits = replace(house.rules.limits, requests_per_number=1)
    asked = await run("request", profile="support", number=NUMBER)
    await house.desk.cancel(asked["CALLBACKD_ID"])
    assert status(await run("request", profile="support", number=NUMBER)) == ("REFUSED", "number_limit")


async def test_closed_while_intake_is_paused(house: House, run: Run) -> None:
    await house.store.set_pause("*", Pause(intake=True))
    assert status(await run("request", profile="support", number=NUMBER)) == ("CLOSED", "intake_paused")


@pytest.mark.parametrize(
    "parameters",
    [
        {"number": NUMBER},
        {"profile": "support"},
        {"priority": "high"},
        {"priority": "101"},
        {"priority": "1e1"},
        {"priority": "١"},
        {"not_before": "tomorrow"},
        {"not_before": "2026-11-03T10:00:00"},
        {"not_before": "9999-12-31T23:59:59Z"},
        {"language": "no language"},
        {"name": "x" * 81},
        {"reason": "x" * 201},
        {"name": "two\nlines"},
        {"name": "nul\0"},
    ],
)
async def test_what_is_malformed_is_refused(house: House, run: Run, parameters: dict[str, str]) -> None:
    whole = parameters if len(parameters.keys() & {"number", "profile"}) else {"profile": "support", "number": NUMBER}
    assert status(await run("request", **{**whole, **parameters})) == ("REFUSED", "invalid")
    assert not await house.store.events_after(0)


async def test_cancel(house: House, run: Run) -> None:
    assert status(await run("cancel", number=NUMBER)) == ("NONE", "")
    support = (await run("request", profile="support", number=NUMBER))["CALLBACKD_ID"]
    sales = (await run("request", profile="sales", number=NUMBER))["CALLBACKD_ID"]
    told = await run("cancel", number="4165550123", profile="sales")
    assert (status(told), told["CALLBACKD_ID"]) == (("CANCELLED", ""), sales)
    assert (await house.state(sales), await house.state(support)) == (State.CANCELLED, State.SCHEDULED)
    assert status(await run("cancel", number=NUMBER, profile="sales")) == ("NONE", "")


async def test_cancel_without_a_profile_cancels_all_of_that_number_and_no_other(house: House, run: Run) -> None:
    ids = [
        (await run("request", profile=profile, number=NUMBER))["CALLBACKD_ID"]
        for profile in ("support", "sales", "billing")
    ]
    other = (await run("request", profile="support", number="+14165550199"))["CALLBACKD_ID"]
    assert status(await run("cancel", number=NUMBER)) == ("CANCELLED", "")
    assert {await house.state(each) for each in ids} == {State.CANCELLED}
    assert await house.state(other) is State.SCHEDULED


async def test_a_call_back_that_is_connected_is_not_cancelled(house: House, run: Run) -> None:
    talking = (await run("request", profile="support", number=NUMBER))["CALLBACKD_ID"]
    await house.put(talking, State.CONNECTED)
    assert status(await run("cancel", number=NUMBER)) == ("REFUSED", "state_forbids")
    sales = (await run("request", profile="sales", number=NUMBER))["CALLBACKD_ID"]
    told = await run("cancel", number=NUMBER)
    assert (status(told), told["CALLBACKD_ID"]) == (("CANCELLED", ""), sales)
    assert await house.state(talking) is State.CONNECTED


async def test_status(house: House, run: Run) -> None:
    assert status(await run("status", number=NUMBER)) == ("NONE", "")
    asked = (await run("request", profile="support", number=NUMBER))["CALLBACKD_ID"]
    told = await run("status", number="416-555-0123")
    assert told == {
        "CALLBACKD_STATUS": "WAITING",
        "CALLBACKD_ID": asked,
        "CALLBACKD_WAITING": "0",
        "CALLBACKD_REASON": "",
    }
    assert status(await run("status", number=NUMBER, profile="sales")) == ("NONE", "")
    assert status(await run("status", number=NUMBER, profile="nobody")) == ("REFUSED", "unknown_profile")
    assert status(await run("status", number="")) == ("REFUSED", "number_malformed")
    await house.put(asked, State.CLIENT)
    assert (await run("status", number=NUMBER))["CALLBACKD_WAITING"] == "0"


async def test_of_several_the_status_tells_of_the_one_that_comes_first(house: House, run: Run) -> None:
    await run("request", profile="support", number="+14165550199")
    house.clock.move(timedelta(seconds=1))
    await run("request", profile="support", number=NUMBER)
    first = (await run("request", profile="sales", number=NUMBER))["CALLBACKD_ID"]
    told = await run("status", number=NUMBER)
    assert (told["CALLBACKD_ID"], told["CALLBACKD_WAITING"]) == (first, "0")


async def test_a_number_without_plus_is_read_by_the_profile_of_each_call_back(house: House, run: Run) -> None:
    """(020) 7946-0123 in London, and +1 204 555-0123, are not each other's."""
    london = (await run("request", profile="london", number="020 7946 0123"))["CALLBACKD_ID"]
    toronto = (await run("request", profile="support", number="2045550123"))["CALLBACKD_ID"]
    assert (await run("status", number="02079460123"))["CALLBACKD_ID"] == london
    assert (await run("status", number="2045550123"))["CALLBACKD_ID"] == toronto
    assert (await run("status", number="+442079460123"))["CALLBACKD_ID"] == london
    assert status(await run("status", number="+442045550123")) == ("NONE", "")


async def test_a_call_back_whose_profile_is_gone_can_still_be_cancelled(house: House, run: Run) -> None:
    asked = (await run("request", profile="sales", number=NUMBER))["CALLBACKD_ID"]
    house.rules.profiles = {"support": SUPPORT}
    assert (await run("cancel", number=NUMBER))["CALLBACKD_ID"] == asked


async def test_a_store_that_fails_is_an_error_and_no_traceback(
    house: House, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(house.store, "add", full)
    assert status(await run("request", profile="support", number=NUMBER)) == ("ERROR", "unavailable")
    assert not any(record.exc_info for record in caplog.records)


async def test_a_fault_of_ours_is_an_error_too(
    house: House, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def faulty(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(house.store, "find_waiting_or_live", faulty)
    assert status(await run("status", number=NUMBER)) == ("ERROR", "internal")
    assert [record.exc_info is not None for record in caplog.records if record.levelname == "ERROR"] == [True]


async def test_a_kept_request_is_accepted_even_if_its_place_is_not_known(
    house: House, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise StoreUnavailable("the disk is full")

    monkeypatch.setattr(house.store, "waiting_before", full)
    told = await run("request", profile="support", number=NUMBER)
    assert (told["CALLBACKD_STATUS"], told["CALLBACKD_WAITING"]) == ("ACCEPTED", "")

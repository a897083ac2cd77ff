"""One door for every request."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from callbackd.domain.callback import State
from callbackd.engine.intake import Request
from callbackd.engine.profiles import Limits
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import Pause
from tests.domain.office import at, profile
from tests.engine.company import Company, Stores, always_open, company, number
from tests.engine.virtual_time import in_virtual_time


async def refused(house: Company, request: Request, key: str | None = None) -> Code:
    """The code with which a request is refused."""
    with pytest.raises(Refused) as caught:
        await house.intake.request(request, key)
    return caught.value.code


@in_virtual_time
async def test_a_request_is_kept_also_outside_hours(stores: Stores) -> None:
    async with company(stores, profile(), start=at("Mon 20:00")) as house:
        accepted = await house.accepted(1, name="Ada", reason="invoice", priority=3)
        kept = await house.get(accepted.callback.id)
        assert accepted.created
        assert kept == accepted.callback
        assert (kept.due_at, kept.state) == (house.clock.now(), State.SCHEDULED)
        assert (kept.name, kept.reason, kept.priority) == ("Ada", "invoice", 3)


@in_virtual_time
async def test_asking_again_returns_the_one_that_exists(stores: Stores) -> None:
    async with company(stores, always_open(), replace(always_open(), id="sales"), scheduling=False) as house:
        one = await house.accepted(1)
        again = await house.intake.request(Request("support", "(416) 555-0001"))
        other = await house.accepted(1, "sales")
        assert (again.callback.id, again.created) == (one.callback.id, False)
        assert other.created


@in_virtual_time
async def test_asking_ten_times_at_once_makes_one(stores: Stores) -> None:
    async with company(stores, scheduling=False) as house:
        answers = await asyncio.gather(*(house.accepted(1) for _ in range(10)))
        assert sum(answer.created for answer in answers) == 1
        assert len({answer.callback.id for answer in answers}) == 1


@in_virtual_time
async def test_after_it_has_ended_there_is_a_new_one(stores: Stores) -> None:
    async with company(stores) as house:
        one = await house.ask(1)
        await house.passes(minutes=5)
        assert await house.ask(1) != one


@in_virtual_time
async def test_an_idempotency_key_repeats_the_answer_for_a_day(memory: Stores) -> None:
    async with company(memory) as house:
        one = await house.intake.request(Request("support", number(1)), "key")
        await house.passes(minutes=5)
        again = await house.intake.request(Request("support", number(1)), "key")
        assert again.callback.id == one.callback.id
        assert await refused(house, Request("support", number(2)), "key") is Code.IDEMPOTENCY_MISMATCH
        await house.passes(hours=24)
        later = await house.intake.request(Request("support", number(2)), "key")
        assert later.created


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request("nobody", "+14165550001"), Code.UNKNOWN_PROFILE),
        (Request("support", "call me"), Code.NUMBER_MALFORMED),
        (Request("support", "+442079460000"), Code.NUMBER_NOT_ALLOWED),
        (Request("support", "+19005550123"), Code.NUMBER_PREMIUM),
        (Request("support", "911"), Code.NUMBER_EMERGENCY),
        (Request("support", "+14165550001", name="x" * 81), Code.INVALID),
        (Request("support", "+14165550001", reason="x" * 201), Code.INVALID),
        (Request("support", "+14165550001", name="a\nb"), Code.INVALID),
        (Request("support", "+14165550001", priority=101), Code.INVALID),
        (Request("support", "+14165550001", language="../en"), Code.INVALID),
        (Request("support", "+14165550001", not_before=datetime(2026, 11, 2, 12)), Code.INVALID),  # noqa: DTZ001
    ],
)
@in_virtual_time
async def test_what_is_refused_leaves_nothing(memory: Stores, request_: Request, code: Code) -> None:
    async with company(memory, scheduling=False) as house:
        assert await refused(house, request_) is code
        assert await house.store.counts(house.clock.now()) == {}


@in_virtual_time
async def test_a_blocked_number_and_a_paused_intake(stores: Stores) -> None:
    async with company(stores, scheduling=False) as house:
        await house.store.block(number(1), house.clock.now(), "asked us to")
        assert await refused(house, Request("support", number(1))) is Code.NUMBER_BLOCKED
        waiting = await house.accepted(2)
        await house.store.set_pause("*", Pause(intake=True))
        assert await refused(house, Request("support", number(3))) is Code.INTAKE_PAUSED
        assert not (await house.accepted(2)).created
        assert (await house.get(waiting.callback.id)).state is State.SCHEDULED


@pytest.mark.parametrize("limit", [{"dials_per_number": 2}, {"requests_per_number": 2}])
@in_virtual_time
async def test_the_limits_of_a_number_free_themselves_after_a_day(memory: Stores, limit: dict[str, Any]) -> None:
    async with company(memory, limits=Limits(**limit)) as house:
        for _ in range(2):
            await house.ask(1)
            await house.passes(minutes=5)
        assert await refused(house, Request("support", number(1))) is Code.NUMBER_LIMIT
        await house.ask(2)
        await house.passes(hours=24)
        assert (await house.accepted(1)).created


@in_virtual_time
async def test_not_before_moves_due_and_expiry(memory: Stores) -> None:
    async with company(memory, scheduling=False) as house:
        later = house.clock.now() + timedelta(days=2)
        callback = (await house.accepted(1, not_before=later)).callback
        assert callback.due_at == later
        assert callback.expires_at == later + timedelta(days=7)

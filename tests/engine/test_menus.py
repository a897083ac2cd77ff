"""Callers in the intake menu, with the real intake and store behind it and a lobby without a PBX."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from callbackd.domain.menu import Effect, EndCall, Gone, Happening, Leave, MarkKept, Pressed, Speak, Spoken, Visit
from callbackd.domain.profile import Profile
from callbackd.engine import menus as menus_module
from callbackd.engine.callers import Callers
from callbackd.engine.intake import Accepted, Request
from callbackd.engine.menus import Menus, TakesRequests
from callbackd.store.interface import Pause, Query, StoreUnavailable
from tests.domain.menu_driver import words
from tests.domain.office import at, profile
from tests.engine.company import Company, Stores, company, number
from tests.engine.virtual_time import in_virtual_time

OWN = number(1)


@dataclass
class FakeLobby:
    """Plays whatever is said in two seconds; signals are happenings already."""

    tell: Any = None
    said: dict[str, list[str]] = field(default_factory=dict)
    done: list[tuple[str, Effect]] = field(default_factory=list)
    handed_back: list[str] = field(default_factory=list)
    left_over: list[str] = field(default_factory=list)
    taken_over: list[str] = field(default_factory=list)
    open_visits: set[str] = field(default_factory=set)
    trouble: Exception | None = None

    def open(self, visit: Visit) -> None:
        self.open_visits.add(visit.id)

    def close(self, visit: Visit) -> None:
        self.open_visits.remove(visit.id)

    async def interpret(self, visit: Visit, signal: object) -> Sequence[Happening]:
        assert isinstance(signal, Happening)
        return (signal,)

    async def perform(self, visit: Visit, effect: Effect) -> Sequence[Happening]:
        self.done.append((visit.id, effect))
        if isinstance(effect, Speak):
            if self.trouble is not None:
                raise self.trouble
            self.said.setdefault(visit.id, []).append(words(effect.phrases))
            asyncio.get_running_loop().call_later(2, self.tell, visit.id, Spoken(effect.utterance))
        return ()

    async def hand_back(self, channel_id: str, *, left: bool = False) -> None:
        self.handed_back.append(channel_id)
        if left:
            self.taken_over.append(channel_id)

    async def missed(self, known: Collection[str]) -> tuple[Sequence[str], Sequence[str]]:
        stranded = [channel for channel in self.left_over if channel not in known]
        return stranded, [channel for channel in known if channel not in self.left_over]

    def did(self, kind: type[Effect]) -> list[str]:
        """To whom that was done."""
        return [channel for channel, effect in self.done if isinstance(effect, kind)]


class Hall:
    """Menus, and who stands in them."""

    def __init__(self, office: Company, group: asyncio.TaskGroup, intake: TakesRequests | None = None) -> None:
        self.office = office
        self.lobby = FakeLobby()
        callers = Callers(office.store, office.rules, office.desk, office.admission.holds, office.scheduler)
        self.menus = Menus(
            intake or office.intake,
            callers,
            office.rules,
            office.clock,
            self.lobby,
            office.admission.holds,
            office.scheduler,
            group,
        )
        self.lobby.tell = self.menus.tell

    async def arrives(self, number: str = OWN, channel: str = "1.1", profile: str = "support") -> None:
        """A caller enters the menu."""
        self.menus.arrived(channel, profile, number)
        await asyncio.sleep(0.1)

    async def presses(self, keys: str, channel: str = "1.1") -> None:
        """Somebody presses keys."""
        for key in keys:
            self.menus.tell(channel, Pressed(key))
        await asyncio.sleep(0.1)

    def hears(self, channel: str = "1.1") -> str:
        """What is said to them last."""
        return self.lobby.said[channel][-1]

    async def numbers(self) -> list[str]:
        """The numbers of all call-backs."""
        page = await self.office.store.list(Query(now=self.office.clock.now()))
        return [callback.number for callback in page.items]


@asynccontextmanager
async def hall(
    stores: Stores, *profiles: Profile, intake: TakesRequests | None = None, **more: Any
) -> AsyncIterator[Hall]:
    """A company with callers; nobody is in the menu at the end."""
    async with company(stores, *profiles, scheduling=False, **more) as office, asyncio.TaskGroup() as group:
        made = Hall(office, group, intake)
        yield made
        await made.menus.stop_now(5)
        assert len(made.menus) == 0
        assert made.lobby.open_visits == set()


@in_virtual_time
async def test_1_keeps_a_call_back_and_says_what_follows(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.arrives()
        assert here.hears() == "offer number-is 14165550001 choices"
        assert await here.numbers() == []
        await here.presses("1")
        assert await here.numbers() == [OWN]
        assert here.hears() == "accepted next goodbye"
        await here.office.passes(3)
        assert here.lobby.did(MarkKept) == here.lobby.did(EndCall) == ["1.1"]
        assert here.lobby.did(Leave) == []


@in_virtual_time
async def test_the_number_is_not_dialled_before_its_caller_has_left(memory: Stores) -> None:
    async with hall(memory) as here:
        holds = here.office.admission.holds
        await here.arrives()
        assert holds.held("support") == frozenset()
        await here.presses("1")
        assert holds.held("support") == {OWN}
        await here.office.passes(3)
        assert holds.held("support") == frozenset()


@in_virtual_time
async def test_a_hang_up_leaves_nothing_before_1_and_a_call_back_after_it(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.arrives()
        here.menus.tell("1.1", Gone())
        await here.arrives(channel="1.2")
        await here.presses("2416", "1.2")
        here.menus.tell("1.2", Gone())
        await asyncio.sleep(0.1)
        assert await here.numbers() == []
        await here.arrives(channel="1.3")
        here.menus.tell("1.3", Pressed("1"))
        here.menus.tell("1.3", Gone())
        await asyncio.sleep(0.1)
        assert await here.numbers() == [OWN]
        assert len(here.menus) == 0
        assert here.office.admission.holds.held("support") == frozenset()


@pytest.mark.parametrize("shown", ["", "anonymous", "911", "+4930123456", "+19005550123", "1001", "+1416555000\x00"])
def test_without_a_number_that_may_be_dialled_none_is_offered(memory: Stores, shown: str) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with hall(memory) as here:
            await here.arrives(shown)
            assert here.hears() == "offer enter"

    scenario()


@in_virtual_time
async def test_a_blocked_number_is_refused_and_another_taken(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.office.store.block(OWN, here.office.clock.now(), "asked for it")
        await here.arrives()
        await here.presses("1")
        assert here.hears() == "refused enter"
        await here.presses("4165550002#1")
        assert await here.numbers() == [number(2)]


@in_virtual_time
async def test_intake_paused_leads_back(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.office.store.set_pause("*", Pause(intake=True, dialling=False))
        await here.arrives()
        await here.presses("1")
        assert here.hears() == "sorry"
        await here.office.passes(3)
        assert here.lobby.did(Leave) == ["1.1"]
        assert await here.numbers() == []


@in_virtual_time
async def test_a_closed_line_says_when_it_opens_on_its_own_wall_clock(memory: Stores) -> None:
    async with hall(memory, profile(), start=at("Fri 18:00")) as here:
        await here.arrives()
        await here.presses("1")
        assert here.hears() == "accepted closed day-0 9:00 goodbye"


class Broken:
    """An intake that raises, or takes for ever."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error

    async def request(self, request: Request, idempotency_key: str | None = None) -> Accepted:
        if self.error is not None:
            raise self.error
        await asyncio.sleep(3600)
        raise AssertionError


@pytest.mark.parametrize("intake", [Broken(StoreUnavailable("disk full")), Broken()], ids=["store", "slow"])
def test_a_request_that_can_not_be_kept_leads_back(memory: Stores, intake: Broken) -> None:
    @in_virtual_time
    async def scenario() -> None:
        async with hall(memory, intake=intake) as here:
            await here.arrives()
            await here.presses("1")
            await here.office.passes(menus_module.DECISION_LIMIT)
            assert here.hears() == "sorry"
            await here.office.passes(3)
            assert here.lobby.did(Leave) == ["1.1"]

    scenario()


@in_virtual_time
async def test_a_fault_of_ours_hands_the_caller_back(memory: Stores) -> None:
    async with hall(memory, intake=Broken(RuntimeError("a bug"))) as here:
        await here.arrives()
        await here.presses("1")
        assert here.lobby.handed_back == ["1.1"]
        here.lobby.trouble = RuntimeError("another")
        await here.arrives(channel="1.2")
        assert here.lobby.handed_back == ["1.1", "1.2"]


@in_virtual_time
async def test_a_daemon_that_can_not_go_on_hands_the_caller_back(memory: Stores) -> None:
    halls: list[Hall] = []

    async def until_the_application_is_taken(office: Company) -> None:
        async with asyncio.TaskGroup() as group:
            halls.append(Hall(office, group))
            await halls[0].arrives()
            raise RuntimeError("the application was taken")

    async with company(memory, scheduling=False) as office:
        with pytest.raises(ExceptionGroup):
            await until_the_application_is_taken(office)
        assert halls[0].lobby.handed_back == ["1.1"]
        assert halls[0].lobby.open_visits == set()


@in_virtual_time
async def test_a_profile_that_there_is_not(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.arrives(profile="nobody")
        assert here.lobby.handed_back == ["1.1"]
        assert here.lobby.done == []


@in_virtual_time
async def test_a_bounded_number_of_callers(memory: Stores) -> None:
    async with hall(memory) as here:
        for caller in range(menus_module.MOST_CALLERS):
            here.menus.arrived(f"1.{caller}", "support", OWN)
        await here.arrives(channel="2.1")
        assert here.lobby.handed_back == ["2.1"]


@in_virtual_time
async def test_silence_leads_back_after_three_plays(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.arrives()
        wait = here.office.rules.profiles["support"].agent.key_wait + timedelta(seconds=2)
        await here.office.passes(4 * wait.total_seconds())
        assert here.lobby.said["1.1"][-1] == "back"
        assert here.lobby.did(Leave) == ["1.1"]


@in_virtual_time
async def test_a_stop_takes_nobody_more_and_lets_the_goodbye_end(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.arrives()
        await here.arrives(number(2), channel="1.2")
        await here.presses("1")
        here.menus.stop()
        await here.arrives(number(3), channel="1.3")
        assert here.lobby.did(Leave) == ["1.2"]
        assert here.lobby.handed_back == ["1.3"]
        await here.menus.empty(10)
        assert here.lobby.did(EndCall) == ["1.1"]


@in_virtual_time
async def test_who_heard_the_goodbye_when_the_pbx_died_is_not_waited_for(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.arrives()
        await here.presses("1")
        here.lobby.left_over = []
        await here.menus.after_contact()
        await asyncio.sleep(0.1)
        assert len(here.menus) == 0
        assert here.office.admission.holds.held("support") == frozenset()


@in_virtual_time
async def test_after_a_lost_link_everybody_goes_back(memory: Stores) -> None:
    async with hall(memory) as here:
        await here.arrives()
        here.lobby.left_over = ["1.1", "0.7"]
        await here.menus.after_contact()
        await asyncio.sleep(0.1)
        assert here.lobby.did(Leave) == ["1.1"]
        assert here.lobby.handed_back == here.lobby.taken_over == ["0.7"]

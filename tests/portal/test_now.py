"""The page Now: what is on the phone, what waits in which order and why, and today's figures."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from callbackd.domain.callback import (
    Attempt,
    CallBack,
    EventType,
    Kind,
    Offer,
    Outcome,
    Reschedules,
    State,
    Step,
    TimelineEvent,
)
from callbackd.domain.hours import Interval, TargetHours
from callbackd.engine.profiles import Limits
from callbackd.portal import board as boards
from callbackd.portal.sessions import LIFETIME
from callbackd.portal.stream import Signals
from callbackd.store.interface import Change, Pause, ProfileCondition
from tests.http.house import NOON, SUPPORT
from tests.http.serving import serving
from tests.portal.office import Office, Visitor, text_of, words_of

TORONTO = ZoneInfo("America/Toronto")


@pytest.fixture(autouse=True)
def always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every look is a new one."""
    monkeypatch.setattr(boards, "FRESH", 0.0)
    monkeypatch.setattr(boards, "FIGURES_FRESH", 0.0)


async def added(office: Office, digits: int, **values: Any) -> CallBack:
    """One that waits, asked for and due now unless said."""
    now = office.clock.now()
    ordinary = {"requested_at": now, "due_at": now, "asked_at": now, "expires_at": now + timedelta(days=7)}
    made = CallBack(
        **{"id": f"cb{digits:04d}", "profile": "support", "number": f"+1416555{digits:04d}", **ordinary, **values}
    )
    return await office.store.add(made, TimelineEvent(EventType.REQUESTED, now, {}))


def rows(page: str, table: str) -> list[str]:
    """The rows of a table, each as a reader sees it."""
    found = re.findall(rf'<table class="rows {table}".*?</table>', page, flags=re.DOTALL)
    cells = [re.findall(r'<tr role="row" data-key.*?</tr>', each, flags=re.DOTALL) for each in found]
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for each in cells for row in each]


async def shown(visitor: Visitor, path: str = "/") -> str:
    answer = await visitor.get(path)
    assert answer.status == 200
    return text_of(answer)


async def test_nobody_waits(visitor: Visitor) -> None:
    words = words_of(await visitor.get("/"))
    assert "Nobody is on the phone." in words
    assert words.count("Nobody waits.") == 2


async def test_in_the_order_in_which_they_are_dialled(visitor: Visitor, office: Office) -> None:
    early = NOON - timedelta(minutes=5)
    await added(office, 1)
    await added(office, 2, due_at=early)
    await added(office, 3, priority=5)
    await added(office, 4, due_at=NOON + timedelta(hours=3))
    await added(office, 5, due_at=NOON + timedelta(hours=2), priority=-1)
    await added(office, 6, due_at=early, rest_until=NOON + timedelta(seconds=30), priority=5)
    page = await shown(visitor)
    assert [re.findall(r"\+1416555(\d{4})", row)[0] for row in rows(page, "waiting-rows")] == [
        "0006", "0003", "0002", "0001", "0005", "0004",
    ]  # fmt: skip
    told = rows(page, "waiting-rows")
    assert "rests until 12:00" in told[0]
    assert "waits its turn" in told[1]
    assert "due 14:00: first attempt" in told[4]


async def _because(office: Office, visitor: Visitor, **values: Any) -> str:
    await added(office, 1, **values)
    (row,) = rows(await shown(visitor, "/?profile=support"), "waiting-rows")
    return row


async def test_next(office: Office, visitor: Visitor) -> None:
    assert "next" in await _because(office, visitor)


async def test_closed_until(office: Office, visitor: Visitor) -> None:
    hours = TargetHours(TORONTO, {1: (Interval(540, 720),)})
    office.rules.profiles = {"support": replace(SUPPORT, target=replace(SUPPORT.target, hours=hours))}
    assert "closed until Tue 3 Nov 09:00" in await _because(office, visitor)


async def test_no_agent(office: Office, visitor: Visitor) -> None:
    office.rules.profiles = {"support": replace(SUPPORT, target=replace(SUPPORT.target, queue="support"))}
    office.calls.agents = False
    assert "no agent available in the queue" in await _because(office, visitor)


async def test_paused(office: Office, visitor: Visitor) -> None:
    await office.store.set_pause("support", Pause(dialling=True))
    assert "dialling is paused" in await _because(office, visitor)


async def test_number_busy(office: Office, visitor: Visitor) -> None:
    await added(office, 9, number="+14165550001", profile="sales", state=State.AGENT)
    assert "number busy" in await _because(office, visitor)


async def test_the_client_is_on_a_call_to_us(office: Office, visitor: Visitor) -> None:
    office.admission.holds.hold("support", "+14165550001", "call")
    assert "the client is on a call to us" in await _because(office, visitor)


async def test_the_agents_are_in_use(office: Office, visitor: Visitor) -> None:
    office.calls.live = 1
    assert "agents in use (1 call at a time)" in await _because(office, visitor)


async def test_all_lines_are_in_use(office: Office, visitor: Visitor) -> None:
    office.rules.limits = Limits(max_concurrent=1)
    office.calls.live = 1
    assert "all lines in use (1 call at most)" in await _because(office, visitor)


async def test_the_target_rests(office: Office, visitor: Visitor) -> None:
    await office.store.set_condition("support", ProfileCondition(target_rests_until=NOON + timedelta(minutes=4)))
    assert "nobody at the target: rung again from 12:04" in await _because(office, visitor)


async def test_the_route_is_paused(office: Office, visitor: Visitor) -> None:
    await office.store.set_condition("support", ProfileCondition(route_open_until=NOON + timedelta(minutes=1)))
    assert "route paused, its calls failed: one is tried from 12:01" in await _because(office, visitor)


async def test_the_route_is_being_tried(office: Office, visitor: Visitor) -> None:
    await office.store.set_condition("support", ProfileCondition(route_open_until=NOON - timedelta(minutes=1)))
    office.calls.on_the_way = True
    assert "route paused, its calls failed: one is being tried" in await _because(office, visitor)


async def test_no_link_to_asterisk_and_the_mend(office: Office, visitor: Visitor) -> None:
    office.linked = False
    office.health.checks["ari"] = "connection refused"
    assert "no link to Asterisk" in await _because(office, visitor)
    words = words_of(await visitor.get("/"))
    assert "No link to Asterisk since 17:00:00 UTC: connection refused. mend it" in words


async def test_a_profile_that_is_gone(office: Office, visitor: Visitor) -> None:
    await added(office, 1, profile="gone")
    page = await shown(visitor)
    assert "its profile is gone from the configuration" in rows(page, "waiting-rows")[0]


async def test_what_is_paused_for_all_stands_on_top(office: Office, visitor: Visitor) -> None:
    await office.store.set_pause("*", Pause(intake=True, dialling=True))
    words = words_of(await visitor.get("/"))
    assert "Dialling is paused for all profiles." in words
    assert "No requests are taken, in any profile." in words


async def test_on_the_phone_the_longest_first_with_running_times(office: Office, visitor: Visitor) -> None:
    started = NOON - timedelta(seconds=75)
    talking = await added(office, 1)
    attempt = Attempt(
        talking.id, 1, Kind.REQUEST, started, started, started, client_answered_at=NOON - timedelta(seconds=5)
    )
    await office.store.commit(Change(replace(talking, state=State.CONNECTED, attempts_made=1), attempt=attempt))
    ringing = await added(office, 2)
    await office.store.commit(
        Change(replace(ringing, state=State.AGENT, attempts_made=2), attempt=Attempt(ringing.id, 2, Kind.AUTO, NOON))
    )
    asking = await added(office, 3, next_step=Step.OFFER)
    offer = Offer(asking.id, 1, NOON - timedelta(seconds=10))
    await office.store.commit(Change(replace(asking, state=State.OFFERING, offers_made=1), offer=offer))
    page = await shown(visitor)
    assert rows(page, "live-rows") == [
        "talking +14165550001 support attempt 1, as requested 0:05 1:15",
        "offer: client rings +14165550003 support offer 1 0:10 0:10",
        "agent is rung +14165550002 support attempt 2, auto reschedule 0:00 0:00",
    ]
    assert f'data-since="{int(started.timestamp() * 1000)}"' in page


async def test_todays_figures(office: Office, visitor: Visitor) -> None:
    """Midnight in Toronto is 05:00 UTC."""
    midnight = NOON.replace(hour=5)

    async def ended(digits: int, asked_at: Any, state: State, *outcomes: Outcome) -> None:
        callback = await added(office, digits, requested_at=asked_at)
        for number, outcome in enumerate(outcomes, 1):
            answered = asked_at + timedelta(minutes=6) if outcome is Outcome.ANSWERED else None
            attempt = Attempt(
                callback.id, number, Kind.REQUEST, asked_at, outcome=outcome, counted=True, client_answered_at=answered
            )
            callback = await office.store.commit(Change(replace(callback, attempts_made=number), attempt=attempt))
        await office.store.commit(Change(replace(callback, state=state, ended_at=NOON, reschedules=Reschedules())))

    await ended(1, midnight, State.COMPLETED, Outcome.ANSWERED)
    await ended(2, midnight, State.COMPLETED, Outcome.CLIENT_BUSY, Outcome.ANSWERED)
    await ended(3, midnight - timedelta(seconds=1), State.COMPLETED, Outcome.ANSWERED)
    await ended(4, midnight, State.EXHAUSTED, Outcome.CLIENT_BUSY)
    await ended(5, midnight, State.CANCELLED)
    words = words_of(await visitor.get("/"))
    assert "Requests today 4 Reached today 3 Not reached today 1 First try reached 33 % Mean wait 6 min" in words


async def test_ten_thousand_that_wait_make_a_page_of_fifty(office: Office, visitor: Visitor) -> None:
    for digits in range(10_000):
        await added(office, digits)
    page = await shown(visitor, "/?profile=support")
    assert len(rows(page, "waiting-rows")) == 50
    assert "Page 1 of 200" in words_of(await visitor.get("/?profile=support"))
    last = await shown(visitor, "/?profile=support&page=200")
    assert "+14165559999" in rows(last, "waiting-rows")[-1]
    assert "Page 200 of 200" in words_of(await visitor.get("/?profile=support&page=99999"))
    assert len(rows(await shown(visitor), "waiting-rows")) == 10
    assert len(page) < 100_000


async def test_a_page_of_the_line_goes_from_those_that_are_due_to_those_to_come(
    office: Office, visitor: Visitor
) -> None:
    for digits in range(70):
        await added(office, digits, due_at=NOON + timedelta(seconds=digits - 54))
    second = rows(await shown(visitor, "/?profile=support&page=2"), "waiting-rows")
    assert [row.split()[0] for row in second] == [str(place) for place in range(51, 71)]
    assert [re.findall(r"\+1416555(\d{4})", row)[0] for row in second] == [f"{n:04d}" for n in range(50, 70)]


async def test_the_moving_part_is_sent_only_when_it_has_moved(office: Office, visitor: Visitor) -> None:
    first = await visitor.get("/live/now")
    assert first.headers["x-now"] == str(int(NOON.timestamp() * 1000))
    again = await visitor.get("/live/now", ("If-None-Match", first.headers["etag"]))
    assert (again.status, again.body) == (304, b"")
    await added(office, 1)
    moved = await visitor.get("/live/now", ("If-None-Match", first.headers["etag"]))
    assert moved.status == 200
    assert "+14165550001" in text_of(moved)
    assert "<html" not in text_of(moved)
    assert "form_token" not in text_of(moved), "it is the same for all who look"


async def test_all_who_look_at_once_cost_one_look(
    office: Office, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(boards, "FRESH", 60.0)
    looks = 0
    live = office.store.live

    async def counted() -> Any:
        nonlocal looks
        looks += 1
        return await live()

    monkeypatch.setattr(office.store, "live", counted)
    answers = await asyncio.gather(*(visitor.get("/live/now") for _ in range(20)))
    assert len({answer.body for answer in answers}) == 1
    assert looks == 1


async def test_the_stream_says_when_something_has_happened(office: Office, visitor: Visitor) -> None:
    headers = {"Cookie": f"callbackd_session={visitor.cookie}"}
    async with (
        serving(office.portal) as port,
        aiohttp.ClientSession() as session,
        session.get(f"http://127.0.0.1:{port}/live/events", headers=headers) as answer,
        asyncio.timeout(10),
    ):
        assert answer.headers["Content-Type"] == "text/event-stream"
        assert (await answer.content.readuntil(b"\n\n")) == b"retry: 1000\n\n"
        assert (await answer.content.readuntil(b"\n\n")) == b"event: changed\ndata: \n\n"
        await added(office, 1)
        assert (await answer.content.readuntil(b"\n\n")) == b"event: changed\ndata: \n\n"
        for digits in range(2, 50):
            await added(office, digits)
        assert (await answer.content.readuntil(b"\n\n")) == b"event: changed\ndata: \n\n"
    assert not office.feed._grown


async def test_the_stream_ends_when_the_daemon_does(office: Office) -> None:
    closing = asyncio.Event()
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)
        if b"changed" in message.get("body", b""):
            closing.set()

    async def receive() -> Any:
        return await asyncio.Future[Any]()

    async with asyncio.timeout(5):
        await Signals(office.feed, asyncio.Future, closing)({}, receive, send)
    assert sent[-1] == {"type": "http.response.body", "body": b"", "more_body": False}
    assert not office.feed._grown


async def test_a_stream_ends_with_the_session_that_opened_it(office: Office, visitor: Visitor) -> None:
    """In every window, and no other session's; what is logged out hears nothing more."""
    other = Visitor(office.portal)
    await other.log_in()
    async with serving(office.portal) as port, aiohttp.ClientSession() as browser, asyncio.timeout(10):

        async def opened(who: Visitor) -> aiohttp.ClientResponse:
            headers = {"Cookie": f"callbackd_session={who.cookie}"}
            answer = await browser.get(f"http://127.0.0.1:{port}/live/events", headers=headers)
            assert await answer.content.readuntil(b"data: \n\n")
            return answer

        windows, others = [await opened(visitor), await opened(visitor)], await opened(other)
        assert (await visitor.submit("/logout")).status == 303
        for window in windows:
            assert await window.content.read() == b""
        await added(office, 1)
        assert await others.content.readuntil(b"\n\n") == b"event: changed\ndata: \n\n"
        office.clock.at += LIFETIME - timedelta(milliseconds=50)
        late = await opened(other)
        office.clock.at += timedelta(milliseconds=50)
        assert await late.content.read() == b""
    assert not office.feed._grown

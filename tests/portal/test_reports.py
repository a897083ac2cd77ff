"""Reports: what came of the requests of each day, on the wall clock of the target."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from html import unescape

import pytest

from callbackd.domain.callback import Attempt, Kind, Outcome, Reschedules, State
from callbackd.domain.hours import Span
from callbackd.domain.tallies import Tallies
from callbackd.engine.reports import span_of
from callbackd.portal.report import told
from callbackd.store.interface import Change, StoreUnavailable
from tests.http.house import NOON, SUPPORT
from tests.portal.office import Office, Visitor, text_of, words_of
from tests.portal.test_now import TORONTO, added

TODAY = date(2026, 11, 2)


async def lived(
    office: Office, digits: int, asked_at: datetime, state: State, *outcomes: Outcome, **values: object
) -> None:
    """A call-back with one attempt for each outcome, five minutes apart."""
    callback = await added(office, digits, requested_at=asked_at, **values)
    counted = 0
    for number, outcome in enumerate(outcomes, 1):
        rang = outcome not in (Outcome.AGENT_NO_ANSWER, Outcome.ROUTE_FAILED)
        counted += rang
        at = asked_at + timedelta(minutes=5 * number)
        attempt = Attempt(
            callback.id, number, Kind.REQUEST if number == 1 else Kind.AUTO, at, outcome=outcome, counted=rang,
            ended_at=at, client_answered_at=at if outcome is Outcome.ANSWERED else None,
        )  # fmt: skip
        callback = await office.store.commit(
            Change(replace(callback, attempts_made=number, counted=counted), attempt=attempt)
        )
    again = Reschedules(auto=max(0, counted - 1))
    ended_at = None if not state.ended else NOON
    await office.store.commit(Change(replace(callback, state=state, ended_at=ended_at, reschedules=again)))


async def test_every_figure_by_hand(office: Office) -> None:
    midnight = span_of(TODAY, TORONTO).opens
    yesterday = midnight - timedelta(hours=2)
    await lived(office, 1, midnight, State.COMPLETED, Outcome.ANSWERED)
    await lived(office, 2, NOON, State.COMPLETED, Outcome.AGENT_NO_ANSWER, Outcome.CLIENT_BUSY, Outcome.ANSWERED)
    await lived(office, 3, NOON, State.EXHAUSTED, Outcome.CLIENT_BUSY, Outcome.CLIENT_NO_ANSWER)
    await lived(office, 4, NOON, State.CANCELLED)
    await lived(office, 5, NOON, State.SCHEDULED, Outcome.ROUTE_FAILED)
    await lived(office, 6, yesterday, State.COMPLETED, Outcome.ANSWERED)
    await lived(office, 7, yesterday, State.COMPLETED, Outcome.ANSWERED, profile="sales")
    report = told([await office.reports.of("support", TODAY - timedelta(days=1), TODAY)])
    first, second = report.days
    assert (first.label, first.requests, first.reached) == ("Sun 1 Nov", 1, 1)
    assert (second.requests, second.reached, second.not_reached, second.otherwise, second.under_way) == (5, 2, 1, 1, 1)
    assert second.mean_wait == timedelta(minutes=10), "5 and 15 minutes"
    assert (second.auto, second.agent, second.client) == (2, 0, 0)
    assert [(row.label, row.made, row.answered, row.share) for row in report.tries] == [
        ("1", 4, 2, 50),
        ("2", 2, 1, 50),
    ]
    by_outcome = dict(zip(report.outcomes.outcomes, report.outcomes.rows[1][1], strict=True))
    assert by_outcome == {
        "answered": 2, "no agent answered": 1, "client busy": 2, "client did not answer": 1, "our route failed": 1,
    }  # fmt: skip
    assert [count for _, count, _ in report.waits] == [2, 1, 0, 0, 0, 0]
    assert report.total.requests == 6
    heat = {weekday: [cell.count for cell in cells] for weekday, cells in report.heat}
    assert (heat["Mon"][0], heat["Mon"][12], heat["Sun"][22]) == (1, 4, 1)
    assert sum(sum(hours) for hours in heat.values()) == 6
    assert report.busiest == "Mon 12:00–13:00, 4 requests"
    assert {cell.level for _, cells in report.heat for cell in cells} == {0, 2, 5}


async def test_all_profiles_together_each_in_its_own_day(office: Office) -> None:
    """At 23:30 in Toronto it is tomorrow in Tokyo."""
    tokyo = replace(SUPPORT, id="tokyo", target=replace(SUPPORT.target, timezone="Asia/Tokyo"))
    office.rules.profiles = {**office.rules.profiles, "tokyo": tokyo}
    at = span_of(TODAY, TORONTO).closes - timedelta(minutes=30)
    await lived(office, 1, at, State.COMPLETED, Outcome.ANSWERED)
    await lived(office, 2, at, State.COMPLETED, Outcome.ANSWERED, profile="tokyo")
    reports = [await office.reports.of(name, TODAY, TODAY + timedelta(days=1)) for name in ("support", "tokyo")]
    assert [row.requests for row in told(reports).days] == [1, 1]


async def test_many_days_are_told_week_by_week(office: Office) -> None:
    for day in range(100):
        await lived(office, day, NOON - timedelta(days=day), State.COMPLETED, Outcome.ANSWERED)
    report = told([await office.reports.of("support", TODAY - timedelta(days=99), TODAY)])
    assert report.by_week
    assert len(report.days) == 16
    assert sum(row.requests for row in report.days) == report.total.requests == 100
    assert [row.requests for row in report.days[1:-1]] == [7] * 14, "each in its week, block after block"
    assert report.days[-1].label == "Mon 2 Nov"


@pytest.mark.parametrize(
    ("first", "last"), [(TODAY, TODAY - timedelta(days=1)), (TODAY - timedelta(days=370), TODAY)]
)
async def test_a_report_has_a_bound(office: Office, first: date, last: date) -> None:
    with pytest.raises(ValueError, match="1 to 370 days"):
        await office.reports.of("support", first, last)


@pytest.mark.parametrize("day", [date(2026, 3, 8), date(2026, 11, 1)])
def test_a_day_on_which_the_clocks_change_is_a_whole_one(day: date) -> None:
    span = span_of(day, TORONTO)
    assert span.closes - span.opens == timedelta(hours=23 if day.month == 3 else 25)
    assert span_of(day + timedelta(days=1), TORONTO).opens == span.closes


async def test_the_page_has_a_table_for_every_chart(office: Office, visitor: Visitor) -> None:
    await lived(office, 1, NOON, State.COMPLETED, Outcome.CLIENT_BUSY, Outcome.ANSWERED)
    page = text_of(await visitor.get("/reports?days=7"))
    drawn = r'<canvas data-chart="(\w+)" data-table="([\w-]+)" data-columns="([\d ]+)" data-tones="([^"]+)"'
    charts = re.findall(drawn, page)
    assert len(charts) == 5
    style = text_of(await visitor.get("/static/portal.css"))
    for _, table, columns, tones in charts:
        assert f'<table id="{table}"' in page
        head = re.search(rf'<table id="{table}".*?<thead>(.*?)</thead>', page, flags=re.DOTALL)
        assert head is not None
        assert max(map(int, columns.split())) < head[1].count("<th")
        assert len(columns.split()) == len(tones.split())
        assert all(f"--chart-{tone}:" in style for tone in tones.split())
    for outcome in Outcome:
        assert f"--chart-{outcome.value}:" in style


@pytest.mark.parametrize(
    "query",
    ["days=0", "days=x", "days=99999999999999", "since=2026-11-03&until=2026-11-02", "since=x", "since=2020-01-01"],
)
async def test_days_that_are_none_are_told(visitor: Visitor, query: str) -> None:
    answer = await visitor.get(f"/reports?{query}")
    assert answer.status == 422
    assert "Choose a first and a last day" in words_of(answer)


async def test_a_profile_that_is_gone_is_told(visitor: Visitor) -> None:
    answer = await visitor.get("/reports?profile=%3Cb%3Egone")
    assert answer.status == 422
    assert "There is no such profile, or no longer" in words_of(answer)
    assert "<b>gone" not in text_of(answer)


async def test_days_without_requests(visitor: Visitor, office: Office) -> None:
    assert "Nobody asked for a call-back on these days." in words_of(await visitor.get("/reports"))
    office.rules.profiles = {}
    assert "There is no profile yet." in words_of(await visitor.get("/reports"))
    assert "There is no profile" in words_of(await visitor.get("/"))
    assert "There is no profile yet" in words_of(await visitor.get("/profiles"))


class _Slow:
    """Holds every count of days back until it is let go on."""

    def __init__(self, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.counted = 0
        self.goes_on = asyncio.Event()
        self.fails: Exception | None = None
        tallies = office.store.tallies

        async def slowly(profile: str, days: Sequence[Span]) -> Tallies:
            self.asked += 1
            if self.asked > 1:
                await self.goes_on.wait()
            if self.fails is not None:
                raise self.fails
            self.counted += len(days)
            return await tallies(profile, days)

        monkeypatch.setattr(office.store, "tallies", slowly)
        monkeypatch.setattr("callbackd.portal.counting.PATIENCE", 0.02)

    async def done(self, visitor: Visitor, path: str) -> None:
        """Wait until a count is over."""
        self.goes_on.set()
        async with asyncio.timeout(10):
            while (await visitor.get(path)).status != 204:  # noqa: ASYNC110
                await asyncio.sleep(0.01)


YEAR = "profile=support&since=2025-11-03&until=2026-11-02"


async def test_a_report_that_takes_its_time_shows_how_far_it_is(
    office: Office, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(100):
        await lived(office, day, NOON - timedelta(days=3 * day), State.COMPLETED, Outcome.ANSWERED)
    slow = _Slow(office, monkeypatch)
    answer = await visitor.get("/reports?profile=support&days=365")
    assert answer.status == 200
    assert "The report is being made" in words_of(answer)
    assert "3 % done" in words_of(answer)
    wanted = re.search(r'data-progress="([^"]+)"', text_of(answer))
    assert wanted is not None
    path = unescape(wanted[1])
    assert path == f"/live/reports?{YEAR}"
    piece = await visitor.get(path)
    assert (piece.status, '<progress aria-label="Days counted" max="365" value="14">' in text_of(piece)) == (200, True)
    await slow.done(visitor, path)
    made = await visitor.get("/reports?profile=support&days=365")
    assert "What came of the requests" in words_of(made)
    assert "Requests 100 Completed 100" in words_of(made)
    assert slow.counted == 365, "counted once, whoever looked and however often"


async def test_who_asks_for_another_report_waits_for_the_first(
    office: Office, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = _Slow(office, monkeypatch)
    await visitor.get(f"/reports?{YEAR}")
    assert "waits until another report is done" in words_of(await visitor.get("/reports?days=1"))
    await slow.done(visitor, "/live/reports?days=1")
    assert "Nobody asked for a call-back" in words_of(await visitor.get("/reports?days=1"))


async def test_a_count_that_fails_is_told_and_can_be_tried_again(
    office: Office, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = _Slow(office, monkeypatch)
    slow.fails = StoreUnavailable("the disk is gone")
    await slow.done(visitor, f"/live/reports?{YEAR}")
    assert (await visitor.get(f"/reports?{YEAR}")).status == 503
    slow.fails = None
    assert (await visitor.get(f"/reports?{YEAR}")).status == 200


async def test_a_count_that_nobody_waits_for_is_given_up(
    office: Office, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = _Slow(office, monkeypatch)
    await visitor.get(f"/reports?{YEAR}")
    monkeypatch.setattr("callbackd.portal.counting.ABANDONED", 0.0)
    await slow.done(visitor, f"/live/reports?{YEAR}")
    assert slow.counted < 365
    monkeypatch.setattr("callbackd.portal.counting.ABANDONED", 30.0)
    answer = await visitor.get(f"/reports?{YEAR}")
    assert answer.status == 200

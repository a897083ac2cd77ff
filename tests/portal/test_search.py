"""The search: by number, name, state, profile and date; and the same as CSV."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from datetime import timedelta

import pytest

from callbackd.domain.callback import State
from callbackd.portal import search
from tests.http.house import NOON, SUPPORT
from tests.portal.office import Office, Visitor, text_of, words_of
from tests.portal.test_now import added

MIDNIGHT = NOON.replace(hour=5)


@pytest.fixture
async def some(office: Office) -> None:
    """1: Ann, today, waits. 2: Émile, yesterday, reached. 3: in sales, last week, cancelled. 4: talks."""
    await added(office, 1, name="Ann Lee")
    two = await added(office, 2, name="Émile Zola", requested_at=MIDNIGHT - timedelta(milliseconds=1))
    await office.put(two.id, State.COMPLETED)
    three = await added(office, 3, profile="sales", requested_at=NOON - timedelta(days=7), name="100% Ann_e")
    await office.put(three.id, State.CANCELLED)
    four = await added(office, 4, requested_at=MIDNIGHT)
    await office.put(four.id, State.CONNECTED)


def found(page: str) -> str:
    """The last digit of each number that is shown, in order."""
    table = re.search(r'<table class="rows found-rows".*?</table>', page, flags=re.DOTALL)
    return "" if table is None else "".join(re.findall(r">\+1416555000(\d)<", table[0]))


@pytest.mark.usefixtures("some")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", "1423"),
        ("number=(416) 555-0002", "2"),
        ("number=0002", "2"),
        ("number=555-000", "1423"),
        ("name=ann", "13"),
        ("name=ÉMILE", "2"),
        ("name=émile", "2"),
        ("name=%25", "3"),
        ("name=_e", "3"),
        ("state=waiting", "1"),
        ("state=queued", "1"),
        ("state=live", "4"),
        ("state=reached", "2"),
        ("state=cancelled", "3"),
        ("profile=sales", "3"),
        ("profile=sales&name=lee", ""),
        ("since=2026-11-02", "14"),
        ("until=2026-11-01", "23"),
        ("since=2026-11-01&until=2026-11-01", "2"),
        ("since=2026-11-02&state=waiting&name=ann&number=555", "1"),
    ],
)
async def test_what_is_found(visitor: Visitor, query: str, expected: str) -> None:
    from urllib.parse import quote

    answer = await visitor.get(f"/callbacks?{quote(query, safe='=&%')}")
    assert answer.status == 200
    assert found(text_of(answer)) == expected
    if not expected:
        assert "No call-back is like that." in words_of(answer)
    exported = await visitor.get(f"/callbacks.csv?{quote(query, safe='=&%')}")
    rows = list(csv.DictReader(io.StringIO(text_of(exported))))
    assert "".join(row["number"][-1] for row in rows) == expected, "what is exported is what is shown"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("number=12", "at least 3 digits"),
        ("number=abc", "at least 3 digits"),
        ("since=yesterday", "A date such as 2026-11-02."),
        ("until=0001-01-01", "A date"),
        ("until=9999-12-31", "A date"),
        ("since=2026-11-02&until=2026-11-01", "This day is before the first."),
        ("state=asleep", "There is no such state."),
    ],
)
async def test_what_can_not_be_searched_is_told(visitor: Visitor, query: str, said: str) -> None:
    answer = await visitor.get(f"/callbacks?{query}")
    assert answer.status == 422
    if "state" not in query:
        assert said in words_of(answer)
    assert (await visitor.get(f"/callbacks.csv?{query}")).status == 422


async def test_page_by_page(visitor: Visitor, office: Office) -> None:
    for digits in range(120):
        await added(office, digits, requested_at=NOON - timedelta(seconds=digits), name="Ann")
    for query in ("/callbacks?state=waiting", "/callbacks?name=ann&since=2026-11-01"):
        seen: list[str] = []
        path: str | None = query
        while path is not None:
            page = text_of(await visitor.get(path))
            table = re.findall(r'<a class="who" href="/callbacks/cb(\d+)"', page)
            assert 0 < len(table) <= 50
            seen += table
            older = re.search(r'href="(/callbacks\?[^"]*)" rel="next"', page)
            path = None if older is None else older[1].replace("&amp;", "&")
        assert seen == [f"{digits:04d}" for digits in range(120)]
    assert (await visitor.get("/callbacks?cursor=nonsense")).status == 422


async def test_the_export_is_whole_and_harmless(
    visitor: Visitor, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search, "AT_ONCE", 7)
    for digits in range(40):
        await added(office, digits, name='=1+1;"x"', reason="@SUM(A1), second\u2028line", language="en")
    answer = await visitor.get("/callbacks.csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="call-backs-20261102-170000.csv"'
    assert answer.headers["cache-control"] == "no-store"
    rows = list(csv.DictReader(io.StringIO(text_of(answer), newline="")))
    assert len(rows) == 40
    assert set(rows[0]) == set(search.COLUMNS)
    assert rows[0]["name"] == "'=1+1;\"x\"", "no spreadsheet takes it for a formula"
    assert rows[0]["reason"].startswith("'@SUM")
    assert rows[0]["requested_local"] == "2026-11-02 12:00:00"
    assert len({row["id"] for row in rows}) == 40


@pytest.mark.parametrize(
    ("typed", "exported"),
    [
        ("Ann; Lee-Ann; 50%", "Ann; Lee-Ann; 50%"),
        ('x;=HYPERLINK("//a")', "x;'=HYPERLINK(\"//a\")"),
        ("x; -1", "x;' -1"),
        ("\uff1d1+1", "'\uff1d1+1"),
    ],
)
async def test_no_cell_of_an_export_begins_a_formula_where_semicolons_part_cells(
    visitor: Visitor, office: Office, typed: str, exported: str
) -> None:
    await added(office, 1, name=typed)
    rows = list(csv.DictReader(io.StringIO(text_of(await visitor.get("/callbacks.csv")), newline="")))
    assert [row["name"] for row in rows] == [exported]


async def test_an_export_has_an_end(visitor: Visitor, office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "AT_ONCE", 7)
    monkeypatch.setattr(search, "MOST_EXPORTED", 14)
    for digits in range(40):
        await added(office, digits)
    lines = text_of(await visitor.get("/callbacks.csv")).splitlines()
    assert len(lines) == 1 + 14 + 1
    assert "narrow the search" in lines[-1]


async def test_days_are_those_of_the_profiles_zone(visitor: Visitor, office: Office) -> None:
    """With one zone among the profiles that one, else UTC."""
    await added(office, 1, requested_at=MIDNIGHT - timedelta(hours=1))
    assert found(text_of(await visitor.get("/callbacks?since=2026-11-02"))) == ""
    tokyo = replace(SUPPORT, id="tokyo", target=replace(SUPPORT.target, timezone="Asia/Tokyo"))
    office.rules.profiles = {**office.rules.profiles, "tokyo": tokyo}
    assert found(text_of(await visitor.get("/callbacks?since=2026-11-02"))) == "1"
    assert found(text_of(await visitor.get("/callbacks?since=2026-11-02&profile=support"))) == ""


async def test_a_search_of_a_profile_that_is_gone_says_so(visitor: Visitor, office: Office) -> None:
    """The form has what was asked for, whether there is such a profile or not."""
    await added(office, 1, profile="gone")
    page = text_of(await visitor.get("/callbacks?profile=gone"))
    assert found(page) == "1"
    assert "<option selected>gone</option>" in page

"""Listings, page by page: what both stores promise."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from datetime import timedelta
from typing import Any

import pytest

from callbackd.domain.callback import CallBack, State
from callbackd.store.interface import CursorInvalid, Query, Store

from .samples import T0, added, claimed, ended, minutes


async def listed(store: Store, **query: Any) -> list[str]:
    """The ids of all pages."""
    ids: list[str] = []
    cursor = None
    while True:
        page = await store.list(Query(now=T0, cursor=cursor, **query))
        ids += [found.id.removeprefix("cb-") for found in page.items]
        assert len(page.items) <= query.get("limit", 100)
        if page.next is None:
            return ids
        cursor = page.next


async def office(store: Store) -> None:
    """a: queued, b: scheduled, c: agent, d: completed, e: declined, f: queued in sales; each asked a minute later."""

    async def made(name: str, number: int, **values: Any) -> CallBack:
        requested_at = T0 - minutes(9 - "abcdef".index(name))
        return await added(store, name, f"+1416555010{number}", requested_at=requested_at, **values)

    await ended(store, await made("e", 0), state=State.DECLINED)
    await made("a", 0)
    await made("b", 1, due_at=T0 + minutes(1))
    await claimed(store, await made("c", 2))
    await ended(store, await made("d", 3))
    await made("f", 0, profile="sales")


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 100])
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({}, "fedcba"),
        ({"states": [State.QUEUED]}, "fa"),
        ({"states": [State.SCHEDULED]}, "b"),
        ({"states": {State.SCHEDULED, State.QUEUED}}, "fba"),
        ({"states": [State.AGENT, State.DECLINED, State.QUEUED]}, "feca"),
        ({"states": [State.EXPIRED]}, ""),
        ({"profile": "support"}, "edcba"),
        ({"profile": "support", "states": [State.QUEUED, State.COMPLETED]}, "da"),
        ({"profile": "nobody"}, ""),
        ({"number": "+14165550100"}, "fea"),
        ({"number": "+14165550100", "profile": "support"}, "ea"),
        ({"number": "+14165550100", "states": [State.QUEUED]}, "fa"),
        ({"number": "+14165550101", "states": [State.SCHEDULED]}, "b"),
        ({"number": "+14165550101", "states": [State.QUEUED]}, ""),
        ({"number": "+14165550100", "states": [State.QUEUED], "profile": "sales"}, "f"),
    ],
)
async def test_newest_request_first(store: Store, query: dict[str, Any], expected: str, limit: int) -> None:
    await office(store)
    assert await listed(store, limit=limit, **query) == list(expected)


async def test_requests_of_the_same_instant_are_each_listed_once(store: Store) -> None:
    for i in range(7):
        await added(store, f"{i}", f"+1416555010{i}")
    assert await listed(store, limit=2) == list("6543210")
    assert await listed(store, limit=2, states=[State.QUEUED]) == list("6543210")
    assert await listed(store, limit=2, profile="support") == list("6543210")


async def test_the_last_page_has_no_next(store: Store) -> None:
    await added(store, "a")
    await added(store, "b", "+14165550102")
    assert (await store.list(Query(now=T0, limit=2))).next is None
    assert (await store.list(Query(now=T0, limit=1))).next is not None


async def test_a_page_goes_on_where_the_last_one_ended_though_newer_ones_came(store: Store) -> None:
    for i in range(4):
        await added(store, f"{i}", f"+1416555010{i}", requested_at=T0 + minutes(i))
    first = await store.list(Query(now=T0, limit=2))
    await added(store, "new", "+14165550109", requested_at=T0 + timedelta(days=1))
    second = await store.list(Query(now=T0, limit=2, cursor=first.next))
    assert [found.id for found in (*first.items, *second.items)] == ["cb-3", "cb-2", "cb-1", "cb-0"]


def coded(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "????", "ünï", "\ud800", coded("[1]"), coded('["a", "b"]'), coded("[true, ''"), coded('[1e3, "a"]')]
    + [coded('[true, "a"]'), coded(f'[{10**30}, "a"]'), coded("[" * 100_000), coded('{"a": 1}'), "A" * 5],
)
async def test_a_cursor_that_no_listing_gave_is_refused(store: Store, cursor: str) -> None:
    with pytest.raises(CursorInvalid):
        await store.list(Query(now=T0, cursor=cursor))

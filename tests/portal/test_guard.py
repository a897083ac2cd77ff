"""What holds for every page: its headers, where changes may come from, and that no text becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from callbackd.domain.callback import EventType, State, TimelineEvent
from callbackd.engine.intake import Request
from callbackd.portal.guard import FORM_LIMIT, HEADERS
from callbackd.store.interface import Change, StoreUnavailable
from tests.http.asgi import Answer
from tests.portal.office import Office, Visitor, markup_of, text_of, words_of
from tests.portal.test_login import CHANGES, PAGES, PIECES

PORTAL = Path(__file__).resolve().parents[2] / "callbackd" / "portal"
HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</title></textarea></template><svg/onload=alert(1)>",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "\u202e\u2066evil\u2069",
    "=HYPERLINK(\"http://evil.example\")",
    "&lt;b&gt;&amp;#60;",
]


async def asked_by(office: Office, name: str, number: str = "+14165550101", reason: str | None = None) -> str:
    """A call-back of a client of that name; its id."""
    accepted = await office.intake.request(Request("support", number, name=name, reason=reason))
    return accepted.callback.id


@pytest.mark.parametrize("path", [*PAGES, *(path for path in PIECES if path != "/live/events"), "/static/portal.css"])
async def test_every_answer_has_the_headers(visitor: Visitor, stranger: Visitor, path: str) -> None:
    for answer in (await visitor.get(path), await Visitor(stranger._caller._app).get(path)):
        for name, value in HEADERS.items():
            assert answer.headers[name.lower()] == value
        if not path.startswith("/static/"):
            assert answer.headers["cache-control"] == "no-store"


async def test_nothing_stands_in_a_page_that_the_policy_forbids(visitor: Visitor, office: Office) -> None:
    """No inline script, style or handler, and nothing from elsewhere: not in a page, nor in what it loads."""
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    asked = await asked_by(office, "Ann Lee")
    paths = ("/", "/login", f"/callbacks/{asked}", "/callbacks", "/profiles", "/profiles/support", "/reports?days=7")
    for path in paths:
        page = text_of(await visitor.get(path) if path != "/login" else await Visitor(office.portal).get(path))
        assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", page), path
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|https?://|javascript:", page), path
        for loaded in re.findall(r'(?:src|href)="([^"]*)"', page):
            assert loaded.startswith(("/", "#")), (path, loaded)
            assert not loaded.startswith("//")
    for file in (PORTAL / "static").iterdir():
        if file.name.startswith("chart.") or file.suffix == ".svg":
            continue
        assert "://" not in file.read_text(), file
        assert not re.search(r"\beval\(|new Function|\.style\b|insertAdjacentHTML", file.read_text()), file


async def test_every_change_wants_the_form_of_this_session(visitor: Visitor, office: Office) -> None:
    asked = await asked_by(office, "Ann Lee")
    another = Visitor(office.portal)
    await another.log_in()
    for path in [path.replace("/x/", f"/{asked}/") for path in CHANGES]:
        for fields in ({}, {"form_token": ""}, {"form_token": "0" * 64}, {"form_token": await another.form_token()}):
            answer = await visitor.post(path, part="dialling", to="pause", when="now", **fields)
            assert answer.status == 403, path
            assert "out of date" in words_of(answer)
    assert not await office.store.pauses()
    callback = await office.store.get(asked)
    assert callback is not None
    assert (callback.state, callback.version) == (State.SCHEDULED, 1)


def test_every_route_that_changes_something_is_in_the_list(office: Office) -> None:
    source = "".join(path.read_text() for path in PORTAL.glob("*.py"))
    posts = set(re.findall(r'Route\("([^"]+)", \w+, methods=\[[^\]]*"POST"\]', source)) - {"/login"}
    assert posts == {re.sub(r"/(x|support)/", lambda found: _PLACE[found[1]], path) for path in CHANGES}
    assert source.count("form_of(request, sessions)") >= len(posts) - 1


_PLACE = {"x": "/{callback_id}/", "support": "/{profile_id}/"}


@pytest.mark.parametrize(
    "headers",
    [
        [("Origin", "https://evil.example")],
        [("Origin", "null")],
        [("Origin", "http://[")],
        [("Origin", "http://127.0.0.1:9999")],
        [("Sec-Fetch-Site", "cross-site")],
        [("Sec-Fetch-Site", "same-site"), ("Origin", "http://127.0.0.1:8780")],
    ],
)
async def test_a_change_that_comes_from_another_site_is_refused(
    visitor: Visitor, office: Office, headers: list[tuple[str, str]]
) -> None:
    fields = {"form_token": await visitor.form_token(), "part": "dialling", "to": "pause"}
    assert (await visitor.post("/profiles/support/pausing", *headers, **fields)).status == 403
    assert (await Visitor(office.portal).post("/login", *headers, token="x")).status == 403
    assert not await office.store.pauses()
    ours = [("Origin", "http://127.0.0.1:8780"), ("Sec-Fetch-Site", "same-origin")]
    assert (await visitor.post("/profiles/support/pausing", *ours, **fields)).status == 303


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("", b"a=b", 415),
        ("application/x-www-form-urlencoded", b"a=" + b"x" * FORM_LIMIT, 413),
        ("application/x-www-form-urlencoded", b"a=1&a=2", 422),
        ("application/x-www-form-urlencoded", b"a=%ff", 422),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(100)), 422),
    ],
)
async def test_a_form_that_is_none(visitor: Visitor, kind: str, body: bytes, status: int) -> None:
    answer = await visitor.send("POST", "/logout", body, [("Content-Type", kind)])
    assert answer.status == status
    assert (await visitor.get("/")).status == 200


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_a_caller_says_is_text_on_every_page(visitor: Visitor, office: Office, hostile: str) -> None:
    hostile = "".join(each for each in hostile if each not in "\u202e\u2066\u2069") + " שלום"  # refused at the door
    asked = await asked_by(office, hostile, reason=hostile)
    callback = await office.store.get(asked)
    assert callback is not None
    event = TimelineEvent(
        EventType.ATTEMPT_STARTED, office.clock.now(), {"attempt": 1, "kind": hostile, "why": [hostile]}
    )
    odd = TimelineEvent(EventType.ATTEMPT_ENDED, office.clock.now(), {"outcome": hostile, "cause": hostile})
    await office.store.commit(Change(callback, (event, odd)))
    for path in ("/", f"/callbacks/{asked}", f"/live/callbacks/{asked}", "/callbacks", "/live/now"):
        answer = await visitor.get(path)
        assert answer.status == 200
        assert callback.name is not None
        assert callback.name in words_of(answer), path
        assert {"bdi", "bdi class"} <= markup_of(answer), "a name from right to left turns nothing around it"
        assert_harmless(answer)


TYPED = [
    "/callbacks?number={0}&name={0}&state={0}&profile={0}&since={0}",
    "/?profile={0}",
    "/reports?since={0}&until={0}&days={0}&profile={0}",
    "/profiles/support?failed_at={0}&used={0}&kind={0}&outcome={0}",
    "/callbacks/{0}",
    "/profiles/{0}",
]


@pytest.mark.parametrize("hostile", HOSTILE)
async def test_what_a_visitor_types_is_text_too(visitor: Visitor, hostile: str) -> None:
    for path in TYPED:
        answer = await visitor.get(path.format(quote(hostile, safe="")))
        assert answer.status in (200, 404, 422), path
        assert_harmless(answer)


def assert_harmless(answer: Answer) -> None:
    """Nothing in the page is there but by our templates."""
    found = markup_of(answer)
    ours = set()
    for template in (PORTAL / "templates").iterdir():
        ours |= set(re.findall(r"<([a-z0-9]+)", template.read_text()))
    assert {each for each in found if " " not in each} <= ours
    assert not [each for each in found if each.partition(" ")[2].startswith(("on", "style"))]
    assert "img" not in ours


@pytest.mark.parametrize(
    "path",
    [
        "/callbacks/",
        "/callbacks/nothing",
        "/profiles/nothing",
        "/reports/x",
        "/static/../app.py",
        "/static/portal.css/",
        "/static/x",
    ],
)
async def test_what_is_not_there_is_404(visitor: Visitor, path: str) -> None:
    answer = await visitor.get(path)
    assert answer.status == 404
    assert "To the first page" in words_of(answer)


async def test_a_method_that_is_not_taken_is_told_which_are(visitor: Visitor) -> None:
    answer = await visitor.get("/logout")
    assert (answer.status, answer.headers["allow"]) == (405, "POST")


async def test_a_store_that_fails_is_told_and_tells_nothing(
    visitor: Visitor, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise StoreUnavailable("the disk /dev/secret is full")

    monkeypatch.setattr(office.store, "live", fails)
    answer = await visitor.get("/")
    assert answer.status == 503
    assert "secret" not in text_of(answer)


async def test_a_bug_is_told_and_tells_nothing(
    visitor: Visitor, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(office.store, "live", fails)
    with pytest.raises(RuntimeError):
        await visitor.get("/")


async def test_static_files_are_kept_for_ever_by_their_version(visitor: Visitor) -> None:
    page = text_of(await visitor.get("/"))
    for address in re.findall(r'"(/static/[^"]+)"', page):
        answer = await visitor.get(address)
        assert answer.status == 200
        assert "immutable" in answer.headers["cache-control"]
        plain = await visitor.get(address.partition("?")[0])
        assert plain.headers["cache-control"] == "no-cache"
        again = await visitor.get(address.partition("?")[0], ("If-None-Match", plain.headers["etag"]))
        assert (again.status, again.body) == (304, b"")


async def test_numbers_are_shown_in_full_to_who_is_logged_in(visitor: Visitor, office: Office) -> None:
    await asked_by(office, "Ann Lee")
    assert "+14165550101" in words_of(await visitor.get("/"))


async def test_a_profile_with_a_hostile_label(visitor: Visitor, office: Office) -> None:
    office.rules.profiles = {"support": replace(office.rules.profiles["support"], label=HOSTILE[0])}
    for path in ("/", "/profiles", "/profiles/support", "/reports"):
        page = text_of(await visitor.get(path))
        assert HOSTILE[0] not in page

"""Who gets in: the session's cookie, the token, and how often it may be wrong."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from callbackd.portal.doorkeeper import FREE, LONGEST_WAIT, MOST_ADDRESSES, Doorkeeper
from callbackd.portal.sessions import LIFETIME, LONGEST, RENEWED_AFTER, Sessions
from tests.http.asgi import TOKEN, Caller
from tests.http.house import NOON, StoppedClock
from tests.portal.office import Office, Visitor, text_of, words_of

PAGES = ["/", "/callbacks", "/callbacks.csv", "/callbacks/x", "/profiles", "/profiles/support", "/reports"]
PIECES = ["/live/now", "/live/events", "/live/callbacks/x", "/live/session", "/live/reports", "/live/nothing"]
CHANGES = [
    "/logout",
    "/callbacks/x/cancel",
    "/callbacks/x/reschedule",
    "/profiles/everything/pausing",
    "/profiles/support/pausing",
]


@pytest.mark.parametrize("path", [*PAGES, *PIECES])
async def test_a_stranger_sees_the_login_page_and_nothing_else(stranger: Visitor, path: str) -> None:
    answer = await stranger.get(path)
    assert answer.status == 401
    assert "Log in with the token" in words_of(answer)
    assert "form_token" not in text_of(answer)


@pytest.mark.parametrize("path", CHANGES)
async def test_a_stranger_changes_nothing(stranger: Visitor, office: Office, path: str) -> None:
    assert (await stranger.post(path, part="dialling", to="pause")).status == 401
    assert not await office.store.pauses()


async def test_the_token_of_the_api_opens_no_page(office: Office) -> None:
    """One credential per door: what a program sends with every request does not stand for a browser's session."""
    assert (await Caller(office.portal).get("/")).status == 401


async def test_the_api_is_as_it_was(office: Office) -> None:
    api = Caller(office.portal)
    assert (await api.get("/api/v1/callbacks")).status == 200
    assert (await api.without_token().get("/api/v1/callbacks")).error == (401, "unauthorized")
    assert (await api.without_token().get("/healthz")).status == 200
    assert (await api.without_token().get("/openapi.json")).error == (401, "unauthorized")
    for path in ("/callbacksx", "/staticx", "/nowhere", "//", "/login/"):
        assert (await api.without_token().get(path)).error == (401, "unauthorized")


async def test_a_session_is_not_the_token_of_the_api(visitor: Visitor) -> None:
    assert (await visitor.get("/api/v1/callbacks")).error == (401, "unauthorized")


async def test_logging_in_and_out(stranger: Visitor) -> None:
    answer = await stranger.log_in()
    assert (answer.status, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert (await stranger.get("/")).status == 200
    assert (await stranger.get("/login")).headers["location"] == "/"
    kept = stranger.cookie
    answer = await stranger.submit("/logout")
    assert (answer.status, answer.headers["location"]) == (303, "/login")
    assert stranger.cookie is None
    stranger.cookie = kept
    assert (await stranger.get("/")).status == 401, "a copy of the cookie is worth nothing any more"


async def test_behind_tls_the_cookie_is_for_tls_only(stranger: Visitor) -> None:
    answer = await stranger.post("/login", ("X-Forwarded-Proto", "https"), token=TOKEN)
    assert "; Secure" in answer.headers["set-cookie"]


@pytest.mark.parametrize(
    ("wanted", "gone_to"),
    [
        ("/callbacks?state=live", "/callbacks?state=live"),
        ("//evil.example/", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example/", "/"),
        ("/a\r\nSet-Cookie: x=y", "/"),
        ("/ü", "/"),
        ("", "/"),
    ],
)
async def test_after_the_login_it_goes_on_where_it_was_wanted_and_never_elsewhere(
    stranger: Visitor, wanted: str, gone_to: str
) -> None:
    assert (await stranger.post("/login", token=TOKEN, next=wanted)).headers["location"] == gone_to


async def test_the_login_page_knows_what_was_wanted(stranger: Visitor) -> None:
    page = text_of(await stranger.get('/callbacks?name="><script>'))
    assert 'name="next" value="/callbacks?name=&#34;&gt;&lt;script&gt;"' in page


@pytest.mark.parametrize("token", ["", "x", TOKEN[:-1], TOKEN + "x", "ü" * 10, TOKEN.upper()])
async def test_what_is_not_the_token(stranger: Visitor, token: str) -> None:
    answer = await stranger.log_in(token)
    assert answer.status == 401
    assert "That is not the token." in words_of(answer)
    assert "set-cookie" not in answer.headers


async def test_each_further_failure_costs_a_longer_wait(stranger: Visitor, office: Office) -> None:
    for _ in range(FREE):
        assert (await stranger.log_in("wrong")).status == 401
    answer = await stranger.log_in()
    assert (answer.status, answer.headers["retry-after"]) == (429, "2"), "even the right one waits"
    office.clock.move(timedelta(seconds=2))
    assert (await stranger.log_in("wrong")).status == 401
    assert (await stranger.log_in("wrong")).headers["retry-after"] == "4"
    office.clock.move(timedelta(seconds=4))
    assert (await stranger.log_in()).status == 303
    assert (await stranger.log_in("wrong")).status == 401, "all is forgiven"


async def test_who_guesses_behind_the_proxy_keeps_nobody_else_out(stranger: Visitor) -> None:
    for _ in range(FREE):
        await stranger.post("/login", ("X-Forwarded-For", "10.9.9.9, 192.0.2.1"), token="wrong")
    assert (await stranger.post("/login", ("X-Forwarded-For", "10.8.8.8, 192.0.2.1"), token="x")).status == 429
    assert (await stranger.post("/login", ("X-Forwarded-For", "192.0.2.1, 192.0.2.2"), token=TOKEN)).status == 303


def test_the_wait_grows_to_a_bound_and_is_of_one_party_alone() -> None:
    clock = StoppedClock()
    keeper = Doorkeeper(clock.now)
    waits = []
    for _ in range(20):
        keeper.failed("192.0.2.1")
        waits.append(keeper.wait("192.0.2.1"))
    assert waits == sorted(waits)
    assert (waits[FREE - 1].total_seconds(), waits[-1]) == (2, LONGEST_WAIT)
    assert keeper.wait("192.0.2.2") == timedelta(0)
    assert keeper.wait("::ffff:192.0.2.1") == LONGEST_WAIT
    clock.move(timedelta(hours=1))
    assert keeper.wait("192.0.2.1") == timedelta(0)
    for last in range(5):
        keeper.failed(f"2001:db8::{last}")
    assert keeper.wait("2001:db8::ffff") > timedelta(0), "one party holds a /64"
    assert keeper.wait("2001:db8:0:1::1") == timedelta(0)


def test_what_is_remembered_of_addresses_is_bounded() -> None:
    keeper = Doorkeeper(StoppedClock().now)
    for number in range(MOST_ADDRESSES + 10):
        keeper.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(keeper._failed) == MOST_ADDRESSES


def test_a_session_outlives_the_daemon_and_not_its_time() -> None:
    clock = StoppedClock()
    session = Sessions(TOKEN, clock.now).begin()
    cookie = Sessions(TOKEN, clock.now).cookie(session)
    again = Sessions(TOKEN, clock.now)
    assert again.read(cookie) == session, "no memory is needed"
    assert Sessions("another token", clock.now).read(cookie) is None
    clock.move(LIFETIME - timedelta(seconds=1))
    assert again.read(cookie) == session
    clock.move(timedelta(seconds=1))
    assert again.read(cookie) is None


def test_a_session_that_is_used_goes_on_for_a_month() -> None:
    clock = StoppedClock()
    sessions = Sessions(TOKEN, clock.now)
    session = sessions.begin()
    assert sessions.renewed(session) is None
    while clock.now() < NOON + LONGEST:
        clock.move(min(RENEWED_AFTER * 20, NOON + LONGEST - clock.now()))
        renewed = sessions.renewed(session)
        assert renewed is not None
        assert renewed.nonce == session.nonce
        session = renewed
    assert sessions.read(sessions.cookie(session)) is None


async def test_a_page_that_is_used_renews_the_cookie(visitor: Visitor, office: Office) -> None:
    before = visitor.cookie
    assert "set-cookie" not in (await visitor.get("/")).headers
    office.clock.move(RENEWED_AFTER)
    assert "set-cookie" in (await visitor.get("/live/now")).headers
    assert visitor.cookie != before
    assert (await visitor.get("/")).status == 200


@pytest.mark.parametrize("before", ["", "x"])
@pytest.mark.parametrize(("cut", "after"), [(1, ""), (0, "0"), (64, ""), (1000, "..."), (1000, ""), (0, "x" * 200)])
async def test_a_cookie_that_was_changed_is_none(visitor: Visitor, before: str, cut: int, after: str) -> None:
    assert visitor.cookie is not None
    visitor.cookie = before + visitor.cookie[: max(0, len(visitor.cookie) - cut)] + after
    assert (await visitor.get("/")).status == 401


async def test_two_different_cookies_are_none(visitor: Visitor) -> None:
    answer = await visitor.get("/", ("Cookie", "callbackd_session=another"))
    assert answer.status == 401


@pytest.mark.parametrize("neighbour", ['seen={"a": 1}', "list[0]=1", 'lang="de', "bare", "a=b c", "ö=1"])
async def test_cookies_of_other_servers_on_this_host_do_no_harm(
    office: Office, visitor: Visitor, neighbour: str
) -> None:
    other = Visitor(office.portal)
    cookie = ("Cookie", f"{neighbour}; callbackd_session={visitor.cookie}; {neighbour}")
    assert (await other.get("/", cookie)).status == 200


async def test_the_end_of_a_session_can_be_waited_for() -> None:
    clock = StoppedClock(NOON)
    sessions = Sessions(TOKEN, clock.now)
    session, another = sessions.begin(), sessions.begin()
    waits = [asyncio.create_task(sessions.over(session)) for _ in range(2)]
    still = asyncio.create_task(sessions.over(another))
    await asyncio.sleep(0)
    sessions.end(session)
    async with asyncio.timeout(5):
        await asyncio.gather(*waits)
        await sessions.over(session)
    assert not still.done()
    still.cancel()
    await asyncio.wait({still})
    clock.at = NOON + LIFETIME
    async with asyncio.timeout(5):
        await sessions.over(another)
    assert not sessions._waited_for, "nothing is kept of who no longer waits"


def test_an_empty_token_is_no_token() -> None:
    with pytest.raises(ValueError, match="empty"):
        Sessions("", StoppedClock().now)

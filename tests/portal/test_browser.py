"""The portal in a real Chromium: every page on three screens, dark and light; much at once; without a mouse."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import pytest
from selenium.webdriver.common.keys import Keys

from callbackd.domain.callback import Attempt, EventType, Kind, State, TimelineEvent
from callbackd.domain.hours import Span
from callbackd.domain.tallies import Tallies
from callbackd.store.interface import Change
from callbackd.store.sqlite import SqliteStore
from tests.http.asgi import TOKEN
from tests.http.house import NOON
from tests.http.serving import serving
from tests.portal.browser import WIDTHS, Browser, chromium
from tests.portal.office import Office
from tests.portal.sample import HOSTILE, SUPPORT_LINE, Month
from tests.store.fill import NOW, Mix, fill

CLS = """
window.shifts = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shifts.push(entry.value);
}).observe({type: "layout-shift"});
"""
"""Records every shift of the layout from now on."""

BEYOND = "const page = document.documentElement; return page.scrollWidth - page.clientWidth"
"""Pixels by which a page is wider than its screen."""

OUTSIDE = """
const out = (each, box) => each.getBoundingClientRect().right > box.getBoundingClientRect().right + 1;
const clipped = each => each.closest(".scroll, .rows, .tabs, svg, select");
const all = (within, selector) => [...within.querySelectorAll(selector)];
const found = all(document, ".card, .chapter").flatMap(box =>
  all(box, "*").filter(each => !clipped(each) && out(each, box)));
return found.map(each => each.outerHTML.slice(0, 120));
"""
"""What sticks out of the box that it is in, but for what is cut off there on purpose."""

FOCUSED = "const at = document.activeElement; return (at.innerText || at.id || '').trim()"


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
async def month(office: Office) -> Month:
    made = Month(office)
    await made.live()
    return made


@pytest.fixture
async def browser(office: Office, month: Month, window: Browser) -> AsyncIterator[Browser]:
    """Logged in, at a company's month. Afterwards nothing that the policy forbids was tried."""
    async with serving(office.portal) as port:
        window.url = f"http://127.0.0.1:{port}"
        window.complaints()
        await window.do(lambda: window.screen(1280, "light"))
        await window.do(lambda: window.log_in(TOKEN))
        yield window
        await window.do(lambda: window.driver.get("about:blank"))
        assert window.complaints() == []


def pages(month: Month) -> dict[str, str]:
    """A name for each page, and where it is."""
    return {
        "now": "/",
        "now-one-profile": "/?profile=support",
        "call-back": f"/callbacks/{month.story}",
        "call-back-waiting": f"/callbacks/{month.waiting}",
        "call-back-live": f"/callbacks/{month.live_one}",
        "search": "/callbacks",
        "nothing-found": "/callbacks?number=999999",
        "profiles": "/profiles",
        "profile": "/profiles/support?failed_at=2026-11-02T16:01&used=1&kind=auto&outcome=client_busy",
        "reports": "/reports?days=30",
        "not-found": "/callbacks/nothing",
        "login": "/login",
    }


@pytest.mark.parametrize("theme", ["light", "dark"])
async def test_every_page_on_every_screen(browser: Browser, month: Month, theme: str) -> None:
    """Nothing is wider than its screen, axe-core finds nothing serious; the screenshots are for people to look at."""
    seen: list[str] = []

    def look() -> None:
        for name, path in pages(month).items():
            if name == "login":
                browser.driver.delete_all_cookies()
            for width in WIDTHS:
                browser.screen(width, theme)
                browser.open(path)
                if name == "reports":
                    browser.until(lambda: browser.script("return document.documentElement.dataset.charts") == "5")
                if name.startswith(("now", "call-back")):
                    browser.until_read("live", "#link")
                browser.photograph(f"{name}-{width}-{theme}")
                where = f"{name} at {width} px, {theme}"
                beyond = browser.script(BEYOND)
                if beyond > 0:
                    seen.append(f"{where}: {beyond} px beyond the screen")
                seen.extend(f"{where}: {found}" for found in browser.axe())
        browser.complaints()  # a page that is not there is a 404, and that is right

    await browser.do(look)
    assert not seen, "\n".join(seen)


async def test_what_is_very_long_stays_in_its_place(browser: Browser, office: Office, month: Month) -> None:
    """Names, reasons, labels and ids as long as they may be, without a space to break at."""
    long = replace(SUPPORT_LINE, id="x" * 32, label="L" * 80)
    office.rules.profiles = {**office.rules.profiles, long.id: long}
    endpoint = {"endpoint": f"PJSIP/{'e' * 100}"}
    paths = ["/", f"/?profile={long.id}", "/profiles", f"/profiles/{long.id}", f"/reports?profile={long.id}"]
    for n, name in enumerate(("W" * 80, "\u202e" + "\u05d0" * 79, "\U0001f600" * 80, HOSTILE * 3)):
        callback = replace(await month.add(long, NOON), name=name, reason=name * 2, number=f"+12345678901234{n}")
        answered = TimelineEvent(EventType.AGENT_ANSWERED, NOON, endpoint)
        await office.store.commit(Change(callback, [answered]))
        paths += [f"/callbacks/{callback.id}", "/callbacks"]
    seen: list[str] = []

    def look() -> None:
        for path in paths:
            for width in WIDTHS:
                browser.screen(width, "light")
                browser.open(path)
                if (beyond := browser.script(BEYOND)) > 0:
                    seen.append(f"{path} at {width} px: {beyond} px beyond the screen")
                seen.extend(f"{path} at {width} px: {each}" for each in browser.script(OUTSIDE))

    await browser.do(look)
    assert not seen, "\n".join(seen)


async def test_a_report_that_takes_its_time(
    browser: Browser, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows how far it is, and then by itself the report."""
    tallies, permits = office.store.tallies, asyncio.Semaphore(3)

    async def slowly(profile: str, days: Sequence[Span]) -> Tallies:
        await permits.acquire()
        return await tallies(profile, days)

    monkeypatch.setattr(office.store, "tallies", slowly)
    monkeypatch.setattr("callbackd.portal.counting.PATIENCE", 0.1)
    seen: list[str] = []

    def look() -> None:
        for theme in ("light", "dark"):
            for width in WIDTHS:
                browser.screen(width, theme)
                browser.open("/reports?days=365&profile=support")
                browser.until_read("11 % done", "#counting")
                browser.photograph(f"report-being-made-{width}-{theme}")
                where = f"at {width} px, {theme}"
                seen.extend(f"{where}: {found}" for found in browser.axe())
                if (beyond := browser.script(BEYOND)) > 0:
                    seen.append(f"{where}: {beyond} px beyond the screen")

    def see_it_move() -> None:
        browser.until_read("15 % done", "#counting")
        assert browser.script("return document.querySelector('#counting progress').position.toFixed(2)") == "0.15"

    await browser.do(look)
    assert not seen, "\n".join(seen)
    permits.release()
    await browser.do(see_it_move)
    for _ in range(30):
        permits.release()
    await browser.do(lambda: browser.until_read("What came of the requests"))


async def test_nothing_comes_from_elsewhere_and_no_name_is_a_script(browser: Browser, month: Month) -> None:
    def look() -> None:
        for path in ("/", f"/callbacks/{month.story}", "/callbacks?name=script", "/reports?days=30", "/profiles"):
            browser.open(path)
            loaded = browser.script("return performance.getEntriesByType('resource').map(entry => entry.name)")
            assert loaded
            assert {urlsplit(each).netloc for each in loaded} == {urlsplit(browser.url).netloc}
        browser.open("/callbacks?name=script")
        assert HOSTILE in browser.words(".found-rows")
        assert browser.script("return document.querySelectorAll('.found-rows script').length") == 0
        assert browser.script("return document.cookie") == "", "no script sees the session"

    await browser.do(look)


async def test_dark_or_light_is_remembered(browser: Browser) -> None:
    def toggle() -> None:
        ground = "return getComputedStyle(document.body).backgroundColor"
        browser.open("/profiles")
        light = browser.script(ground)
        browser.one("#theme").click()
        dark = browser.script(ground)
        assert dark != light
        browser.open("/reports")
        assert browser.script(ground) == dark
        browser.one("#theme").click()
        assert browser.script(ground) == light
        browser.script("localStorage.clear()")

    await browser.do(toggle)


async def test_without_a_mouse(browser: Browser, office: Office) -> None:
    """From the top of the page to a call-back, and to its end: Tab, Enter and Space alone."""

    def press(key: str) -> None:
        browser.driver.switch_to.active_element.send_keys(key)

    def focused() -> str:
        return str(browser.script(FOCUSED))

    def go_to(wanted: str) -> None:
        for _ in range(80):
            if focused().startswith(wanted):
                outline = browser.script("return getComputedStyle(document.activeElement).outlineStyle")
                assert outline != "none", f"{wanted} has focus, and nobody sees it"
                return
            press(Keys.TAB)
        raise AssertionError(f"no way to {wanted} by Tab")

    def work() -> None:
        browser.open("/")
        press(Keys.TAB)
        assert focused() == "To the content"
        press(Keys.ENTER)
        assert browser.script("return document.activeElement.id") == "main"
        browser.open("/callbacks?state=queued")
        go_to("+1416555")
        press(Keys.ENTER)
        browser.until_read("Why it is not being dialled")
        go_to("Cancel the call-back")
        press(Keys.ENTER)
        go_to("Yes, cancel it")
        press(Keys.SPACE)
        browser.until_read("Ended: cancelled by an operator")

    await browser.do(work)


async def test_what_people_have_begun_survives_an_update(browser: Browser, office: Office, month: Month) -> None:
    """An open question, a date half typed and the focus stay, though the page moves."""
    waiting = [each for each in (await office.store.queued("support", office.clock.now(), 5)) if each.name is not None]
    callback = waiting[0]

    def begin() -> None:
        browser.open(f"/callbacks/{callback.id}")
        browser.until_read("live", "#link")
        browser.one("details summary").click()
        browser.script("const at = document.getElementById('at'); at.value = '2026-11-03T09:30'; at.focus()")

    def look() -> None:
        browser.until_read("Waits until", ".chapters")
        assert browser.script("return document.getElementById('at').value") == "2026-11-03T09:30"
        assert browser.script("return document.activeElement.id") == "at"
        assert browser.script("return document.querySelector('details').open")

    await browser.do(begin)
    rests = {"why": ["number_limit"], "until": "2026-11-02T21:00:00Z"}
    event = TimelineEvent(EventType.RESTING, office.clock.now(), rests)
    await office.store.commit(Change(callback, (event,)))
    await browser.do(look)


async def test_ten_thousand_that_wait_and_a_hundred_that_talk(tmp_path: Path, window: Browser) -> None:
    """An update takes the browser less than 100 ms and shifts nothing, though half of all calls change at once."""
    path = tmp_path / "callbackd.sqlite3"
    fill(path, 10_000, Mix(profiles=("support",), live=100))
    store = await SqliteStore.open(path)
    try:
        office = Office(store)
        office.clock.at = NOW
        for callback in await store.live():
            attempt = Attempt(callback.id, 1, Kind.REQUEST, NOW - timedelta(seconds=30))
            started = TimelineEvent(EventType.ATTEMPT_STARTED, NOW, {"attempt": 1, "kind": "request"})
            await store.commit(Change(replace(callback, attempts_made=1), [started], attempt=attempt))
        async with serving(office.portal) as port:
            window.url = f"http://127.0.0.1:{port}"
            await window.do(lambda: window.screen(1280, "light"))
            await window.do(lambda: window.log_in(TOKEN))
            await window.do(lambda: window.until_read("live", "#link"))
            rows = await window.do(
                lambda: window.script("return document.querySelectorAll('.live-rows tbody tr').length")
            )
            assert rows == 100
            await window.do(lambda: window.script(CLS))
            for turn in range(12):
                await _change(office, turn)
                wanted = f"return performance.getEntriesByName('update').length > {turn}"
                await window.do(lambda wanted=wanted: window.until(lambda: window.script(wanted)))  # type: ignore[misc]
            took = await window.do(
                lambda: window.script("return performance.getEntriesByName('update').map(entry => entry.duration)")
            )
            shifts = await window.do(lambda: window.script("return window.shifts"))
            assert len(took) >= 12
            assert median(took) < 100, took
            assert sum(shifts) < 0.001, shifts
            await window.do(lambda: window.driver.get("about:blank"))
    finally:
        await store.close()


async def _change(office: Office, turn: int) -> None:
    """Half of the calls change their state, and ten of the waiting are cancelled."""
    for n, callback in enumerate(await office.store.live()):
        if n % 2 == turn % 2:
            state = State.CLIENT if callback.state is State.AGENT else State.AGENT
            event = TimelineEvent(EventType.CLIENT_DIALLED, office.clock.now(), {})
            await office.store.commit(Change(replace(callback, state=state), [event]))
    for callback in await office.store.queued("support", office.clock.now(), 10):
        await office.desk.cancel(callback.id)

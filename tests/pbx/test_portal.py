"""The portal of a daemon on a real PBX, in a real Chromium: what the phones do is seen, what is clicked is done."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator

import pytest

from rig.behaviours import busy, presses, rings_for_ever, talks
from tests.pbx.company import AGENT, CLIENT, Company, profile
from tests.portal.browser import Browser, chromium

pytestmark = pytest.mark.pbx

RECORD = """
window.seen = [];
window.shifts = [];
const note = () => {
  const badge = document.querySelector(".live-rows .badge");
  const text = badge ? badge.textContent.trim() : "nobody";
  if (window.seen.at(-1) !== text) window.seen.push(text);
};
const all = {subtree: true, childList: true, characterData: true};
new MutationObserver(note).observe(document.getElementById("live"), all);
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    const what = entry.sources.map(source => source.node?.outerHTML?.slice(0, 120) ?? "");
    if (!entry.hadRecentInput && entry.value >= 0.01) window.shifts.push([entry.value, ...what]);
  }
}).observe({type: "layout-shift"});
note();
"""
"""Records each state that is shown, and every shift of the layout."""


@pytest.fixture(scope="module")
def window() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


async def visit(window: Browser, company: Company) -> None:
    """Log in, and see the page Now live."""
    window.url = f"http://127.0.0.1:{company.daemon.port}"
    token = company.daemon.token
    await window.do(lambda: window.screen(1280, "light"))
    await window.do(lambda: window.log_in(token))
    await window.do(lambda: window.until_read("live", "#link"))
    window.complaints()  # what came before is another test's


async def test_a_call_back_is_seen_to_go_through_its_states(company: Company, window: Browser) -> None:
    await company.opens()
    company.phones.set(AGENT, presses("1", ring=1.5, after=2.0))
    company.phones.set(CLIENT, talks(2.5, ring=2.0))
    await visit(window, company)
    await window.do(lambda: window.script(RECORD))
    asked = await company.asks(name="Ann <b>Lee</b>")
    await window.do(lambda: window.until_read("Ann <b>Lee</b>", ".live-rows"))
    await company.ended(asked)
    await window.do(lambda: window.until_read("Reached today 1"))
    assert await window.do(lambda: window.script("return window.seen")) == [
        "nobody", "agent is rung", "agent listens", "client is rung", "talking", "nobody",
    ]  # fmt: skip
    shifts = await window.do(lambda: window.script("return window.shifts"))
    assert shifts == [], "the call's row has its place before it is there"
    assert window.complaints() == []


async def test_why_it_failed_what_follows_try_now_and_cancel(company: Company, window: Browser) -> None:
    """The call-back's own page, never loaded anew but by what is clicked."""
    await company.opens(profile(rescheduling={"delay": "1h"}))
    company.phones.set(AGENT, presses("1"))
    company.phones.set(CLIENT, busy())
    asked = await company.asks()
    await visit(window, company)

    def see_it_fail() -> None:
        window.open(f"/callbacks/{asked}")
        window.until_read("client busy", ".chapter-head")
        window.until_read("The client's line was busy: user busy (cause 17). It counts")
        window.until_read("To be tried again from", ".decision")
        window.until_read("the attempt ended as client_busy and auto rescheduling is on: kind auto", ".why-lines")
        window.until_read("tried again, the client was not reached", ".reasons")

    await window.do(see_it_fail)
    await company.rig.no_channels_left(within=5.0)
    company.phones.set(AGENT, rings_for_ever())
    await window.do(lambda: window.one(".actions .primary").click())
    await window.do(lambda: window.until_read("Attempt 2", ".chapter.is-live"))
    assert company.phones.times_rung(AGENT) == 2

    def cancel() -> None:
        window.one(".actions summary").click()
        window.one(".actions .danger").click()
        window.until_read("Cancelled.", ".alert")
        window.until_read("Ended: cancelled")

    await window.do(cancel)
    shown = await company.ended(asked)
    assert [attempt["outcome"] for attempt in shown["attempts"]] == ["client_busy", "cancelled"]
    assert window.complaints() == []


async def test_a_restart_of_the_daemon_is_survived_without_a_reload(company: Company, window: Browser) -> None:
    await company.opens()
    await company.daemon.call("POST", "/pause", {"dialling": True})
    await visit(window, company)
    await window.do(lambda: window.script("window.never_loaded_again = true"))
    await company.daemon.stop()
    await window.do(lambda: window.until_read("reconnecting", "#link"))
    await company.daemon.start()
    await window.do(lambda: window.until_read("live", "#link"))
    await company.asks(number="+14165550177")
    await window.do(lambda: window.until_read("+14165550177", ".waiting-rows"))
    assert await window.do(lambda: window.script("return window.never_loaded_again")) is True
    window.complaints()  # a daemon that is away refuses connections


async def test_what_if_is_what_the_command_says(company: Company, window: Browser) -> None:
    """The same question to the portal and to the command, on one configuration."""
    hours = {"mon-fri": ["09:00-12:00", "13:00-17:00"]}
    daemon = await company.opens(
        profile(target={"hours": hours}, rescheduling={"delay": "30m", "cut_off": "30m"})
    )
    await visit(window, company)

    def ask() -> tuple[str, list[str]]:
        window.open("/profiles/support")
        window.script("document.getElementById('failed_at').value = '2026-11-06T16:45'")
        window.script("document.getElementById('used').value = '1'")
        window.one("form[action$='#what-if'] button").click()
        window.until_read("tried again", "#answer")
        why = window.script("return [...document.querySelectorAll('#answer li')].map(line => line.textContent)")
        return window.one("#answer").get_attribute("data-due") or "", why

    due, why = await window.do(ask)
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "callbackd", "--config", str(daemon.config),
        "when", "support", "--failed-at", "2026-11-06 16:45", "--used", "1", "--json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    said = json.loads((await command.communicate())[0])
    assert (due.removesuffix("Z"), why) == (said["due_at"].removesuffix(".000Z"), said["why"])
    assert due == "2026-11-09T14:00:00Z", "Monday, at nine"

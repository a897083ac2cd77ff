"""A real Chromium for tests of the portal. Its calls wait: ask them from a thread, and the event loop goes on.

`tests/portal/axe.min.js` is axe-core 4.14.1 (MPL 2.0, `axe.LICENSE.txt`), as published; it is used here alone.
"""

from __future__ import annotations

import asyncio
import base64
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--force-color-profile=srgb",
)
AXE = Path(__file__).with_name("axe.min.js")
SCREENSHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
WIDTHS = {360: 780, 1280: 800, 3840: 2160}
"""Pixels: a phone, a laptop, a wall screen; with their heights."""
TALLEST = 3000
LIMIT = 20.0
POLL = 0.05

_Result = TypeVar("_Result")


class Browser:
    """One window. `url` is where the portal is."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self.driver = driver
        self.url = ""

    async def do(self, work: Callable[[], _Result]) -> _Result:
        """Work that waits for the browser, while the event loop goes on."""
        return await asyncio.to_thread(work)

    def open(self, path: str) -> None:
        """Go to a page."""
        self.driver.get(self.url + path)

    def log_in(self, token: str) -> None:
        """Through the form, as people do."""
        self.open("/login")
        self.driver.delete_all_cookies()  # also those of other portals: ports share them
        self.open("/login")
        self.one("#token").send_keys(token)
        self.one("form.login button").click()
        self.until(lambda: self.driver.current_url == f"{self.url}/")

    def one(self, selector: str) -> WebElement:
        """The one element that fits."""
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def words(self, selector: str = "body") -> str:
        """What is to be read there, one space between words."""
        read = "return [...document.querySelectorAll(arguments[0])].map(each => each.innerText).join(' ')"
        return " ".join(str(self.script(read, selector)).split())

    def script(self, text: str, *arguments: object) -> Any:
        """Run JavaScript, as a debugger would: no policy of the page is asked."""
        return self.driver.execute_script(text, *arguments)

    def until(self, holds: Callable[[], _Result], within: float = LIMIT) -> _Result:
        """Wait until something holds; what it then is. Raises `AssertionError`, which tells what the page says."""
        end = time.monotonic() + within
        while not (found := holds()):
            assert time.monotonic() < end, f"not within {within} s at {self.driver.current_url}: {self.words()}"
            time.sleep(POLL)
        return found

    def until_read(self, text: str, selector: str = "body", within: float = LIMIT) -> None:
        """Wait until a text is to be read there."""
        self.until(lambda: text in self.words(selector), within)

    def screen(self, width: int, theme: str) -> None:
        """A screen of that width, on a system that is dark or light."""
        self.driver.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": WIDTHS[width], "deviceScaleFactor": 1, "mobile": width < 500},
        )
        self.driver.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        )

    def photograph(self, name: str) -> Path:
        """The page as it is, down to its end; the file is for people to look at."""
        width, height = self.script("return [innerWidth, document.documentElement.scrollHeight]")
        clip = {"x": 0, "y": 0, "width": width, "height": min(height, TALLEST), "scale": 1}
        found = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"captureBeyondViewport": True, "clip": clip})
        SCREENSHOTS.mkdir(parents=True, exist_ok=True)
        path = SCREENSHOTS / f"{name}.png"
        path.write_bytes(base64.b64decode(found["data"]))
        return path

    def axe(self) -> list[str]:
        """What axe-core finds that is serious or critical, a line each."""
        if not self.script("return typeof axe === 'object'"):
            self.script(AXE.read_text())
        found = self.driver.execute_async_script(
            "const done = arguments[0];"
            "axe.run(document, {resultTypes: ['violations']})"
            ".then(found => done(found.violations), error => done([{id: String(error), nodes: []}]))"
        )
        return [
            f"{each['id']}: {each.get('help')}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
            for each in found
            if each.get("impact") not in ("minor", "moderate")
            for node in each["nodes"][:4] or [{"html": ""}]
        ]

    def complaints(self) -> list[str]:
        """What the browser has complained of since it was last asked, but for answers of 401 to who is logged out."""
        entries = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [each["message"] for each in entries if each["level"] == "SEVERE" and "401" not in each["message"]]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser with nothing remembered. Skips the test where there is none, and fails it where CI is set."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if program is None or driver is None:
        missing = "no Chromium: scripts/prepare installs it"
        if os.environ.get("CI"):
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    options = webdriver.ChromeOptions()
    options.binary_location = program
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as folder:
        for flag in (*FLAGS, f"--user-data-dir={folder}"):
            options.add_argument(flag)
        window = webdriver.Chrome(options=options, service=Service(driver))
        try:
            window.set_script_timeout(30)
            yield Browser(window)
        finally:
            window.quit()

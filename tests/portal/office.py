"""The portal over the real engine and a store that keeps nothing, with a clock that stands still; its visitors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any, cast
from urllib.parse import urlencode

from callbackd.domain.callback import Step
from callbackd.engine.calls import Calls
from callbackd.engine.outlook import Outlook
from callbackd.engine.reports import Reports
from callbackd.engine.room import Room
from callbackd.portal.app import Beside, create_portal
from callbackd.portal.services import Services
from callbackd.store.interface import Store
from tests.http.asgi import TOKEN, Answer, Caller
from tests.http.house import House


@dataclass
class SomeCalls:
    """As many calls as a test says, and a queue with or without agents."""

    live: int = 0
    on_the_way: bool = False
    agents: bool = True
    phones: Any = field(init=False)

    def __post_init__(self) -> None:
        self.phones = self

    def __len__(self) -> int:
        return self.live

    def live_of(self, profile: str, step: Step) -> int:
        return self.live

    def dialling(self, profile: str) -> bool:
        return self.on_the_way

    def agents_available(self, queue: str) -> bool:
        return self.agents


class Office(House):
    """All parts of a house, and the portal on them."""

    def __init__(self, store: Store | None = None) -> None:
        super().__init__(store)
        self.calls = SomeCalls()
        self.linked = True
        room = Room(self.rules, self.clock, cast("Calls", self.calls), self.admission, lambda: self.linked)
        self.room = room
        self.outlook = Outlook(self.store, self.rules, self.clock, self.admission, room)
        self.reports = Reports(self.store, self.rules, self.clock)
        pages = Services(
            self.desk, self.control, self.outlook, self.reports, self.feed, self.rules, self.health
        )
        self.portal: Any = Beside(create_portal(pages, TOKEN), self.app())


class Visitor:
    """A browser without a screen: keeps one cookie, and fills in forms as the pages gave them."""

    def __init__(self, app: Any) -> None:
        self._caller = Caller(app, None)
        self.cookie: str | None = None
        self.address = "127.0.0.1"

    async def get(self, path: str, *headers: tuple[str, str]) -> Answer:
        return await self.send("GET", path, headers=headers)

    async def send(
        self, method: str, path: str, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()
    ) -> Answer:
        sent = [("Host", "127.0.0.1:8780"), *headers]
        if self.cookie is not None:
            sent.append(("Cookie", f"callbackd_session={self.cookie}"))
        answer = await self._caller.send(method, path, [body] if body else [], sent)
        if (found := re.match(r"callbackd_session=([^;]*);", answer.headers.get("set-cookie", ""))) is not None:
            self.cookie = found[1] or None
        return answer

    async def post(self, path: str, *headers: tuple[str, str], **fields: str) -> Answer:
        kind = ("Content-Type", "application/x-www-form-urlencoded")
        return await self.send("POST", path, urlencode(fields).encode(), [kind, *headers])

    async def log_in(self, token: str = TOKEN) -> Answer:
        return await self.post("/login", token=token)

    async def form_token(self) -> str:
        """What the forms of this session carry."""
        page = text_of(await self.get("/profiles"))
        found = re.search(r'name="form_token" value="([^"]+)"', page)
        assert found is not None
        return found[1]

    async def submit(self, path: str, **fields: str) -> Answer:
        """Send a form as a page gave it."""
        return await self.post(path, form_token=await self.form_token(), **fields)


def text_of(answer: Answer) -> str:
    """The page as it was sent."""
    return answer.body.decode()


class _Markup(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found |= {tag, *(f"{tag} {name}" for name, _ in attrs)}


def markup_of(answer: Answer) -> set[str]:
    """Every kind of element of a page, and every attribute of each, as a browser's parser finds them."""
    parser = _Markup()
    parser.feed(text_of(answer))
    parser.close()
    return parser.found


def words_of(answer: Answer) -> str:
    """What a reader of the page sees: no tags, one space between words."""
    page = re.sub(r"<(script|style|title)\b.*?</\1>", " ", text_of(answer), flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", page)).split())

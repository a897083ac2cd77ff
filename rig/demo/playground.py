"""`scripts/demo --keep`: what was started stays, to be played with."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import aiohttp
from rich.console import Console

from rig.demo import words
from rig.demo.company import Company
from rig.demo.people import (
    Client,
    answers,
    asks_for_another_try,
    calls_and_talks,
    declines,
    does_not_exist,
    has_a_box,
    is_busy,
    is_out,
    presses_1_in_the_offer,
    rejects_it,
)

NUMBERS = (
    ("answers, talks; the agent hangs up", Client("Fay Kent", "+14165550111", [answers])),
    ("is busy first, answers the second time", Client("Gus Lind", "+14165550112", [is_busy, answers])),
    ("is always busy (with sales: gets the offer, if it is answered)", Client("Hal Muir", "+14165550113", [is_busy])),
    ("rings, nobody answers", Client("Ivy Noel", "+14165550114", [is_out])),
    ("a voicemail box; the agent presses 9", Client("Jim Orr", "+14165550115", [has_a_box])),
    ("rejects the call", Client("Kay Pace", "+14165550116", [rejects_it])),
    ("does not exist", Client("Lou Quist", "+14165550117", [does_not_exist])),
    ("answers; the agent presses 9 each time", Client("Max Reed", "+14165550118", [answers], [asks_for_another_try])),
    (
        "the agent presses 2, and 1 the next time",
        Client("Nia Shaw", "+14165550119", [answers], [declines, calls_and_talks]),
    ),
    (
        "busy, out, presses 1 in the offer, answers (with sales)",
        Client("Oda Thorn", "+14165550120", [is_busy, is_out, presses_1_in_the_offer, answers]),
    ),
)


class Playground:
    """The company after the show: its numbers, and its events as they come."""

    def __init__(self, company: Company, console: Console) -> None:
        self._company = company
        self._console = console
        self._seen: dict[str, int] = {}
        self._over: set[str] = set()

    async def stay(self) -> None:
        """Says how to play, then shows what happens, until cancelled."""
        for _, client in NUMBERS:
            client.tell = self._phone_tells
        self._company.answer_for(client for _, client in NUMBERS)
        await self._look(show=False)
        self._explain()
        while True:
            await asyncio.sleep(0.3)
            try:
                await self._look(show=True)
            except aiohttp.ClientError as error:
                self._say("callbackd", f"can't be asked: {error}")
                await asyncio.sleep(2.0)

    def _explain(self) -> None:
        say = self._console.print
        say()
        say("All of it stays up until Ctrl-C here. In another terminal, in this folder:", style="bold")
        for line in (
            f"alias callbackd='{self._company.typed}'",
            "callbackd request support '(416) 555-0112' --name 'Gus Lind'",
            "callbackd list",
            "callbackd show ID",
            "callbackd cancel ID",
            "callbackd status",
        ):
            say(f"  {line}", soft_wrap=True, highlight=False, markup=False)
        say("Profiles: support (agents Mia and Noah) and sales (Olga; two tries, then a client offer).")
        say("The numbers, and how their phones behave:", style="bold")
        for what, client in NUMBERS:
            say(f"  {client.number}  {what}", highlight=False)
        say("What happens is told below.", style="bold")
        say()

    async def _look(self, *, show: bool) -> None:
        page = await self._company.daemon.call("GET", "/callbacks?limit=100")
        for item in reversed(page["items"]):
            if item["id"] in self._over:
                continue
            story = await self._company.daemon.show(item["id"])
            for event in story["events"][self._seen.get(item["id"], 0) :]:
                if show:
                    self._say(story["name"] or story["number"], words.told(event))
            self._seen[item["id"]] = len(story["events"])
            if story["ended_at"]:
                self._over.add(item["id"])

    def _phone_tells(self, number: str, text: str) -> None:
        self._say(self._company.clients[number].name, f"phones: {text}")

    def _say(self, who: str, text: str) -> None:
        at = datetime.now(UTC).astimezone().strftime("%H:%M:%S")
        self._console.print(f"{at}  {who:14}  {text}", markup=False, highlight=False, soft_wrap=True)

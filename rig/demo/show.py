"""Plays the stories, watches them, and judges how they went."""

from __future__ import annotations

import asyncio
import bisect
from collections.abc import Sequence
from datetime import UTC, datetime

import aiohttp
from rich.console import Console
from rich.table import Table
from rich.text import Text

from rig.demo import words
from rig.demo.company import Company
from rig.demo.display import Display
from rig.demo.stories import Line, Story, stories

LIMIT = 150.0
"""Seconds for all stories together; they need about 50."""

APART = 1.0
"""Seconds from one request to the next."""


class Show:
    """One performance."""

    def __init__(self, company: Company, console: Console) -> None:
        self._company = company
        self._console = console
        self._stories = stories()
        self._by_number = {story.client.number: story for story in self._stories}

    async def play(self) -> bool:
        """Plays; whether all went as the stories say. What happened is on the console then."""
        for story in self._stories:
            story.client.tell = self._phone_tells
        self._company.answer_for(story.client for story in self._stories)
        began = datetime.now(UTC)
        display = Display(self._console, self._company, self._stories, began)
        too_long = False
        with display:
            watch = asyncio.create_task(self._watch(display))
            try:
                async with asyncio.timeout(LIMIT):
                    await self._ask()
                    await watch
            except TimeoutError:
                too_long = True
            finally:
                watch.cancel()
                await asyncio.gather(watch, return_exceptions=True)
        display.tick(last=True)
        if self._console.is_terminal:
            self._console.print(display.transcript())
        faults = [f"not over after {LIMIT:.0f} s"] if too_long else []
        return self._judge(faults, await self._company.nothing_left())

    async def _ask(self) -> None:
        for story in self._stories:
            story.id = await self._company.request(story.profile, story.client.number, story.client.name)
            await asyncio.sleep(APART)

    async def _watch(self, display: Display) -> None:
        while True:
            for story in self._stories:
                if story.id and not story.ended:
                    await self._look(story)
            display.tick()
            if all(story.ended for story in self._stories):
                return
            await asyncio.sleep(0.15)

    async def _look(self, story: Story) -> None:
        try:
            story.shown = await self._company.daemon.show(story.id)
        except aiohttp.ClientError:
            return  # it is told by the state in which the story stays
        for event in story.fresh_events():
            self._add(story, Line(datetime.fromisoformat(event["at"]), words.told(event), phone=False))

    def _phone_tells(self, client_number: str, text: str) -> None:
        self._add(self._by_number[client_number], Line(datetime.now(UTC), text, phone=True))

    @staticmethod
    def _add(story: Story, line: Line) -> None:
        bisect.insort(story.lines, line, key=lambda each: each.at)

    def _judge(self, faults: Sequence[str], left: Sequence[str]) -> bool:
        phones = self._company.phones
        faults = [*faults, *self._misbehaved()]
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("", "client", "phone rang", "attempts", "ended"):
            table.add_column(heading, no_wrap=heading != "attempts", overflow="fold")
        for index, story in enumerate(self._stories, start=1):
            found = story.faults()
            faults += [f"{index} {story.title}: {fault}" for fault in found]
            attempts = [each["outcome"] or "?" for each in story.shown.get("attempts", [])]
            offers = [f"offer: {each['outcome']}" for each in story.shown.get("offers", [])]
            table.add_row(
                str(index),
                f"{story.client.name:9} {story.client.number}",
                _times(phones.times_rung(story.client.number)),
                ", ".join([*attempts[:-1], *offers, *attempts[-1:]]),
                Text(str(story.shown.get("state", "?")), style="red" if found else "green"),
            )
        say = self._console.print
        say()
        say("Summary", style="bold")
        say(table)
        desks = ", ".join(
            f"{agent.name} {agent.extension} {_times(phones.times_rung(agent.extension))}"
            for agent in self._company.agents
        )
        say(f"agents' phones rang: {desks}")
        say(f"channels left: {', '.join(left) or 'none, neither on the PBX nor at the phones'}")
        faults += [f"left over: {each}" for each in left]
        for fault in faults:
            say(f"not as it should be: {fault}", style="red", markup=False)
        if faults:
            log = self._company.last_words()
            say("the last lines of callbackd's log:", *log, sep="\n  ", style="dim", markup=False)
        say("All went as the stories say." if not faults else "It did not go as the stories say.", style="bold")
        return not faults

    def _misbehaved(self) -> list[str]:
        try:
            self._company.phones.check()
        except Exception as error:  # whatever went wrong in a phone's behaviour is a fault of the show
            return [f"a phone misbehaved: {error}"]
        return []


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"

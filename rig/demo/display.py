"""What the terminal shows: one section per call-back, live on a terminal, line after line elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from types import TracebackType

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from rig.demo import words
from rig.demo.company import Company
from rig.demo.stories import Line, Story

SETTLE = timedelta(seconds=0.5)
"""Lines come from two sides; they are shown in order once the other side has had this long to tell its own."""

STYLES = {
    "agent": "yellow",
    "client": "yellow",
    "connected": "bold green",
    "offering": "magenta",
    "completed": "green",
    "scheduled": "cyan",
    "queued": "cyan",
}


def number(e164: str) -> str:
    """A Canadian number as people write it."""
    return f"+1 {e164[2:5]} {e164[5:8]} {e164[8:]}"


class Display:
    """Shows the stories while they happen: `with Display(...) as display`, and `tick` every now and then.

    A line without its turn is one that the daemon tells later than it happened: it keeps what an agent's phone did
    until the next step that has to be durable.
    """

    def __init__(self, console: Console, company: Company, stories: Sequence[Story], began: datetime) -> None:
        self._console = console
        self._company = company
        self._stories = stories
        self._began = began
        self._live: Live | None = None
        self._shown: set[int] = set()

    def __enter__(self) -> Display:
        if self._console.is_terminal:
            self._live = Live(
                console=self._console, get_renderable=self._screen, refresh_per_second=6, transient=True, screen=False
            )
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def tick(self, last: bool = False) -> None:
        """Without a terminal: prints what is new."""
        if self._live is not None:
            return
        ready = datetime.now(UTC) - (timedelta(0) if last else SETTLE)
        found: list[tuple[Line, int]] = []
        for index, story in enumerate(self._stories):
            fresh = [line for line in story.lines if line.at <= ready and id(line) not in self._shown]
            self._shown |= {id(line) for line in fresh}
            found += [(line, index) for line in fresh]
        for line, index in sorted(found, key=lambda pair: pair[0].at):
            who = "phones" if line.phone else "callbackd"
            self._console.print(
                f"{self._seconds(line.at):6.1f} s  {index + 1} {self._stories[index].client.first_name:5} {who:9}  "
                f"{line.text}",
                soft_wrap=True,
            )

    def transcript(self) -> RenderableType:
        """All that happened, a section each: what stays on the terminal."""
        parts: list[RenderableType] = []
        for index, story in enumerate(self._stories):
            parts += [Text(), self._heading(index, story), self._lines(story.lines, cut=False)]
        return Group(*parts)

    # On a terminal.

    @property
    def _wide(self) -> bool:
        return self._console.width >= 100

    def _screen(self) -> RenderableType:
        height = self._console.height
        spare = height - 4 - len(self._stories)
        each = max(1, spare // len(self._stories))
        loose = each > 5
        parts: list[RenderableType] = [self._title(), self._desks(), Text()]
        for index, story in enumerate(self._stories):
            lines = story.lines[-(each - 1 if loose else each) :]
            parts += [self._heading(index, story), self._lines(lines, cut=True)]
            if loose:
                parts.append(Text())
        return Group(*parts)

    def _title(self) -> RenderableType:
        line = Table.grid(expand=True)
        line.add_column(no_wrap=True)
        line.add_column(justify="right", no_wrap=True)
        ended = sum(story.ended for story in self._stories)
        line.add_row(
            Text("callbackd: five call-backs over real SIP", style="bold"),
            Text(f"{ended} of {len(self._stories)} done, {self._seconds(datetime.now(UTC)):.0f} s, Ctrl-C ends"),
        )
        return line

    def _desks(self) -> RenderableType:
        text = Text("agents  ", no_wrap=True, overflow="ellipsis")
        for agent in self._company.agents:
            what, style = self._doing(agent.extension)
            text.append(f"{agent.name} {agent.extension} " if self._wide else f"{agent.name} ")
            text.append(what, style)
            text.append("   ")
        return text

    def _doing(self, extension: str) -> tuple[str, str]:
        up = [call for call in self._company.phones.calls(extension) if call.ended_at is None]
        for call in up:
            if call.answered_at is not None:
                client = self._company.clients.get(call.caller_number)
                return (f"on {client.first_name}'s call" if client else "on a call"), "bold green"
        return ("rings", "yellow") if up else ("idle", "dim")

    def _heading(self, index: int, story: Story) -> RenderableType:
        client = story.client
        line = Table.grid(expand=True)
        line.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        line.add_column(justify="right", no_wrap=True)
        state = words.waits_for(story.shown, datetime.now(UTC)) if story.shown else "not asked for yet"
        style = STYLES.get(story.shown.get("state", ""), "dim")
        left = Text(f" {index + 1} {story.title}", style="bold")
        who = f"{client.name} {number(client.number)}" if self._wide else client.name
        left.append(f"  {who}", style="not bold")
        line.add_row(left, Text(f"{state} ", style=style), style="on grey23")
        return line

    def _lines(self, lines: Sequence[Line], *, cut: bool) -> RenderableType:
        grid = Table.grid(padding=(0, 1))
        grid.add_column(justify="right", no_wrap=True, style="dim", min_width=6)
        grid.add_column(no_wrap=True, min_width=9)
        grid.add_column(no_wrap=cut, overflow="ellipsis" if cut else "fold")
        for line in lines:
            who, style = ("phones", "dim") if line.phone else ("callbackd", "cyan")
            grid.add_row(f"{self._seconds(line.at):.1f}", Text(who, style=style), Text(line.text))
        return grid

    def _seconds(self, at: datetime) -> float:
        return max(0.0, (at - self._began).total_seconds())

"""Profiles as a scenario draws them: written as the YAML that a sysadmin would write, and judged by plain rules of
their own, so that the daemon's reading of its hours is not judged by itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

Interval = tuple[int, int]
"""From and to, in minutes of the wall clock; `to` not after `from`: it ends on the next day."""

Week = tuple[tuple[Interval, ...], ...]
"""Monday to Sunday."""

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Office:
    """One profile. Durations are in seconds. `week` None: always open."""

    name: str
    endpoints: tuple[str, ...]
    client_endpoint: str
    zone: str = "America/Toronto"
    week: Week | None = None
    queue: str | None = None
    at_once: int = 1
    ring: int = 20
    key_wait: int = 8
    prompt_repeats: int = 3
    retry_delay: int = 30
    after_failure: int = 10
    client_ring: int = 30
    auto: bool = True
    agent: bool = True
    client: bool = False
    max_reschedules: int = 2
    delay: int = 600
    cut_off: int = 0
    after_cut_off: str = "next_open"
    offer_attempts: int = 1
    offer_delay: int | None = None
    expire_after: int = 604800
    on_inbound: str = "hold"
    keys: dict[str, str] = field(default_factory=dict, hash=False)

    @property
    def start_key(self) -> str:
        """What an agent presses to have the client rung."""
        return self.keys.get("start", "1")

    def yaml(self) -> str:
        """The file."""
        on = {True: "on", False: "off"}
        lines = [
            "target:",
            f"  endpoint: [{', '.join(self.endpoints)}]",
            f"  timezone: {self.zone}",
            f"  max_concurrent: {self.at_once}",
        ]
        if self.queue is not None:
            lines.append(f"  queue: {self.queue}")
        if self.week is not None:
            lines.append("  hours:")
            lines += [
                f"    {day}: [{', '.join(f'{_clock(start)}-{_clock(end)}' for start, end in spans)}]"
                for day, spans in zip(_DAYS, self.week, strict=True)
                if spans
            ]
        lines += [
            f"agent: {{ring: {self.ring}s, key_wait: {self.key_wait}s, prompt_repeats: {self.prompt_repeats},"
            f" retry_delay: {self.retry_delay}s, after_failure: {self.after_failure}s}}",
            "client:",
            f'  endpoint: "{self.client_endpoint}"',
            '  allow: ["+1"]',
            "  country: CA",
            f"  ring: {self.client_ring}s",
            "rescheduling:",
            f"  {{auto: {on[self.auto]}, agent: {on[self.agent]}, client: {on[self.client]},"
            f" max_reschedules: {self.max_reschedules}, delay: {self.delay}s, cut_off: {self.cut_off}s,"
            f" after_cut_off: {self.after_cut_off}}}",
            f"offer: {{attempts: {self.offer_attempts}, reschedule_delay: 60s"
            + ("" if self.offer_delay is None else f", delay: {self.offer_delay}s")
            + "}",
            f"expire_after: {self.expire_after}s",
            f"on_inbound: {self.on_inbound}",
        ]
        return "\n".join(lines) + "\n"

    def is_open(self, at: datetime) -> bool:
        """Open at its first instant, shut at its last."""
        if self.week is None:
            return True
        today = at.astimezone(ZoneInfo(self.zone)).date()
        return any(
            opens <= at < closes
            for day in (today - timedelta(days=1), today)
            for opens, closes in _spans(self.week, self.zone, day)
        )

    def open_throughout(self, since: datetime, until: datetime) -> bool:
        """Open at both instants and at every minute in between."""
        at = since
        while at < until:
            if not self.is_open(at):
                return False
            at += timedelta(minutes=1)
        return self.is_open(until)


@lru_cache(maxsize=4096)
def _spans(week: Week, zone: str, day: date) -> tuple[tuple[datetime, datetime], ...]:
    return tuple(
        (
            _instant(zone, day, start, fold=0),
            _instant(zone, day, end if end > start else end + 1440, fold=1),
        )
        for start, end in week[day.weekday()]
    )


def _instant(zone: str, day: date, minutes: int, fold: int) -> datetime:
    """A time that there is twice is the first one to open and the second one to close; one that there is not is the
    next that there is."""
    where = ZoneInfo(zone)
    while True:
        wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minutes)
        at = wall.replace(tzinfo=where, fold=fold).astimezone(UTC)
        if at.astimezone(where).replace(tzinfo=None) == wall:
            return at
        minutes += 1


def _clock(minutes: int) -> str:
    return f"{minutes // 60:02d}:{minutes % 60:02d}"

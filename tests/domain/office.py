"""The office of the worked examples, and short ways to write hours, instants and profiles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from callbackd.domain.hours import Interval, TargetHours
from callbackd.domain.profile import (
    AfterCutOff,
    AgentRules,
    ClientRoute,
    OfferRules,
    Profile,
    Rescheduling,
    Target,
)

TORONTO = ZoneInfo("America/Toronto")
BERLIN = ZoneInfo("Europe/Berlin")
LORD_HOWE = ZoneInfo("Australia/Lord_Howe")

WEEKDAYS = range(5)
EVERY_DAY = range(7)


def intervals(text: str) -> tuple[Interval, ...]:
    """``09:00-12:00 22:00-06:00``, or ``closed``."""
    if text == "closed":
        return ()
    return tuple(_interval(part) for part in text.split())


def _interval(text: str) -> Interval:
    opens, closes = (60 * int(clock[:2]) + int(clock[3:]) for clock in text.split("-"))
    return Interval(opens, closes if closes > opens else closes + 1440)


def week(text: str, days: range = WEEKDAYS) -> dict[int, tuple[Interval, ...]]:
    """The same hours on each of the days."""
    return dict.fromkeys(days, intervals(text))


def hours(
    text: str = "09:00-12:00 13:00-17:00",
    days: range = WEEKDAYS,
    zone: ZoneInfo = TORONTO,
    exceptions: Mapping[str, str] | None = None,
) -> TargetHours:
    """Target hours, by default those of the worked examples."""
    dated = {date.fromisoformat(day): intervals(written) for day, written in (exceptions or {}).items()}
    return TargetHours(zone, week(text, days), dated)


OFFICE = hours()


def at(text: str, zone: ZoneInfo = TORONTO, fold: int = 0) -> datetime:
    """A wall-clock time as an instant in UTC: ``2026-11-02 10:00``, or ``Mon 10:00`` in the week of 2 Nov 2026."""
    day, clock = text.split()
    names = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    if day in names:
        day = (date(2026, 11, 2) + timedelta(days=names.index(day))).isoformat()
    return datetime.fromisoformat(f"{day} {clock}").replace(tzinfo=zone, fold=fold).astimezone(UTC)


def wall(instant: datetime | None, zone: ZoneInfo = TORONTO) -> str | None:
    """How people at the target write it: ``2026-11-02 10:00 EST``."""
    return None if instant is None else f"{instant.astimezone(zone):%Y-%m-%d %H:%M %Z}"


def profile(
    *,
    target_hours: TargetHours | None = OFFICE,
    auto: bool = True,
    agent: bool = True,
    client: bool = False,
    max_reschedules: int = 2,
    delay: timedelta = timedelta(minutes=30),
    cut_off: timedelta = timedelta(minutes=30),
    after_cut_off: AfterCutOff = AfterCutOff.NEXT_OPEN,
    offer: OfferRules | None = None,
    retry_delay: timedelta = timedelta(seconds=30),
    expire_after: timedelta = timedelta(days=7),
) -> Profile:
    """The profile of the worked examples, but for what is said."""
    return Profile(
        id="support",
        label="Support line",
        target=Target(("PJSIP/1001",), hours=target_hours, timezone="America/Toronto"),
        client=ClientRoute("PJSIP/{number}@trunk", ("+1",), "CA"),
        agent=AgentRules(retry_delay=retry_delay),
        rescheduling=Rescheduling(auto, agent, client, max_reschedules, delay, cut_off, after_cut_off),
        offer=offer or OfferRules(),
        expire_after=expire_after,
    )

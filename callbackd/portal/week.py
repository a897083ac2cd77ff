"""A target's coming seven days as a chart: when it is open, and where no reschedule is placed any more."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from callbackd.domain.hours import DAY, Span, TargetHours
from callbackd.domain.profile import Profile

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MINUTES = 1440


@dataclass(frozen=True, slots=True)
class Bar:
    """Part of a day, in minutes of its wall clock. `kind`: open, or cut_off: open, but past the cut-off."""

    begins: int
    ends: int
    kind: str

    @property
    def minutes(self) -> int:
        """How long it is on the wall."""
        return self.ends - self.begins


@dataclass(frozen=True, slots=True)
class Day:
    """One day on the wall. `now` is the present minute, on the present day only."""

    weekday: str
    date: str
    bars: tuple[Bar, ...]
    text: str
    exceptional: bool
    now: int | None


def week_of(profile: Profile, now: datetime) -> tuple[Day, ...]:
    """Seven days from today on, on the wall of the target; exceptions as they fall."""
    zone = ZoneInfo(profile.target.timezone)
    today = now.astimezone(zone).date()
    return tuple(_day(profile, today + n * DAY, zone, now if n == 0 else None) for n in range(7))


def _day(profile: Profile, day: date, zone: tzinfo, now: datetime | None) -> Day:
    hours = profile.target.hours
    if hours is None:
        bars, text = [Bar(0, MINUTES, "open")], "always open"
    else:
        bars = [bar for each in (day - DAY, day) for bar in _bars(profile, hours, each, day, zone)]
        text = _text(profile, hours, day, zone)
    minute = None
    if now is not None:
        there = now.astimezone(zone)
        minute = there.hour * 60 + there.minute
    return Day(
        weekday=_WEEKDAYS[day.weekday()],
        date=f"{day.day} {_MONTHS[day.month - 1]}",
        bars=tuple(sorted(bars, key=lambda bar: bar.begins)),
        text=text,
        exceptional=hours is not None and day in hours.exceptions,
        now=minute,
    )


def _latest(profile: Profile, hours: TargetHours, day: date) -> datetime | None:
    """The last instant of a business day on which a reschedule is placed; None if cut-off binds nothing."""
    close = hours.last_close(day)
    return None if close is None or not profile.rescheduling.cut_off else close - profile.rescheduling.cut_off


def _bars(profile: Profile, hours: TargetHours, business_day: date, day: date, zone: tzinfo) -> list[Bar]:
    """What a business day leaves on a date of the wall: overnight hours reach into the next one."""
    latest = _latest(profile, hours, business_day)
    found = []
    for span in hours.spans(business_day):
        if latest is None or latest >= span.closes:
            pieces = [(span, "open")]
        elif latest <= span.opens:
            pieces = [(span, "cut_off")]
        else:
            pieces = [(Span(span.opens, latest), "open"), (Span(latest, span.closes), "cut_off")]
        for piece, kind in pieces:
            begins, ends = _minute(piece.opens, day, zone), _minute(piece.closes, day, zone)
            if begins < ends:
                found.append(Bar(begins, ends, kind))
    return found


def _minute(at: datetime, day: date, zone: tzinfo) -> int:
    """The minute on the wall of that date, from 0 to 1440."""
    wall = at.astimezone(zone).replace(tzinfo=None) - datetime.combine(day, time())
    return max(0, min(MINUTES, int(wall / timedelta(minutes=1))))


def _text(profile: Profile, hours: TargetHours, day: date, zone: tzinfo) -> str:
    spans = hours.spans(day)
    if not spans:
        return "closed"
    text = ", ".join(f"{_clock(span.opens, day, zone)}–{_clock(span.closes, day, zone)}" for span in spans)
    latest = _latest(profile, hours, day)
    return text if latest is None else f"{text}; reschedules until {_clock(latest, day, zone)}"


def _clock(at: datetime, day: date, zone: tzinfo) -> str:
    there = at.astimezone(zone)
    if there.date() == day + DAY and there.time() == time():
        return "24:00"
    return f"{there:%H:%M}" if there.date() == day else f"{there:%H:%M} next day"

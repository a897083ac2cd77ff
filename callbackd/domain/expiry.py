"""When a call-back has waited long enough: nothing rolls on for ever."""

from __future__ import annotations

from datetime import UTC, datetime

from callbackd.domain.hours import LAST_YEAR, TargetHours, utc
from callbackd.domain.profile import Profile


def expires_at(profile: Profile, asked_at: datetime, due_at: datetime | None = None) -> datetime:
    """When a call-back ends as `expired` if it is still waiting.

    `expire_after` from `asked_at` (the latest of the request, `not_before` and the client's last press of 1), but
    never before the first business day on which it could be dialled has closed. `due_at`, where it is later than
    `asked_at`, is the instant from which it could be dialled at all.
    """
    asked_at = utc(asked_at)
    try:
        regular = asked_at + profile.expire_after
    except OverflowError:
        regular = datetime(LAST_YEAR, 1, 1, tzinfo=UTC)
    if profile.target.hours is None:
        return regular
    dialable = asked_at if due_at is None else max(asked_at, utc(due_at))
    close = _first_close(profile.target.hours, dialable)
    return regular if close is None else max(regular, close)


def _first_close(hours: TargetHours, at: datetime) -> datetime | None:
    """The end of the first business day's own hours; None where it is open already and never closes, or never opens.

    A day that the next one adjoins ends here with its own hours, or a week around the clock would expire nothing.
    """
    opening = hours.next_opening(at)
    if opening is None:
        return None
    day = hours.business_day_of(opening)
    if opening == at and hours.last_close(day) is None:
        return None
    return hours.spans(day)[-1].closes

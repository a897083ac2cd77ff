"""What follows a counted attempt, or a client offer: a further attempt, an offer, or the end; and why.

Every decision carries its explanation, rule by rule, in the target's wall clock: `callbackd when` prints it and the
timeline keeps it. Decisions use the profile as it is when they are made.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo
from zoneinfo import ZoneInfo

from callbackd.domain.callback import Kind, OfferOutcome, Outcome, Reschedules, State
from callbackd.domain.hours import DAY, TargetHours, elapsed, next_opening, utc, wall_clock
from callbackd.domain.profile import AfterCutOff, Profile
from callbackd.domain.rest import ROUTE_REST, doubled

Why = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Retry:
    """One further attempt of that kind, which may start from `due`; an `auto` or `agent` one uses up a reschedule."""

    kind: Kind
    due: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class MakeOffer:
    """A client offer, which may start from `due`."""

    due: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class End:
    """The call-back is over."""

    disposition: State
    why: Why


Decision = Retry | MakeOffer | End


@dataclass(frozen=True, slots=True)
class Placed:
    """A due time that hours and cut-off accept."""

    due: datetime
    why: Why


@dataclass(frozen=True, slots=True)
class Dropped:
    """No due time: `by_cut_off`, or because the target never opens again."""

    by_cut_off: bool
    why: Why


def after_attempt(
    profile: Profile,
    *,
    outcome: Outcome,
    client_outcome: Outcome | None = None,
    armed: bool,
    reschedules: Reschedules,
    ended_at: datetime,
    route_open: bool = False,
) -> Decision:
    """What follows an attempt that counted. The rule is the same after an attempt of every kind.

    `armed`: 9 was pressed. `reschedules`: those made so far. `ended_at`: the end of the attempt's last leg.
    `route_open`: the route breaker is open, so that `client_invalid` does not end the call-back; one that the
    breaker puts back is not asked about here at all. Uncounted attempts are `rest.after_uncounted`'s.
    """
    ended_at = utc(ended_at)
    rules = profile.rescheduling
    armed = armed or outcome is Outcome.AGENT_RESCHEDULED
    if outcome is Outcome.AGENT_RESCHEDULED and not rules.agent and client_outcome is not None:
        outcome = client_outcome  # switched off meanwhile: what the client's phone did decides
    if Outcome.CLIENT_INVALID in (outcome, client_outcome) and not route_open:
        return End(State.UNREACHABLE_NUMBER, ("the network says that the number does not exist: over at once",))
    if outcome is Outcome.ANSWERED and not (armed and rules.agent):
        return End(State.COMPLETED, ("answered, and no reschedule was asked for: completed",))
    kind, why = _kind(profile, outcome, armed)
    by_cut_off = False
    if kind is not None:
        may, line = _below_max(profile, reschedules)
        why += (line,)
        if may:
            due = ended_at + rules.delay
            why += (f"due {elapsed(rules.delay)} after the end at {_said(profile, ended_at)}: {_said(profile, due)}",)
            placed = place(profile, due, kind)
            why += placed.why
            if isinstance(placed, Placed):
                return Retry(kind, placed.due, why)
            by_cut_off = placed.by_cut_off
    return _no_retry(profile, ended_at, by_cut_off, why)


def after_offer(
    profile: Profile,
    *,
    outcome: OfferOutcome,
    offers_used: int,
    ended_at: datetime,
    dialled: bool = True,
    route_failures: int = 0,
) -> Decision:
    """What follows a client offer.

    `offers_used`: those of this round that counted before this one (see `offer_counts`); an offer that counts not is
    made again, after a rest: `route_failures` is the call-back's run before this one. `dialled`: the client leg had
    been dialled, which matters for `interrupted` only. After `never_again` the number goes to the block-list: the
    caller's business.
    """
    ended_at = utc(ended_at)
    offer = profile.offer
    match outcome:
        case OfferOutcome.ANOTHER_TRY:
            due = ended_at + offer.reschedule_delay
            why: Why = (
                "the client asked for another try",
                f"due {elapsed(offer.reschedule_delay)} after the end at {_said(profile, ended_at)}: "
                f"{_said(profile, due)}",
            )
            placed = place(profile, due, Kind.CLIENT)
            return Retry(Kind.CLIENT, placed.due if isinstance(placed, Placed) else due, why + placed.why)
        case OfferOutcome.DECLINED:
            return End(State.DECLINED, ("the client declined another try",))
        case OfferOutcome.NEVER_AGAIN:
            return End(State.DECLINED, ("the client asked never to be called again",))
        case OfferOutcome.CANCELLED:
            return End(State.CANCELLED, ("cancelled",))
        case OfferOutcome.ROUTE_FAILED | OfferOutcome.INTERRUPTED | OfferOutcome.NOT_ANSWERED | OfferOutcome.NO_KEY:
            pass
    if not offer_counts(outcome, dialled=dialled):
        if outcome is OfferOutcome.ROUTE_FAILED:
            rest = doubled(ROUTE_REST, route_failures + 1)
        else:
            rest = profile.agent.retry_delay
        line = f"{outcome}: the client's phone did not ring, the offer is made again after {elapsed(rest)}"
        placed = _in_hours(profile, ended_at + rest)
        return MakeOffer(placed.due, (line, *placed.why))
    used = offers_used + 1
    why = (f"{outcome}: {used} of {offer.attempts} offers used",)
    if not profile.rescheduling.client:
        return End(State.EXHAUSTED, (*why, "client rescheduling is off by now: no further offer"))
    if used >= offer.attempts:
        return End(State.EXHAUSTED, (*why, "all reschedules and all offers exhausted"))
    placed = offer_due(profile, ended_at, again=True)
    return MakeOffer(placed.due, why + placed.why)


def offer_counts(outcome: OfferOutcome, *, dialled: bool = True) -> bool:
    """Does an offer use up one of `offer.attempts`? Not if our route failed, or if it died before dialling."""
    if outcome is OfferOutcome.INTERRUPTED:
        return dialled
    return outcome is not OfferOutcome.ROUTE_FAILED


def offer_due(profile: Profile, ended_at: datetime, *, again: bool = False) -> Placed:
    """When a client offer may be made: inside target hours, else at the next opening; cut-off does not bind it.

    The first of a round comes `offer.delay` after the failed attempt; `again`, the Reschedule Delay after the last.
    """
    delay = profile.rescheduling.delay if again else profile.offer_delay
    ended_at = utc(ended_at)
    due = ended_at + delay
    line = f"the offer is due {elapsed(delay)} after {_said(profile, ended_at)}: {_said(profile, due)}"
    placed = _in_hours(profile, due)
    return Placed(placed.due, (line, *placed.why))


def place(profile: Profile, due: datetime, kind: Kind) -> Placed | Dropped:
    """Move a due time by hours and cut-off.

    A first attempt stays where it is: hours decide when it may start, and cut-off never applies to it (nor to
    attempts that merely waited, about which nobody asks here). A client reschedule is moved, never refused: if the
    target never opens again its due stays as it is and waits.
    """
    due = utc(due)
    hours = profile.target.hours
    if kind is Kind.REQUEST:
        return Placed(due, ("a first attempt's due is not moved: hours decide when it may start",))
    if hours is None:
        return Placed(due, ("no target hours: always open, and cut-off has nothing to bind",))
    day = hours.business_day_of(due)
    why: Why = ()
    if hours.is_open(due):
        candidate: datetime | None = due
    else:
        candidate = next((span.opens for span in hours.spans(day) if span.opens > due), None)
        if candidate is None:
            why = (f"{_said(profile, due)} is outside target hours, and that day does not open again",)
        else:
            why = (
                f"{_said(profile, due)} is outside target hours: "
                f"moved to the next opening of the same day, {_said(profile, candidate)}",
            )
    if candidate is not None:
        passes, line = _passes(profile, hours, day, candidate)
        why += (line,)
        if passes:
            return Placed(candidate, why)
    if kind is not Kind.CLIENT and profile.rescheduling.after_cut_off is AfterCutOff.DROP:
        return Dropped(True, (*why, "after_cut_off is drop: no reschedule"))
    return _next_open(profile, hours, due, kind, why)


def place_by_hand(profile: Profile, due: datetime) -> Placed:
    """Move the due time of a manual reschedule: hours bind it, cut-off does not, and nothing is used up."""
    return _in_hours(profile, utc(due))


def used(reschedules: Reschedules, kind: Kind) -> Reschedules:
    """The counts once a reschedule of that kind has been made; a first attempt changes nothing."""
    match kind:
        case Kind.AUTO:
            return replace(reschedules, auto=reschedules.auto + 1)
        case Kind.AGENT:
            return replace(reschedules, agent=reschedules.agent + 1)
        case Kind.CLIENT:
            return replace(reschedules, client=reschedules.client + 1)
        case Kind.REQUEST:
            return reschedules


def may_still_reschedule(profile: Profile, reschedules: Reschedules, at: datetime) -> bool:
    """Could a 9 pressed at `at` still bring a reschedule? Decides what the confirmation of the key says.

    No where agent rescheduling is off, max is reached, or hours and cut-off would drop it.
    """
    if not profile.rescheduling.agent:
        return False
    return _below_max(profile, reschedules)[0] and _has_place(profile, Kind.AGENT, at)


def _kind(profile: Profile, outcome: Outcome, armed: bool) -> tuple[Kind | None, Why]:
    """Never two reschedules for one attempt: `agent` if both apply. What is completed does not come here."""
    rules = profile.rescheduling
    if armed and rules.agent:
        return Kind.AGENT, ("the agent asked for a reschedule: kind agent",)
    if rules.auto:
        return Kind.AUTO, (f"the attempt ended as {outcome} and auto rescheduling is on: kind auto",)
    if not rules.auto and not rules.agent:
        return None, ("auto and agent rescheduling are off: no reschedule",)
    return None, ("auto rescheduling is off and the agent did not ask: no reschedule",)


def _below_max(profile: Profile, reschedules: Reschedules) -> tuple[bool, str]:
    limit = profile.rescheduling.max_reschedules
    may = reschedules.limited < limit
    line = f"{reschedules.limited} of {limit} reschedules used (auto {reschedules.auto}, agent {reschedules.agent})"
    return may, line if may else f"{line}: all reschedules exhausted"


def _has_place(profile: Profile, kind: Kind, at: datetime) -> bool:
    return isinstance(place(profile, utc(at) + profile.rescheduling.delay, kind), Placed)


def _no_retry(profile: Profile, ended_at: datetime, by_cut_off: bool, why: Why) -> MakeOffer | End:
    """None applies, max reached, or dropped: an offer if client rescheduling is on, else the end."""
    if profile.rescheduling.client and profile.offer.attempts > 0:
        placed = offer_due(profile, ended_at)
        return MakeOffer(placed.due, (*why, "client rescheduling is on: the client is asked", *placed.why))
    why += ("client rescheduling is off: over",)
    return End(State.CUT_OFF if by_cut_off else State.EXHAUSTED, why)


def _passes(profile: Profile, hours: TargetHours, day: date, due: datetime) -> tuple[bool, str]:
    """Is an instant at which the target is open early enough in its business day? Equality passes."""
    cut_off = profile.rescheduling.cut_off
    last_close = hours.last_close(day)
    if last_close is None:
        return True, f"{_said(profile, due)} is inside target hours, which never close: cut-off has nothing to bind"
    latest = last_close - cut_off
    if due <= latest:
        line = f"{_said(profile, due)} is inside target hours"
        return True, f"{line} and not past the cut-off at {_said(profile, latest)}" if cut_off else line
    close = _said(profile, last_close)
    return False, (
        f"{_said(profile, due)} is past the cut-off at {_said(profile, latest)}, "
        f"{elapsed(cut_off)} before the last close at {close}"
    )


def _next_open(profile: Profile, hours: TargetHours, due: datetime, kind: Kind, why: Why) -> Placed | Dropped:
    """The first opening of a later day that itself passes the cut-off."""
    first: datetime | None = None
    for later in hours.days_from(hours.business_day_of(due) + DAY):
        opens = next((span.opens for span in hours.spans(later) if span.opens > due), None)
        if opens is None:
            continue
        if _passes(profile, hours, later, opens)[0]:
            return Placed(opens, (*why, f"moved to the first later opening that passes, {_said(profile, opens)}"))
        first = first or opens
    if kind is Kind.CLIENT:
        line = "no later opening passes the cut-off, but a client reschedule is never refused"
        return Placed(first or due, (*why, line))
    if first is None and not hours.is_open(due):
        return Dropped(False, (*why, "the target never opens again: no reschedule"))
    return Dropped(True, (*why, "no later opening passes the cut-off: no reschedule"))


def _in_hours(profile: Profile, due: datetime) -> Placed:
    """At `due` if the target is open, else at its next opening; unmoved if there is none: it waits."""
    opening = next_opening(profile.target.hours, due)
    if opening is None:
        return Placed(due, ("the target never opens again: it waits",))
    if opening == due:
        return Placed(due, ("inside target hours",))
    return Placed(opening, (f"outside target hours: moved to the next opening, {_said(profile, opening)}",))


def _zone(profile: Profile) -> tzinfo:
    hours = profile.target.hours
    return ZoneInfo(profile.target.timezone) if hours is None else hours.zone


def _said(profile: Profile, at: datetime) -> str:
    return wall_clock(at, _zone(profile))

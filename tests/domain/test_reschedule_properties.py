"""What holds of every reschedule, whatever the hours, the settings and the outcomes."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from callbackd.domain.callback import Kind, OfferOutcome, Outcome, Reschedules, State
from callbackd.domain.hours import Interval, TargetHours, is_open
from callbackd.domain.profile import AfterCutOff, OfferRules, Profile
from callbackd.domain.reschedule import (
    Dropped,
    End,
    MakeOffer,
    Placed,
    Retry,
    after_attempt,
    after_offer,
    may_still_reschedule,
    place,
    used,
)
from callbackd.domain.rest import counts
from tests.domain.office import profile

STEP = timedelta(minutes=10)
DAY = timedelta(days=1)
ZONES = ("America/Toronto", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kolkata")
COUNTED = [outcome for outcome in Outcome if counts(outcome, network_took=True)]

# Around the changes of the clock of all the zones.
instants = st.sampled_from(
    [date(2026, 3, 6), date(2026, 3, 27), date(2026, 4, 3), date(2026, 10, 2), date(2026, 10, 23), date(2026, 10, 30)]
).flatmap(lambda day: st.integers(0, 4 * 144).map(lambda n: datetime.combine(day, time(), tzinfo=UTC) + n * STEP))
minutes = st.integers(0, 36).map(lambda n: n * STEP)


@st.composite
def day_hours(draw: st.DrawFn) -> tuple[Interval, ...]:
    """Hours in steps of ten minutes; nothing that reaches the next day's."""
    shape = draw(st.sampled_from(["closed", "day", "broken", "night"]))
    if shape == "closed":
        return ()
    if shape == "night":
        return (Interval(draw(st.integers(72, 143)) * 10, 1440 + draw(st.integers(1, 60)) * 10),)
    cuts = sorted(draw(st.lists(st.integers(61, 143), min_size=4, max_size=4, unique=True)))
    if shape == "day":
        return (Interval(cuts[0] * 10, cuts[3] * 10),)
    return (Interval(cuts[0] * 10, cuts[1] * 10), Interval(cuts[2] * 10, cuts[3] * 10))


@st.composite
def target_hours(draw: st.DrawFn) -> TargetHours:
    week = {day: draw(day_hours()) for day in range(7)}
    return TargetHours(ZoneInfo(draw(st.sampled_from(ZONES))), week)


@st.composite
def profiles(draw: st.DrawFn) -> Profile:
    return profile(
        target_hours=draw(st.none() | target_hours()),
        auto=draw(st.booleans()),
        agent=draw(st.booleans()),
        client=draw(st.booleans()),
        max_reschedules=draw(st.integers(0, 5)),
        delay=draw(minutes),
        cut_off=draw(minutes),
        after_cut_off=draw(st.sampled_from(AfterCutOff)),
        offer=OfferRules(draw(st.none() | minutes), draw(st.integers(1, 3))),
    )


def latest_due(hours: TargetHours, day: date, cut_off: timedelta) -> datetime:
    """The cut-off of a day whose hours do not adjoin the next day's."""
    return hours.spans(day)[-1].closes - cut_off


@settings(max_examples=300, deadline=None)
@given(profiles(), st.sampled_from(COUNTED), st.booleans(), st.integers(0, 5), instants)
def test_a_due_time_is_after_the_delay_inside_hours_and_not_past_cut_off(
    rules: Profile, outcome: Outcome, armed: bool, spent: int, ended: datetime
) -> None:
    decision = after_attempt(rules, outcome=outcome, armed=armed, reschedules=Reschedules(auto=spent), ended_at=ended)
    match decision:
        case Retry(kind=kind, due=due):
            assert spent < rules.rescheduling.max_reschedules
            assert kind is (
                Kind.AGENT
                if (armed or outcome is Outcome.AGENT_RESCHEDULED) and rules.rescheduling.agent
                else Kind.AUTO
            )
            assert due >= ended + rules.rescheduling.delay
            hours = rules.target.hours
            assert is_open(hours, due)
            if hours is not None:
                assert due <= latest_due(hours, hours.business_day_of(due), rules.rescheduling.cut_off)
        case MakeOffer(due=due):
            assert rules.rescheduling.client
            assert due >= ended + rules.offer_delay
            hours = rules.target.hours
            assert is_open(hours, due) or (hours is not None and hours.next_opening(due) is None)
        case End(disposition=disposition):
            assert disposition in (State.COMPLETED, State.EXHAUSTED, State.CUT_OFF, State.UNREACHABLE_NUMBER)
            if disposition in (State.EXHAUSTED, State.CUT_OFF):
                assert not rules.rescheduling.client
    assert decision.why


@settings(max_examples=200, deadline=None)
@given(target_hours(), minutes, instants)
def test_next_open_is_the_first_instant_that_passes(hours: TargetHours, cut_off: timedelta, due: datetime) -> None:
    rules = profile(target_hours=hours, cut_off=cut_off)
    placed = place(rules, due, Kind.AUTO)
    end = due + 9 * DAY
    scanned = None
    at = due
    while at < end and scanned is None:
        if hours.is_open(at) and at <= latest_due(hours, hours.business_day_of(at), cut_off):
            scanned = at
        at += STEP
    if scanned is None:
        assert isinstance(placed, Dropped) or placed.due >= end
    else:
        assert isinstance(placed, Placed)
        assert placed.due == scanned


@settings(max_examples=200, deadline=None)
@given(target_hours(), minutes, instants)
def test_drop_gives_the_same_day_or_nothing(hours: TargetHours, cut_off: timedelta, due: datetime) -> None:
    placed = place(profile(target_hours=hours, cut_off=cut_off, after_cut_off=AfterCutOff.DROP), due, Kind.AUTO)
    moved = place(profile(target_hours=hours, cut_off=cut_off), due, Kind.AUTO)
    if isinstance(placed, Placed):
        assert moved == placed
        assert hours.business_day_of(placed.due) == hours.business_day_of(due)
    else:
        assert isinstance(moved, Dropped) or hours.business_day_of(moved.due) > hours.business_day_of(due)


@settings(max_examples=200, deadline=None)
@given(profiles(), st.data(), instants)
def test_counts_never_exceed_max_however_decisions_are_chained(
    rules: Profile, data: st.DataObject, ended: datetime
) -> None:
    reschedules, attempts, client_attempts, offers_used = Reschedules(), 1, 0, 0
    for _ in range(40):
        decision = after_attempt(
            rules,
            outcome=data.draw(st.sampled_from(COUNTED)),
            armed=data.draw(st.booleans()),
            reschedules=reschedules,
            ended_at=ended,
        )
        while isinstance(decision, MakeOffer):
            assert decision.due >= ended
            ended = decision.due
            outcome = data.draw(st.sampled_from(OfferOutcome))
            decision = after_offer(rules, outcome=outcome, offers_used=offers_used, ended_at=ended)
            offers_used += outcome is not OfferOutcome.ROUTE_FAILED
            assert offers_used <= rules.offer.attempts
        if isinstance(decision, End):
            break
        offers_used = 0
        assert decision.due >= ended
        ended = decision.due
        reschedules = used(reschedules, decision.kind)
        attempts += 1
        client_attempts += decision.kind is Kind.CLIENT
        assert reschedules.limited <= rules.rescheduling.max_reschedules
        assert attempts - client_attempts <= rules.rescheduling.max_reschedules + 1
        assert reschedules.client == client_attempts


@settings(max_examples=200, deadline=None)
@given(profiles(), st.sampled_from(COUNTED), st.integers(0, 5), instants)
def test_what_the_agent_is_told_is_what_happens(rules: Profile, outcome: Outcome, spent: int, ended: datetime) -> None:
    reschedules = Reschedules(agent=spent)
    armed = after_attempt(rules, outcome=Outcome.AGENT_RESCHEDULED, armed=True, reschedules=reschedules, ended_at=ended)
    by_agent = isinstance(armed, Retry) and armed.kind is Kind.AGENT
    assert may_still_reschedule(rules, reschedules, ended) == by_agent

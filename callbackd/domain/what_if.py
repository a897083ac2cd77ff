"""What would follow if an attempt ended, and why: the rules asked for people who want to know, not for a call-back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from callbackd.domain.callback import Kind, OfferOutcome, Outcome, Reschedules
from callbackd.domain.profile import Profile
from callbackd.domain.reschedule import End, MakeOffer, Retry, after_attempt, after_offer
from callbackd.domain.rest import after_uncounted, counts


@dataclass(frozen=True, slots=True)
class Answer:
    """What follows: `decision` is retry, offer, end or rest; `due` None is at once where it rests."""

    decision: str
    summary: str
    why: tuple[str, ...]
    due: datetime | None = None
    kind: Kind | None = None
    disposition: str | None = None


def outcome_unless_said(kind: Kind) -> Outcome:
    """How the attempt ended where nobody says it: the client was not reached, or the agent asked for another try."""
    return Outcome.AGENT_RESCHEDULED if kind is Kind.AGENT else Outcome.CLIENT_NO_ANSWER


def explain(profile: Profile, kind: Kind, outcome: Outcome, used: int, ended_at: datetime) -> Answer:
    """Ask the rules. `outcome` does not matter to `kind` client: that follows an offer."""
    if kind is Kind.CLIENT:
        decision = after_offer(profile, outcome=OfferOutcome.ANOTHER_TRY, offers_used=0, ended_at=ended_at)
    elif counts(outcome, network_took=True):
        decision = after_attempt(
            profile, outcome=outcome, armed=kind is Kind.AGENT, reschedules=Reschedules(auto=used), ended_at=ended_at
        )
    else:
        rest = after_uncounted(profile, outcome, ended_at=ended_at)
        until = rest.target_until or rest.callback_until
        summary = "again at once" if until is None else "tried again, in its old place, not before"
        if outcome is Outcome.WITHHELD:
            summary = "tried again, in its old place, once the reason is gone"
        return Answer("rest", summary, (*rest.why, "the client's phone did not ring: nothing is used up"), until)
    match decision:
        case Retry(kind=made, due=due, why=why):
            return Answer("retry", f"tried again ({made}) from", why, due, made)
        case MakeOffer(due=due, why=why):
            return Answer("offer", "the client is rung and asked for one more try from", why, due)
        case End(disposition=disposition, why=why):
            return Answer("end", f"not tried again: {disposition}", why, disposition=disposition.value)

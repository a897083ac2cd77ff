"""A call-back's story: its timeline as chapters, one for each attempt and offer, told in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from callbackd.domain.callback import EventType, Kind, OfferOutcome, Outcome, State, TimelineEvent
from callbackd.domain.profile import Keys
from callbackd.engine.desk import Story
from callbackd.portal import words
from callbackd.portal.walls import clock

_DECISIONS = frozenset(
    {EventType.RESTING, EventType.RESCHEDULED, EventType.OFFER_SCHEDULED, EventType.PUT_BACK, EventType.ENDED}
)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that happened: a sentence, and what else there is to say of it. `why`: the rules that led there."""

    id: int
    at: datetime
    text: str
    tone: str = "calm"
    why: tuple[str, ...] = ()
    decision: bool = False


@dataclass(slots=True)
class Chapter:
    """An attempt, an offer, or what happened outside of any. `lasted`: None while it runs; `over`: its end is told."""

    key: str
    title: str
    note: str = ""
    verdict: str | None = None
    tone: str = "calm"
    started: datetime | None = None
    lasted: timedelta | None = None
    live: bool = False
    over: bool = False
    entries: list[Entry] = field(default_factory=list)


class Teller:
    """Tells the events of one call-back, on the wall of its target and with the keys of its profile."""

    def __init__(self, zone: tzinfo, now: datetime, keys: Keys) -> None:
        self._zone = zone
        self._now = now
        self._keys = keys

    def chapters(self, story: Story) -> Sequence[Chapter]:
        """The whole of it, in order of time."""
        attempts = {attempt.number: attempt for attempt in story.attempts}
        offers = {offer.number: offer for offer in story.offers}
        told: list[Chapter] = []
        current = Chapter("begin", "Request")
        told.append(current)
        for event in story.timeline:
            data = event.data
            if event.type is EventType.ATTEMPT_STARTED:
                attempt = attempts.get(_number(data.get("attempt")))
                current = Chapter(f"attempt-{data.get('attempt')}", f"Attempt {data.get('attempt')}")
                current.note = words.KINDS[Kind(data["kind"])] if data.get("kind") in set(Kind) else ""
                current.started, current.live = event.at, True
                if attempt is not None and attempt.outcome is not None:
                    _close(current, words.OUTCOMES[attempt.outcome], words.OUTCOME_TONES[attempt.outcome])
                    current.lasted = (attempt.ended_at or event.at) - attempt.started_at
                told.append(current)
            elif event.type is EventType.OFFER_STARTED:
                offer = offers.get(_number(data.get("offer")))
                current = Chapter(f"offer-{data.get('offer')}", f"Offer {data.get('offer')}")
                current.note = "the client is asked for one more try"
                current.started, current.live = event.at, True
                if offer is not None and offer.outcome is not None:
                    _close(current, words.OFFER_OUTCOMES[offer.outcome], _offer_tone(offer.outcome))
                    current.lasted = (offer.ended_at or event.at) - offer.started_at
                told.append(current)
            elif current.over and event.at > current.entries[-1].at:
                current = Chapter(f"between-{event.seq}", "In between")
                told.append(current)
            if event.type in (EventType.ATTEMPT_ENDED, EventType.OFFER_ENDED):
                current.over = True
            current.entries.append(self._entry(event, current.key.startswith("offer")))
        return [chapter for chapter in told if chapter.entries]

    def _entry(self, event: TimelineEvent, in_offer: bool) -> Entry:
        why = event.data.get("why") or ()
        lines = tuple(str(line) for line in ([why] if isinstance(why, str) else why))
        if event.type in (EventType.RESTING, EventType.ENDED):
            lines = tuple(words.refusal(line) for line in lines)
        text, tone = self._told(event, in_offer)
        return Entry(event.id, event.at, text, tone, lines, event.type in _DECISIONS)

    def _told(self, event: TimelineEvent, in_offer: bool) -> tuple[str, str]:
        data = event.data
        match event.type:
            case EventType.REQUESTED:
                priority = f", priority {data['priority']}" if data.get("priority") else ""
                return f"Requested, to be called from {self._at(data.get('due_at'))}{priority}", "calm"
            case EventType.ATTEMPT_STARTED:
                return "The agent is rung", "busy"
            case EventType.AGENT_ANSWERED:
                where = f" ({data['endpoint']})" if data.get("endpoint") else ""
                return f"An agent answered{where}", "busy"
            case EventType.KEY_PRESSED:
                return self._key(data, in_offer)
            case EventType.CLIENT_DIALLED:
                return "The client is dialled", "busy"
            case EventType.CLIENT_RINGING:
                return "The client's phone rings", "busy"
            case EventType.CLIENT_ANSWERED:
                unseen = " while callbackd was away" if data.get("unseen") else ""
                bridged = data.get("bridged_after_ms")
                after = f", connected {bridged} ms later" if isinstance(bridged, int) else ""
                return f"The client answered{unseen}{after}", "good"
            case EventType.CLIENT_ENDED:
                return f"The client's leg ended: {_outcome(data.get('client_outcome'))}{_cause(data)}", "calm"
            case EventType.RESCHEDULE_ARMED:
                return f"The agent pressed {self._keys.reschedule}: to be called again later", "calm"
            case EventType.RESCHEDULE_DISARMED:
                return f"The agent pressed {self._keys.reschedule} again: taken back", "calm"
            case EventType.ATTEMPT_ENDED:
                return self._attempt_ended(data)
            case EventType.RESTING:
                until = f" until {self._at(data['until'])}" if data.get("until") else ""
                return f"Waits{until}" if until else "Waits for its next turn", "calm"
            case EventType.RESCHEDULED:
                kind = words.KINDS.get(Kind(data["kind"]), "") if data.get("kind") in set(Kind) else ""
                return f"To be tried again from {self._at(data.get('due_at'))} ({kind})", "calm"
            case EventType.OFFER_SCHEDULED:
                return f"The client is to be asked for one more try from {self._at(data.get('due_at'))}", "calm"
            case EventType.OFFER_STARTED:
                return "The client is rung", "busy"
            case EventType.OFFER_ANSWERED:
                return "The client answered, and hears the offer", "busy"
            case EventType.OFFER_ENDED:
                outcome = data.get("outcome")
                known = OfferOutcome(outcome) if outcome in set(OfferOutcome) else None
                told = words.OFFER_OUTCOMES[known] if known else str(outcome)
                return f"The offer ended: {told}{_cause(data)}", _offer_tone(known)
            case EventType.MOVED:
                return f"Moved by hand to {self._at(data.get('due_at'))}", "calm"
            case EventType.PUT_BACK:
                return "Put back into the line", "calm"
            case EventType.ENDED:
                by = " by an operator" if data.get("by") == "operator" else ""
                state = State(data["disposition"]) if data.get("disposition") in set(State) else None
                if state is None:
                    return f"Ended: {data.get('disposition')}{by}", "calm"
                return f"Ended: {words.STATES[state]}{by}", words.TONES[state]

    def _key(self, data: dict[str, Any], in_offer: bool) -> tuple[str, str]:
        if "refused" in data:
            return f"Withheld: {words.refusal(str(data['refused']))}", "bad"
        key = str(data.get("key"))
        if in_offer:
            meaning = {"1": "one more try", "2": "no thanks", "3": "never call again"}.get(key)
            return f"The client pressed {key}" + (f": {meaning}" if meaning else ""), "calm"
        keys = self._keys
        meanings = {keys.start: "start", keys.decline: "decline", keys.again: "say it again"}
        meaning = meanings.get(key, "the choices are repeated")
        return f"The agent pressed {key}: {meaning}", "calm"

    def _attempt_ended(self, data: dict[str, Any]) -> tuple[str, str]:
        outcome = data.get("outcome")
        known = Outcome(outcome) if outcome in set(Outcome) else None
        told = words.OUTCOMES_EXPLAINED[known] if known else f"{outcome}."
        counted = data.get("counted")
        used = "" if counted is None or known in (Outcome.ANSWERED, Outcome.CANCELLED) else _COUNTS[bool(counted)]
        return f"{told.removesuffix('.')}{_cause(data)}.{used}", words.OUTCOME_TONES[known] if known else "calm"

    def _at(self, instant: object) -> str:
        try:
            return clock(datetime.fromisoformat(str(instant)).astimezone(UTC), self._zone, self._now)
        except ValueError:
            return "an unknown time"


_COUNTS = {True: " It counts: the client's phone was called.", False: " It does not count: nothing is used up."}


def _close(chapter: Chapter, verdict: str, tone: str) -> None:
    chapter.verdict, chapter.tone, chapter.live = verdict, tone, False


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def _outcome(value: object) -> str:
    return words.OUTCOMES[Outcome(value)] if isinstance(value, str) and value in set(Outcome) else str(value)


def _cause(data: dict[str, Any]) -> str:
    number = data.get("cause")
    return f": {words.cause(number)}" if isinstance(number, int) and number else ""


def _offer_tone(outcome: OfferOutcome | None) -> str:
    if outcome is OfferOutcome.ANOTHER_TRY:
        return "good"
    return "bad" if outcome in (OfferOutcome.NOT_ANSWERED, OfferOutcome.ROUTE_FAILED, OfferOutcome.NO_KEY) else "calm"

"""The five stories: who is called, what they do, and how it must end."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rig.demo.people import Client, answers, asks_for_another_try, calls_and_talks, has_a_box, is_busy, is_out
from rig.demo.people import presses_1_in_the_offer as presses_1

Json = dict[str, Any]


@dataclass(frozen=True)
class Line:
    """Something that happened. `phone`: at a phone; else the daemon says so."""

    at: datetime
    text: str
    phone: bool


@dataclass
class Story:
    """One call-back: what is to happen, and what does."""

    title: str
    profile: str
    client: Client
    attempts: Sequence[tuple[str, str]]
    """Kind and outcome of each."""
    offers: Sequence[str] = ()
    id: str = ""
    shown: Json = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)
    _events: int = 0

    @property
    def rings(self) -> int:
        """How often the client's phone must have rung."""
        return len(self.attempts) + len(self.offers)

    @property
    def ended(self) -> bool:
        """It has its disposition."""
        return bool(self.shown.get("ended_at"))

    def fresh_events(self) -> list[Json]:
        """The events that came since this was last asked."""
        events: list[Json] = self.shown.get("events", [])
        fresh, self._events = events[self._events :], len(events)
        return fresh

    def faults(self) -> list[str]:
        """What is not as the story says."""
        found: list[str] = []

        def expect(what: str, is_: object, should: object) -> None:
            if is_ != should:
                found.append(f"{what}: {is_}, but the story says {should}")

        expect("state", self.shown.get("state", "never requested"), "completed")
        attempts = [(each["kind"], each["outcome"]) for each in self.shown.get("attempts", [])]
        expect("attempts", attempts, list(self.attempts))
        expect("offers", [each["outcome"] for each in self.shown.get("offers", [])], list(self.offers))
        expect("times the client's phone was called", self.client.calls, self.rings)
        if self.client.heard_agent == 0 or self.client.heard_by_agent == 0:
            found.append("the two never heard each other")
        return found


def stories() -> list[Story]:
    """New ones: nothing has happened yet."""
    return [
        Story(
            "All goes well",
            "support",
            Client("Ann Lee", "+14165550101", [answers]),
            [("request", "answered")],
        ),
        Story(
            "The line is busy, then not",
            "support",
            Client("Ben Cole", "+14165550102", [is_busy, answers]),
            [("request", "client_busy"), ("auto", "answered")],
        ),
        Story(
            "The agent presses 9 while talking",
            "support",
            Client("Cleo Diaz", "+14165550103", [answers], [asks_for_another_try, calls_and_talks]),
            [("request", "agent_rescheduled"), ("agent", "answered")],
        ),
        Story(
            "A voicemail box answers",
            "support",
            Client("Dev Rao", "+14165550104", [has_a_box, answers]),
            [("request", "agent_rescheduled"), ("agent", "answered")],
        ),
        Story(
            "All tries used, the client wants one more",
            "sales",
            Client("Eve Moss", "+14165550105", [is_busy, is_out, presses_1, answers]),
            [("request", "client_busy"), ("auto", "client_no_answer"), ("client", "answered")],
            ["another_try"],
        ),
    ]

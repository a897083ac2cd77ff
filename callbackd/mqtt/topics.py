"""The names of the topics below the configured prefix."""

from __future__ import annotations

from dataclasses import dataclass

_LONGEST_ANSWER_TOPIC = 1024


@dataclass(frozen=True, slots=True)
class Topics:
    """All topics of one callbackd."""

    prefix: str

    @property
    def status(self) -> str:
        """Retained `online` or `offline`."""
        return f"{self.prefix}/status"

    def event(self, profile: str) -> str:
        """What happens to the call-backs of a profile."""
        return f"{self.prefix}/event/{profile}"

    def profile(self, profile: str) -> str:
        """The retained summary of a profile."""
        return f"{self.prefix}/profile/{profile}"

    @property
    def request(self) -> str:
        """Commands: ask for a call-back."""
        return f"{self.prefix}/command/request"

    @property
    def cancel(self) -> str:
        """Commands: cancel one."""
        return f"{self.prefix}/command/cancel"

    def may_take_an_answer(self, topic: str) -> bool:
        """Whether an answer may be sent there.

        Not to callbackd's own topics: whoever may only send commands could otherwise write there with our rights.
        """
        first_own = ("status", "event", "profile", "command")
        own = any(topic == f"{self.prefix}/{name}" or topic.startswith(f"{self.prefix}/{name}/") for name in first_own)
        return (
            0 < len(topic) <= _LONGEST_ANSWER_TOPIC
            and not topic.startswith("$")
            and topic.isprintable()
            and not set(topic) & set("+#")
            and not own
        )

"""The judge. Its evidence: what the phones saw, what the database holds, and what people were told; never what the
engine remembers."""

from __future__ import annotations

from simulation.asterisk.phones import Call
from simulation.judge.evidence import Evidence, must
from simulation.judge.parting import Parting
from simulation.judge.rest import Rest
from simulation.judge.ringing import Ringing
from simulation.judge.timelines import Timelines


class Judge:
    """All that it is told or asked may raise `Violated`."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        timelines = Timelines(evidence, lambda call: self.rest.ended(call))
        self.look = timelines.look
        """Read what is new in the database."""
        self.ringing = Ringing(evidence, self.look)
        self.parting = Parting(evidence, self.look)
        self.rest = Rest(evidence, self.look)

    def answered(self, key: str, callback_id: str, *, made: bool) -> None:
        """A request with an idempotency key was answered: one that has made a call-back always with that."""
        keys = self.evidence.told.keys
        if made:
            keys.setdefault(key, callback_id)
        first = keys.get(key, callback_id)
        name = self.evidence.name
        must(first == callback_id, f"a request was answered with {name(first)}, and repeated with {name(callback_id)}")

    def arrived(self, call: Call) -> None:
        """A caller is in the menu."""
        self.evidence.callers.append(call)

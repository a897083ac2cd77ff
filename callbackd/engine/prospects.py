"""The reschedule rules as an attempt asks them while it runs: with the profile as it is at that moment."""

from __future__ import annotations

from datetime import datetime

from callbackd.domain.attempt import final_outcome
from callbackd.domain.callback import CallBack, Outcome
from callbackd.domain.profile import Profile
from callbackd.domain.reschedule import Retry, after_attempt, may_still_reschedule
from callbackd.engine.profiles import Rules


class LiveProspects:
    """`callbackd.domain.attempt.Prospects` for one call-back."""

    def __init__(self, rules: Rules, callback: CallBack) -> None:
        self._rules = rules
        self._callback = callback

    def agent_rescheduling(self) -> bool:
        """Agent Rescheduling is on."""
        profile = self._profile()
        return profile is not None and profile.rescheduling.agent

    def agent_may_reschedule(self, at: datetime) -> bool:
        """A reschedule of kind `agent` could still follow an attempt that ends at that instant."""
        profile = self._profile()
        return profile is not None and may_still_reschedule(profile, self._callback.reschedules, at)

    def will_retry(self, client_outcome: Outcome, armed: bool, at: datetime) -> bool:
        """The client will be called again after an attempt that ends so."""
        profile = self._profile()
        if profile is None or client_outcome is Outcome.ROUTE_FAILED:
            return True
        decision = after_attempt(
            profile,
            outcome=final_outcome(client_outcome, armed),
            client_outcome=client_outcome,
            armed=armed,
            reschedules=self._callback.reschedules,
            ended_at=at,
        )
        return isinstance(decision, Retry)

    def _profile(self) -> Profile | None:
        return self._rules.profiles.get(self._callback.profile)

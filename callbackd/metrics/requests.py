"""The intake with every request counted, whichever door it came by."""

from __future__ import annotations

import time
from random import Random

from callbackd.engine.clock import Clock
from callbackd.engine.intake import Accepted, Intake, Request, Wakes
from callbackd.engine.profiles import Rules
from callbackd.engine.refusals import Refused
from callbackd.metrics.instruments import Instruments
from callbackd.store.interface import Store

ACCEPTED = "accepted"
DUPLICATE = "duplicate"
FAILED = "failed"


class CountedIntake(Intake):
    """As the intake it is. Results are `accepted`, `duplicate`, `failed` (the store can't), or the refusal's code."""

    def __init__(
        self,
        store: Store,
        rules: Rules,
        clock: Clock,
        random: Random,
        scheduler: Wakes,
        instruments: Instruments,
    ) -> None:
        super().__init__(store, rules, clock, random, scheduler)
        self._known = rules
        self._instruments = instruments
        # A request may begin anew inside: asked of another, it is counted once.
        self._intake = Intake(store, rules, clock, random, scheduler)

    async def request(self, request: Request, idempotency_key: str | None = None) -> Accepted:
        """Keep a request; durable when it returns. Raises `Refused`, and then nothing has changed."""
        began = time.perf_counter()
        result = FAILED
        try:
            accepted = await self._intake.request(request, idempotency_key)
            result = ACCEPTED if accepted.created else DUPLICATE
            return accepted
        except Refused as refused:
            result = refused.code.value
            raise
        finally:
            # An unknown profile's name is anything that anybody sends: it becomes no label.
            profile = request.profile if request.profile in self._known.profiles else ""
            self._instruments.requests.labels(profile, result).inc()
            self._instruments.request_seconds.observe(time.perf_counter() - began)

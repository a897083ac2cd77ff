"""The scripts: each reads its parameters, asks the engine and says it in the dialplan's words."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence

from callbackd.agi.answers import Answer, Status
from callbackd.agi.environment import Environment
from callbackd.agi.query import Query, read_query
from callbackd.agi.services import Services
from callbackd.domain.callback import CallBack
from callbackd.engine.intake import Request
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import StoreError

log = logging.getLogger(__name__)

_OF_A_NUMBER = frozenset({"number", "profile"})
PARAMETERS: Mapping[str, frozenset[str]] = {
    "request": frozenset({"profile", "number", "name", "reason", "priority", "language", "not_before"}),
    "cancel": _OF_A_NUMBER,
    "status": _OF_A_NUMBER,
    "inbound": _OF_A_NUMBER,
    "released": frozenset({"number"}),
}
"""Every script, and what it may be given."""

PLACE_LIMIT = 0.5
"""Seconds for finding out how many are before one. It is not known then; the call-back stands."""

INTERNAL = "internal"
"""The reason of an error that is a fault of ours, beside the engine's codes."""


TAKES_CALLS_DOWN = frozenset({"cancel", "inbound"})
"""Scripts that may end a call that rings: its agent is told, and they wait until it is down."""

PATIENCE_FOR_CALLS = 4
"""How many times longer those may take."""


class Scripts:
    """Runs scripts. `limit` is how many seconds one may take: a caller hears nothing meanwhile."""

    def __init__(self, services: Services, limit: float = 2.0) -> None:
        self._services = services
        self._limit = limit

    async def answer(self, environment: Environment) -> Answer:
        """Run the script that is named. Never raises but when cancelled: what goes wrong is an answer too."""
        try:
            query = read_query(environment.script, PARAMETERS)
            slow = PATIENCE_FOR_CALLS if query.script in TAKES_CALLS_DOWN else 1
            async with asyncio.timeout(self._limit * slow):
                answer = await self._run(query, environment.call)
        except Refused as refused:
            answer = _refused(refused)
            log.info("refused", extra={"why": refused.message, "reason": answer.reason})
        except (StoreError, TimeoutError) as error:
            log.error("a script failed", extra={"error": str(error) or "not done in time"})
            answer = Answer(Status.ERROR, reason=Code.UNAVAILABLE.value)
        except Exception:
            log.exception("a script failed: a fault of ours")
            answer = Answer(Status.ERROR, reason=INTERNAL)
        else:
            tags = {"script": query.script, "status": answer.status.value, "callback": answer.callback or None}
            log.info("answered", extra=tags)
        return answer

    async def _run(self, query: Query, call: str) -> Answer:
        match query.script:
            case "request":
                return await self._request(query)
            case "cancel":
                return await self._cancel(query)
            case "status":
                return await self._status(query)
            case "inbound":
                return await self._inbound(query, call)
            case _:
                return self._released(query, call)

    async def _request(self, query: Query) -> Answer:
        priority = query.whole_number("priority")
        accepted = await self._services.intake.request(
            Request(
                profile=query.required("profile"),
                number=query.required("number"),
                name=query.text("name"),
                reason=query.text("reason"),
                not_before=query.instant("not_before"),
                priority=0 if priority is None else priority,
                language=query.text("language"),
            )
        )
        status = Status.ACCEPTED if accepted.created else Status.DUPLICATE
        return Answer(status, accepted.callback.id, waiting=await self._place(accepted.callback))

    async def _cancel(self, query: Query) -> Answer:
        cancelled = await self._services.callers.cancel(query.required("number"), query.text("profile"))
        return _about(Status.CANCELLED, cancelled) if cancelled else Answer(Status.NONE)

    async def _status(self, query: Query) -> Answer:
        """Of several, that which comes first."""
        found = await self._services.callers.callbacks_of(query.required("number"), query.text("profile"))
        if not found:
            return Answer(Status.NONE)
        places = [(await self._services.callers.before(callback), callback) for callback in found]
        before, first = min(places, key=lambda place: place[0])
        return Answer(Status.WAITING, first.id, waiting=before)

    async def _inbound(self, query: Query, call: str) -> Answer:
        """`HELD` before all else: whoever hears it must tell the call's end."""
        arrival = await self._services.callers.arrives(query.required("number"), call, query.text("profile"))
        for status, callbacks in (
            (Status.HELD, arrival.held),
            (Status.CANCELLED, arrival.cancelled),
            (Status.WAITING, arrival.kept),
        ):
            if callbacks:
                return _about(status, callbacks)
        return Answer(Status.NONE)

    def _released(self, query: Query, call: str) -> Answer:
        released = self._services.callers.leaves(query.required("number"), call)
        return Answer(Status.RELEASED if released else Status.NONE)

    async def _place(self, callback: CallBack) -> int | None:
        try:
            async with asyncio.timeout(PLACE_LIMIT):
                return await self._services.callers.before(callback)
        except (StoreError, TimeoutError):
            return None


def _about(status: Status, callbacks: Sequence[CallBack]) -> Answer:
    """Of several, the one that was asked for first."""
    return Answer(status, callbacks[0].id)


def _refused(refused: Refused) -> Answer:
    if refused.code is Code.UNAVAILABLE:
        return Answer(Status.ERROR, reason=refused.code.value)
    status = Status.CLOSED if refused.code is Code.INTAKE_PAUSED else Status.REFUSED
    return Answer(status, reason=refused.code.value)

"""One door for every request, whichever way it came."""

from __future__ import annotations

import hashlib
import json
import logging
import unicodedata
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Protocol

from callbackd.domain.callback import CallBack, EventType, TimelineEvent
from callbackd.domain.expiry import expires_at
from callbackd.domain.instants import rfc3339
from callbackd.domain.numbers import Refusal, check
from callbackd.domain.profile import Profile
from callbackd.engine.clock import Clock, new_id
from callbackd.engine.profiles import Rules
from callbackd.engine.refusals import Code, Refused
from callbackd.store.interface import AlreadyWaiting, Idempotency, Store

log = logging.getLogger(__name__)

DAY = timedelta(hours=24)
NAME_LIMIT = 80
REASON_LIMIT = 200
_TURNS = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
PRIORITIES = range(-100, 101)


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked for. `number` as people write it; `not_before` aware."""

    profile: str
    number: str
    name: str | None = None
    reason: str | None = None
    not_before: datetime | None = None
    priority: int = 0
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The call-back that answers a request; `created` False: it was there already."""

    callback: CallBack
    created: bool


class Wakes(Protocol):
    """Whoever wants to know that there is something new to start."""

    def wake(self) -> None:
        """Look at once."""


class Intake:
    """Admits requests and keeps them before it answers."""

    def __init__(self, store: Store, rules: Rules, clock: Clock, random: Random, scheduler: Wakes) -> None:
        self._store = store
        self._rules = rules
        self._clock = clock
        self._random = random
        self._scheduler = scheduler

    async def request(self, request: Request, idempotency_key: str | None = None) -> Accepted:
        """Keep a request; durable when it returns. Raises `Refused`, and then nothing has changed."""
        now = self._clock.now()
        profile = self._rules.profiles.get(request.profile)
        if profile is None:
            raise Refused(Code.UNKNOWN_PROFILE, f"no profile {request.profile[:40]!r}")
        _check_form(request)
        number = check(request.number, profile.client)
        if isinstance(number, Refusal):
            raise Refused(Code(number.code.value), number.message)
        idempotency = None
        if idempotency_key is not None:
            idempotency = Idempotency(idempotency_key, _fingerprint(request, number))
            repeated = await self._repeated(idempotency, now)
            if repeated is not None:
                return repeated
        if (existing := await self._existing(profile, number)) is not None:
            return existing
        await self._admit(profile, number, now)
        callback = self._new(request, profile, number, now)
        try:
            callback = await self._store.add(callback, _requested(callback), idempotency)
        except AlreadyWaiting:
            if (existing := await self._existing(profile, number)) is not None:
                return existing
            return await self.request(request, idempotency_key)
        self._scheduler.wake()
        log.info("requested", extra={"callback": callback.id, "profile": callback.profile, "number": callback.number})
        return Accepted(callback, created=True)

    async def _repeated(self, idempotency: Idempotency, now: datetime) -> Accepted | None:
        found = await self._store.find_idempotent(idempotency.key, now - DAY)
        if found is None:
            return None
        callback, fingerprint = found
        if fingerprint != idempotency.fingerprint:
            raise Refused(Code.IDEMPOTENCY_MISMATCH, "this Idempotency-Key was used for another request")
        return Accepted(callback, created=False)

    async def _existing(self, profile: Profile, number: str) -> Accepted | None:
        for callback in await self._store.find_waiting_or_live(number, profile.id):
            return Accepted(callback, created=False)
        return None

    async def _admit(self, profile: Profile, number: str, now: datetime) -> None:
        if await self._store.is_blocked(number):
            raise Refused(Code.NUMBER_BLOCKED, "this number asked never to be called")
        pauses = await self._store.pauses()
        if any(pauses[name].intake for name in ("*", profile.id) if name in pauses):
            raise Refused(Code.INTAKE_PAUSED, "no requests are taken at present")
        if len(await self._store.dials(number, now - DAY)) >= self._rules.limits.dials_per_number:
            raise Refused(Code.NUMBER_LIMIT, "this number was dialled as often as it may be in 24 hours")
        if await self._store.requests(number, now - DAY) >= self._rules.limits.requests_per_number:
            raise Refused(Code.NUMBER_LIMIT, "this number asked as often as it may in 24 hours")

    def _new(self, request: Request, profile: Profile, number: str, now: datetime) -> CallBack:
        due = now if request.not_before is None else max(now, request.not_before.astimezone(UTC))
        return CallBack(
            id=new_id(self._clock, self._random),
            profile=profile.id,
            number=number,
            requested_at=now,
            due_at=due,
            asked_at=due,
            expires_at=expires_at(profile, due),
            name=request.name or None,
            reason=request.reason or None,
            language=request.language,
            priority=request.priority,
            not_before=request.not_before,
        )


def _check_form(request: Request) -> None:
    """Limits of the form. Raises `Refused`."""
    for label, text, limit in (("name", request.name, NAME_LIMIT), ("reason", request.reason, REASON_LIMIT)):
        if text is not None and len(text) > limit:
            raise Refused(Code.INVALID, f"{label} has {len(text)} characters; at most {limit} are allowed")
        if text is not None and not _is_writing(text):
            raise Refused(Code.INVALID, f"{label} has control characters in it")
    if request.priority not in PRIORITIES:
        raise Refused(Code.INVALID, f"priority is {request.priority}; it must be from -100 to 100")
    if request.not_before is not None and request.not_before.tzinfo is None:
        raise Refused(Code.INVALID, "not_before must have a time zone")
    if request.language is not None and not _is_language(request.language):
        raise Refused(Code.INVALID, "language must be a tag such as en or en_GB")


def _is_writing(text: str) -> bool:
    """No control characters, line separators, or marks that turn the direction of what follows them."""
    return not any(
        unicodedata.category(letter) in ("Cc", "Cs", "Cn", "Zl", "Zp") or unicodedata.bidirectional(letter) in _TURNS
        for letter in text
    )


def _is_language(text: str) -> bool:
    return len(text) <= 20 and text.isascii() and text.replace("_", "").replace("-", "").isalnum()


def _fingerprint(request: Request, number: str) -> str:
    shape = {**asdict(request), "number": number}
    return hashlib.sha256(json.dumps(shape, sort_keys=True, default=str).encode()).hexdigest()


def _requested(callback: CallBack) -> TimelineEvent:
    return TimelineEvent(
        EventType.REQUESTED,
        callback.requested_at,
        {"due_at": rfc3339(callback.due_at), "priority": callback.priority},
    )

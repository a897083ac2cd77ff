"""A Call-Back Profile as the rules see it: every setting checked and typed, nothing left of its YAML.

`callbackd.config` makes these from a sysadmin's files; the defaults are those of the specification's sample.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from callbackd.domain.hours import TargetHours


class AfterCutOff(StrEnum):
    """What becomes of a reschedule that would fall past the cut-off."""

    NEXT_OPEN = "next_open"
    DROP = "drop"


class OnInbound(StrEnum):
    """What happens to a waiting call-back whose client calls in meanwhile."""

    KEEP = "keep"
    HOLD = "hold"
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the agents are.

    `endpoints` are rung together, the first to answer wins; at least one. `queue` names an Asterisk queue that must
    have an agent available before an attempt starts. `hours` None means always open. `max_concurrent` 0 means paused.
    """

    endpoints: tuple[str, ...]
    queue: str | None = None
    hours: TargetHours | None = None
    timezone: str = "UTC"
    max_concurrent: int = 1


@dataclass(frozen=True, slots=True)
class Keys:
    """What an agent presses: each a sequence of one or more of ``0-9 * #``, all different."""

    start: str = "1"
    decline: str = "2"
    again: str = "*"
    reschedule: str = "9"


@dataclass(frozen=True, slots=True)
class AgentRules:
    """How an agent is rung and asked. `prompt_repeats` plays in all, each followed by `key_wait`."""

    ring: timedelta = timedelta(seconds=20)
    key_wait: timedelta = timedelta(seconds=8)
    prompt_repeats: int = 3
    retry_delay: timedelta = timedelta(seconds=30)
    after_failure: timedelta = timedelta(seconds=10)
    keys: Keys = field(default_factory=Keys)


@dataclass(frozen=True, slots=True)
class ClientRoute:
    """How a client is dialled.

    `endpoint` is a template in which ``{number}``, ``{digits}`` and ``{national}`` stand for the client's number.
    `country` is an ISO 3166 code, the default for numbers without ``+``. `allow` and `block` are E.164 prefixes.
    """

    endpoint: str
    allow: tuple[str, ...]
    country: str | None = None
    block: tuple[str, ...] = ()
    caller_id: str | None = None
    ring: timedelta = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Rescheduling:
    """The six settings, and what follows a cut-off."""

    auto: bool = True
    agent: bool = True
    client: bool = False
    max_reschedules: int = 2
    delay: timedelta = timedelta(minutes=10)
    cut_off: timedelta = timedelta(0)
    after_cut_off: AfterCutOff = AfterCutOff.NEXT_OPEN


@dataclass(frozen=True, slots=True)
class OfferRules:
    """The client offer. `delay` None means the Reschedule Delay."""

    delay: timedelta | None = None
    attempts: int = 1
    reschedule_delay: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Profile:
    """The settings that govern a call-back. `prompts` replaces spoken phrases: name -> Asterisk media URIs."""

    id: str
    label: str
    target: Target
    client: ClientRoute
    agent: AgentRules = field(default_factory=AgentRules)
    rescheduling: Rescheduling = field(default_factory=Rescheduling)
    offer: OfferRules = field(default_factory=OfferRules)
    expire_after: timedelta = timedelta(days=7)
    on_inbound: OnInbound = OnInbound.HOLD
    prompts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    language: str = "en"

    @property
    def offer_delay(self) -> timedelta:
        """How long after the last failure a client offer is made."""
        return self.rescheduling.delay if self.offer.delay is None else self.offer.delay

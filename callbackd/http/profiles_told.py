"""What the API tells of a profile: how it stands, and the settings in force, in the shape of its YAML file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from callbackd.domain.callback import ON_THE_PHONE, WAITING, State
from callbackd.domain.hours import Interval, TargetHours, closes_at
from callbackd.domain.profile import AfterCutOff, OnInbound, Profile
from callbackd.engine.control import ProfileStatus
from callbackd.wire.times import ToldInstant

_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_COUNTED = [state for state in State if state in WAITING | ON_THE_PHONE]


class ToldTarget(BaseModel):
    """Where the agents are. `hours` null: always open; a weekday that is not there is closed."""

    endpoint: list[str]
    queue: str | None
    timezone: str
    hours: dict[str, list[str]] | None
    exceptions: dict[str, list[str]]
    max_concurrent: int


class ToldAgentRules(BaseModel):
    """How an agent is rung and asked; durations in seconds."""

    ring: float
    key_wait: float
    prompt_repeats: int
    retry_delay: float
    after_failure: float
    keys: dict[str, str]


class ToldClientRoute(BaseModel):
    """How a client is dialled; durations in seconds."""

    endpoint: str
    caller_id: str | None
    country: str | None
    allow: list[str]
    block: list[str]
    ring: float


class ToldRescheduling(BaseModel):
    """What follows when the client was not reached; durations in seconds."""

    auto: bool
    agent: bool
    client: bool
    max_reschedules: int
    delay: float
    cut_off: float
    after_cut_off: AfterCutOff


class ToldOfferRules(BaseModel):
    """The client offer; durations in seconds."""

    delay: float
    attempts: int
    reschedule_delay: float


class ToldSettings(BaseModel):
    """A profile's settings in force, defaults included; durations in seconds."""

    label: str
    target: ToldTarget
    agent: ToldAgentRules
    client: ToldClientRoute
    rescheduling: ToldRescheduling
    offer: ToldOfferRules
    expire_after: float
    on_inbound: OnInbound
    prompts: dict[str, list[str]]
    language: str

    @classmethod
    def of(cls, profile: Profile) -> Self:
        agent, client, again = profile.agent, profile.client, profile.rescheduling
        keys = agent.keys
        return cls(
            label=profile.label,
            target=_target(profile),
            agent=ToldAgentRules(
                ring=agent.ring.total_seconds(),
                key_wait=agent.key_wait.total_seconds(),
                prompt_repeats=agent.prompt_repeats,
                retry_delay=agent.retry_delay.total_seconds(),
                after_failure=agent.after_failure.total_seconds(),
                keys={"start": keys.start, "decline": keys.decline, "again": keys.again, "reschedule": keys.reschedule},
            ),
            client=ToldClientRoute(
                endpoint=client.endpoint,
                caller_id=client.caller_id,
                country=client.country,
                allow=list(client.allow),
                block=list(client.block),
                ring=client.ring.total_seconds(),
            ),
            rescheduling=ToldRescheduling(
                auto=again.auto,
                agent=again.agent,
                client=again.client,
                max_reschedules=again.max_reschedules,
                delay=again.delay.total_seconds(),
                cut_off=again.cut_off.total_seconds(),
                after_cut_off=again.after_cut_off,
            ),
            offer=ToldOfferRules(
                delay=profile.offer_delay.total_seconds(),
                attempts=profile.offer.attempts,
                reschedule_delay=profile.offer.reschedule_delay.total_seconds(),
            ),
            expire_after=profile.expire_after.total_seconds(),
            on_inbound=profile.on_inbound,
            prompts={name: list(uris) for name, uris in profile.prompts.items()},
            language=profile.language,
        )


class ToldProfile(BaseModel):
    """How a profile stands.

    `paused`: nothing is dialled, by an operator's will or by a limit of 0 (`paused_by_limit`); `intake_paused`: no
    requests are taken. Both are true of what the whole daemon has paused, too. `counts` has the live states, `waiting`
    and `live` are sums of them. `next_opening` and `closes_at` are instants to come; null while it is open, or never
    opens, and while it never closes. `target_rests_until`: nobody answered at the target; `route_paused_until`: its
    route failed, and is probed then (an instant that has passed: it is being probed).
    """

    id: str
    label: str
    timezone: str
    open: bool
    next_opening: ToldInstant | None
    closes_at: ToldInstant | None
    paused: bool
    paused_by_limit: bool
    intake_paused: bool
    target_rests_until: ToldInstant | None
    route_paused_until: ToldInstant | None
    waiting: int
    live: int
    counts: dict[State, int]

    @classmethod
    def of(cls, status: ProfileStatus, now: datetime) -> Self:
        """As it stands at `now`."""
        profile = status.profile
        return cls(
            id=profile.id,
            label=profile.label,
            timezone=profile.target.timezone,
            open=status.open_now,
            next_opening=None if status.open_now else status.next_opening,
            closes_at=closes_at(profile.target.hours, now) if status.open_now else None,
            paused=status.paused,
            paused_by_limit=status.paused_by_limit,
            intake_paused=status.pause.intake,
            target_rests_until=status.target_rests_until,
            route_paused_until=status.route_open_until,
            waiting=status.waiting,
            live=status.live,
            counts={state: status.counts.get(state, 0) for state in _COUNTED},
        )


class ToldProfileInFull(ToldProfile):
    """The same with its settings."""

    settings: ToldSettings

    @classmethod
    def of(cls, status: ProfileStatus, now: datetime) -> Self:
        """As it stands at `now`."""
        return cls(**dict(ToldProfile.of(status, now)), settings=ToldSettings.of(status.profile))


class ToldProfiles(BaseModel):
    """All profiles, in order of id."""

    items: list[ToldProfileInFull]


def _target(profile: Profile) -> ToldTarget:
    target = profile.target
    return ToldTarget(
        endpoint=list(target.endpoints),
        queue=target.queue,
        timezone=target.timezone,
        hours=None if target.hours is None else _week(target.hours.week),
        exceptions={} if target.hours is None else _exceptions(target.hours),
        max_concurrent=target.max_concurrent,
    )


def _week(week: Mapping[int, Sequence[Interval]]) -> dict[str, list[str]]:
    return {_WEEKDAYS[day]: _intervals(week[day]) for day in sorted(week) if week[day]}


def _exceptions(hours: TargetHours) -> dict[str, list[str]]:
    return {day.isoformat(): _intervals(hours.exceptions[day]) for day in sorted(hours.exceptions)}


def _intervals(intervals: Sequence[Interval]) -> list[str]:
    return [f"{_clock(each.opens)}-{_clock(each.closes)}" for each in intervals]


def _clock(minutes: int) -> str:
    """``24:00`` is midnight at a day's end; past it, the clock of the next morning."""
    within = minutes if minutes <= 1440 else minutes - 1440
    return f"{within // 60:02d}:{within % 60:02d}"

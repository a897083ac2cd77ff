"""A profile's settings in words: the six of rescheduling first, then who is rung and how."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from callbackd.domain.hours import elapsed
from callbackd.domain.profile import AfterCutOff, OnInbound, Profile


@dataclass(frozen=True, slots=True)
class Setting:
    """`name` as people call it, `key` as the file does, `value`, and what that means."""

    name: str
    key: str
    value: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that belong together."""

    title: str
    settings: tuple[Setting, ...]


_INBOUND = {
    OnInbound.KEEP: "a client who calls in is called back all the same",
    OnInbound.HOLD: "a waiting client who calls in is not called while on the line to us",
    OnInbound.CANCEL: "the call-back of a client who calls in is cancelled",
}


def settings_told(profile: Profile) -> Sequence[Group]:
    """All of them, in force now, defaults included."""
    return (_rescheduling(profile), _target(profile), _agent(profile), _client(profile), _others(profile))


def _on(value: bool) -> str:
    return "on" if value else "off"


def _rescheduling(profile: Profile) -> Group:
    rules = profile.rescheduling
    tries = rules.max_reschedules + 1
    next_open = rules.after_cut_off is AfterCutOff.NEXT_OPEN
    return Group(
        "Rescheduling",
        (
            Setting(
                "Auto Rescheduling", "rescheduling.auto", _on(rules.auto),
                "a client who was not reached is tried again by itself" if rules.auto
                else "a client who was not reached is not tried again by itself",
            ),
            Setting(
                "Agent Rescheduling", "rescheduling.agent", _on(rules.agent),
                f"an agent may ask for another try with {profile.agent.keys.reschedule}" if rules.agent
                else f"{profile.agent.keys.reschedule} is just a digit",
            ),
            Setting(
                "Client Rescheduling", "rescheduling.client", _on(rules.client),
                "when nothing else is left the client is rung once and may ask for one more try" if rules.client
                else "the client is never asked by an automated call",
            ),
            Setting(
                "Max Reschedules", "rescheduling.max_reschedules", str(rules.max_reschedules),
                f"auto and agent together: {tries} {'attempt' if tries == 1 else 'attempts'} that count, at most",
            ),
            Setting(
                "Reschedule Delay", "rescheduling.delay", elapsed(rules.delay),
                "elapsed time from the end of the failed attempt's last leg",
            ),
            Setting(
                "Cut-Off Time", "rescheduling.cut_off", elapsed(rules.cut_off),
                "how long before the end of the target's day rescheduling stops" if rules.cut_off
                else "rescheduling goes on until the target closes",
            ),
            Setting(
                "After Cut-Off", "rescheduling.after_cut_off", rules.after_cut_off.value,
                "a reschedule past the cut-off moves to the next opening that passes" if next_open
                else "there is no reschedule past the cut-off",
            ),
        ),
    )  # fmt: skip


def _target(profile: Profile) -> Group:
    target = profile.target
    limit = target.max_concurrent
    return Group(
        "Target",
        (
            Setting(
                "Endpoint", "target.endpoint", ", ".join(target.endpoints),
                "rung together, the first to answer wins" if len(target.endpoints) > 1 else "where agents are rung",
            ),
            Setting(
                "Queue", "target.queue", target.queue or "none",
                "an attempt starts only while this queue has an agent available" if target.queue
                else "attempts do not wait for an agent of a queue",
            ),
            Setting("Time zone", "target.timezone", target.timezone, "hours, days and cut-off are on its wall clock"),
            Setting(
                "Calls at a time", "target.max_concurrent", str(limit),
                "attempts that may be live together" if limit else "nothing is dialled: a limit of 0 is a pause",
            ),
        ),
    )  # fmt: skip


def _agent(profile: Profile) -> Group:
    agent, keys = profile.agent, profile.agent.keys
    return Group(
        "The agent's call",
        (
            Setting("Ring", "agent.ring", elapsed(agent.ring), "how long the agent's phone rings"),
            Setting(
                "Keys", "agent.keys", f"{keys.start} · {keys.decline} · {keys.again} · {keys.reschedule}",
                "start · decline · say it again · ask for another try",
            ),
            Setting(
                "Prompt", "agent.prompt_repeats", str(agent.prompt_repeats),
                f"plays in all, each followed by {elapsed(agent.key_wait)} to press a key",
            ),
            Setting(
                "Retry delay", "agent.retry_delay", elapsed(agent.retry_delay),
                "rest after an agent who did not answer, doubling to 10 min; or who declined",
            ),
            Setting(
                "After a failure", "agent.after_failure", elapsed(agent.after_failure),
                f"for the agent to press {keys.reschedule} when nothing else follows",
            ),
        ),
    )  # fmt: skip


def _client(profile: Profile) -> Group:
    client = profile.client
    return Group(
        "The client's call",
        (
            Setting("Endpoint", "client.endpoint", client.endpoint, "how clients are dialled"),
            Setting("Caller id", "client.caller_id", client.caller_id or "none", "what the client's display shows"),
            Setting("Ring", "client.ring", elapsed(client.ring), "how long the client's phone rings"),
            Setting("Country", "client.country", client.country or "none", "of numbers without a leading +"),
            Setting("Allowed", "client.allow", ", ".join(client.allow), "prefixes that may be dialled"),
            Setting("Blocked", "client.block", ", ".join(client.block) or "none", "prefixes that may not"),
        ),
    )  # fmt: skip


def _others(profile: Profile) -> Group:
    offer = profile.offer
    return Group(
        "Offer, expiry, callers",
        (
            Setting("Offer", "offer.delay", elapsed(profile.offer_delay), "so long after the last failure"),
            Setting("Offers", "offer.attempts", str(offer.attempts), "automated calls that go unanswered, at most"),
            Setting(
                "Client's try", "offer.reschedule_delay", elapsed(offer.reschedule_delay),
                "after the client pressed 1",
            ),
            Setting("Expiry", "expire_after", elapsed(profile.expire_after), "a call-back older than that ends"),
            Setting("Calling in", "on_inbound", profile.on_inbound.value, _INBOUND[profile.on_inbound]),
            Setting("Language", "language", profile.language, "of the prompts, unless the call-back has its own"),
        ),
    )  # fmt: skip

"""Which attempts count, and after those that do not: who rests, and until when.

An attempt counts if its client leg was dialled and the network took the call: the client's phone decides. An
uncounted one leaves the call-back where it is in the order; it uses up nothing, but somebody rests.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from callbackd.domain.callback import TARGET_AT_FAULT, Outcome
from callbackd.domain.hours import elapsed, utc
from callbackd.domain.profile import Profile

LONGEST = timedelta(minutes=10)
"""Where the doubling of a rest stops."""

ROUTE_REST = timedelta(seconds=30)
"""The rest after a first route failure."""

CONVERSATION = timedelta(seconds=10)
"""Two who were bridged this long when the daemon or the PBX died had talked: the attempt ends as `answered`."""

_ALWAYS = frozenset(
    {
        Outcome.ANSWERED,
        Outcome.AGENT_RESCHEDULED,
        Outcome.CLIENT_BUSY,
        Outcome.CLIENT_NO_ANSWER,
        Outcome.CLIENT_REJECTED,
        Outcome.CLIENT_UNREACHABLE,
        Outcome.CLIENT_INVALID,
        Outcome.CLIENT_MACHINE,
    }
)
_KEY_1_PRESSED = frozenset({Outcome.AGENT_LEFT, Outcome.ROUTE_FAILED, Outcome.WITHHELD})


@dataclass(frozen=True, slots=True)
class Rest:
    """What an uncounted attempt leaves behind.

    `callback_until`: this call-back is not tried before; None means at once. `target_until`: no call-back of the
    profile is, None means that this attempt asks no rest of the target. `target_failures` and `route_failures` are
    the runs as they now stand, to be kept for the next time.
    """

    callback_until: datetime | None = None
    target_until: datetime | None = None
    target_failures: int = 0
    route_failures: int = 0
    why: tuple[str, ...] = ()


def counts(
    outcome: Outcome, client_outcome: Outcome | None = None, *, network_took: bool, after_answer: bool = False
) -> bool:
    """Does an attempt use up the client's patience?

    `network_took`: the client leg was dialled and nothing showed that the network did not take it. `after_answer`:
    the client had answered. After an interruption it counts once the client was dialled, as nobody can know that the
    phone did not ring; unless the client leg itself is known to have failed in our route.
    """
    if outcome in _ALWAYS:
        return True
    if outcome is Outcome.AGENT_LEFT:
        return network_took and not after_answer
    if outcome in (Outcome.INTERRUPTED, Outcome.CANCELLED):
        return network_took and client_outcome is not Outcome.ROUTE_FAILED
    return False


def interrupted_outcome(bridged_for: timedelta | None) -> Outcome:
    """What the death of the daemon or the PBX makes of an attempt; None when the two had not been bridged."""
    return Outcome.ANSWERED if bridged_for is not None and bridged_for >= CONVERSATION else Outcome.INTERRUPTED


def after_uncounted(
    profile: Profile,
    outcome: Outcome,
    *,
    ended_at: datetime,
    target_failures: int = 0,
    route_failures: int = 0,
    withheld_until: datetime | None = None,
    after_answer: bool = True,
) -> Rest:
    """Who rests after an attempt that did not count.

    `target_failures` and `route_failures` are the runs so far: of the target's empty desk and of this call-back's
    route failures. `withheld_until` is when the reason of a `withheld` is gone, None if that cannot be told (the
    condition itself then holds it back). `after_answer`: an agent who left did so after the client's
    answer. Raises `ValueError` for an outcome that always counts.
    """
    ended_at = utc(ended_at)
    retry = profile.agent.retry_delay
    if outcome in TARGET_AT_FAULT:
        failures = target_failures + 1
        wait = doubled(retry, failures)
        return Rest(
            target_until=ended_at + wait,
            target_failures=failures,
            route_failures=route_failures,
            why=(f"{outcome}: nobody took the call at the target, it rests for {elapsed(wait)}",),
        )
    if outcome in _KEY_1_PRESSED:
        target_failures = 0
    if outcome is Outcome.ROUTE_FAILED:
        failures = route_failures + 1
        wait = doubled(ROUTE_REST, failures)
        why = f"{outcome}: our route could not place the call, this call-back rests for {elapsed(wait)}"
        return Rest(ended_at + wait, None, target_failures, failures, (why,))
    if outcome is Outcome.AGENT_DECLINED:
        why = f"{outcome}: this call-back rests for {elapsed(retry)}, others go first"
        return Rest(ended_at + retry, None, target_failures, route_failures, (why,))
    if outcome is Outcome.INTERRUPTED:
        why = f"{outcome} before the client was dialled: again after {elapsed(retry)}"
        return Rest(ended_at + retry, None, target_failures, route_failures, (why,))
    if outcome is Outcome.AGENT_LEFT and not after_answer:
        why = f"{outcome} before the network had taken the call: again after {elapsed(retry)}"
        return Rest(ended_at + retry, None, target_failures, route_failures, (why,))
    if outcome is Outcome.AGENT_LEFT:
        why = f"{outcome}: the client was left waiting, again at once"
        return Rest(None, None, target_failures, route_failures, (why,))
    if outcome is Outcome.WITHHELD:
        until = None if withheld_until is None else utc(withheld_until)
        why = f"{outcome}: refused when the agent had pressed the key, waits until the reason is gone"
        return Rest(until, None, target_failures, route_failures, (why,))
    raise ValueError(f"nothing rests after {outcome}")


def put_back_until(route_open_until: datetime) -> datetime:
    """Until when a call-back rests that the route breaker put back.

    A moment longer than the breaker's pause: so another number, if one waits, makes the next probe, and a number that
    really does not exist cannot keep the route shut.
    """
    return utc(route_open_until) + timedelta(seconds=1)


def doubled(first: timedelta, failures: int) -> timedelta:
    """The rest after so many failures in a row: `first`, then twice as long each time, up to `LONGEST`.

    A `first` that is longer than that stays as it is.
    """
    return min(first * (1 << min(max(failures, 1) - 1, 20)), max(first, LONGEST))

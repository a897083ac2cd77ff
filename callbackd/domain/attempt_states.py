"""The states of the agent-first call: one dataclass each, told by `callbackd.domain.attempt`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from callbackd.domain.callback import Attempt, Outcome
from callbackd.domain.profile import Keys, Profile
from callbackd.domain.telephony import Leg, Role

FIRST_AGENT = Leg(Role.AGENT)


@dataclass(frozen=True, slots=True)
class Script:
    """What the attempt needs of its profile, as it was when the attempt began. `try_number` None: never rung before."""

    endpoints: tuple[str, ...]
    number: str
    try_number: int | None
    ring: timedelta
    key_wait: timedelta
    prompt_repeats: int
    after_failure: timedelta
    client_ring: timedelta
    keys: Keys

    @classmethod
    def of(cls, profile: Profile, number: str, counted: int) -> Script:
        """The script for a number whose phone was rung `counted` times before."""
        return cls(
            endpoints=profile.target.endpoints,
            number=number,
            try_number=counted + 1 if counted else None,
            ring=profile.agent.ring,
            key_wait=profile.agent.key_wait,
            prompt_repeats=profile.agent.prompt_repeats,
            after_failure=profile.agent.after_failure,
            client_ring=profile.client.ring,
            keys=profile.agent.keys,
        )


@dataclass(frozen=True, slots=True)
class Core:
    """What all states share. `legs` are those not known to be gone; `utterance` numbers what is said to the agent."""

    script: Script
    attempt: Attempt
    legs: frozenset[Leg] = frozenset()
    agent: Leg = FIRST_AGENT
    utterance: int = 0
    network_took: bool = False
    pressed: str = ""


@dataclass(frozen=True, slots=True)
class Ringing:
    """The agent's phone rings (or several do)."""

    core: Core
    verdicts: frozenset[Outcome] = frozenset()
    cause: int | None = None


@dataclass(frozen=True, slots=True)
class Listening:
    """The agent hears what this is and which keys there are."""

    core: Core
    plays: int = 1


@dataclass(frozen=True, slots=True)
class Checking:
    """Key 1 was pressed; the checks are made again."""

    core: Core


@dataclass(frozen=True, slots=True)
class Dialling:
    """The client is being dialled. `sound` is what the agent hears when nothing is said: ours, ours, or the network's.

    `confirming` while the reschedule key is being confirmed over it.
    """

    core: Core
    sound: str = "connecting"
    confirming: bool = False


@dataclass(frozen=True, slots=True)
class Talking:
    """The two are bridged."""

    core: Core
    answered_at: datetime


@dataclass(frozen=True, slots=True)
class Apologising:
    """The agent vanished as the client answered; the client is told."""

    core: Core


@dataclass(frozen=True, slots=True)
class Narrating:
    """The client leg is over; the agent is told how and what follows. `window`: they may still press to retry."""

    core: Core
    client_outcome: Outcome
    window: bool


@dataclass(frozen=True, slots=True)
class Parting:
    """The attempt is over; the agent is told a last thing."""

    core: Core
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Ending:
    """Every leg is being taken down."""

    core: Core
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Finished:
    """Every leg is gone; `attempt` has its outcome."""

    attempt: Attempt


Live = Ringing | Listening | Checking | Dialling | Talking | Apologising | Narrating | Parting | Ending
AttemptState = Live | Finished

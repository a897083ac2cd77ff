"""Names of channels, bridges and playbacks, derived from the call they belong to.

So a restarted daemon knows its own. Asterisk refuses an id of which another's is a case-insensitive prefix: all of a
kind have one length and one case.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import blake2b

from callbackd.domain.callback import Step
from callbackd.domain.telephony import Leg, Role

ASKER = "cbq-"
"""What the channels are called through which a queue is asked."""

PLAYBACKS = 16
"""The playbacks of one channel take turns with so many names: whoever comes after a daemon that is no more can stop
what it has left playing."""

_STEPS = {Step.ATTEMPT: "a", Step.OFFER: "o"}
_ROLES = {Role.AGENT: "a", Role.CLIENT: "c", Role.OFFER: "o"}
_STEP_OF = {letter: step for step, letter in _STEPS.items()}
_ROLE_OF = {letter: role for role, letter in _ROLES.items()}
_CHANNEL = re.compile(r"cb-([0-9a-z]{26})-([ao])(\d{6})-([aco])(\d{2})", re.ASCII)
_BRIDGE = re.compile(r"cb-([0-9a-z]{26})-([ao])(\d{6})-b00", re.ASCII)
_PLAYBACK = re.compile(r"(cb-[0-9a-z]{26}-[ao]\d{6}-[aco]\d{2})-p\d{2}", re.ASCII)


@dataclass(frozen=True, slots=True, order=True)
class LineKey:
    """Which attempt or offer of which call-back."""

    callback_id: str
    step: Step
    sequence: int

    @property
    def text(self) -> str:
        """The part that all names of the call begin with."""
        return f"cb-{self.callback_id}-{_STEPS[self.step]}{self.sequence:06d}"


def channel_id(key: LineKey, leg: Leg) -> str:
    """The id of a leg's channel."""
    return f"{key.text}-{_ROLES[leg.role]}{leg.index:02d}"


def bridge_id(key: LineKey) -> str:
    """The id of the call's bridge."""
    return f"{key.text}-b00"


def playbacks_of_leg(key: LineKey, leg: Leg) -> tuple[str, ...]:
    """The ids of what is said on a leg, in turn."""
    return tuple(f"{channel_id(key, leg)}-p{turn:02d}" for turn in range(PLAYBACKS))


def playbacks_of_caller(channel: str) -> tuple[str, ...]:
    """The ids of what is said to a caller in the menu, in turn. Their channel's id is the PBX's, of any length."""
    name = blake2b(channel.encode(), digest_size=16).hexdigest()
    return tuple(f"cbm-{name}-p{turn:02d}" for turn in range(PLAYBACKS))


def parse_channel(name: str) -> tuple[LineKey, Leg] | None:
    """Whose leg a channel is; None of one that is not ours (a Local channel's other half among them)."""
    found = _CHANNEL.fullmatch(name)
    if found is None:
        return None
    callback_id, step, sequence, role, index = found.groups()
    return LineKey(callback_id, _STEP_OF[step], int(sequence)), Leg(_ROLE_OF[role], int(index))


def parse_bridge(name: str) -> LineKey | None:
    """Whose bridge it is; None of one that is not ours."""
    found = _BRIDGE.fullmatch(name)
    if found is None:
        return None
    callback_id, step, sequence = found.groups()
    return LineKey(callback_id, _STEP_OF[step], int(sequence))


def parse_playback(name: str) -> tuple[LineKey, Leg] | None:
    """On whose leg it plays; None of one that is not ours."""
    found = _PLAYBACK.fullmatch(name)
    return parse_channel(found.group(1)) if found else None

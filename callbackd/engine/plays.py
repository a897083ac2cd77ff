"""The two kinds of call as the runner drives them: an attempt's machine and an offer's behind one face."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from callbackd.domain import attempt as attempts
from callbackd.domain import attempt_states as states
from callbackd.domain import offer as offers
from callbackd.domain.callback import Attempt, CallBack, Offer, State, TimelineEvent
from callbackd.domain.telephony import OFFER, DialClient, Effect, Happening, Leg, Ring, Save
from callbackd.engine.prospects import LiveProspects
from callbackd.engine.settlement import Settlement
from callbackd.store.interface import Change


class Play(Protocol):
    """The two kinds of call, as the runner drives them."""

    @property
    def over(self) -> bool:
        """Every leg is gone."""

    @property
    def state(self) -> State | None:
        """The call-back's state while the call stands so; None: as it was."""

    @property
    def legs(self) -> frozenset[Leg]:
        """The legs not known to be gone."""

    def wants(self, effect: Effect) -> bool:
        """False of a ring or a dial that was asked for before something happened at once and made it pointless."""

    def advance(self, happening: Happening, at: datetime) -> Sequence[Effect]:
        """Take what happened; the effects are to be carried out in order."""

    def change(self, callback: CallBack, events: Sequence[TimelineEvent], dialled: datetime | None) -> Change:
        """The call's present record, to be written with these events."""

    async def settle(
        self, settlement: Settlement, callback: CallBack, notes: Sequence[TimelineEvent]
    ) -> CallBack:
        """Write how it ended and what follows."""


@dataclass(slots=True)
class AttemptPlay:
    """An attempt that runs."""

    machine: states.AttemptState
    prospects: LiveProspects

    @property
    def over(self) -> bool:
        """Every leg is gone."""
        return isinstance(self.machine, states.Finished)

    @property
    def state(self) -> State | None:
        """`agent`, `client` or `connected` while the legs come up; unchanged while they go."""
        match self.machine:
            case states.Ringing() | states.Listening() | states.Checking():
                return State.AGENT
            case states.Dialling():
                return State.CLIENT
            case states.Talking() | states.Apologising():
                return State.CONNECTED
        return None

    @property
    def legs(self) -> frozenset[Leg]:
        """The legs not known to be gone."""
        return frozenset() if isinstance(self.machine, states.Finished) else self.machine.core.legs

    @property
    def attempt(self) -> Attempt:
        """The record as it stands."""
        return self.machine.attempt if isinstance(self.machine, states.Finished) else self.machine.core.attempt

    def wants(self, effect: Effect) -> bool:
        """Phones are rung while it rings them only."""
        match effect:
            case Ring():
                return isinstance(self.machine, states.Ringing)
            case DialClient() | Save(dialled=True):
                return isinstance(self.machine, states.Dialling)
        return True

    def advance(self, happening: Happening, at: datetime) -> Sequence[Effect]:
        """Take what happened; the effects are to be carried out in order."""
        if isinstance(self.machine, states.Finished):
            return ()
        self.machine, effects = attempts.advance(self.machine, happening, at, self.prospects)
        return effects

    def change(self, callback: CallBack, events: Sequence[TimelineEvent], dialled: datetime | None) -> Change:
        """The attempt's present record."""
        return Change(callback, events, attempt=self.attempt, dialled=dialled)

    async def settle(
        self, settlement: Settlement, callback: CallBack, notes: Sequence[TimelineEvent]
    ) -> CallBack:
        """Write how it ended and what follows."""
        return await settlement.attempt(callback, self.attempt, notes)


@dataclass(slots=True)
class OfferPlay:
    """An offer that runs."""

    machine: offers.OfferState

    @property
    def over(self) -> bool:
        """Every leg is gone."""
        return isinstance(self.machine, offers.OfferFinished)

    @property
    def state(self) -> State | None:
        """`offering` throughout."""
        return State.OFFERING

    @property
    def legs(self) -> frozenset[Leg]:
        """The leg, unless it is known to be gone."""
        up = not isinstance(self.machine, offers.OfferFinished) and self.machine.core.up
        return frozenset({OFFER}) if up else frozenset()

    @property
    def offer(self) -> Offer:
        """The record as it stands."""
        return self.machine.offer if isinstance(self.machine, offers.OfferFinished) else self.machine.core.offer

    def wants(self, effect: Effect) -> bool:
        """The client is rung while it rings them only."""
        match effect:
            case DialClient() | Save(dialled=True):
                return isinstance(self.machine, offers.Calling)
        return True

    def advance(self, happening: Happening, at: datetime) -> Sequence[Effect]:
        """Take what happened; the effects are to be carried out in order."""
        if isinstance(self.machine, offers.OfferFinished):
            return ()
        self.machine, effects = offers.advance(self.machine, happening, at)
        return effects

    def change(self, callback: CallBack, events: Sequence[TimelineEvent], dialled: datetime | None) -> Change:
        """The offer's present record."""
        return Change(callback, events, offer=self.offer, dialled=dialled)

    async def settle(
        self, settlement: Settlement, callback: CallBack, notes: Sequence[TimelineEvent]
    ) -> CallBack:
        """Write how it ended and what follows."""
        return await settlement.offer(callback, self.offer, notes)

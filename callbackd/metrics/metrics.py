"""Everything that is measured, put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence

from prometheus_client import generate_latest

import callbackd
from callbackd.domain.callback import ON_THE_PHONE, WAITING
from callbackd.engine.clock import Clock
from callbackd.engine.control import Control, ProfileStatus
from callbackd.engine.feed import Feed
from callbackd.metrics.counting import AGAIN, Counting
from callbackd.metrics.instruments import Instruments
from callbackd.metrics.outbox import Lags, OutboxEnd
from callbackd.store.interface import Store, StoreError

log = logging.getLogger(__name__)

LIVE_STATES = sorted(WAITING | ON_THE_PHONE)


class Link:
    """The link to Asterisk, as far as it is measured: in which of its `states` it is."""

    def __init__(self, states: Iterable[str], present: Callable[[], str]) -> None:
        self.states = tuple(states)
        self.present = present


class Metrics:
    """`consumers` are the names of those that follow the outbox and confirm."""

    def __init__(
        self,
        store: Store,
        feed: Feed,
        clock: Clock,
        control: Control,
        instruments: Instruments,
        link: Link,
        consumers: Sequence[str],
    ) -> None:
        self._store = store
        self._feed = feed
        self._clock = clock
        self._control = control
        self._instruments = instruments
        self._link = link
        self._end = OutboxEnd(store)
        self._lags = Lags(store, consumers, self._end)
        self._counting: Counting | None = None
        instruments.info.labels(callbackd.__version__).set(1)

    async def run(self) -> None:
        """Count what happens from now on, until cancelled."""
        while self._counting is None:
            try:
                await self._lags.note_start()
                self._counting = Counting(self._store, self._feed, self._instruments, await self._end.id())
            except StoreError as error:
                log.warning("events can't be counted: trying again", extra={"reason": str(error)})
                await asyncio.sleep(AGAIN)
        await self._counting.run()

    async def exposition(self) -> bytes:
        """Everything, in Prometheus's text format. What the store can't tell now is left out."""
        try:
            await self._look_up()
        except StoreError as error:
            log.warning("metrics can't be looked up", extra={"reason": str(error)})
            self._forget()
        for state in self._link.states:
            self._instruments.ari_state.labels(state).set(state == self._link.present())
        return generate_latest(self._instruments.registry)

    async def lag(self) -> Mapping[str, int]:
        """For each consumer of the outbox, how many ids it is behind the last event. Raises `StoreError`."""
        return await self._lags.all()

    async def last_event(self) -> int:
        """The id of the last event in the outbox; 0 before the first. Raises `StoreError`."""
        return await self._end.id()

    async def _look_up(self) -> None:
        counts = await self._store.counts(self._clock.now())
        statuses = await self._control.profiles()
        lags = await self._lags.all()
        end = await self._end.id()
        metrics = self._instruments
        self._forget()
        for profile in {*counts, *(status.profile.id for status in statuses)}:
            for state in LIVE_STATES:
                metrics.callbacks.labels(profile, state.value).set(counts.get(profile, {}).get(state, 0))
        for status in statuses:
            self._profile(status)
        for consumer, lag in lags.items():
            metrics.outbox_lag.labels(consumer).set(lag)
        metrics.outbox_last.set(end)
        metrics.counting_behind.set(0 if self._counting is None else max(0, end - self._counting.seen))

    def _profile(self, status: ProfileStatus) -> None:
        metrics, name = self._instruments, status.profile.id
        metrics.profile_open.labels(name).set(status.open_now)
        metrics.profile_paused.labels(name, "intake").set(status.pause.intake)
        metrics.profile_paused.labels(name, "dialling").set(status.paused)
        metrics.target_resting.labels(name).set(status.target_rests_until is not None)
        metrics.route_paused.labels(name).set(status.route_open_until is not None)

    def _forget(self) -> None:
        """What is looked up is of now: a profile that is no more must not linger."""
        metrics = self._instruments
        for gauge in (
            metrics.callbacks,
            metrics.profile_open,
            metrics.profile_paused,
            metrics.target_resting,
            metrics.route_paused,
            metrics.outbox_lag,
        ):
            gauge.clear()

"""One websocket of events, from Asterisk's end to the daemon's."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from simulation.world import Happening, World

if TYPE_CHECKING:
    from simulation.asterisk.applications import Session
    from simulation.asterisk.network import Weather
    from simulation.asterisk.pbx import Asterisk

Event = Mapping[str, Any]

HEARTBEAT = (10.0, 15.0)
"""Seconds after which the daemon notices that nothing comes from the far end, not even an answer to its pings."""

ASTERISK_NOTICES = (0.05, 30.0)
"""Seconds until Asterisk notices that the daemon's end is gone, if nobody told it."""

REORDERED_BY = 0.03
"""Seconds by which an event may be overtaken by others."""


class Websocket:
    """`received` is what the daemon may take; after that, `reason` if the stream has `ended` for it."""

    def __init__(
        self,
        world: World,
        weather: Weather,
        arrived: Callable[[], None],
        gone: Callable[[], None] = lambda: None,
        lost: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self.received: deque[Event] = deque()
        self.reason: str | None = None
        self._world = world
        self._weather = weather
        self._arrived = arrived
        self._gone = gone
        self._lost = lost
        self._session: Session | None = None
        self._last = 0.0
        self._stalled_until = 0.0
        self._deaf = False
        self._overtaken: list[tuple[Happening, Event]] = []

    @property
    def ended(self) -> bool:
        """For the daemon."""
        return self.reason is not None

    def open(self, asterisk: Asterisk, app: str, *, registered: bool = True) -> None:
        """Connect. Not `registered`: it is open, and Asterisk knows nothing of it."""
        if registered:
            self._session = asterisk.connect(app, self._send, self._closed_by_asterisk)

    # The daemon's end.

    def close(self, *, told: bool = True) -> None:
        """The daemon's end is gone. Asterisk is told at once, or notices some time later."""
        if not self.ended:
            self._end("closed by us")
        low, high = (0.0002, 0.01) if told and not self._deaf else ASTERISK_NOTICES
        self._world.after(self._world.chance.uniform(low, high), self._leave_asterisk)

    # What a scenario does.

    def drop(self, *, clean: bool) -> None:
        """It ends, at both ends."""
        self._leave_asterisk()
        reason = "Asterisk closed the events' websocket (code 1000)" if clean else "the events' websocket broke"
        self._world.after(self._latency(), lambda: self._end(reason))

    def half_open(self) -> None:
        """Nothing arrives any more; the daemon's heartbeat notices."""
        if not self._deaf:
            self._deaf = True
            self._world.after(
                self._world.chance.uniform(*HEARTBEAT), lambda: self._end("the events' websocket ended (code 1006)")
            )

    def stall(self, seconds: float) -> None:
        """Events wait; unless that is longer than the heartbeat allows."""
        until = self._world.time + seconds
        patience = self._world.chance.uniform(*HEARTBEAT)
        if seconds >= patience:
            self.half_open()
        self._stalled_until = max(self._stalled_until, until)

    # Asterisk's end.

    def _closed_by_asterisk(self, reason: str) -> None:
        self._session = None
        self._gone()
        if not self._deaf:
            self._world.after(self._latency(), lambda: self._end(reason))

    def _leave_asterisk(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
            self._gone()

    def _send(self, event: Event) -> None:
        world, weather = self._world, self._weather
        if self.ended or self._deaf:
            return
        chance = world.chance.random
        if weather.event_lost and chance() < weather.event_lost:
            self._lost(event)
            return
        at = world.time + self._latency()
        if weather.event_late and chance() < weather.event_late:
            at += world.chance.uniform(0.0, weather.event_latest)
        if weather.event_doubled and chance() < weather.event_doubled:
            self._deliver_at(at, event)
        if weather.event_reordered and chance() < weather.event_reordered:
            at = max(at, self._stalled_until) + world.chance.uniform(0.0, REORDERED_BY)
            self._overtaken.append((world.after(at - world.time, lambda: self._catch_up(event)), event))
            return
        self._deliver_at(at, event)

    def _deliver_at(self, at: float, event: Event) -> None:
        self._last = max(at, self._last, self._stalled_until)
        self._world.after(self._last - self._world.time, lambda: self._deliver(event))

    def _deliver(self, event: Event) -> None:
        """No event of a channel comes after its end."""
        if self._world.time < self._stalled_until:
            self._deliver_at(self._stalled_until, event)
            return
        if self.ended or self._deaf:
            return
        if self._overtaken and event["type"] == "ChannelDestroyed":
            self._catch_up_all()
        self.received.append(event)
        self._arrived()

    def _catch_up(self, event: Event) -> None:
        self._overtaken = [(happening, held) for happening, held in self._overtaken if held is not event]
        if not (self.ended or self._deaf):
            self.received.append(event)
            self._arrived()

    def _catch_up_all(self) -> None:
        held, self._overtaken = self._overtaken, []
        for happening, event in held:
            happening.call_off()
            self.received.append(event)

    def _latency(self) -> float:
        low, high = self._weather.event_latency
        return self._world.chance.uniform(low, high)

    def _end(self, reason: str) -> None:
        if not self.ended:
            self.reason = reason
            self._arrived()

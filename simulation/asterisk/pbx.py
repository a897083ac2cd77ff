"""The simulated Asterisk as a whole: requests in, events out, phones that ring, and a stop in the midst of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from callbackd.ari.transport import Response
from simulation.asterisk.answers import Unsimulated, Waiting
from simulation.asterisk.applications import Session
from simulation.asterisk.channels import Bridge, Channel
from simulation.asterisk.exchange import Entry, Exchange
from simulation.asterisk.parties import Caller
from simulation.asterisk.phones import Call, Directory, Phone
from simulation.asterisk.rest import Desk
from simulation.world import World

__all__ = ["Asterisk", "Unsimulated", "Waiting"]

Event = Mapping[str, Any]

IN_QUEUE = 60.0
"""Seconds for which a caller who was handed back to the dialplan waits before they are served and gone."""


class Asterisk:
    """`down` while it refuses connections. `old`: a release (before 22.7) that tells no SIP responses."""

    def __init__(self, world: World, directory: Directory, *, old: bool = False) -> None:
        self.down = False
        self.started_at = ""
        self._world = world
        self._directory = directory
        self._exchange = Exchange(world, directory, old=old)
        self._desk = Desk(self._exchange, self._left_menu)
        self._sessions: list[Session] = []
        self._starts = 0
        self._begin()

    # For the network.

    def handle(
        self, method: str, path: str, query: Mapping[str, str] | None = None, body: Mapping[str, Any] | None = None
    ) -> Response | Waiting:
        """One request, at the instant of its arrival. `Waiting`: the answer comes when the channel is free.

        Raises Unsimulated for a request that it does not know.
        """
        if self.down:
            raise AssertionError("a request reached an Asterisk that is down")
        return self._desk.handle(method, path, query or {}, body or {})

    def connect(self, app: str, send: Callable[[Event], None], closed: Callable[[str], None]) -> Session:
        """A websocket for an application; whoever had it is replaced. `closed` is called if Asterisk ends it."""
        session = self._exchange.applications.join(app, send, closed)
        self._sessions = [each for each in self._sessions if not each.closed_for_good]
        self._sessions.append(session)
        return session

    # For the judge.

    @property
    def channels(self) -> dict[str, Channel]:
        """By id, those of phones behind Local channels and the second halves of these among them."""
        return self._exchange.channels

    @property
    def bridges(self) -> dict[str, Bridge]:
        """By id."""
        return self._exchange.bridging.bridges

    @property
    def record(self) -> list[Entry]:
        """What happened on all phones, in its order. Survives a restart."""
        return self._exchange.record

    @property
    def calls(self) -> list[Call]:
        """All calls that reached a phone, or came from one, in their order. Survives a restart."""
        return self._exchange.calls

    @property
    def busy(self) -> bool:
        """Some channel lives."""
        return bool(self._exchange.channels)

    # What a scenario does.

    def incoming(
        self,
        phone: Phone,
        profile: str,
        *,
        name: str = "",
        number: str | None = None,
        answered: bool = True,
        app: str = "callbackd",
    ) -> Call:
        """A caller enters `Stasis(app,intake,profile)`; `number` is what they show (default: the phone's).

        If nobody listens, the dialplan goes on with them at once (`continued_at`).
        """
        exchange = self._exchange
        channel = Channel(exchange.unique_id(), exchange.name("PJSIP/trunk"), exchange.timestamp(), "PJSIP/trunk")
        channel.inbound = True
        channel.state = "Up" if answered else "Ring"
        channel.stasis_app = app
        channel.app_args = ("intake", profile)
        channel.caller = (name, phone.number if number is None else number)
        channel.display = channel.caller
        caller = Caller(exchange, channel, phone)
        channel.party = caller
        exchange.channels[channel.id] = channel
        assert caller.speaker is not None
        caller.speaker.arrive()
        if answered:
            caller.speaker.pick_up()
        self._world.after(exchange.soon(), lambda: self._enter_menu(channel))
        return caller.speaker.call

    def pause(self, queue: str, phone: Phone, paused: bool = True) -> None:
        """A member of a queue takes a pause, or comes back from it."""
        for member in self._directory.queues[queue].members:
            if member.phone is phone:
                member.paused = paused
        self._exchange.refresh(queue)

    def register(self, phone: Phone, registered: bool = True) -> None:
        """A phone goes, or comes back."""
        phone.registered = registered
        self._exchange.member_changed(phone)

    def miss_sounds(self, *names: str) -> None:
        """These are not installed: `callbackd/agent-intro`, `beep` ..."""
        self._exchange.player.missing.update(names)

    def miss_all_sounds(self) -> None:
        """Whatever is to be played fails, but for tones."""
        self._exchange.player.none = True

    def restart(self, down_for: float, *, registered_after: float = 0.0) -> None:
        """It dies and comes back: every call, bridge, playback, subscription, filter and websocket is gone.

        Phones can be called again `registered_after` seconds after its return.
        """
        self.stop()
        self._starts += 1
        start = self._starts
        away: list[Phone] = []
        if registered_after > 0:
            away = [phone for phone in self._directory.everybody() if phone.registered]
            for phone in away:
                phone.registered = False

        def up() -> None:
            if self._starts == start:
                self.start()

        def back() -> None:
            for phone in away:
                self.register(phone)

        self._world.after(down_for, up)
        if away:
            self._world.after(down_for + registered_after, back)

    def start(self) -> None:
        """It comes back and knows nothing: its queues say that they have nobody until a member's state changes."""
        if self.down:
            self.down = False
            self._begin()

    def stop(self) -> None:
        """It dies, as in `restart`, and does not come back by itself."""
        self.down = True
        self._starts += 1
        self._exchange.clear()
        self._exchange.applications.clear()
        sessions, self._sessions = self._sessions, []
        for session in sessions:
            if not session.closed_for_good:
                session.closed_for_good = True
                session.closed("the events' websocket broke")
        self._desk.break_off()

    # How.

    def _begin(self) -> None:
        self.started_at = self._desk.started_at = self._exchange.timestamp()

    def _enter_menu(self, channel: Channel) -> None:
        exchange = self._exchange
        if channel.gone or channel.ending:
            return
        if exchange.applications.active(channel.stasis_app):
            exchange.enter_stasis(channel)
        else:
            self._left_menu(channel)

    def _left_menu(self, channel: Channel) -> None:
        """The dialplan goes on: to the end for who has a call-back, to the queue for all others."""
        call = channel.party.speaker.call if channel.party is not None and channel.party.speaker is not None else None
        if call is None:
            return
        call.continued_at = self._world.time
        call.status_on_leaving = channel.variables.get("CALLBACKD_STATUS", "")
        self._exchange.write("continued", call, call.status_on_leaving)
        kept = call.status_on_leaving == "ACCEPTED"
        channel.running = ("Hangup", "") if kept else ("Queue", "support")
        wait = 0.05 if kept else IN_QUEUE
        self._world.after(wait, lambda: self._exchange.destroy(channel, 16))

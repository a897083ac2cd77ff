"""What channels have at their far ends: one phone, a phone that called, or the two halves of a Local channel."""

from __future__ import annotations

from simulation.asterisk.channels import Channel
from simulation.asterisk.exchange import Exchange
from simulation.asterisk.lines import WIRE, Line
from simulation.asterisk.phones import NO_SUCH_NUMBER, Phone, Refusal, Route

ANSWERED_ELSEWHERE = 26

RETRY = 1.0
"""Seconds after which a queue rings those again who did not take the call (`retry` in queues.conf)."""

ABSENT = 20
"""The cause when a dialplan's Dial() finds nobody registered."""


class Direct:
    """One phone behind a PJSIP channel; nobody: the network says that the number does not exist."""

    def __init__(self, exchange: Exchange, channel: Channel, phone: Phone | None) -> None:
        self.speaker: Line | None = None
        self._exchange = exchange
        self._channel = channel
        self._phone = phone
        self._over = False

    def dial(self) -> None:
        world = self._exchange.world
        if self._phone is None:
            wait = 2 * world.chance.uniform(*WIRE)
            world.after(wait, lambda: self._exchange.refused(self._channel, NO_SUCH_NUMBER))
            return
        self.speaker = self._exchange.line(self._channel, self._channel, self, self._phone)
        world.after(world.chance.uniform(*WIRE), self._ring)

    def _ring(self) -> None:
        if self.speaker is not None and not self._over:
            self.speaker.ring()

    def end(self, cause: int) -> None:
        self._over = True
        if self.speaker is not None and self.speaker.begun:
            self.speaker.end(cause)

    def rang(self, _line: Line) -> None:
        self._exchange.rang(self._channel)

    def progressed(self, _line: Line) -> None:
        self._exchange.progressed(self._channel)

    def answered(self, _line: Line) -> None:
        self._exchange.answered(self._channel)

    def refused(self, _line: Line, refusal: Refusal) -> None:
        self._exchange.refused(self._channel, refusal)

    def hung_up(self, _line: Line) -> None:
        self._exchange.far_end_gone(self._channel)

    def pressed(self, _line: Line, digit: str) -> None:
        self._exchange.pressed(self._channel, digit)


class Caller(Direct):
    """A phone that called the PBX."""

    def __init__(self, exchange: Exchange, channel: Channel, phone: Phone) -> None:
        super().__init__(exchange, channel, phone)
        self.speaker = exchange.line(channel, channel, self, phone)
        self.speaker.call.incoming = True


class Local:
    """The `;2` half of a Local channel, in a dialplan that calls one phone, or a queue's members until one answers.

    Neither half answers before a phone does.
    """

    def __init__(self, exchange: Exchange, channel: Channel, route: Route) -> None:
        self.speaker: Line | None = None
        self._exchange = exchange
        self._channel = channel
        self._route = route
        self._ringing: dict[Line, Channel] = {}
        self._over = False
        self._ended_by_itself = False
        self._retrying = False
        base = channel.name.removesuffix(";1")
        self.other = Channel(f"{channel.id};2", f"{base};2", channel.created_at, channel.endpoint, state="Down")
        exchange.channels[self.other.id] = self.other

    def dial(self) -> None:
        self.other.state = "Ring"
        queue = self._route.queue
        if queue is not None:
            self.other.running = ("Queue", f"{queue.name},r")
            if not queue.join_empty and not queue.available():
                self._turned_away(ABSENT, at_once=True)
                return
            self._exchange.world.after(self._exchange.soon(), self._queue)
        elif self._route.phone is None:
            self._turned_away(ABSENT, at_once=True)
        else:
            self.other.running = ("Dial", self._channel.endpoint)
            self._call(self._route.phone, "AppDial")

    def end(self, cause: int) -> None:
        self._over = True
        exchange = self._exchange
        if self.other.state != "Down" and not self._ended_by_itself:
            exchange.tell(self.other, "ChannelHangupRequest", cause=cause)
            exchange.tell(self.other, "ChannelHangupRequest", cause=16, soft=True)
        for line, member in list(self._ringing.items()):
            self._drop(line, member, cause, "CANCEL" if line is not self.speaker else None)
        self._end_other(cause)

    # The phones.

    def rang(self, line: Line) -> None:
        member = self._ringing.get(line)
        if member is not None:
            member.state = "Ringing"
            self._exchange.tell_dial(member, "RINGING", self.other)
            self._exchange.rang(self._channel)

    def progressed(self, line: Line) -> None:
        if line in self._ringing:
            self._exchange.progressed(self._channel)

    def answered(self, line: Line) -> None:
        member = self._ringing.get(line)
        if member is None or self.speaker is not None:
            return
        member.state = "Up"
        self._exchange.tell_dial(member, "ANSWER", self.other)
        for other, channel in list(self._ringing.items()):
            if other is not line:
                self._drop(other, channel, ANSWERED_ELSEWHERE, "CANCEL")
        self.speaker = line
        self._exchange.answered(self._channel)
        self.other.state = "Up"
        self._exchange.tell(self.other, "ChannelStateChange")

    def refused(self, line: Line, refusal: Refusal) -> None:
        member = self._ringing.get(line)
        if member is None:
            return
        self._drop(line, member, refusal.cause, "NOANSWER" if self._route.queue else refusal.dialstatus)
        if self._route.queue is None:
            if refusal.local:
                self._exchange.refused(self._channel, refusal)
            else:
                self._turned_away(refusal.cause, refusal.dialstatus)
        elif not self._ringing:
            self._retry()

    def hung_up(self, line: Line) -> None:
        member = self._ringing.get(line)
        if member is not None:
            self._drop(line, member, 16, None)
            self._end_by_itself()
            self._exchange.far_end_gone(self._channel)

    def pressed(self, line: Line, digit: str) -> None:
        """The other half reports the digit too, now and then."""
        if line is self.speaker:
            self._exchange.pressed(self._channel, digit)
            if self._exchange.world.chance.random() < 0.3:
                self._exchange.pressed(self.other, digit)

    # How.

    def _queue(self) -> None:
        if not self._over and not self._channel.ending:
            self._exchange.rang(self._channel)  # the queue's "r"
            self._ring_members()

    def _ring_members(self) -> None:
        self._retrying = False
        queue = self._route.queue
        if self._over or self._channel.ending or self.speaker is not None or queue is None:
            return
        for phone in queue.available():
            self._call(phone, "AppQueue")
        if not self._ringing:
            self._retry()

    def _retry(self) -> None:
        if not self._retrying:
            self._retrying = True
            self._exchange.world.after(RETRY, self._ring_members)

    def _call(self, phone: Phone, by: str) -> None:
        exchange = self._exchange
        resource = f"PJSIP/{phone.number}"
        member = Channel(exchange.unique_id(), exchange.name(resource), exchange.timestamp(), resource)
        member.running = (by, "(Outgoing Line)")
        exchange.channels[member.id] = member
        line = exchange.line(self._channel, member, self, phone)
        self._ringing[line] = member
        exchange.tell_dial(member, "", self.other)
        exchange.world.after(exchange.world.chance.uniform(*WIRE), lambda: self._ring(line))

    def _ring(self, line: Line) -> None:
        if line in self._ringing:
            line.ring()

    def _drop(self, line: Line, member: Channel, cause: int, status: str | None) -> None:
        self._ringing.pop(line, None)
        member.gone = True
        self._exchange.channels.pop(member.id, None)
        if status is not None:
            self._exchange.tell_dial(member, status, self.other)
        if line.begun:
            line.end(cause)

    def _turned_away(self, cause: int, status: str = "NOANSWER", *, at_once: bool = False) -> None:
        """The dialplan hangs up with that cause; no SIP response is told of."""
        self._end_by_itself()
        self._exchange.refused(self._channel, Refusal(cause, None, status), at_once=at_once)

    def _end_by_itself(self) -> None:
        self._over = self._ended_by_itself = True
        self._exchange.tell(self.other, "ChannelHangupRequest", cause=16, soft=True)

    def _end_other(self, cause: int) -> None:
        if self.other.gone:
            return
        self.other.gone = True
        exchange = self._exchange
        exchange.channels.pop(self.other.id, None)
        self.other.running = ("", "")
        exchange.tell(self.other, "ChannelDestroyed", cause=cause, cause_txt="")
        if self.other.app is not None:
            exchange.applications.remove(self.other.app, self.other.id)
            self.other.app = None

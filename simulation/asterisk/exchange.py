"""The switching: channels that are made, rung, answered, bridged and hung up, and the events that tell of it.

The orders of events, the causes and the states are those measured on Asterisk 22.10.1.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulation.asterisk.applications import Applications
from simulation.asterisk.bridging import Bridging
from simulation.asterisk.channels import Channel, Json
from simulation.asterisk.lines import Line, Party
from simulation.asterisk.phones import Call, Directory, Phone, Refusal
from simulation.asterisk.playing import Player
from simulation.world import World

AT_ONCE = (0.0002, 0.003)
"""Seconds that Asterisk's threads need for one another."""

SLOW_START = (0.02, 0.1)
"""Seconds that a created channel takes into Stasis, now and then."""

SELDOM = 0.03

OWN_TIME_OUT = (19, 480)
"""Cause and SIP response that Asterisk reports of its own ring time-out."""

CAUSE_TEXTS = {
    0: "Unknown",
    1: "Unallocated (unassigned) number",
    16: "Normal Clearing",
    17: "User busy",
    18: "No user responding",
    19: "User alerting, no answer",
    20: "Subscriber absent",
    21: "Call Rejected",
    34: "Circuit/channel congestion",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that a phone did or saw. `what`: rung, rings, progress, answered, pressed, vanished, ended, calls,
    continued. `leg`: the channel that callbackd knows."""

    at: float
    what: str
    number: str
    leg: str
    detail: str


class Exchange:
    """All channels and bridges of one running Asterisk. `old`: a release that reports no SIP responses."""

    def __init__(self, world: World, directory: Directory, *, old: bool = False) -> None:
        self.world = world
        self.directory = directory
        self.old = old
        self.applications = Applications(self.timestamp, lambda: world.time)
        self.channels: dict[str, Channel] = {}
        self.player = Player(world, self.emit)
        self.bridging = Bridging(world, self.player, self.tell, self.emit)
        self.record: list[Entry] = []
        self.calls: list[Call] = []
        self.queue_states: dict[str, bool] = {}
        self._numbers = 0
        self._stamp = (-1.0, "")

    # Names and times.

    def timestamp(self) -> str:
        """Now, as Asterisk writes it."""
        if self._stamp[0] != self.world.time:
            text = self.world.instant().isoformat(timespec="milliseconds").replace("+00:00", "+0000")
            self._stamp = (self.world.time, text)
        return self._stamp[1]

    def unique_id(self) -> str:
        """As Asterisk names a channel that nobody named."""
        self._numbers += 1
        return f"{int(self.world.instant().timestamp())}.{self._numbers}"

    def name(self, resource: str) -> str:
        """A channel's name."""
        self._numbers += 1
        return f"{resource}-{self._numbers:08x}"

    def soon(self) -> float:
        """A moment, in seconds."""
        return self.world.chance.uniform(*AT_ONCE)

    def taken(self, channel_id: str) -> bool:
        """Asterisk's check: an id that is the beginning of another's, in whatever case, is taken."""
        wanted = channel_id.casefold()
        return any(known.casefold().startswith(wanted) for known in self.channels)

    # Events.

    def emit(self, channel: Channel, kind: str, more: Json) -> None:
        """An event of a channel, to the application that it belongs to."""
        if channel.app is None or (app := self.applications.find(channel.app)) is None or app.session is None:
            return
        if kind not in app.disallowed:
            app.send({"type": kind, "timestamp": self.timestamp(), **more})

    def tell(self, channel: Channel, kind: str, **more: object) -> None:
        """An event about a channel."""
        if channel.app is not None and self.applications.active(channel.app):
            self.emit(channel, kind, {"channel": channel.json(), **more})

    def tell_dial(self, channel: Channel, status: str, caller: Channel | None = None) -> None:
        """A Dial event; `caller` is the channel that dials, if one does."""
        told = caller or channel
        if told.app is not None and self.applications.active(told.app):
            more: Json = {"caller": caller.json()} if caller is not None else {}
            dialled = channel.endpoint.partition("/")[2]
            self.emit(told, "Dial", {"peer": channel.json(), "dialstatus": status, "dialstring": dialled, **more})

    def _hangup_request(self, channel: Channel, cause: int | None, tech: int | None = None) -> None:
        if cause == 32:
            self.tell(channel, "ChannelHangupRequest", cause=32, soft=True)
        elif cause is None:
            self.tell(channel, "ChannelHangupRequest")
        else:
            self.tell(channel, "ChannelHangupRequest", cause=cause, **self._sip(tech))

    def _sip(self, tech: int | None) -> Json:
        return {"tech_cause": tech} if tech is not None and not self.old else {}

    # Stasis.

    def subscribe(self, channel: Channel, app: str) -> None:
        """The application gets the channel's events, if anybody knows it."""
        if self.applications.add(app, channel.id):
            channel.app = app

    def enter_stasis(self, channel: Channel) -> None:
        """Into its application; a channel whose application nobody listens to is dropped."""
        channel.entering = False
        if channel.gone or channel.ending:
            return
        if not self.applications.active(channel.stasis_app):
            self.destroy(channel, 0)
            return
        self.subscribe(channel, channel.stasis_app)
        channel.in_stasis = True
        channel.running = ("Stasis", ",".join((channel.stasis_app, *channel.app_args)))
        self.tell(channel, "StasisStart", args=list(channel.app_args))

    def leave_stasis(self, channel: Channel) -> None:
        """Out of it; a caller who came by the dialplan belongs to nobody then."""
        if channel.in_stasis:
            channel.in_stasis = False
            self.tell(channel, "StasisEnd")
            if channel.inbound:
                self._unsubscribe(channel)

    def _unsubscribe(self, channel: Channel) -> None:
        if channel.app is not None:
            app, channel.app = channel.app, None
            self.applications.remove(app, channel.id)

    # The life of a leg.

    def begin(self, channel: Channel, time_out: float) -> None:
        """Dial, in a moment."""

        def dial() -> None:
            if channel.gone or channel.ending or channel.party is None:
                return
            self.tell_dial(channel, "")
            channel.time_out = self.world.after(time_out, lambda: self._timed_out(channel))
            channel.party.dial()

        channel.dialled = True
        self.world.after(self.soon(), dial)

    def enter_soon(self, channel: Channel) -> None:
        """A created channel is in Stasis a moment later, and not so soon now and then."""
        channel.entering = True
        seldom = self.world.chance.random() < SELDOM
        wait = self.world.chance.uniform(*SLOW_START) if seldom else self.soon()
        self.world.after(wait, lambda: self.enter_stasis(channel))

    def rang(self, channel: Channel) -> None:
        """Its far end rings."""
        if channel.ending or channel.gone or channel.state != "Down":
            return
        channel.state = "Ringing"
        if channel.created and self.world.chance.random() < 0.3:
            self.tell_dial(channel, "RINGING")
            self.tell(channel, "ChannelStateChange")
        else:
            self.tell(channel, "ChannelStateChange")
            self.tell_dial(channel, "RINGING")

    def progressed(self, channel: Channel) -> None:
        """Its far end makes progress: told twice."""
        if not (channel.ending or channel.gone or channel.state == "Up"):
            self.tell_dial(channel, "PROGRESS")
            self.tell_dial(channel, "PROGRESS")

    def answered(self, channel: Channel) -> None:
        """Its far end was picked up."""
        if channel.ending or channel.gone or channel.state == "Up":
            return
        if channel.time_out is not None:
            channel.time_out.call_off()
        channel.state = "Up"
        self.tell(channel, "ChannelStateChange")
        self.tell_dial(channel, "ANSWER")
        if channel.bridge is not None:
            self.bridging.talk(channel.bridge)
        if not channel.created:
            if self.world.chance.random() < SELDOM:
                self.world.after(self.soon(), lambda: self.enter_stasis(channel))
            else:
                self.enter_stasis(channel)

    def refused(self, channel: Channel, refusal: Refusal, *, at_once: bool = False) -> None:
        """Its far end said no; `at_once`: perhaps before Asterisk was done with dialling it, which loses the cause."""
        if channel.gone or channel.ending:
            return
        if refusal.local:
            self.tell_dial(channel, refusal.dialstatus)
            if not channel.created:
                self.destroy(channel, 0)
            return  # a created one lingers until it is hung up
        channel.ending = True
        self._hangup_request(channel, refusal.cause, refusal.tech_cause)
        status = None if channel.created else refusal.dialstatus
        lost = at_once and channel.created and self.world.chance.random() < 0.3
        self._end_soon(channel, 16 if lost else refusal.cause, refusal.tech_cause, status)

    def far_end_gone(self, channel: Channel) -> None:
        """Its far end was put down."""
        if channel.gone or channel.ending:
            return
        channel.ending = True
        local = channel.endpoint.startswith("Local/")
        cause = 16 if local or channel.created or channel.bridge is not None else 0
        self._hangup_request(channel, 16 if local else None)
        self._end_soon(channel, cause)

    def hang_up(self, channel: Channel, cause: int) -> None:
        """By request. The channel is gone a moment later."""
        self._hangup_request(channel, 32)
        if channel.ending:
            return
        channel.ending = True
        unanswered = not channel.created and not channel.inbound and channel.state != "Up"
        self._end_soon(channel, cause, None, "NOANSWER" if unanswered else None)

    def _timed_out(self, channel: Channel) -> None:
        if channel.gone or channel.ending or channel.state == "Up":
            return
        cause, tech = OWN_TIME_OUT
        if self.old:
            cause = self.world.chance.choice((0, 16))
        direct = channel.endpoint.startswith("PJSIP/")
        if channel.created:
            channel.ending = True
            self._hangup_request(channel, 32)
            self._end_soon(channel, cause, tech if direct else None)
        else:
            self.destroy(channel, cause, tech if direct else None)

    def _end_soon(self, channel: Channel, cause: int, tech: int | None = None, status: str | None = None) -> None:
        self.world.after(self.soon(), lambda: self.destroy(channel, cause, tech, status))

    def destroy(self, channel: Channel, cause: int, tech: int | None = None, status: str | None = None) -> None:
        """It is gone, and so are its phones. `status`: a last Dial event before."""
        if channel.gone:
            return
        channel.ending = channel.gone = True
        if channel.time_out is not None:
            channel.time_out.call_off()
        self.player.end(channel)
        self.bridging.leave(channel)
        self.leave_stasis(channel)
        undialled = channel.created and not channel.dialled and channel.endpoint.startswith("PJSIP/")
        if undialled:
            tech = 603
            self._hangup_request(channel, cause, tech)
        if status is not None:
            self.tell_dial(channel, status)
        channel.running = ("", "") if channel.created else ("AppDial2", "(Outgoing Line)")
        del self.channels[channel.id]
        if channel.party is not None:
            channel.party.end(cause)
        for snoop in channel.snoops:
            self.destroy(snoop, 16)
        text = CAUSE_TEXTS.get(cause, "Unknown")
        self.tell(channel, "ChannelDestroyed", cause=cause, cause_txt=text, **self._sip(tech))
        self._unsubscribe(channel)

    # Digits.

    def pressed(self, channel: Channel, digit: str) -> None:
        """A key was let go at its far end."""
        if channel.gone or channel.state != "Up":
            return
        if channel.bridge is None or channel.bridge.reports_digits:
            duration = self.world.chance.choice((80, 100, 120, 160, 180))
            self.tell(channel, "ChannelDtmfReceived", digit=digit, duration_ms=duration)

    # Phones and queues.

    def line(self, leg: Channel, channel: Channel, party: Party, phone: Phone) -> Line:
        """A call to a phone, not rung yet. `leg` is the channel that the application knows."""
        name, number = leg.display
        alone = self.applications.alone_for(leg.stasis_app)
        call = Call(phone, leg.endpoint, channel.id, leg.id, name, number, self.world.time, alone_for=alone)
        return Line(self.world, call, party, self.write, lambda: self.member_changed(phone))

    def write(self, what: str, call: Call, detail: str) -> None:
        """Into the record."""
        if what in ("rung", "calls"):
            self.calls.append(call)
        self.record.append(Entry(self.world.time, what, call.number, call.leg, detail))

    def member_changed(self, phone: Phone) -> None:
        """A phone is free, or no longer: what a queue that it is in says of itself may change."""
        for queue in self.directory.queues.values():
            if any(member.phone is phone for member in queue.members):
                self.refresh(queue.name)

    def refresh(self, name: str) -> None:
        """Look at a queue's members, and tell if somebody is available who was not, or the reverse."""
        available = bool(self.directory.queues[name].available())
        if self.queue_states.get(name, False) is not available:
            self.queue_states[name] = available
            state = "NOT_INUSE" if available else "INUSE"
            self.applications.device_changed(f"Queue:{name}_avail", state)

    def clear(self) -> None:
        """Asterisk has died, and all calls with it."""
        for channel in list(self.channels.values()):
            channel.gone = channel.ending = True
            if channel.time_out is not None:
                channel.time_out.call_off()
            channel.commands.clear()
        self.bridging.clear(self.channels.values())
        for channel in list(self.channels.values()):
            if channel.party is not None:
                channel.party.end(0)
        self.channels.clear()
        self.player.clear()
        self.queue_states.clear()

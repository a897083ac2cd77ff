"""The phones of a simulated world, what they do when they are rung, and what they saw: the judge of a scenario.

All times are seconds of `World.time`; all delays are in seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simulation.asterisk.lines import Line


class Signal(StrEnum):
    """What a called phone says before it answers."""

    NOTHING = "nothing"
    RINGING = "ringing"
    """180."""
    PROGRESS = "progress"
    """183: early media."""


class Side(StrEnum):
    """Who ended a call."""

    PHONE = "phone"
    ASTERISK = "asterisk"


@dataclass(frozen=True, slots=True)
class Refusal:
    """How the network or the phone says no: the Q.850 cause and the SIP response that Asterisk makes of it.

    `local`: no SIP at all, but a dialplan's `Busy()` or `Congestion()` behind a Local channel: its `dialstatus` comes
    in a Dial event, and the channel lingers until it is hung up.
    """

    cause: int
    tech_cause: int | None = None
    dialstatus: str = "NOANSWER"
    local: bool = False


CAUSES = {
    401: 21, 403: 21, 404: 1, 407: 21, 408: 18, 410: 22, 480: 19, 484: 28, 486: 17, 487: 127, 488: 58, 500: 38,
    502: 38, 503: 34, 504: 102, 600: 17, 603: 21, 604: 1, 607: 127, 608: 127,
}  # fmt: skip
"""SIP responses as Q.850 causes, as measured on Asterisk 22."""

_DIALSTATUS = {17: "BUSY", 34: "CONGESTION", 38: "CONGESTION", 58: "CONGESTION", 102: "CONGESTION"}


def sip(status: int) -> Refusal:
    """The refusal of a SIP response. KeyError of one that was not measured."""
    cause = CAUSES[status]
    return Refusal(cause, status, _DIALSTATUS.get(cause, "NOANSWER"))


BUSY = sip(486)
REJECTED = sip(603)
NO_SUCH_NUMBER = sip(404)
CONGESTED = sip(503)
ABSENT = sip(480)
LOCAL_BUSY = Refusal(0, None, "BUSY", local=True)
LOCAL_CONGESTION = Refusal(0, None, "CONGESTION", local=True)


@dataclass(frozen=True, slots=True)
class Press:
    """Keys that the person presses `after` seconds from a moment, `gap` seconds apart.

    The moment is the answer; or the start of the `playback`-th medium that this phone hears (from 1); or, with
    `media`, the first time from then on that it hears a medium whose URI contains that text. Nothing is pressed if
    the moment never comes.
    """

    digits: str
    after: float = 0.5
    playback: int | None = None
    media: str | None = None
    gap: float = 0.3


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a phone does with one call.

    It says `signal` after `signal_after`. Then whichever of `answer_after` and `refuse_after` (both from the call's
    arrival) comes first; neither: it goes on ringing. Answered, it presses keys and hangs up `hang_up_after` seconds
    after the answer, or `hang_up_on` the first medium it hears whose URI contains that text (`hang_up_after` later,
    if both are given). `vanish_after` its arrival it is gone without a word: Asterisk learns nothing, ever, and what
    is said to it is lost.
    """

    signal: Signal = Signal.RINGING
    signal_after: float = 0.1
    answer_after: float | None = None
    refuse_after: float | None = None
    refusal: Refusal = BUSY
    presses: tuple[Press, ...] = ()
    hang_up_after: float | None = None
    hang_up_on: str | None = None
    vanish_after: float | None = None


NO_ANSWER = Behaviour()
"""Rings, and nobody is there."""


def answers(after: float = 2.0, *presses: Press, hang_up_after: float | None = None) -> Behaviour:
    """Rings, is answered, and stays up to `hang_up_after` seconds after that."""
    return Behaviour(answer_after=after, presses=presses, hang_up_after=hang_up_after)


def refuses(refusal: Refusal = BUSY, after: float = 0.2, signal: Signal = Signal.NOTHING) -> Behaviour:
    """Says no."""
    return Behaviour(signal=signal, signal_after=after / 2, refuse_after=after, refusal=refusal)


def voicemail(after: float = 20.0, *, greets: float = 4.0, records: float = 60.0) -> Behaviour:
    """A box that takes the call, greets, records and hangs up."""
    return Behaviour(answer_after=after, hang_up_after=greets + records)


@dataclass(slots=True)
class Heard:
    """One medium that a phone heard: from when, to when (None: still), and by which playback."""

    media: str
    playback: str
    at: float
    until: float | None = None


@dataclass(slots=True)
class Talk:
    """Two phones in one bridge, both up: with the channel (`leg`) of whom, from when, to when (None: still)."""

    leg: str
    at: float
    until: float | None = None


@dataclass(slots=True, eq=False)
class Call:
    """One call as one phone sees it: its whole record, and a hand on the phone for those who want to improvise.

    `channel` is the id of the channel that Asterisk made for it; `leg` the id of the channel that callbackd knows,
    which differs for a phone behind a Local channel. `rung_at` is the arrival of the call at the phone (an INVITE),
    `rang_at` when it said that it rings. `talked`: with whom it was bridged. `incoming`: the phone called us.
    `alone_for`: for how many seconds, when it arrived, nobody had been connected as the application that it is for.
    """

    phone: Phone
    endpoint: str
    channel: str
    leg: str
    caller_name: str
    caller_number: str
    rung_at: float
    incoming: bool = False
    alone_for: float = 0.0
    rang_at: float | None = None
    progress_at: float | None = None
    answered_at: float | None = None
    vanished_at: float | None = None
    ended_at: float | None = None
    ended_by: Side | None = None
    cause: int | None = None
    pressed: list[tuple[float, str]] = field(default_factory=list)
    heard: list[Heard] = field(default_factory=list)
    talked: list[Talk] = field(default_factory=list)
    continued_at: float | None = None
    status_on_leaving: str | None = None
    """Of a caller who left the menu: the channel variable CALLBACKD_STATUS."""
    behaviour: Behaviour = NO_ANSWER
    line: Line | None = field(default=None, repr=False)

    @property
    def number(self) -> str:
        """The phone's number."""
        return self.phone.number

    @property
    def controlled(self) -> bool:
        """When it arrived, somebody was connected as the application that it is for."""
        return self.alone_for == 0

    @property
    def up(self) -> bool:
        """Answered, and not over."""
        return self.answered_at is not None and self.ended_at is None

    # What a person can do with it at any time; nothing if the call is over, or the phone has vanished.

    def answer(self) -> None:
        """Pick up."""
        if self.line is not None:
            self.line.answer()

    def press(self, digit: str) -> None:
        """Press one key."""
        if self.line is not None:
            self.line.press(digit)

    def hang_up(self) -> None:
        """Put down."""
        if self.line is not None:
            self.line.hang_up()

    def refuse(self, refusal: Refusal = BUSY) -> None:
        """Say no, before the answer."""
        if self.line is not None:
            self.line.refuse(refusal)

    def vanish(self) -> None:
        """Be gone without a word."""
        if self.line is not None:
            self.line.vanish()


Owner = Callable[[Call], Behaviour]
"""Whoever has a phone: asked at each call's arrival what is done with it."""


@dataclass(slots=True, eq=False)
class Phone:
    """A phone. Not `registered`: Asterisk can't call it, and says so at once. `calls`: all that it ever had; `live`:
    those that are not over."""

    number: str
    owner: Owner
    registered: bool = True
    calls: list[Call] = field(default_factory=list)
    live: int = 0

    @property
    def busy(self) -> bool:
        """Rung or in a call."""
        return self.live > 0


@dataclass(slots=True, eq=False)
class Member:
    """A phone in a queue."""

    phone: Phone
    paused: bool = False


@dataclass(slots=True, eq=False)
class Queue:
    """An Asterisk queue that rings all available members, again and again. Pause one with `Asterisk.pause`.

    `join_empty` False: a caller is turned away at once (QUEUESTATUS is not TIMEOUT) while no member is available.
    """

    name: str
    members: list[Member] = field(default_factory=list)
    join_empty: bool = True

    def available(self) -> list[Phone]:
        """The phones that would be rung now."""
        return [
            member.phone
            for member in self.members
            if member.phone.registered and not member.paused and not member.phone.busy
        ]


@dataclass(slots=True, eq=False)
class Trunk:
    """A SIP trunk: `lookup` finds the phone of a number (None: 404). Not `up`: channels can't be made."""

    name: str
    lookup: Callable[[str], Phone | None]
    up: bool = True


@dataclass(frozen=True, slots=True)
class Route:
    """Where an endpoint leads to: one phone, a queue, or (unknown number of a trunk) nobody who can be rung."""

    phone: Phone | None = None
    queue: Queue | None = None
    local: bool = False


class Directory:
    """Which endpoint is which phone.

    `PJSIP/1001` after `add_phone`, `PJSIP/+14165550123@trunk` after `add_trunk`, `Local/600@callbackd-agents/n` after
    `add_queue`. Every phone of the directory, and every number of a trunk, is also behind the Local channels of the
    sample dialplan: `Local/1001@callbackd-agents/n`, `Local/+14165550123@callbackd-clients/n`.
    """

    def __init__(self) -> None:
        self.phones: dict[str, Phone] = {}
        self.queues: dict[str, Queue] = {}
        self.trunks: dict[str, Trunk] = {}
        self._queue_extensions: dict[str, Queue] = {}

    def add_phone(self, number: str, owner: Owner) -> Phone:
        """A phone that is `PJSIP/{number}`."""
        phone = self.phones[number] = Phone(number, owner)
        return phone

    def add_queue(self, name: str, extension: str, *phones: Phone) -> Queue:
        """A queue that is `Local/{extension}@callbackd-agents/n`."""
        queue = self.queues[name] = Queue(name, [Member(phone) for phone in phones])
        self._queue_extensions[extension] = queue
        return queue

    def add_trunk(self, name: str, lookup: Callable[[str], Phone | None]) -> Trunk:
        """A trunk that is `PJSIP/{number}@{name}`."""
        trunk = self.trunks[name] = Trunk(name, lookup)
        return trunk

    def everybody(self) -> Iterator[Phone]:
        """The phones of the directory, not those behind trunks."""
        return iter(self.phones.values())

    def find(self, endpoint: str) -> Route | None:
        """Where it leads; None: Asterisk can't make a channel to it (unknown, not registered, trunk down)."""
        technology, _, resource = endpoint.partition("/")
        if technology == "PJSIP":
            return self._sip(resource)
        if technology != "Local":
            return None
        extension, _, context = resource.removesuffix("/n").partition("@")
        if context == "callbackd-agents":
            queue = self._queue_extensions.get(extension)
            if queue is not None:
                return Route(queue=queue, local=True)
            found = self.phones.get(extension)
            return Route(found if found is not None and found.registered else None, local=True)
        if context == "callbackd-clients":
            for trunk in self.trunks.values():
                return Route(trunk.lookup(extension) if trunk.up else None, local=True)
        return Route(local=True)

    def _sip(self, resource: str) -> Route | None:
        number, at, name = resource.partition("@")
        if at:
            trunk = self.trunks.get(name)
            return Route(trunk.lookup(number)) if trunk is not None and trunk.up else None
        phone = self.phones.get(number)
        return Route(phone) if phone is not None and phone.registered else None

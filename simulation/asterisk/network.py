"""What lies between the daemon and Asterisk: latencies, and all that can go wrong on the way.

A websocket is TCP: what arrives does so in order, unless the weather says otherwise. A request that got no answer may
have been acted on; the daemon is told so exactly as by a real connection.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

from callbackd.ari.transport import Response
from simulation.asterisk.pbx import Asterisk, Waiting
from simulation.asterisk.transport import SimulatedTransport
from simulation.asterisk.websocket import Websocket
from simulation.world import World

TIMEOUT = 10.0
"""Seconds after which the daemon gives a request up."""

POOL = 12
"""Requests under way at once."""

KEEPALIVE = 10.0
"""Seconds for which an idle connection is kept."""

CONNECT_SOON = 1.0
"""Seconds after the end of a websocket within which the next one may meet its remains."""

AFTER_ALL = 0.3
"""The chance that a request that was given up during a partition still arrives when it ends."""

Json = Mapping[str, Any]


class Fault(Enum):
    """What can happen to one request."""

    UNSENT = auto()
    """It never left: Asterisk has certainly not acted."""
    DIES = auto()
    """Sent, and lost before it reached Asterisk."""
    ANSWER_LOST = auto()
    """Asterisk acted; the connection broke before the answer was here."""
    TIMES_OUT = auto()
    """Asterisk acted, but no answer comes within 10 s."""
    NEVER_ARRIVES = auto()
    """As for the daemon the same, but Asterisk did not act."""
    LATE = auto()
    """It reaches Asterisk seconds late, and is answered."""
    AFTER_TIME_OUT = auto()
    """It reaches Asterisk only after the daemon has given it up."""


@dataclass(slots=True)
class Weather:
    """Chances (0 to 1) for each request and each event, and the bounds of latencies in seconds. Change at will."""

    request_latency: tuple[float, float] = (0.0004, 0.004)
    event_latency: tuple[float, float] = (0.0002, 0.003)
    unsent: float = 0.0
    dies: float = 0.0
    answer_lost: float = 0.0
    times_out: float = 0.0
    never_arrives: float = 0.0
    late: float = 0.0
    after_time_out: float = 0.0
    event_lost: float = 0.0
    event_late: float = 0.0
    event_doubled: float = 0.0
    event_reordered: float = 0.0
    unregistered: float = 0.02
    """A websocket opened right after another's end is open, but has no application behind it."""
    latest: float = 8.0
    """How late, in seconds, a late request is at most."""
    event_latest: float = 3.0

    def faults(self) -> tuple[tuple[Fault, float], ...]:
        """Those of requests."""
        return (
            (Fault.UNSENT, self.unsent),
            (Fault.DIES, self.dies),
            (Fault.ANSWER_LOST, self.answer_lost),
            (Fault.TIMES_OUT, self.times_out),
            (Fault.NEVER_ARRIVES, self.never_arrives),
            (Fault.LATE, self.late),
            (Fault.AFTER_TIME_OUT, self.after_time_out),
        )


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """What the daemon gets instead of a response."""

    reason: str
    perhaps_acted: bool


Answer = Callable[[Response | NoAnswer], None]


@dataclass(slots=True)
class Connection:
    """A keep-alive connection. `conflicted`: it has reported a 409, and will say so again."""

    used_at: float
    conflicted: bool = False


class Exchange:
    """One request on its way: answered exactly once."""

    __slots__ = ("_answer", "connection", "done")

    def __init__(self, answer: Answer, connection: Connection) -> None:
        self._answer = answer
        self.connection = connection
        self.done = False

    def answer(self, found: Response | NoAnswer) -> None:
        """The first answer is the one."""
        if not self.done:
            self.done = True
            self._answer(found)


class Network:
    """The way to one Asterisk. `weather` says what chance does to it; the methods are what a scenario does."""

    def __init__(self, world: World, asterisk: Asterisk, weather: Weather | None = None) -> None:
        self.weather = weather or Weather()
        self.lost: Callable[[Json], None] = lambda _: None
        """Told of each event that the weather swallows."""
        self._world = world
        self._asterisk = asterisk
        self._idle: list[Connection] = []
        self._busy = 0
        self._queued: deque[Callable[[Connection], None]] = deque()
        self._spoiled: list[tuple[Fault, str, re.Pattern[str]]] = []
        self._parted_until = 0.0
        self._refused_until = 0.0
        self._sockets: list[Websocket] = []
        self._last_end = -CONNECT_SOON

    def transport(self) -> SimulatedTransport:
        """A transport for one life of a daemon; it uses the loop that runs when it is used."""
        return SimulatedTransport(self)

    @property
    def parted(self) -> bool:
        """Nothing gets through now."""
        return self._world.time < self._parted_until

    @property
    def websockets(self) -> list[Websocket]:
        """Those whose daemon believes them open."""
        self._sockets = [socket for socket in self._sockets if not socket.ended]
        return list(self._sockets)

    # What a scenario does.

    def spoil(self, fault: Fault, method: str, path: str) -> None:
        """The next request of that method whose path matches the pattern as a whole suffers so."""
        self._spoiled.append((fault, method, re.compile(path)))

    def drop_websocket(self, *, clean: bool = True) -> None:
        """Every websocket ends, at both ends: closed by Asterisk (1000), or broken."""
        for socket in self.websockets:
            socket.drop(clean=clean)

    def half_open(self) -> None:
        """What comes from now on over the present websockets is lost, until the daemon's heartbeat notices."""
        for socket in self.websockets:
            socket.half_open()

    def stall(self, seconds: float) -> None:
        """Events wait for that long. Longer than the heartbeat allows is noticed as an end."""
        for socket in self.websockets:
            socket.stall(seconds)

    def part(self, seconds: float) -> None:
        """Nothing gets through for that long. Websockets go on afterwards, if the heartbeat has not given them up."""
        self._parted_until = max(self._parted_until, self._world.time + seconds)
        self.stall(seconds)

    def refuse_websockets(self, seconds: float) -> None:
        """Those there are break, and for so long none can be opened. Requests go through."""
        self._refused_until = max(self._refused_until, self._world.time + seconds)
        self.drop_websocket(clean=False)

    def take_over(self, app: str) -> Websocket:
        """Another program connects as this application; its events reach nobody of ours. End it with `close`."""
        socket = Websocket(self._world, self.weather, lambda: None)
        socket.open(self._asterisk, app)
        return socket

    # For the transport.

    def request(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Json | None, answer: Answer
    ) -> None:
        """Send a request; `answer` is called once, some time later, never from within."""
        sent_at = self._world.time

        def begin(connection: Connection) -> None:
            self._send(Exchange(answered, connection), method, path, query or {}, body or {}, sent_at)

        def answered(found: Response | NoAnswer) -> None:
            answer(found)

        if self._busy < POOL:
            begin(self._connect())
        else:
            self._queued.append(begin)

    def connect(self, app: str, opened: Callable[[Websocket | NoAnswer], None], arrived: Callable[[], None]) -> None:
        """Open a websocket; `opened` is called once. `arrived` is called when it has something to be received."""
        low, high = self.weather.request_latency
        latency = 2 * self._world.chance.uniform(low, high)
        if self.parted:
            self._world.after(TIMEOUT, lambda: opened(NoAnswer("no answer within 10 s", False)))
            return

        def open_it() -> None:
            if self._asterisk.down or self._world.time < self._refused_until:
                opened(NoAnswer("nothing listens", False))
                return
            remains = self._world.time - self._last_end < CONNECT_SOON
            unlucky = remains and self._world.chance.random() < self.weather.unregistered
            socket = Websocket(self._world, self.weather, arrived, self._ended, self.lost)
            socket.open(self._asterisk, app, registered=not unlucky)
            self._sockets.append(socket)
            opened(socket)

        self._world.after(latency, open_it)

    # How.

    def _ended(self) -> None:
        self._last_end = self._world.time

    def _connect(self) -> Connection:
        self._busy += 1
        while self._idle:
            connection = self._idle.pop()
            if self._world.time - connection.used_at < KEEPALIVE:
                return connection
        return Connection(self._world.time)

    def _free(self, exchange: Exchange, *, broken: bool) -> None:
        self._busy -= 1
        if not broken:
            exchange.connection.used_at = self._world.time
            self._idle.append(exchange.connection)
        if self._queued and self._busy < POOL:
            self._queued.popleft()(self._connect())

    def _send(
        self,
        exchange: Exchange,
        method: str,
        path: str,
        query: Mapping[str, str],
        body: Json,
        since: float,
    ) -> None:
        world = self._world
        low, high = self.weather.request_latency
        there, back = world.chance.uniform(low, high), world.chance.uniform(low, high)
        patience = max(since + TIMEOUT - world.time, 0.0)

        def end(found: Response | NoAnswer) -> None:
            if exchange.done:
                return
            time_out.call_off()
            exchange.answer(found)
            self._free(exchange, broken=isinstance(found, NoAnswer))

        def arrive(answer: Callable[[Response], None]) -> None:
            if self._asterisk.down:
                end(NoAnswer("nothing listens", False))
                return
            found = self._asterisk.handle(method, path, query, body)
            if isinstance(found, Waiting):
                found.then(answer, lambda: end(NoAnswer("the connection broke", True)))
            else:
                answer(found)

        def return_it(found: Response) -> None:
            world.after(back, lambda: end(self._as_reported(exchange.connection, found)))

        def give_up() -> None:
            end(NoAnswer("no answer within 10 s", True))

        time_out = world.after(patience, give_up)
        if self.parted:
            wait = self._parted_until - world.time
            if wait < patience or world.chance.random() < AFTER_ALL:
                world.after(wait + there, lambda: arrive(return_it))
            return
        match self._fault(method, path):
            case None:
                world.after(there, lambda: arrive(return_it))
            case Fault.UNSENT:
                world.after(there, lambda: end(NoAnswer("the connection broke", False)))
            case Fault.DIES:
                world.after(there, lambda: end(NoAnswer("the connection broke", True)))
            case Fault.ANSWER_LOST:
                world.after(
                    there, lambda: arrive(lambda _: _after(world, back, end, NoAnswer("the connection broke", True)))
                )
            case Fault.TIMES_OUT:
                world.after(there, lambda: arrive(lambda _: None))
            case Fault.NEVER_ARRIVES:
                pass
            case Fault.LATE:
                delay = world.chance.uniform(min(0.2, self.weather.latest), self.weather.latest)
                world.after(delay, lambda: arrive(return_it))
            case Fault.AFTER_TIME_OUT:
                world.after(patience + world.chance.uniform(0.0, 5.0), lambda: arrive(lambda _: None))

    def _fault(self, method: str, path: str) -> Fault | None:
        for index, (fault, wanted, pattern) in enumerate(self._spoiled):
            if wanted == method and pattern.fullmatch(path):
                del self._spoiled[index]
                return fault
        for fault, likely in self.weather.faults():
            if likely and self._world.chance.random() < likely:
                return fault
        return None

    def _as_reported(self, connection: Connection, found: Response) -> Response:
        """A real 409 sticks to its connection: what can't be allocated is reported as one, too."""
        if found.status == 409 and isinstance(found.body, dict) and "unique ID" in str(found.body.get("message")):
            connection.conflicted = True
        elif found.status == 500 and connection.conflicted and found.body == {"error": "Allocation failed"}:
            return Response(409, {"message": "Channel with given unique ID already exists"})
        return found


def _after(world: World, seconds: float, end: Callable[[NoAnswer], None], found: NoAnswer) -> None:
    world.after(seconds, lambda: end(found))

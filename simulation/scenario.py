"""What a seed means: the profiles, the people, what is asked when, and what goes wrong when. All of it is drawn here,
before anything runs, but what people do with a call and which request a bad network hits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from random import Random
from zoneinfo import ZoneInfo

from simulation.asterisk.network import Weather
from simulation.office import Interval, Office, Week
from simulation.people import Manners
from simulation.rules import Book

HOUR = 3600.0
TRUNK = "PJSIP/{number}@trunk"
LOCAL = "Local/{number}@callbackd-clients/n"


class What(StrEnum):
    """Something that a scenario does at an instant."""

    REQUEST = "request"
    CANCEL = "cancel"
    RESCHEDULE = "reschedule"
    PAUSE = "pause"
    RESUME = "resume"
    CALL_IN = "call in"
    """A client is on the line to us, and the dialplan says so (AGI)."""
    MENU = "menu"
    """A caller is sent to the intake menu."""
    TERM = "term"
    KILL = "kill"
    RELOAD = "reload"
    BAD_RELOAD = "bad reload"
    CLOCK = "clock"
    DISK = "disk"
    WEATHER = "weather"
    SOCKET = "socket"
    PART = "part"
    CRASH = "crash"
    UNREGISTER = "unregister"
    TRUNK = "trunk"
    QUEUE = "queue"


@dataclass(frozen=True, slots=True)
class Deed:
    """`at` in seconds from the start. What the rest means depends on what it is."""

    at: float
    what: What
    who: str = ""
    number: str = ""
    amount: float = 0.0
    key: str = ""
    """Of a request: its idempotency key."""
    book: Book | None = None
    weather: Weather | None = None


@dataclass(frozen=True, slots=True)
class Fall:
    """A kill after so many busy steps of a life, and how many seconds the daemon is down then."""

    steps: int
    down: float


@dataclass(frozen=True, slots=True)
class Scenario:
    """`troubled_until`: from then on nothing fails any more; `ends_at`: by then all must have come to rest."""

    seed: int
    start: datetime
    book: Book
    agents: tuple[str, ...]
    clients: tuple[str, ...]
    queue: tuple[str, ...]
    manners: Manners
    drift: float
    deeds: tuple[Deed, ...]
    falls: tuple[Fall, ...]
    troubled_until: float
    ends_at: float
    weather: Weather = field(default_factory=Weather)


def draw(seed: int) -> Scenario:
    """The scenario of a seed: always the same."""
    return _Draw(seed).scenario()


_NIGHTS = (
    ("America/Toronto", datetime(2026, 11, 1, tzinfo=UTC)),
    ("America/Toronto", datetime(2026, 3, 8, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 29, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 5, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 4, tzinfo=UTC)),
)
"""Where and when clocks are changed, at some hour of that local day."""

_ZONES = ("America/Toronto", "America/St_Johns", "Europe/Berlin", "Asia/Kathmandu", "UTC")


def _h(hours: float) -> int:
    return round(hours * 60)


_WEEKS: tuple[tuple[Interval, ...], ...] = (
    ((_h(9), _h(12)), (_h(13), _h(17))),
    ((_h(8), _h(20)),),
    ((_h(22), _h(6)),),
    ((_h(0), _h(24)),),
    ((_h(10), _h(10.5)), (_h(11), _h(11.5)), (_h(15), _h(16))),
)
_NIGHT_WEEKS: tuple[tuple[Interval, ...], ...] = (
    ((_h(22), _h(6)),),
    ((_h(0.5), _h(2.5)), (_h(3.5), _h(5))),
    ((_h(1), _h(2)), (_h(2.25), _h(3.25))),
    ((_h(1.5), _h(4)),),
)


class _Draw:
    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._chance = Random(f"scenario {seed}")
        self._night: tuple[str, datetime] | None = None

    def scenario(self) -> Scenario:
        chance = self._chance
        if chance.random() < 0.15:
            self._night = chance.choice(_NIGHTS)
        offices = self._offices()
        start = self._start(offices)
        span = chance.choice((0.15, 0.3, 0.5, 1.0)) * HOUR
        clients = tuple(f"+1416555{chance.randrange(100, 200):04d}" for _ in range(chance.randint(1, 6)))
        agents = ("1001", "1002", "1003")
        book = Book(
            offices,
            max_concurrent=chance.choice((1, 2, 20, 20)),
            dials_per_number=chance.choice((3, 6, 6, 20, 20)),
            drain=chance.choice((0, 5, 30)),
        )
        deeds = self._requests(book, clients, span)
        trouble = chance.choice((0.0, 0.3, 1.0, 1.0))
        falls: tuple[Fall, ...] = ()
        if trouble:
            deeds += self._faults(book, span, trouble, [deed.at for deed in deeds if deed.what is What.REQUEST])
            falls = self._falls(trouble)
            asked_at = [deed.at for deed in deeds if deed.what is What.REQUEST]
            deeds += self._more_faults(span, trouble, asked_at)
        deeds = self._asked_again(deeds, span)
        tail = chance.choice((1.0, 3.0, 14.0, 30.0)) * HOUR
        return Scenario(
            seed=self._seed,
            start=start,
            book=book,
            agents=agents,
            clients=clients,
            queue=agents if any(office.queue for office in offices.values()) else (),
            manners=Manners(
                diligence=chance.choice((0.5, 0.75, 0.95)),
                reach=chance.choice((0.2, 0.5, 0.9)),
                vanishing=chance.choice((0.0, 0.0, 0.02, 0.1)) if trouble else 0.0,
            ),
            drift=chance.choice((0.0, 0.0, 2e-5, -2e-5)),
            deeds=tuple(sorted(deeds, key=lambda deed: deed.at)),
            falls=falls,
            troubled_until=span,
            ends_at=span + tail,
        )

    def _offices(self) -> Mapping[str, Office]:
        names = ("support", "sales", "billing")[: self._chance.choice((1, 1, 2, 3))]
        return {name: self._office(name) for name in names}

    def _office(self, name: str) -> Office:
        chance = self._chance
        if self._night is not None:
            zone = self._night[0]
            spans = chance.choice(_NIGHT_WEEKS)
        else:
            zone = chance.choice(_ZONES)
            spans = chance.choice(_WEEKS)
        week: Week | None = tuple(spans for _ in range(7))
        if chance.random() < 0.35:
            week = None
        queue = "support" if chance.random() < 0.2 else None
        endpoints = chance.choice(
            (
                ("PJSIP/1001",),
                ("PJSIP/1002",),
                ("PJSIP/1001", "PJSIP/1002"),
                ("PJSIP/1003", "PJSIP/1001", "PJSIP/1002"),
                ("Local/1001@callbackd-agents/n",),
            )
        )
        return Office(
            name=name,
            endpoints=("Local/600@callbackd-agents/n",) if queue else endpoints,
            client_endpoint=chance.choice((TRUNK, TRUNK, LOCAL)),
            zone=zone,
            week=week,
            queue=queue,
            at_once=chance.choice((1, 1, 2, 3)),
            ring=chance.choice((5, 20, 30)),
            key_wait=chance.choice((3, 8)),
            prompt_repeats=chance.choice((1, 2, 3)),
            retry_delay=chance.choice((5, 30, 60)),
            after_failure=chance.choice((3, 10)),
            client_ring=chance.choice((10, 30)),
            auto=chance.random() < 0.8,
            agent=chance.random() < 0.8,
            client=chance.random() < 0.4,
            max_reschedules=chance.choice((0, 1, 2, 2, 4)),
            delay=chance.choice((0, 20, 60, 300, 600)),
            cut_off=chance.choice((0, 0, 600, 1200)) if week is not None else 0,
            after_cut_off=chance.choice(("next_open", "drop")),
            offer_attempts=chance.choice((1, 2)),
            offer_delay=chance.choice((None, 30)),
            expire_after=chance.choice((600, 7200, 86400, 604800)),
            on_inbound=chance.choice(("hold", "keep", "cancel")),
        )

    def _start(self, offices: Mapping[str, Office]) -> datetime:
        """Near an opening or a closing of one of the targets, or in the middle of its hours."""
        chance = self._chance
        office = chance.choice(list(offices.values()))
        day = datetime(2026, 11, 2, tzinfo=UTC) + timedelta(days=chance.randrange(7))
        if self._night is not None:
            day = self._night[1]
        minutes = 600
        if office.week is not None:
            opens, closes = chance.choice(office.week[0])
            if closes <= opens:
                closes += 1440
            minutes = chance.choice((opens, opens, closes, (opens + closes) // 2))
            if minutes >= 1440 and self._night is not None:
                minutes -= 1440
        wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minutes)  # noqa: DTZ001
        at = wall.replace(tzinfo=ZoneInfo(office.zone)).astimezone(UTC)
        return at - timedelta(minutes=chance.choice((0, 5, 15, 30)), seconds=chance.uniform(0, 60))

    def _requests(self, book: Book, clients: tuple[str, ...], span: float) -> list[Deed]:
        chance = self._chance
        profiles = list(book.offices)
        deeds = [
            Deed(
                chance.uniform(1, span * 0.8),
                What.REQUEST,
                chance.choice(profiles),
                chance.choice(clients),
                chance.choice((0, 0, 0, 0, chance.uniform(0, 1800))),
            )
            for _ in range(chance.randint(2, 12))
        ]
        for what, likely in (
            (What.CANCEL, 0.5),
            (What.RESCHEDULE, 0.4),
            (What.CALL_IN, 0.3),
            (What.MENU, 0.5),
            (What.PAUSE, 0.2),
            (What.QUEUE, 0.2),
        ):
            while chance.random() < likely:
                at = chance.uniform(1, span)
                who = chance.choice(profiles)
                deeds.append(Deed(at, what, who, chance.choice(clients), chance.uniform(0, 600)))
                if what is What.PAUSE:
                    deeds.append(Deed(min(at + chance.uniform(1, 900), span), What.RESUME, who))
        return deeds

    def _falls(self, trouble: float) -> tuple[Fall, ...]:
        chance = self._chance
        falls: list[Fall] = []
        while chance.random() < 0.85 * trouble and len(falls) < 8:
            steps = round(chance.choice((chance.uniform(1, 150), chance.uniform(1, 500), chance.uniform(100, 2500))))
            falls.append(Fall(steps, self._down()))
        return tuple(falls)

    def _down(self) -> float:
        chance = self._chance
        return chance.choice((0.5, chance.uniform(0.5, 10), chance.uniform(1, 60), chance.uniform(60, 1200)))

    def _faults(self, book: Book, span: float, trouble: float, asked_at: list[float]) -> list[Deed]:
        """More often than not while a call may be up that was just asked for."""
        chance = self._chance
        deeds: list[Deed] = []

        def at() -> float:
            if chance.random() < 0.6:
                return min(chance.choice(asked_at) + chance.uniform(0, 60), span)
            return chance.uniform(1, span)

        def some(likely: float) -> bool:
            return chance.random() < likely * trouble

        while some(0.3):
            deeds.append(Deed(at(), What.TERM, amount=chance.choice((0, 0, chance.uniform(0, 40)))))
        while some(0.2):
            deeds.append(Deed(at(), What.KILL, amount=self._down()))
        while some(0.3):
            deeds.append(Deed(at(), What.RELOAD, book=self._other(book)))
        while some(0.2):
            deeds.append(Deed(at(), What.CLOCK, amount=chance.choice((-1, 1)) * chance.choice((1, 60, 600))))
        while some(0.3):
            deeds.append(
                Deed(at(), What.DISK, chance.choice(("full", "broken", "slow")), amount=chance.uniform(0.05, 120))
            )
        while some(0.4):
            weather = self._weather()
            deeds.append(Deed(at(), What.WEATHER, amount=chance.uniform(5, 600), weather=weather))
        while some(0.3):
            deeds.append(Deed(at(), What.SOCKET, chance.choice(("clean", "broken", "half open", "stall"))))
        while some(0.2):
            deeds.append(Deed(at(), What.PART, amount=chance.choice((chance.uniform(0.1, 5), chance.uniform(5, 60)))))
        while some(0.25):
            deeds.append(Deed(at(), What.CRASH, amount=chance.choice((0.5, chance.uniform(0.5, 30)))))
        while some(0.2):
            deeds.append(Deed(at(), What.UNREGISTER, "1001", amount=chance.uniform(10, 600)))
        while some(0.2):
            deeds.append(Deed(at(), What.TRUNK, amount=chance.uniform(10, 300)))
        return deeds

    def _more_faults(self, span: float, trouble: float, asked_at: list[float]) -> list[Deed]:
        chance = Random(f"more faults {self._seed}")
        deeds: list[Deed] = []
        while chance.random() < 0.2 * trouble:
            deeds.append(Deed(chance.uniform(1, span), What.SOCKET, "refused", amount=chance.uniform(20, 180)))
        while chance.random() < 0.2 * trouble:
            deeds.append(Deed(chance.uniform(1, span), What.BAD_RELOAD))
        while chance.random() < 0.25 * trouble:
            at = max(chance.choice(asked_at) + chance.uniform(-1, 20), 0)
            deeds.append(Deed(min(at, span), What.DISK, "lasting", amount=chance.uniform(0.5, 120)))
        return deeds

    def _asked_again(self, deeds: list[Deed], span: float) -> list[Deed]:
        """Some requests have a key, and are repeated with it by somebody who did not get the answer, or is a robot."""
        chance = Random(f"asked again {self._seed}")
        told: list[Deed] = []
        for number, deed in enumerate(deeds):
            if deed.what is What.REQUEST and not deed.amount and chance.random() < 0.3:
                deed = replace(deed, key=f"key-{number}")
                later = deed.at + chance.choice((chance.uniform(0, 2), chance.uniform(0, 900)))
                told.append(replace(deed, at=min(later, span)))
            told.append(deed)
        return told

    def _weather(self) -> Weather:
        chance = self._chance

        def likely(odds: float) -> float:
            return chance.choice((0.0, 0.0, odds, odds * 4))

        return Weather(
            request_latency=chance.choice(((0.0004, 0.004), (0.001, 0.2), (0.2, 1.5))),
            event_latency=chance.choice(((0.0002, 0.003), (0.001, 0.3))),
            unsent=likely(0.02),
            dies=likely(0.02),
            answer_lost=likely(0.02),
            times_out=likely(0.01),
            never_arrives=likely(0.01),
            late=likely(0.02),
            after_time_out=likely(0.01),
            event_lost=likely(0.02),
            event_late=likely(0.05),
            event_doubled=likely(0.05),
            event_reordered=likely(0.05),
        )

    def _other(self, book: Book) -> Book:
        """Other settings of some profiles, or one of them removed: all are back at the end of the trouble."""
        chance = self._chance
        offices = dict(book.offices)
        name = chance.choice(list(offices))
        if len(offices) > 1 and chance.random() < 0.5:
            del offices[name]
        else:
            drawn = self._office(name)
            kept = offices[name]
            offices[name] = replace(
                drawn, queue=kept.queue, endpoints=kept.endpoints, week=kept.week, zone=kept.zone, cut_off=kept.cut_off
            )
        return replace(book, offices=offices, max_concurrent=chance.choice((1, 2, 20)))

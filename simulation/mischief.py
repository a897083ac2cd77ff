"""What goes wrong around the daemon, and how it is put right again."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from simulation.asterisk.network import Weather
from simulation.disk import Trouble
from simulation.judge.evidence import Violated
from simulation.life import Life
from simulation.scenario import Deed, What
from simulation.stage import Stage

CATCHES_UP = 35.0
"""Seconds after a trouble of link or disk until the daemon knows again how things are, and has done what it must."""


class Mischief:
    """`life` is the daemon's present one."""

    def __init__(self, stage: Stage, life: Callable[[], Life | None]) -> None:
        self._stage = stage
        self._life = life

    def do(self, deed: Deed) -> None:
        """Let it happen."""
        stage = self._stage
        world = stage.world
        match deed.what:
            case What.RELOAD if deed.book is not None:
                stage.rules.write(deed.book)
                self._reload()
            case What.BAD_RELOAD:
                self._reload_badly()
            case What.CLOCK:
                stage.clock.step(deed.amount)
            case What.DISK:
                stage.disk.trouble = Trouble(deed.who)
                stage.disk.odds = stage.chance.choice((1.0, 0.3, 0.05))
                stage.evidence.trouble(deed.amount + CATCHES_UP)
                world.after(deed.amount, self._mend_disk)
            case What.WEATHER if deed.weather is not None:
                self._set_weather(deed.weather)
                stage.evidence.trouble(deed.amount + CATCHES_UP)
                world.after(deed.amount, lambda: self._set_weather(Weather()))
            case What.SOCKET:
                stage.evidence.trouble(deed.amount + CATCHES_UP)
                self._break_socket(deed.who, deed.amount)
            case What.PART:
                stage.evidence.parted_until = max(stage.evidence.parted_until, world.time + deed.amount)
                stage.evidence.trouble(deed.amount + CATCHES_UP)
                stage.network.part(deed.amount)
            case What.CRASH:
                stage.judge.parting.crashed_at.add(world.time)
                stage.evidence.trouble(deed.amount + CATCHES_UP)
                stage.asterisk.restart(deed.amount, registered_after=stage.chance.choice((0.0, 5.0)))
            case What.QUEUE:
                self._rest_member(deed.amount)
            case What.UNREGISTER:
                stage.asterisk.register(stage.directory.phones[deed.who], False)
                world.after(deed.amount, lambda: self._register(deed.who))
            case What.TRUNK:
                stage.directory.trunks["trunk"].up = False
                world.after(deed.amount, self._mend_trunk)

    def _rest_member(self, seconds: float) -> None:
        """A member of the queue takes a pause."""
        stage = self._stage
        if stage.scenario.queue:
            member = stage.directory.phones[stage.chance.choice(stage.scenario.queue)]
            stage.asterisk.pause("support", member)
            stage.world.after(seconds, partial(stage.asterisk.pause, "support", member, False))

    def _break_socket(self, how: str, seconds: float) -> None:
        network = self._stage.network
        match how:
            case "half open":
                network.half_open()
            case "stall":
                network.stall(self._stage.chance.uniform(0.1, 20))
            case "refused":
                network.refuse_websockets(seconds)
            case _:
                network.drop_websocket(clean=how == "clean")

    def _reload_badly(self) -> None:
        """Files of which one is wrong are read again: none of them may come into force. They are mended at once."""
        life = self._life()
        if life is None or life.daemon is None:
            return
        self._stage.rules.spoil()
        problems = life.daemon.reload()
        self._stage.rules.mend()
        if not problems:
            raise Violated("a bad configuration was taken")

    def _set_weather(self, weather: Weather) -> None:
        """The network's object stays: what is under way looks at it, too."""
        for name in Weather.__dataclass_fields__:
            setattr(self._stage.network.weather, name, getattr(weather, name))

    def _reload(self) -> None:
        life = self._life()
        if life is not None and life.daemon is not None:
            problems = life.daemon.reload()
            if problems:
                raise Violated(f"a good configuration was refused: {problems[0]}")

    def _register(self, number: str) -> None:
        self._stage.asterisk.register(self._stage.directory.phones[number])

    def _mend_disk(self) -> None:
        self._stage.disk.trouble = Trouble.NONE

    def _mend_trunk(self) -> None:
        self._stage.directory.trunks["trunk"].up = True

    def end(self) -> None:
        """From now on nothing fails, and the settings are the first ones again."""
        stage = self._stage
        stage.story.tell("== nothing fails any more")
        stage.people.calm = True
        for call in stage.asterisk.calls:
            if call.ended_at is None:
                stage.world.after(stage.chance.uniform(1, 300), call.hang_up)
        self._mend_disk()
        self._mend_trunk()
        self._set_weather(Weather())
        for number in stage.directory.phones:
            self._register(number)
        if stage.rules.book != stage.scenario.book:
            stage.rules.write(stage.scenario.book)
            self._reload()

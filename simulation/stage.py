"""What a scenario is played on: its world, what stands in it, and the judge who looks on."""

from __future__ import annotations

from pathlib import Path
from random import Random

from simulation.asterisk.network import Network
from simulation.asterisk.pbx import Asterisk
from simulation.asterisk.phones import Behaviour, Call, Directory, Phone
from simulation.clock import StrayClock
from simulation.disk import Disk
from simulation.judge.evidence import Evidence, Told
from simulation.judge.judge import Judge
from simulation.people import People
from simulation.rules import RuleBook
from simulation.scenario import Scenario
from simulation.story import Story
from simulation.world import World

WITHOUT_SOUNDS = 0.15
"""The share of scenarios in which no sound is installed: tones stand in, which never end by themselves."""


class Stage:
    """`phones` are those of the clients, by number; the agents' are in the `directory`.

    `chance` decides what is left open in what a scenario does.
    """

    def __init__(self, scenario: Scenario, folder: Path, *, aloud: bool) -> None:
        seed = scenario.seed
        self.scenario = scenario
        self.world = World(scenario.start, seed)
        self.story = Story(self.world, aloud=aloud)
        self.chance = Random(f"run {seed}")
        self.rules = RuleBook(self.world, folder)
        self.clock = StrayClock(self.world, scenario.drift)
        self.disk = Disk(self.world, Random(f"disk {seed}"))
        self.told = Told()
        self.evidence = Evidence(self.world, self.story, self.rules, self.clock, self.told, self.disk)
        self.judge = Judge(self.evidence)
        self.people = People(Random(f"people {seed}"), scenario.manners, self.evidence.start_key)
        self.phones = {number: Phone(number, self._client) for number in scenario.clients}
        self.directory = Directory()
        for number in scenario.agents:
            self.directory.add_phone(number, self._agent)
        if scenario.queue:
            self.directory.add_queue("support", "600", *(self.directory.phones[name] for name in scenario.queue))
        self.directory.add_trunk("trunk", self.phones.get)
        self.asterisk = Asterisk(self.world, self.directory)
        if Random(f"sounds {seed}").random() < WITHOUT_SOUNDS:
            self.asterisk.miss_all_sounds()
        self.network = Network(self.world, self.asterisk, scenario.weather)
        self.network.lost = self.judge.parting.lost
        self._seen = 0

    def watch_phones(self) -> None:
        """Tell the judge of the calls that are over."""
        record = self.asterisk.record
        while self._seen < len(record):
            entry = record[self._seen]
            self._seen += 1
            if entry.what == "ended":
                self.judge.parting.over(entry.leg, entry.number)
                self.judge.rest.put_down(entry.leg)

    def go_home(self) -> None:
        """Whoever is still on the phone puts it down."""
        self.story.tell("== everybody goes home")
        for phone in (*self.directory.phones.values(), *self.phones.values()):
            for call in phone.calls:
                if call.ended_at is None:
                    call.hang_up()

    def _agent(self, call: Call) -> Behaviour:
        self.judge.ringing.rang(call)
        return self.people.agent(call)

    def _client(self, call: Call) -> Behaviour:
        if call.incoming:
            self.judge.arrived(call)
            return self.people.caller()
        self.judge.ringing.rang(call)
        return self.people.client(call)

"""Builds the parts, runs them under one task group, reloads and drains."""

from __future__ import annotations

import asyncio
import logging
import random
from asyncio import TaskGroup
from collections.abc import Coroutine, Iterable, Mapping, Sequence, Sized
from dataclasses import replace
from datetime import timedelta

from callbackd import __version__
from callbackd.agi.scripts import Scripts
from callbackd.agi.server import Visitors
from callbackd.agi.server import serve as serve_agi
from callbackd.agi.services import Services as AgiServices
from callbackd.ari.abilities import Abilities
from callbackd.ari.client import UNUSED_EVENTS, AriClient
from callbackd.ari.errors import AriError
from callbackd.ari.lobby import Lobby
from callbackd.ari.models import Event
from callbackd.ari.repertoire import Repertoire
from callbackd.ari.strays import Strays
from callbackd.ari.supervisor import LinkState, Phase, Supervisor
from callbackd.ari.switchboard import Switchboard
from callbackd.ari.transport import Transport
from callbackd.ari.wreckage import Wreckage
from callbackd.config.load import Configuration, load
from callbackd.config.problems import ConfigurationInvalid
from callbackd.config.token import read_or_make
from callbackd.domain.attempt_states import Ringing
from callbackd.domain.callback import Step
from callbackd.domain.telephony import Interrupted
from callbackd.engine.admission import Admission
from callbackd.engine.callers import Callers
from callbackd.engine.calls import Call, Calls
from callbackd.engine.clock import Clock
from callbackd.engine.control import Control
from callbackd.engine.desk import Desk
from callbackd.engine.erasure import Eraser
from callbackd.engine.examination import Examination
from callbackd.engine.feed import Feed
from callbackd.engine.heartbeat import Heartbeat
from callbackd.engine.intake import Intake
from callbackd.engine.menus import Menus
from callbackd.engine.outlook import Outlook
from callbackd.engine.plays import AttemptPlay
from callbackd.engine.profiles import Limits, Rules
from callbackd.engine.recovery import Recovery
from callbackd.engine.reports import Reports
from callbackd.engine.retention import Retention
from callbackd.engine.scheduler import Scheduler
from callbackd.engine.settlement import Settlement
from callbackd.engine.vigil import Vigil
from callbackd.http.app import create_app
from callbackd.http.server import serve
from callbackd.http.services import Condition, Services
from callbackd.journal import start_log
from callbackd.metrics.instruments import Instruments
from callbackd.metrics.metrics import Link, Metrics
from callbackd.metrics.requests import CountedIntake
from callbackd.mqtt.door import Engine, MqttDoor, client_id
from callbackd.mqtt.events import CONSUMER as MQTT_CONSUMER
from callbackd.notify import ServiceManager, Standing, attend
from callbackd.portal.app import Beside, create_portal
from callbackd.portal.services import Services as PortalServices
from callbackd.store.interface import Store, StoreError
from callbackd.webhooks.courier import Courier, consumers
from callbackd.wire.cursor import delivered_to_all

log = logging.getLogger(__name__)

READINESS_LIMIT = 3.0
"""Seconds for which a readiness check waits for the database."""

RESTART_FOR = ("ari", "database", "agi", "http", "mqtt", "webhooks")
"""Sections whose services are built once."""

QUEUES_AGAIN = 60.0
"""Seconds after which the queues that seem to have nobody are asked again."""

SETTLE_AGAIN = 30.0
"""Seconds after which it is tried again to settle what a fault of ours kept from it."""

TAKE_DOWN_LIMIT = 5.0
"""Seconds that calls have to come down once they may not go on."""

END_LIMIT = timedelta(seconds=30)
"""What the end takes at most beside `drain`: calls come down, doors close, the last events go out."""


class Daemon:
    """One running callbackd: its parts and what they run on."""

    def __init__(
        self,
        configuration: Configuration,
        store: Store,
        transport: Transport,
        group: TaskGroup,
        clock: Clock,
        chance: random.Random,
        manager: ServiceManager | None = None,
    ) -> None:
        self._manager = manager or ServiceManager(None)
        self._listening: set[str] = set()
        self._settings = configuration.settings
        self._rules = Rules(configuration.profiles, _limits(configuration))
        self._store = store
        self._group = group
        self.stopped = asyncio.Event()
        self._stops = 0
        self._clock = clock
        self._started = clock.now()
        self._chance = chance
        self._link = Supervisor(
            transport,
            self._settings.ari.app,
            on_event=self._on_event,
            resync=self._on_contact,
            now=clock.now,
            chance=chance,
            on_change=self._on_link_change,
            unwanted_events=UNUSED_EVENTS,
        )
        admission = Admission(store, self._rules, clock)
        settlement = Settlement(store, self._rules, clock, admission)
        self._strays = Strays(self._link.client, self._followed, lambda: self._link.ready)
        self._repertoire = Repertoire()
        self._phones = Switchboard(
            self._link.client, self._tell, self._wake, self._strays.sign, self._repertoire
        )
        self._calls = Calls(store, self._rules, clock, self._phones, admission, settlement)
        self._scheduler = Scheduler(
            store, self._rules, clock, self._calls, admission, group, lambda: self._link.ready
        )
        self._recovery = Recovery(store, self._rules, clock, self._calls, settlement, self._scheduler)
        self._heartbeat = Heartbeat(store, clock, self._calls, lambda: self._link.ready)
        self._vigil = Vigil(self._calls, self._phones, lambda: self._link.ready)
        instruments = Instruments()
        self._intake = CountedIntake(store, self._rules, clock, chance, self._scheduler, instruments)
        self._desk = Desk(store, clock, self._rules, self._calls, self._scheduler)
        self._callers = Callers(store, self._rules, self._desk, admission.holds, self._scheduler)
        self._lobby = Lobby(self._link.client, self._arrived, self._tell_menu, self._repertoire)
        self._menus = Menus(
            self._intake, self._callers, self._rules, clock, self._lobby, admission.holds, self._scheduler, group
        )
        self._control = Control(store, self._rules, clock, admission, self._scheduler, self.reload)
        self._outlook = Outlook(store, self._rules, clock, admission, self._scheduler.room)
        self._feed = Feed(store)
        instruments.tasks.set_function(lambda: len(asyncio.all_tasks()))
        kept: dict[str, Sized] = {
            "calls": self._calls,
            "lines": self._phones,
            "voices": self._lobby,
            "menus": self._menus,
        }
        for kind, what in kept.items():
            instruments.kept.labels(kind).set_function(what.__len__)
        link = Link(Phase, lambda: self._link.state.phase.value)
        followed_by = self._consumers()
        self._retention = Retention(store, clock, lambda: self._settings.retention, self._delivered)
        self._eraser = Eraser(store, self._desk, settlement, self._delivered)
        self._examination = Examination(store, lambda damage: instruments.database_damaged.set(bool(damage)))
        self._metrics = Metrics(store, self._feed, clock, self._control, instruments, link, followed_by)

    def start(self) -> None:
        """Start every part. Raises `TokenUnusable`."""
        self._start(self._link.run(), "link")
        self._start(self._scheduler.run(), "scheduler")
        self._start(self._look_at_queues(), "queues")
        self._start(self._strays.run(), "strays")
        self._start(self._heartbeat.run(), "heartbeat")
        self._start(self._vigil.run(), "vigil")
        self._start(self._settle_again(), "settle again")
        self._start(self._lobby.run(lambda: self._link.ready), "lobby")
        self._start(self._retention.run(), "retention")
        self._start(self._examination.run(), "examination")
        if self._settings.http is not None:
            token = read_or_make(self._settings.http.token_file)
            for warned in token.warnings:
                log.warning("API token", extra={"problem": warned.problem, "mend": warned.mend})
            services = Services(
                self._intake, self._desk, self._rules, self, self._control, self._feed, self._metrics, self._eraser
            )
            pages = PortalServices(
                self._desk, self._control, self._outlook, Reports(self._store, self._rules, self._clock), self._feed,
                self._rules, self,
            )  # fmt: skip
            app = Beside(create_portal(pages, token.text), create_app(services, token.text))
            listen = self._settings.http.listen
            self._start(self._metrics.run(), "metrics")
            self._start(serve(app, listen.host, listen.port, self._on_http), "http")
        if (agi := self._settings.agi) is not None:
            scripts = Scripts(AgiServices(self._intake, self._callers))
            visitors = Visitors(agi.allow_from, scripts.answer)
            self._start(serve_agi(agi.listen.host, agi.listen.port, visitors, self._on_agi), "agi")

        self._start_mqtt()
        self._start_webhooks()
        self._start(attend(self._manager, self._standing), "service manager")

    @property
    def intake(self) -> Intake:
        """Where requests enter, whichever door they come through."""
        return self._intake

    @property
    def desk(self) -> Desk:
        """Where people look at call-backs and change their lot."""
        return self._desk

    @property
    def callers(self) -> Callers:
        """Where clients who call in are told of."""
        return self._callers

    @property
    def control(self) -> Control:
        """Where operators pause and resume."""
        return self._control

    def signalled(self) -> None:
        """Asked to stop: the first time in good order, the second at once."""
        self._stops += 1
        if self._stops == 1:
            self._manager.stopping(self._settings.drain + END_LIMIT, "stopping: no new calls")
            self._start(self._drain(), "drain")
        else:
            self._start(self._stop_now(), "stop now")

    def reload(self) -> Sequence[str]:
        """Read the configuration again; if anything is wrong with it, the old one stays and the problems are told."""
        self._manager.reloading()
        problems = self._reload()
        outcome = f"not reloaded, {len(problems)} errors: see the log" if problems else "reloaded"
        self._manager.reloaded(f"{self._status()}; {outcome}")
        return problems

    def _reload(self) -> Sequence[str]:
        try:
            fresh = load(self._settings.file, strict_env=True)
        except ConfigurationInvalid as error:
            for problem in error.problems:
                log.error("not reloaded, the old configuration stays", extra={"problem": str(problem)})
            return [str(problem) for problem in error.problems]
        self._rules.profiles = fresh.profiles
        self._rules.limits = _limits(fresh)
        for section in RESTART_FOR:
            if getattr(fresh.settings, section) != getattr(self._settings, section):
                log.warning("changed, but only a restart brings it into force", extra={"section": section})
        self._settings = replace(
            self._settings, drain=fresh.settings.drain, retention=fresh.settings.retention, log=fresh.settings.log
        )
        start_log(self._settings.log.level.value, self._settings.log.numbers.value)
        log.info("reloaded", extra={"profiles": ",".join(fresh.profiles)})
        self._start(self._watch_queues(), "watch queues")
        self._scheduler.wake()
        return []

    async def readiness(self) -> Mapping[str, str | None]:
        """`ari` and `database`: None if it works, else what is missing."""
        state = self._link.state
        ari = None if self._link.ready else f"not ready: {state.phase.value}"
        try:
            async with asyncio.timeout(READINESS_LIMIT):
                await self._store.check_writable()
        except (StoreError, TimeoutError):
            return {"ari": ari, "database": "can't be written"}
        return {"ari": ari, "database": "damaged: restore a backup" if self._examination.damage else None}

    def condition(self) -> Condition:
        """How the daemon is now."""
        state = self._link.state
        return Condition(
            version=__version__,
            started_at=self._started,
            stopping=self._stops > 0,
            ari_state=state.phase.value,
            ari_since=state.since,
            ari_error=state.error,
            ari_mend=state.mend,
            asterisk=self._phones.abilities.version or None,
            asterisk_lacks=tuple(each.what for each in self._phones.abilities.shortcomings),
        )

    # How it is put together.

    def _consumers(self) -> list[str]:
        """Those that follow the outbox and confirm what they took."""
        mqtt = [] if self._settings.mqtt is None else [MQTT_CONSUMER]
        return [*mqtt, *consumers(self._settings.webhooks)]

    async def _delivered(self) -> int | None:
        """The id of the last event that all of them have had."""
        return await delivered_to_all(self._store, self._consumers())

    def _start_mqtt(self) -> None:
        if (mqtt := self._settings.mqtt) is not None:
            engine = Engine(self._store, self._feed, self._intake, self._desk, self._control)
            door = MqttDoor(mqtt, client_id(self._settings.database), engine, self._started, self._chance)
            self._start(door.run(), "mqtt")

    def _start_webhooks(self) -> None:
        webhooks = self._settings.webhooks
        for webhook, consumer in zip(webhooks, consumers(webhooks), strict=True):
            courier = Courier(webhook, consumer, self._store, self._feed, self._clock, self._started, self._chance)
            self._start(courier.run(), consumer)

    async def _look_at_queues(self) -> None:
        """Until cancelled. A queue whose one event of a free agent was lost would wait for the next for hours."""
        while True:
            await asyncio.sleep(QUEUES_AGAIN)
            if self._link.ready:
                await self._phones.queues.look_again()

    async def _settle_again(self) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(SETTLE_AGAIN)
            if self._recovery.incomplete and self._link.ready:
                try:
                    await self._recovery.again(await Wreckage.look(self._link.client))
                except (AriError, StoreError) as error:
                    log.warning("can't settle what was left", extra={"error": str(error)})

    def _start(self, work: Coroutine[None, None, object], name: str) -> None:
        self._group.create_task(work, name=name)

    def _wake(self) -> None:
        self._scheduler.wake()

    def _tell(self, callback_id: str, signal: object) -> None:
        self._calls.tell(callback_id, signal)

    def _arrived(self, channel_id: str, profile: str, number: str) -> None:
        self._menus.arrived(channel_id, profile, number)

    def _tell_menu(self, channel_id: str, signal: object) -> None:
        self._menus.tell(channel_id, signal)

    async def _on_event(self, event: Event) -> None:
        self._phones.route(event)
        self._lobby.route(event)

    async def _on_contact(self, client: AriClient) -> None:
        self._repertoire.clear()
        self._learn(await Abilities.of(client))
        await self._watch_queues()
        wreckage = await Wreckage.look(client)
        await self._recovery.after_contact(wreckage)
        if not wreckage.swept:
            self._strays.sign()
        await self._menus.after_contact()

    def _followed(self) -> Mapping[str, tuple[Step, int]]:
        return {call.callback.id: (call.line.step, call.line.sequence) for call in self._calls}

    def _learn(self, abilities: Abilities) -> None:
        """Says once what this Asterisk can't do."""
        if abilities != self._phones.abilities:
            for each in abilities.shortcomings:
                log.warning("Asterisk %s: %s; %s", abilities.version, each.what, each.mend)
        self._phones.abilities = abilities

    def _on_link_change(self, state: LinkState) -> None:
        if state.phase is Phase.READY:
            self._recovery.in_contact()
            self._scheduler.wake()
            self._start(self._phones.queues.count_members(), "count members")
        elif state.phase is Phase.LOST:
            self._recovery.contact_lost()

    def _on_http(self, port: int) -> None:
        self._listening.add("http")
        log.info("HTTP API listens", extra={"port": port})

    def _on_agi(self, port: int) -> None:
        self._listening.add("agi")
        log.info("AGI listens", extra={"port": port})

    async def _watch_queues(self) -> None:
        queues = {profile.target.queue for profile in self._rules.profiles.values()}
        await self._phones.queues.watch(sorted(queue for queue in queues if queue is not None))
        if self._link.ready:
            await self._phones.queues.count_members()

    def _standing(self) -> Standing:
        doors = {name for name in ("http", "agi") if getattr(self._settings, name) is not None}
        return Standing(self._listening >= doors, self._link.ready, self._link.silent_for, self._status())

    def _status(self) -> str:
        if self._stops:
            return "stopping: no new calls"
        if self._link.ready:
            return f"linked to Asterisk at {self._settings.ari.url}"
        return f"no link to Asterisk ({self._link.state.error or self._link.state.phase}); requests are kept"

    # The end.

    async def _drain(self) -> None:
        """No new calls; those with somebody on the line may end."""
        log.info("stopping", extra={"live": len(self._calls), "drain": self._settings.drain})
        self._scheduler.stop()
        self._menus.stop()
        for call in self._calls:
            if isinstance(call.play, AttemptPlay) and isinstance(call.play.machine, Ringing):
                call.put(Interrupted(call.legs))
        drain = self._settings.drain.total_seconds()
        await asyncio.gather(self._ended(drain), self._menus.empty(drain))
        await self._stop_now()

    async def _stop_now(self) -> None:
        """Two who talk are left to the next start; every other call is taken down, callers in the menu handed back."""
        self._scheduler.stop()
        await self._menus.stop_now(TAKE_DOWN_LIMIT)
        others = [call for call in self._calls if not call.talking]
        for call in others:
            call.put(Interrupted(call.legs))
        await self._ended(TAKE_DOWN_LIMIT, others)
        await self._heartbeat.beat()
        self.stopped.set()

    async def _ended(self, seconds: float, calls: Iterable[Call] | None = None) -> None:
        try:
            async with asyncio.timeout(seconds):
                for call in self._calls if calls is None else calls:
                    await call.ended.wait()
        except TimeoutError:
            log.warning("calls are still up", extra={"live": len(self._calls)})


def _limits(configuration: Configuration) -> Limits:
    limits = configuration.settings.limits
    return Limits(limits.max_concurrent, limits.dials_per_number, limits.requests_per_number)

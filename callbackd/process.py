"""callbackd as a process: what it runs on, its signals, its exit codes."""

from __future__ import annotations

import asyncio
import faulthandler
import logging
import os
import random
import signal
import sys
from asyncio import TaskGroup
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from callbackd import __version__
from callbackd.agi.server import CannotListen as CannotListenForAgi
from callbackd.ari.errors import ApplicationReplaced
from callbackd.ari.transport import AiohttpTransport, Transport
from callbackd.config.load import Configuration, load
from callbackd.config.problems import ConfigurationInvalid
from callbackd.config.token import TokenUnusable
from callbackd.daemon import Daemon
from callbackd.engine.clock import SystemClock
from callbackd.http.server import CannotListen
from callbackd.journal import start_log
from callbackd.loop import run as run_in_loop
from callbackd.notify import ServiceManager
from callbackd.store.interface import Store, StoreUnavailable
from callbackd.store.lock import only_daemon_on
from callbackd.store.sqlite import SqliteStore

log = logging.getLogger(__name__)

EXIT_STOPPED = 0
EXIT_FAILED = 1
EXIT_REPLACED = 4
"""Another program took the ARI application: a service manager must not start us again, or the two would fight."""


class _Stopped(Exception):
    """The daemon has done its work: ends the task group."""


def run(config_path: Path) -> int:
    """Run until stopped by a signal. Returns the exit code; what went wrong is on stderr, with the mend."""
    try:
        configuration = load(config_path, strict_env=True)
    except ConfigurationInvalid as error:
        for problem in error.problems:
            sys.stderr.write(f"{problem}\n")
        return EXIT_FAILED
    faulthandler.enable()  # a watchdog's SIGABRT then says where it hung
    start_log(configuration.settings.log.level.value, configuration.settings.log.numbers.value)
    for warning in configuration.warnings:
        log.warning("configuration", extra={"problem": str(warning)})
    try:
        with only_daemon_on(configuration.settings.database):
            return run_in_loop(_serve(configuration))
    except StoreUnavailable as error:
        sys.stderr.write(f"callbackd: {error}\n")
        return EXIT_FAILED


async def _serve(configuration: Configuration) -> int:
    settings = configuration.settings
    store = await SqliteStore.open(settings.database)
    try:
        try:
            link = AiohttpTransport(
                settings.ari.url,
                settings.ari.username,
                settings.ari.password.reveal(),
                ca_file=settings.ari.ca_file,
            )
        except (OSError, ValueError) as error:
            log.critical("ari can't be used: %s; mend ari.url or ari.ca_file", error)
            return EXIT_FAILED
        async with link as transport:
            return await _run_group(configuration, store, transport)
    finally:
        await store.close()


async def _run_group(configuration: Configuration, store: Store, transport: Transport) -> int:
    code = EXIT_FAILED
    try:
        async with TaskGroup() as group:
            manager = ServiceManager.from_environment(os.environ)
            chance = random.SystemRandom()
            daemon = Daemon(configuration, store, transport, group, SystemClock(), chance, manager)
            with _signals(daemon):
                daemon.start()
                log.info("callbackd %s started", __version__, extra={"profiles": ",".join(configuration.profiles)})
                await daemon.stopped.wait()
            raise _Stopped
    except* _Stopped:
        log.info("stopped")
        code = EXIT_STOPPED
    except* ApplicationReplaced as fenced:
        log.critical("stopped: %s", fenced.exceptions[0], extra={"exit": EXIT_REPLACED})
        code = EXIT_REPLACED
    except* (CannotListen, CannotListenForAgi, TokenUnusable) as failed:
        log.critical("%s", failed.exceptions[0])
    return code


@contextmanager
def _signals(daemon: Daemon) -> Iterator[None]:
    """SIGTERM and SIGINT stop, SIGHUP reloads."""
    loop = asyncio.get_running_loop()
    handlers: dict[signal.Signals, Callable[[], object]] = {
        signal.SIGTERM: daemon.signalled,
        signal.SIGINT: daemon.signalled,
        signal.SIGHUP: daemon.reload,
    }
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)

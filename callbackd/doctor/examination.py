"""The whole examination, in the order in which things depend on one another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import datetime

from callbackd.ari.client import AriClient
from callbackd.ari.errors import AriError
from callbackd.ari.transport import AiohttpTransport, Transport
from callbackd.config.load import Configuration
from callbackd.doctor import application, bench, dialling, link, machine, sounds
from callbackd.doctor.finding import Finding, Result, failed, ok, warning

PATIENCE = 5.0
"""Seconds for which one answer is waited for."""


async def examine(configuration: Configuration, now: Callable[[], datetime]) -> AsyncIterator[Finding]:
    """Finding after finding, each as soon as it is made. Nothing is changed, and no phone rings."""
    ari = configuration.settings.ari
    async with AiohttpTransport(
        ari.url, ari.username, ari.password.reveal(), ca_file=ari.ca_file, timeout=PATIENCE
    ) as transport:
        async for finding in examine_with(configuration, transport, now):
            yield finding


async def examine_with(
    configuration: Configuration, transport: Transport, now: Callable[[], datetime]
) -> AsyncIterator[Finding]:
    """The same over a transport that is open."""
    for problem in configuration.warnings:
        yield warning("configuration", str(problem), "see callbackd check")
    if not configuration.warnings:
        yield ok("configuration", f"{configuration.settings.file}: profiles {', '.join(configuration.profiles)}")
    if (secret := machine.password(configuration.settings.file)) is not None:
        yield secret
    for finding in machine.token(configuration.settings):
        yield finding
    yield machine.database(configuration.settings.database)
    daemon = await machine.daemon(configuration.settings)
    if daemon is not None:
        yield daemon.finding
    client = AriClient(transport, configuration.settings.ari.app)
    reached = await link.reached(client, transport.url)
    yield reached
    if reached.result is Result.FAILED:
        return
    async for finding in _on_the_pbx(configuration, transport, client, daemon, now):
        yield finding


async def _on_the_pbx(
    configuration: Configuration,
    transport: Transport,
    client: AriClient,
    daemon: machine.Daemon | None,
    now: Callable[[], datetime],
) -> AsyncIterator[Finding]:
    try:
        for finding in await link.abilities(client):
            yield finding
        for finding in (await link.may_write(client), *await link.modules(client, configuration)):
            yield finding
        yield await application.registered(client, None if daemon is None else daemon.answers)
        async for finding in bench.examine(transport, configuration, now, PATIENCE):
            yield finding
        async for finding in dialling.examine(client, configuration):
            yield finding
        async for finding in sounds.examine(client, configuration):
            yield finding
    except AriError as error:
        yield failed("ari", str(error), error.mend or "see Asterisk's log, then ask again")

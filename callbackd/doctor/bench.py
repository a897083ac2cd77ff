"""What can only be seen with an application of our own: events that arrive, Asterisk's clock, and its queues."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from uuid import uuid4

from callbackd.ari.client import AriClient
from callbackd.ari.decoding import decode_event
from callbackd.ari.errors import AriError
from callbackd.ari.models import ChannelUserevent
from callbackd.ari.transport import EventStream, Transport
from callbackd.config.load import Configuration
from callbackd.doctor.finding import Finding, failed, ok, warning

CLOCKS_APART = 2.0
"""Seconds by which the two clocks may differ without a warning."""

_UNRUNG = "Local/s@callbackd-doctor/n"
"""A channel that is made, asked and taken away: it is never dialled, so that its extension need not exist."""


async def examine(
    transport: Transport, configuration: Configuration, now: Callable[[], datetime], patience: float
) -> AsyncIterator[Finding]:
    """Findings about events, the clock and each queue. The application is gone afterwards."""
    name = f"callbackd-doctor-{uuid4().hex[:12]}"
    client = AriClient(transport, name)
    try:
        async with transport.events(name) as stream:
            yield await _clock(client, stream, now, patience)
            for profile in configuration.profiles.values():
                if profile.target.queue is not None:
                    yield await _queue(client, profile.id, profile.target.queue)
    except AriError as error:
        yield failed("events", str(error), error.mend or "is http.conf's sessionlimit high enough?")


async def _clock(client: AriClient, stream: EventStream, now: Callable[[], datetime], patience: float) -> Finding:
    """An event that we cause tells how late it is there."""
    asked = now()
    try:
        async with asyncio.timeout(patience):
            await client.post_user_event("callbackd-clock")
            while True:
                event = decode_event(await stream.receive())
                if isinstance(event, ChannelUserevent):
                    break
    except TimeoutError:
        return failed("events", "no event came over the websocket", "does a proxy before Asterisk pass websockets on?")
    answered = now()
    apart = max((asked - event.timestamp).total_seconds(), (event.timestamp - answered).total_seconds(), 0.0)
    if apart > CLOCKS_APART:
        where = "behind" if event.timestamp < asked else "ahead of"
        return warning(
            "clock", f"Asterisk's clock is {apart:.1f} s {where} this machine's", "keep both right by NTP (timedatectl)"
        )
    return ok("clock", f"events arrive, and Asterisk's clock agrees with this machine's within {CLOCKS_APART:g} s")


async def _queue(client: AriClient, profile: str, queue: str) -> Finding:
    """Only a channel can ask for a queue."""
    name = f"cbq-{uuid4().hex}"
    await client.create_channel(name, _UNRUNG)
    try:
        there = await client.get_variable(name, f"QUEUE_EXISTS({queue})")
        members = await client.get_variable(name, f"QUEUE_MEMBER({queue},ready)")
    finally:
        await client.hangup(name)
    if there != "1":
        return failed(
            "queue", f"{profile}: target.queue: there is no queue '{queue}'", "correct the profile or queues.conf"
        )
    return ok("queue", f"{profile}: target.queue {queue}: there, members ready: {members or '0'}")

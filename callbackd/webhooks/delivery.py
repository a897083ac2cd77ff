"""One delivery: an event posted to a URL, taken or not."""

from __future__ import annotations

import asyncio
import ssl
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp

import callbackd
from callbackd.config.settings import Webhook
from callbackd.domain.callback import TimelineEvent
from callbackd.engine.clock import Clock
from callbackd.webhooks.signature import EVENT_ID, SIGNATURE, TIMESTAMP, sign
from callbackd.wire.told import ToldNews

TIME_LIMIT = 10.0
"""Seconds for connecting, posting and the head of the answer together."""


class NotTaken(Exception):
    """The receiver did not take the event; the text says why, without the URL's path and query, which may be secret."""


class Poster:
    """`async with Poster(...) as poster`: posts to one webhook, over one connection.

    Taken means a 2xx status. Redirects are not followed, cookies not kept, and the answer's body is not read.
    """

    def __init__(self, webhook: Webhook, clock: Clock, time_limit: float = TIME_LIMIT) -> None:
        self._webhook = webhook
        self._clock = clock
        self._time_limit = time_limit
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=1),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=self._time_limit),
            auto_decompress=False,
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def post(self, event: TimelineEvent) -> None:
        """Post one event. Raises `NotTaken`."""
        assert self._session is not None
        body = ToldNews.of(event).model_dump_json().encode()
        timestamp = str(int(self._clock.now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"callbackd/{callbackd.__version__}",
            EVENT_ID: str(event.id),
            TIMESTAMP: timestamp,
            SIGNATURE: sign(self._webhook.secret.reveal(), timestamp, body),
        }
        try:
            async with self._session.post(
                self._webhook.url, data=body, headers=headers, allow_redirects=False
            ) as answer:
                status = answer.status
        except TimeoutError:
            raise NotTaken(f"no answer within {self._time_limit:.0f} s") from None
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise NotTaken(_why(error)) from None
        if 300 <= status < 400:
            raise NotTaken(f"HTTP {status}: redirects are not followed, correct the url")
        if not 200 <= status < 300:
            raise NotTaken(f"HTTP {status}")


def origin(url: str) -> str:
    """Scheme, host and port: as much of a webhook's URL as may be shown."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _why(error: BaseException) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted: {error.certificate_error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        cause = error.os_error
        if isinstance(cause, ssl.SSLError):
            return f"no TLS connection: {cause.reason or 'failed'}"
        return f"can't be reached: {(cause.strerror or str(cause)).lower()}"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return "it closed the connection without an answer"
    return f"the exchange failed: {type(error).__name__}"

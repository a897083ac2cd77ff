"""The seam between callbackd and Asterisk's HTTP server: requests out, events in, and nothing of what they mean.

`Transport` is what everything above is written against; `AiohttpTransport` speaks to a real Asterisk, and
`callbackd.ari.fake` stands in for one.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self
from urllib.parse import urlencode

import aiohttp
import orjson
from yarl import URL

from callbackd.ari.connections import Connections, Progress
from callbackd.ari.errors import MalformedReply, StreamClosed, Unreachable, refusal

log = logging.getLogger(__name__)

_HARMLESS_TWICE = frozenset({"GET", "PUT", "DELETE"})

Json = dict[str, Any] | list[Any] | str | int | float | bool | None
Query = Mapping[str, str]
Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Response:
    """Asterisk's answer, whatever its status. `body` is decoded JSON; None if there was none."""

    status: int
    body: Json = None


class EventStream(Protocol):
    """One websocket of events."""

    async def receive(self) -> Mapping[str, Any]:
        """The next event, a JSON object. Raises StreamClosed at any end of the stream, clean or not, for ever after.

        Must be awaited again at once: Asterisk cuts off a reader that stalls.
        """
        ...


class Transport(Protocol):
    """Requests and events of one Asterisk, as one ARI user."""

    @property
    def url(self) -> str:
        """Where, for error texts: never with a password."""
        ...

    @property
    def username(self) -> str:
        """As whom, for error texts."""
        ...

    async def request(
        self, method: str, path: str, *, query: Query | None = None, body: Body | None = None
    ) -> Response:
        """One request. `path` begins with `/` and is percent-encoded. Raises Unreachable when no answer came."""
        ...

    def events(self, app: str) -> AbstractAsyncContextManager[EventStream]:
        """Registers `app` and opens its events. Entering raises Unreachable, or Refused as for a request."""
        ...


class AiohttpTransport:
    """A real Asterisk: events over aiohttp's websocket, requests over connections of our own. An async context manager:
    on leaving, every connection is closed.

    `url` is that of ARI (`http://127.0.0.1:8088/ari`); https verifies certificates, against `ca_file` if given.
    `pool_size` requests run at once. `keepalive`, in seconds, must stay below Asterisk's `session_keep_alive` (15 s),
    or a request may meet a connection that is just being closed. A ping every `heartbeat` seconds finds a peer that
    went without a word: Asterisk answers pings but sends none. `timeout`, in seconds, bounds a whole request,
    waiting for a place in the pool included.
    """

    def __init__(
        self,
        url: str,
        username: str,
        password: str,
        *,
        ca_file: Path | None = None,
        pool_size: int = 12,
        keepalive: float = 10.0,
        heartbeat: float = 10.0,
        timeout: float = 10.0,
    ) -> None:
        parsed = URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ValueError("the URL of ARI must be http:// or https:// and name a host")
        if parsed.user is not None or parsed.password is not None or parsed.query_string:
            raise ValueError("the URL of ARI must hold neither user, password nor query")
        self._url = str(parsed).rstrip("/")
        self._username = username
        credentials = base64.b64encode(f"{username}:{password}".encode()).decode()
        self._headers = {"Authorization": f"Basic {credentials}"}
        self._ssl = ssl.create_default_context(cafile=ca_file) if parsed.scheme == "https" else None
        self._pool_size = pool_size
        self._keepalive = keepalive
        self._heartbeat = heartbeat
        self._timeout = timeout
        self._session: aiohttp.ClientSession | None = None
        self._connections: Connections | None = None
        self._place = parsed
        self._base = parsed.raw_path.rstrip("/")
        self._fixed_headers = (
            f" HTTP/1.1\r\nHost: {parsed.raw_authority}\r\nAuthorization: Basic {credentials}\r\n"
            "Accept: application/json\r\nContent-Type: application/json\r\n"
        )

    def __repr__(self) -> str:
        return f"AiohttpTransport({self._url!r}, {self._username!r})"

    @property
    def url(self) -> str:
        return self._url

    @property
    def username(self) -> str:
        return self._username

    async def __aenter__(self) -> Self:
        host, port = self._place.raw_host, self._place.port
        assert host is not None
        assert port is not None
        self._connections = Connections(host, port, self._ssl, self._pool_size, self._keepalive)
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            connector=aiohttp.TCPConnector(
                ssl=self._ssl if self._ssl is not None else True,
            ),
            timeout=aiohttp.ClientTimeout(total=self._timeout),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        session, self._session = self._session, None
        connections, self._connections = self._connections, None
        if connections is not None:
            connections.close()
        if session is not None:
            await session.close()

    async def request(
        self, method: str, path: str, *, query: Query | None = None, body: Body | None = None
    ) -> Response:
        if self._connections is None:
            raise RuntimeError("the transport is used outside its `async with`")
        progress = Progress()
        try:
            async with asyncio.timeout(self._timeout):
                written = self._written(method, path, query, body)
                answer = await self._connections.ask(written, progress, harmless_twice=method in _HARMLESS_TWICE)
        except (TimeoutError, OSError) as error:
            raise self._unreachable(error, method, path, sent=progress.sent) from None
        try:
            return Response(answer.status, orjson.loads(answer.body) if answer.body else None)
        except ValueError:
            if 200 <= answer.status < 300:
                raise MalformedReply(
                    "the answer is not JSON", method=method, path=path, status=answer.status,
                    mend=f"is it Asterisk that listens at {self._url}?",
                ) from None  # fmt: skip
            return Response(answer.status)

    @asynccontextmanager
    async def events(self, app: str) -> AsyncIterator[EventStream]:
        path = "/events"
        try:
            async with asyncio.timeout(self._timeout):
                socket = await self._opened().ws_connect(
                    URL(self._url + path, encoded=True),
                    params={"app": app, "subscribeAll": "false"},
                    heartbeat=self._heartbeat,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                )
        except aiohttp.WSServerHandshakeError as error:
            raise refusal("GET", path, error.status, None, username=self._username, url=self._url) from None
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise self._unreachable(error, "GET", path, sent=False) from None
        try:
            yield _Websocket(socket)
        finally:
            await socket.close()

    def _written(self, method: str, path: str, query: Query | None, body: Body | None) -> bytes:
        """A request as it goes over the wire."""
        if path.isascii() and path.isprintable() and " " not in path and method.isalpha():
            content = b"" if body is None else orjson.dumps(dict(body))
            asked = f"?{urlencode(query)}" if query else ""
            head = f"{method} {self._base}{path}{asked}{self._fixed_headers}Content-Length: {len(content)}\r\n\r\n"
            return head.encode("ascii") + content
        raise ValueError("the path of a request must be percent-encoded")

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("the transport is used outside its `async with`")
        return self._session

    def _unreachable(self, error: Exception, method: str, path: str, *, sent: bool) -> Unreachable:
        """aiohttp's many errors as our one. Its texts are not passed on where they could quote a request."""
        mend: str | None = None
        match error:
            case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientConnectorSSLError() | ssl.SSLError():
                message = f"no trust in the TLS certificate of {self._url}"
                mend = "name the CA's certificate in ari.ca_file, and use the host name that the certificate is for"
            case aiohttp.ClientConnectorDNSError() | socket.gaierror():
                message, mend = f"no such host: {self._url}", "check the host name in ari.url"
            case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()) | ConnectionRefusedError():
                message = f"nothing listens at {self._url}"
                mend = "is Asterisk running, is http.conf enabled, are its bindaddr and bindport those of ari.url?"
            case aiohttp.ClientConnectorError():
                message = f"no connection to {self._url} ({error.strerror or 'network error'})"
                mend = "check the network, and the host and port in ari.url"
            case OSError() if not (sent or isinstance(error, ConnectionError | TimeoutError | aiohttp.ClientError)):
                message = f"no connection to {self._url} ({error.strerror or 'network error'})"
                mend = "is Asterisk running? check the network, and the host and port in ari.url"
            case TimeoutError():
                message = f"no answer from {self._url} within {self._timeout:g} s"
                mend = "is Asterisk overloaded or stuck, or a firewall in between?"
            case _:
                message = f"the connection to {self._url} broke ({type(error).__name__})"
                if not sent:
                    mend = "does ari.url name Asterisk's HTTP port, and is http.conf's sessionlimit high enough?"
        return Unreachable(message, method=method, path=path, mend=mend, perhaps_acted=sent)


class _Websocket:
    """The stream of one aiohttp websocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._socket = socket

    async def receive(self) -> Mapping[str, Any]:
        while True:
            message = await self._socket.receive()
            if message.type is not aiohttp.WSMsgType.TEXT:
                if message.type is aiohttp.WSMsgType.BINARY:
                    continue
                why = _why_closed(message.type, message.data, self._socket.close_code)
                raise StreamClosed(why, method="GET", path="/events")
            try:
                event = orjson.loads(message.data)
            except ValueError:
                event = None
            if isinstance(event, dict):
                return event
            log.warning("an event that is not a JSON object was dropped", extra={"action": "ari_event_dropped"})


def _why_closed(kind: aiohttp.WSMsgType, data: object, code: int | None) -> str:
    if isinstance(data, Exception):
        return f"the events' websocket broke ({type(data).__name__})"
    if kind is aiohttp.WSMsgType.CLOSE:
        return f"Asterisk closed the events' websocket (code {data})"
    return f"the events' websocket ended (code {code})" if code else "the events' websocket ended"


"""The rig's own few lines of ARI: raw JSON in, raw JSON out, nothing clever, nothing shared with callbackd."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import aiohttp

Json = dict[str, Any]


class AriError(Exception):
    """Asterisk refused a request; `status` is the HTTP status."""

    def __init__(self, method: str, path: str, status: int, text: str) -> None:
        super().__init__(f"{method} {path}: {status} {text}")
        self.status = status


def basic(user: str, password: str) -> str:
    """The value of an Authorization header."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class Ari:
    """REST and events of one Asterisk."""

    def __init__(self, url: str, user: str, password: str) -> None:
        self.url = url.rstrip("/")
        self._headers = {"Authorization": basic(user, password)}
        self._session: aiohttp.ClientSession | None = None

    async def request(self, method: str, path: str, body: Json | None = None, **query: str | int) -> Any:
        """Returns the decoded answer (None when empty). Raises `AriError` for a status of 400 or more."""
        parameters = {name: str(value) for name, value in query.items()}
        async with self._client().request(method, self.url + path, params=parameters, json=body) as response:
            if response.status >= 400:
                raise AriError(method, path, response.status, (await response.text()).strip())
            return await response.json() if response.status != 204 and response.content_length != 0 else None

    async def listen(self, app: str, handle: Callable[[Json], None]) -> Listener:
        """Registers `app` and calls `handle` with each of its events, in order, until the listener is closed."""
        socket = await self._client().ws_connect(
            f"{self.url}/events", params={"app": app}, max_msg_size=0, autoping=True
        )
        listener = Listener(socket, handle)
        for _ in range(100):
            with contextlib.suppress(AriError):
                await self.request("GET", f"/applications/{quote(app)}")
                return listener
            await asyncio.sleep(0.02)
        await listener.close()
        raise AriError("GET", f"/applications/{app}", 404, "the application never registered")

    async def close(self) -> None:
        """Closes the connections. The object may be used again."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(
                headers=self._headers,
                connector=aiohttp.TCPConnector(limit=32, keepalive_timeout=5),
                timeout=aiohttp.ClientTimeout(total=15),
            )
        return self._session


class Listener:
    """An open event socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, handle: Callable[[Json], None]) -> None:
        self._socket = socket
        self._handle = handle
        self._task = asyncio.create_task(self._read())

    @property
    def alive(self) -> bool:
        """Whether events still come."""
        return not self._task.done() and not self._socket.closed

    async def close(self) -> None:
        """Ends it; the application goes inactive."""
        await self._socket.close()
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _read(self) -> None:
        async for message in self._socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                self._handle(message.json())

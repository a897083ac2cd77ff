"""The daemon's end of the network: `callbackd.ari.transport.Transport` over happenings of the simulated world."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from callbackd.ari.errors import StreamClosed, Unreachable
from callbackd.ari.transport import Body, EventStream, Query, Response
from simulation.asterisk.websocket import Websocket

if TYPE_CHECKING:
    from simulation.asterisk.network import Network, NoAnswer


class SimulatedTransport:
    """For one life of a daemon. After `abandon`, or once its loop is closed, nothing that happens reaches it."""

    url = "http://asterisk.simulated/ari"
    username = "callbackd"

    def __init__(self, network: Network) -> None:
        self._network = network
        self._abandoned = False
        self._sockets: list[Websocket] = []

    def abandon(self) -> None:
        """The daemon is dead. Asterisk sees its websocket close at some moment afterwards."""
        self._abandoned = True
        for socket in self._sockets:
            socket.close(told=True)
        self._sockets.clear()

    async def request(
        self, method: str, path: str, *, query: Query | None = None, body: Body | None = None
    ) -> Response:
        loop = asyncio.get_running_loop()
        answered: asyncio.Future[Response | NoAnswer] = loop.create_future()
        self._network.request(method, path, query, body, lambda found: self._settle(loop, answered, found))
        found = await answered
        if isinstance(found, Response):
            return found
        raise Unreachable(found.reason, method=method, path=path, perhaps_acted=found.perhaps_acted)

    @asynccontextmanager
    async def events(self, app: str) -> AsyncIterator[EventStream]:
        loop = asyncio.get_running_loop()
        opened: asyncio.Future[Websocket | NoAnswer] = loop.create_future()
        stream = _Stream(self, loop)

        def take(found: Websocket | NoAnswer) -> None:
            if isinstance(found, Websocket):
                stream.socket = found
                if self._abandoned or loop.is_closed() or opened.done():
                    found.close()
                    return
            self._settle(loop, opened, found)

        self._network.connect(app, take, stream.arrived)
        try:
            found = await opened
            if not isinstance(found, Websocket):
                raise Unreachable(found.reason, method="GET", path="/events", perhaps_acted=False)
            self._sockets.append(found)
            yield stream
        finally:
            if stream.socket is not None and not self._abandoned:
                stream.socket.close()
                if stream.socket in self._sockets:
                    self._sockets.remove(stream.socket)

    def _settle(self, loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any], found: object) -> None:
        if not self._abandoned and not loop.is_closed():
            loop.call_soon(_resolve, future, found)

    def wake(self, loop: asyncio.AbstractEventLoop, waiting: asyncio.Event) -> None:
        """Let the reader look."""
        if not self._abandoned and not loop.is_closed():
            loop.call_soon(waiting.set)


def _resolve(future: asyncio.Future[object], found: object) -> None:
    if not future.done():
        future.set_result(found)


class _Stream:
    def __init__(self, transport: SimulatedTransport, loop: asyncio.AbstractEventLoop) -> None:
        self.socket: Websocket | None = None
        self._transport = transport
        self._loop = loop
        self._something = asyncio.Event()

    def arrived(self) -> None:
        self._transport.wake(self._loop, self._something)

    async def receive(self) -> Mapping[str, Any]:
        socket = self.socket
        if socket is None:
            raise RuntimeError("the stream is used before it is open")
        while True:
            if socket.received:
                return socket.received.popleft()
            if socket.reason is not None:
                raise StreamClosed(socket.reason, method="GET", path="/events")
            self._something.clear()
            await self._something.wait()

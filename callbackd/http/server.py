"""Serves the API in the caller's event loop: signals, logging and life time belong to the caller."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Callable, Iterator
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from callbackd.http.errors import error_response
from callbackd.http.guards import HEADERS_LIMIT

_PATIENCE_AT_END = 3
_PATIENCE_WITH_STUCK = 1.0


class CannotListen(Exception):
    """The address can't be listened at; the text names the cause and the mend."""


async def serve(app: Any, host: str, port: int, ready: Callable[[int], None]) -> None:
    """Serve the ASGI application until cancelled; then finish what runs, for a few seconds, and close every socket.

    `ready` is called with the port (which is chosen if `port` is 0) once connections are accepted. Answers without an
    end find in their scope, under ``callbackd.closing``, an `asyncio.Event` that is set when they shall end. Raises
    `CannotListen`.
    """
    sockets = await _listen(host, port)
    closing = asyncio.Event()

    async def told_of_closing(scope: Any, receive: Any, send: Any) -> None:
        scope["callbackd.closing"] = closing
        await app(scope, receive, send)

    try:
        server = _Server(_config(told_of_closing), lambda: ready(sockets[0].getsockname()[1]))
        serving = asyncio.create_task(server.serve(sockets=sockets), name="http")
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            closing.set()
            server.should_exit = True
            stuck = asyncio.get_running_loop().call_later(_PATIENCE_WITH_STUCK, server.drop_stuck)
            try:
                await _ended(serving, server)
            finally:
                stuck.cancel()
            raise
    finally:
        for listening in sockets:
            listening.close()


async def _ended(serving: asyncio.Task[None], server: uvicorn.Server) -> None:
    """Wait for the end; another cancellation meanwhile makes it a hasty one."""
    while not serving.done():
        try:
            await asyncio.shield(serving)
        except asyncio.CancelledError:
            server.force_exit = True


def _config(app: Any) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        loop="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        log_level="warning",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=HEADERS_LIMIT,
        timeout_graceful_shutdown=_PATIENCE_AT_END,
    )


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers, and with a word when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    def drop_stuck(self) -> None:
        """Cut off whoever does not take what they are sent."""
        for connection in tuple(self.server_state.connections):
            if isinstance(connection, _Protocol) and connection.flow.write_paused:
                connection.transport.abort()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()


class _Protocol(H11Protocol):
    """Answers what is not HTTP, or has headers too large, in the API's own shape."""

    def send_400_response(self, msg: str) -> None:
        response = error_response(400, "invalid", f"{msg} The headers may take {HEADERS_LIMIT // 1024} KiB.")
        headers = [*response.raw_headers, (b"connection", b"close")]
        with contextlib.suppress(h11.LocalProtocolError):
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=bytes(response.body)),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()


async def _listen(host: str, port: int) -> list[socket.socket]:
    """A bound socket for each address of the host."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except OSError as error:
        raise _cannot(host, port, error) from None
    sockets: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            listening = socket.socket(family, kind, protocol)
            sockets.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            listening.listen()
            listening.setblocking(False)
    except OSError as error:
        for listening in sockets:
            listening.close()
        raise _cannot(host, port, error) from None
    return sockets


_MENDS = {
    errno.EADDRINUSE: "it is in use, perhaps by another callbackd; stop that, or choose another port in http.listen",
    errno.EACCES: "permission denied; choose a port from 1024 on in http.listen",
    errno.EADDRNOTAVAIL: "this machine does not have that address; correct http.listen",
}


def _cannot(host: str, port: int, error: OSError) -> CannotListen:
    where = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    mend = _MENDS.get(error.errno or 0) or f"{(error.strerror or 'unknown error').lower()}; correct http.listen"
    return CannotListen(f"HTTP can't listen at {where}: {mend}")

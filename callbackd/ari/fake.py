"""A transport without an Asterisk, for tests of what is built on the seam.

It answers as scripted, records what it was asked, and plays an Asterisk that is well just enough for a supervisor:
the application exists while its websocket is open, and user events come back on it.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from callbackd.ari.errors import AriError, StreamClosed, Unreachable
from callbackd.ari.transport import Body, EventStream, Query, Response


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was made."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Mapping[str, Any]


Reply = Response | Exception | Callable[[Request], Response | Awaitable[Response]]


class FakeTransport:
    """`requests` are all that were made. `echo` False makes user events vanish: a socket that is open but dead."""

    def __init__(self, *, url: str = "http://asterisk.test/ari", username: str = "callbackd") -> None:
        self.url = url
        self.username = username
        self.requests: list[Request] = []
        self.connections = 0
        self.connect_errors: list[AriError] = []
        self.echo = True
        self._rules: list[tuple[str, re.Pattern[str], Reply, bool]] = []
        self._stream: _FakeStream | None = None

    def on(self, method: str, pattern: str, reply: Reply, *, once: bool = False) -> None:
        """Scripts the answer to paths that `pattern` matches as a whole; the latest matching rule wins."""
        self._rules.insert(0, (method, re.compile(pattern), reply, once))

    def fail_before(self, method: str, pattern: str) -> None:
        """The next such request never arrives."""
        self.on(method, pattern, Unreachable("never arrived", perhaps_acted=False), once=True)

    def fail_after(self, method: str, pattern: str) -> None:
        """The next such request is acted on as scripted before, but its answer is lost."""

        async def lost(request: Request) -> Response:
            await self._answer(request)
            raise Unreachable("the answer was lost", method=method, path=request.path, perhaps_acted=True)

        self.on(method, pattern, lost, once=True)

    def push(self, event: Mapping[str, Any]) -> None:
        """Sends an event; what it lacks of `application` and `timestamp` is filled in. Lost while nobody listens."""
        if self._stream is not None:
            filled = {"application": self._stream.app, "timestamp": "2026-11-02T15:00:00.000+0000", **event}
            self._stream.incoming.put_nowait(filled)

    def drop(self, reason: str = "Asterisk closed the events' websocket (code 1000)") -> None:
        """Ends the websocket, after the events already sent."""
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.incoming.put_nowait(StreamClosed(reason))

    def asked(self, method: str, pattern: str) -> list[Request]:
        """Those of the requests."""
        return [made for made in self.requests if made.method == method and re.fullmatch(pattern, made.path)]

    async def request(
        self, method: str, path: str, *, query: Query | None = None, body: Body | None = None
    ) -> Response:
        await asyncio.sleep(0)
        made = Request(method, path, dict(query or {}), dict(body or {}))
        self.requests.append(made)
        return await self._answer(made)

    @asynccontextmanager
    async def events(self, app: str) -> AsyncIterator[EventStream]:
        await asyncio.sleep(0)
        self.connections += 1
        if self.connect_errors:
            raise self.connect_errors.pop(0)
        if self._stream is not None:
            self.push({"type": "ApplicationReplaced"})
        stream = self._stream = _FakeStream(app)
        try:
            yield stream
        finally:
            if self._stream is stream:
                self._stream = None

    async def _answer(self, made: Request) -> Response:
        for index, (method, pattern, reply, once) in enumerate(self._rules):
            if method == made.method and pattern.fullmatch(made.path):
                if once:
                    del self._rules[index]
                if isinstance(reply, Exception):
                    raise reply
                if isinstance(reply, Response):
                    return reply
                answer = reply(made)
                return answer if isinstance(answer, Response) else await answer
        return self._well(made)

    def _well(self, made: Request) -> Response:
        registered = self._stream is not None
        if made.path.startswith("/applications/"):
            body = {"name": made.path.split("/")[2]}
            return Response(200, body) if registered else Response(404, {"message": "Application not found"})
        if made.path.startswith("/events/user/"):
            name = made.path.rpartition("/")[2]
            if self.echo:
                variables = {**made.body.get("variables", {}), "eventname": name}
                self.push({"type": "ChannelUserevent", "eventname": name, "userevent": variables})
            return Response(204) if registered else Response(404, {"message": "Application not found"})
        raise LookupError(f"no reply is scripted for {made.method} {made.path}")


class _FakeStream:
    def __init__(self, app: str) -> None:
        self.app = app
        self.incoming: asyncio.Queue[Mapping[str, Any] | StreamClosed] = asyncio.Queue()
        self._ended: StreamClosed | None = None

    async def receive(self) -> Mapping[str, Any]:
        if self._ended is None:
            item = await self.incoming.get()
            if not isinstance(item, StreamClosed):
                return item
            self._ended = item
        raise self._ended

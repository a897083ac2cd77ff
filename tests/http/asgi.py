"""Speaks to an ASGI application without a network: one request, one answer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from fastapi import FastAPI

TOKEN = "a-token-of-the-tests"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> tuple[int, str]:
        """The status and the code; fails unless the error has exactly the one shape."""
        assert set(self.json) == {"error"}, self.json
        error = self.json["error"]
        assert set(error) == {"code", "message"}
        assert isinstance(error["code"], str)
        assert isinstance(error["message"], str)
        assert 0 < len(error["message"]) <= 400
        assert error["message"].isprintable()
        assert self.headers["content-type"] == "application/json"
        return self.status, error["code"]

    @property
    def message(self) -> str:
        text = self.json["error"]["message"]
        assert isinstance(text, str)
        return text


class Caller:
    """A client with the token."""

    def __init__(self, app: FastAPI, token: str | None = TOKEN) -> None:
        self._app = app
        self._token = token

    def without_token(self) -> Caller:
        return Caller(self._app, None)

    async def get(self, path: str, **parameters: str | list[str]) -> Answer:
        return await self.send("GET", with_query(path, parameters))

    async def post(self, path: str, body: object = None, headers: Iterable[tuple[str, str]] = ()) -> Answer:
        if body is None:
            return await self.send("POST", path, headers=headers)
        return await self.post_text(path, json.dumps(body).encode(), headers)

    async def post_text(self, path: str, body: bytes, headers: Iterable[tuple[str, str]] = ()) -> Answer:
        return await self.send("POST", path, [body], [("Content-Type", "application/json"), *headers])

    async def send(
        self, method: str, path: str, body: Iterable[bytes] = (), headers: Iterable[tuple[str, str]] = ()
    ) -> Answer:
        url = urlsplit(path)
        fields = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
        if self._token is not None:
            fields.append((b"authorization", f"Bearer {self._token}".encode()))
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": url.path,
            "raw_path": quote(url.path).encode(),
            "query_string": url.query.encode(),
            "root_path": "",
            "headers": fields,
            "client": ("127.0.0.1", 50000),
            "server": ("127.0.0.1", 8780),
            "state": {},
        }
        parts = [{"type": "http.request", "body": part, "more_body": True} for part in body]
        waiting = iter([*parts, {"type": "http.request", "body": b"", "more_body": False}])
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return next(waiting, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            sent.append(dict(message))

        await self._app(scope, receive, send)
        start = sent[0]
        answered = {name.decode(): value.decode() for name, value in start["headers"]}
        return Answer(start["status"], answered, b"".join(message.get("body", b"") for message in sent[1:]))


def with_query(path: str, parameters: Mapping[str, str | list[str]]) -> str:
    """The path with its parameters, each as often as it has values."""
    pairs = [
        f"{name}={quote(value)}"
        for name, values in parameters.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return f"{path}?{'&'.join(pairs)}" if pairs else path

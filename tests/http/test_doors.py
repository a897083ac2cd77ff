"""The token, paths and methods that are not there, health, and the OpenAPI document."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from callbackd.engine.refusals import Code
from callbackd.http.app import create_app
from callbackd.http.services import Condition
from tests.http.asgi import TOKEN, Caller
from tests.http.house import House

_METHODS = {"get", "post", "put", "patch", "delete"}


async def _operations(api: Caller) -> list[tuple[str, str]]:
    document = (await api.get("/openapi.json")).json
    return [
        (method.upper(), path.replace("{callback_id}", "x").replace("{profile_id}", "x"))
        for path, operations in document["paths"].items()
        for method in operations
        if method in _METHODS
    ]


async def test_every_route_but_health_wants_the_token(api: Caller) -> None:
    operations = await _operations(api)
    assert len(operations) >= 16
    for method, path in operations:
        answer = await api.without_token().send(method, path)
        if path in {"/healthz", "/readyz", "/metrics"}:
            assert answer.status == 200
        else:
            assert answer.error == (401, "unauthorized")
            assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    "path",
    ["/", "/openapi.json", "/docs", "/redoc", "/nowhere", "/healthz/", "/readyz/x", "//healthz", "/api/v1", "/HEALTHZ"]
    + ["/metrics/", "/api/v1/healthz", "/api/v1/callbacks/x/y", "/healthz%2f..%2fopenapi.json"],
)
async def test_without_the_token_unknown_paths_are_401_too(api: Caller, path: str) -> None:
    assert (await api.without_token().send("GET", path)).error == (401, "unauthorized")
    assert (await api.without_token().send("BREW", path)).error == (401, "unauthorized")


@pytest.mark.parametrize(
    "value",
    ["", "Bearer", "Bearer ", TOKEN, f"Basic {TOKEN}", f"Bearer {TOKEN}x", f"Bearer {TOKEN[:-1]}", f"Bearer {TOKEN},"]
    + [f"Bearer x {TOKEN}", "Bearer \xff\xfe", f"Bearer\t{TOKEN}", "Bearer " + "x" * 8000],
)
async def test_what_is_not_the_token_is_401(api: Caller, value: str) -> None:
    answer = await api.without_token().send("GET", "/api/v1/callbacks", headers=[("Authorization", value)])
    assert answer.error == (401, "unauthorized")


async def test_two_tokens_are_none(api: Caller) -> None:
    headers = [("Authorization", f"Bearer {TOKEN}"), ("Authorization", "Bearer x")]
    assert (await api.without_token().send("GET", "/api/v1/callbacks", headers=headers)).status == 401


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_token_opens(api: Caller, scheme: str) -> None:
    headers = [("Authorization", f"{scheme} {TOKEN}")]
    assert (await api.without_token().send("GET", "/api/v1/callbacks", headers=headers)).status == 200


def test_an_empty_token_is_no_token(house: House) -> None:
    app = create_app(house.services, "")
    with pytest.raises(ValueError, match="empty"):
        app.build_middleware_stack()


async def test_a_web_socket_is_turned_away(house: House) -> None:
    sent: list[Mapping[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    await house.app()({"type": "websocket", "path": "/healthz", "headers": []}, receive, send)
    assert [message["type"] for message in sent] == ["websocket.close"]


@pytest.mark.parametrize("path", ["/", "/nowhere", "/api/v1", "/api/v1/callbacks/", "/api/v1/callbacks/x/y", "/docs"])
async def test_a_path_that_is_not_there_is_404(api: Caller, path: str) -> None:
    assert (await api.get(path)).error == (404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/api/v1/callbacks"),
        ("PUT", "/api/v1/callbacks/x"),
        ("GET", "/api/v1/callbacks/x/cancel"),
        ("POST", "/healthz"),
        ("BREW", "/readyz"),
    ],
)
async def test_a_method_that_is_not_there_is_405(api: Caller, method: str, path: str) -> None:
    answer = await api.send(method, path)
    assert answer.error == (405, "method_not_allowed")
    assert answer.headers["allow"]


async def test_headers_that_are_too_large_are_431(api: Caller) -> None:
    headers = [("X-Anything", "x" * 1000)] * 17
    assert (await api.send("GET", "/api/v1/callbacks", headers=headers)).error == (431, "too_large")


async def test_alive(api: Caller) -> None:
    answer = await api.without_token().get("/healthz")
    assert (answer.status, answer.json) == (200, {"status": "ok"})
    assert (await api.without_token().send("HEAD", "/healthz")).status == 200


async def test_ready(api: Caller, house: House) -> None:
    answer = await api.without_token().get("/readyz")
    assert (answer.status, answer.json) == (200, {"ready": True, "checks": {"ari": "ok", "database": "ok"}})

    house.health.checks["ari"] = "not connected to Asterisk"
    answer = await api.without_token().get("/readyz")
    assert answer.status == 503
    assert answer.json == {
        "ready": False,
        "checks": {"ari": "not connected to Asterisk", "database": "ok"},
        "error": {"code": "unavailable", "message": "not ready: ari: not connected to Asterisk"},
    }


class Broken:
    """Health that has a bug."""

    async def readiness(self) -> Mapping[str, str | None]:
        raise RuntimeError("secret detail")

    def condition(self) -> Condition:
        raise RuntimeError("secret detail")


async def test_a_bug_is_500_in_the_one_shape_and_tells_nothing(house: House) -> None:
    app: FastAPI = create_app(replace(house.services, health=Broken()), TOKEN)
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/readyz", "query_string": b"", "headers": []}
    with pytest.raises(RuntimeError):
        await app(scope, receive, send)
    assert sent[0]["status"] == 500
    assert sent[1]["body"] == b'{"error":{"code":"internal","message":"the daemon failed: see its log"}}'


async def test_the_document_describes_every_error_in_the_one_shape(api: Caller) -> None:
    document = (await api.get("/openapi.json")).json
    assert "HTTPValidationError" not in document["components"]["schemas"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            if path.startswith("/api/"):
                assert {"401", "422"} <= set(operation["responses"])
                assert operation["security"]
            for status, response in operation["responses"].items():
                if status[0] == "4":
                    schema = response["content"]["application/json"]["schema"]
                    assert schema == {"$ref": "#/components/schemas/ErrorBody"}


def test_the_list_of_codes_in_the_documents_is_closed() -> None:
    """Every code that a route answers with is in docs/api.md, and no other."""
    root = Path(__file__).resolve().parents[2]
    table = (root / "docs" / "api.md").read_text().partition("## Errors")[2]
    documented = set(re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE))
    source = "".join(path.read_text() for path in (root / "callbackd" / "http").glob("*.py"))
    answered = set(re.findall(r'"(unauthorized|internal|[a-z]+(?:_[a-z]+)*_(?:allowed|large|type|invalid))"', source))
    assert {"unauthorized", "too_large", "configuration_invalid", "unsupported_media_type"} <= answered
    assert documented == answered | set(Code)

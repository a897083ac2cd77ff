"""The real transport, against servers that behave and servers that do not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import logging
import shutil
import socket
import ssl
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from callbackd.ari.errors import AuthenticationFailed, MalformedReply, NotFound, StreamClosed, Unreachable
from callbackd.ari.transport import AiohttpTransport, Response

SECRET = "s3cret: päss"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def asterisk(
    handler: Handler, *, tls: ssl.SSLContext | None = None, ca_file: Path | None = None, timeout: float = 5.0
) -> AsyncIterator[AiohttpTransport]:
    """A transport to a server of which every path is `handler`'s."""
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handler)
    server = TestServer(app, scheme="https" if tls else "http")
    await server.start_server(ssl=tls)
    try:
        url = f"{server.scheme}://localhost:{server.port}/ari/"
        async with AiohttpTransport(url, "callbackd", SECRET, ca_file=ca_file, timeout=timeout) as transport:
            yield transport
    finally:
        await server.close()


async def test_a_request_and_its_answer() -> None:
    seen: list[web.Request] = []
    bodies: list[object] = []

    async def handler(request: web.Request) -> web.Response:
        seen.append(request)
        bodies.append(await request.json())
        return web.json_response({"id": "x"}, status=201)

    async with asterisk(handler) as transport:
        answer = await transport.request(
            "POST", "/sounds/digits%2F1", query={"a": "+1 & <2>"}, body={"media": ["tone:440/200,0/200"]}
        )
    assert answer == Response(201, {"id": "x"})
    (request,) = seen
    assert request.raw_path.startswith("/ari/sounds/digits%2F1?")
    assert request.query == {"a": "+1 & <2>"}
    assert bodies == [{"media": ["tone:440/200,0/200"]}]
    assert "api_key" not in request.raw_path
    scheme, credentials = request.headers["Authorization"].split()
    assert (scheme, base64.b64decode(credentials).decode()) == ("Basic", f"callbackd:{SECRET}")


async def test_an_answer_without_a_body() -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=204)

    async with asterisk(handler) as transport:
        assert await transport.request("DELETE", "/channels/x") == Response(204, None)


async def test_an_answer_that_is_not_json() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=404 if request.path.endswith("missing") else 200, text="<html>")

    async with asterisk(handler) as transport:
        assert await transport.request("GET", "/missing") == Response(404, None)
        with pytest.raises(MalformedReply):
            await transport.request("GET", "/asterisk/info")


async def test_a_request_that_dies_in_transit_may_have_been_acted_on() -> None:
    async def handler(request: web.Request) -> web.Response:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with asterisk(handler) as transport:
        with pytest.raises(Unreachable) as caught:
            await transport.request("POST", "/channels")
    assert caught.value.perhaps_acted


async def test_a_request_without_an_answer_in_time_may_have_been_acted_on() -> None:
    release = asyncio.Event()

    async def handler(_request: web.Request) -> web.Response:
        await release.wait()
        return web.Response()

    async with asterisk(handler, timeout=0.05) as transport:
        with pytest.raises(Unreachable, match="no answer from") as caught:
            await transport.request("POST", "/channels")
        release.set()
    assert caught.value.perhaps_acted


async def test_nothing_listens() -> None:
    url = f"http://127.0.0.1:{unused_port()}/ari"
    async with AiohttpTransport(url, "callbackd", SECRET) as transport:
        with pytest.raises(Unreachable, match="nothing listens at") as caught:
            await transport.request("POST", "/channels")
        assert not caught.value.perhaps_acted
        assert "http.conf" in str(caught.value.mend)
        with pytest.raises(Unreachable, match="nothing listens at"):
            async with transport.events("callbackd"):
                pass


async def test_nothing_listens_at_any_address_of_the_host(monkeypatch: pytest.MonkeyPatch) -> None:
    port = unused_port()

    async def two_addresses(*_given: object, **_more: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in (1, 2)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", two_addresses)
    async with AiohttpTransport(f"http://pbx.example:{port}/ari", "callbackd", SECRET) as transport:
        with pytest.raises(Unreachable, match="no connection to") as caught:
            await transport.request("GET", "/channels")
    assert not caught.value.perhaps_acted
    assert "is Asterisk running" in str(caught.value.mend)


async def test_events_and_the_clean_end_of_the_stream(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[web.Request] = []

    async def handler(request: web.Request) -> web.WebSocketResponse:
        seen.append(request)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        for text in ('{"type": "A"}', "{nonsense", '["not an object"]', '{"type": "B"}'):
            await socket.send_str(text)
        await socket.close()
        return socket

    async with asterisk(handler) as transport, transport.events("callbackd") as stream:
        with caplog.at_level(logging.WARNING):
            assert await stream.receive() == {"type": "A"}
            assert await stream.receive() == {"type": "B"}
        for _ in range(2):
            with pytest.raises(StreamClosed):
                await stream.receive()
    assert len(caplog.records) == 2
    assert seen[0].path == "/ari/events"
    assert seen[0].query["app"] == "callbackd"
    assert "Authorization" in seen[0].headers


async def test_a_stream_that_breaks() -> None:
    async def handler(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        assert request.transport is not None
        request.transport.abort()
        return socket

    async with asterisk(handler) as transport, transport.events("callbackd") as stream:
        with pytest.raises(StreamClosed):
            await stream.receive()


async def test_a_peer_that_answers_no_ping_is_gone() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        key = next(line.split(b": ")[1] for line in head.split(b"\r\n") if line.startswith(b"Sec-WebSocket-Key"))
        digest = hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # noqa: S324
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
            + base64.b64encode(digest)
            + b"\r\n\r\n"
        )
        await reader.read()
        writer.close()

    server = await asyncio.start_server(deaf, "127.0.0.1")
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ari"
    async with (
        AiohttpTransport(url, "callbackd", SECRET, heartbeat=0.05) as transport,
        transport.events("callbackd") as stream,
    ):
        with pytest.raises(StreamClosed):
            await asyncio.wait_for(stream.receive(), 5)
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize(("status", "kind"), [(401, AuthenticationFailed), (404, NotFound)])
async def test_a_websocket_that_is_refused(status: int, kind: type[Exception]) -> None:
    async def handler(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    async with asterisk(handler) as transport:
        with pytest.raises(kind):
            async with transport.events("callbackd"):
                pass


async def test_the_password_is_nowhere_to_be_seen() -> None:
    async def handler(request: web.Request) -> web.Response:
        return web.Response(status=401)

    encoded = base64.b64encode(f"callbackd:{SECRET}".encode()).decode()
    async with asterisk(handler) as transport:
        with pytest.raises(AuthenticationFailed) as caught:
            async with transport.events("callbackd"):
                pass
        shown = [repr(transport), repr(caught.value), caught.value.explanation, str(caught.value.__dict__)]
    assert not any(secret in text for text in shown for secret in (SECRET, encoded))
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "url",
    ["127.0.0.1:8088/ari", "ftp://pbx/ari", "http://user:pw@pbx/ari", "http://pbx/ari?api_key=u:p", "http:///ari"],
)
def test_urls_that_are_refused(url: str) -> None:
    with pytest.raises(ValueError, match="the URL of ARI"):
        AiohttpTransport(url, "callbackd", SECRET)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for localhost, and its key."""
    assert shutil.which("openssl"), "openssl makes the certificate; scripts/prepare installs it"
    certificate, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, "-keyout", key, "-out", certificate],
        check=True,
        capture_output=True,
    )
    return certificate, key


async def test_https_verifies_the_certificate(certificate: tuple[Path, Path]) -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)

    async def handler(_request: web.Request) -> web.Response:
        return web.json_response([])

    async with asterisk(handler, tls=tls, ca_file=certificate[0]) as transport:
        assert await transport.request("GET", "/channels") == Response(200, [])
    async with asterisk(handler, tls=tls) as transport:
        with pytest.raises(Unreachable, match="no trust") as caught:
            await transport.request("GET", "/channels")
    assert "ca_file" in str(caught.value.mend)

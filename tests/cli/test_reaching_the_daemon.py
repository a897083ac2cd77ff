"""What the commands say when the daemon can't be asked."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.shell import Shell, settings_folder

COMMANDS = [
    *(["list"], ["show", "x"], ["cancel", "x"], ["reschedule", "x"], ["request", "support", "4165550123"]),
    *(["status"], ["pause"], ["resume", "support"], ["reload"], ["list", "--watch"]),
]


def _one_line(result: Result, exit_code: int, told: str) -> None:
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert result.stderr.startswith("callbackd: ")
    assert result.stderr.count("\n") == 1
    assert told in result.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_nobody_listens(shell: Shell, command: list[str]) -> None:
    (shell.folder / "api-token").write_text("token")
    _one_line(shell.run(*command), 3, "can't be reached at 127.0.0.1:1: connection refused; is it running?")


@pytest.mark.parametrize("command", COMMANDS)
def test_there_is_no_token(shell: Shell, command: list[str]) -> None:
    _one_line(shell.run(*command), 3, "there is no token at")


def test_the_token_is_not_ours_to_read(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    (shell.folder / "api-token").write_text("token")
    opened = Path.open

    def deny(path: Path, mode: str = "r") -> object:
        if path.name == "api-token":
            raise PermissionError(13, "Permission denied")
        return opened(path, mode)

    monkeypatch.setattr(Path, "open", deny)
    _one_line(shell.run("list"), 1, "permission denied; run this as root or as the user of the daemon")


@pytest.mark.parametrize("content", [b"", b"two words", b"\xff", b"a\r\nX-Evil: 1"])
def test_the_token_file_holds_none(shell: Shell, content: bytes) -> None:
    (shell.folder / "api-token").write_bytes(content)
    _one_line(shell.run("list"), 1, "holds no token")


def test_a_folder_in_place_of_the_token(shell: Shell) -> None:
    (shell.folder / "api-token").mkdir()
    _one_line(shell.run("list"), 1, "can't be read")


def test_the_api_is_off(shell: Shell) -> None:
    (shell.folder / "callbackd.yaml").write_text("ari: {password: secret}\n")
    _one_line(shell.run("list"), 3, "the HTTP API is off")


async def test_another_token(daemon: Shell) -> None:
    (daemon.folder / "api-token").write_text("another-token")
    _one_line(await daemon.ask("list"), 1, "does not take the token")


@contextlib.asynccontextmanager
async def _answering(answer: bytes) -> AsyncIterator[int]:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        (b"", 3),
        (b"SSH-2.0-OpenSSH\r\n", 3),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", 3),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{", 3),
        (b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}", 1),
    ],
)
async def test_something_else_answers(tmp_path: Path, answer: bytes, exit_code: int) -> None:
    async with _answering(answer) as port:
        folder = await asyncio.to_thread(settings_folder, tmp_path, port)
        (folder / "api-token").write_text("token")
        result = await Shell(folder).ask("list")
    assert result.exit_code == exit_code
    assert result.stderr.startswith("callbackd: ")
    assert result.stderr.count("\n") == 1

"""What callbackd needs of the machine that it runs on: its database, and a port for its API."""

from __future__ import annotations

import asyncio
import getpass
import http.client
import os
import socket
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from callbackd.config.settings import Http, Settings
from callbackd.config.token import TokenUnusable, read
from callbackd.doctor.finding import Finding, failed, ok, warning

PATIENCE = 3.0
"""Seconds for which a lock or an answer is waited for."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """Whether the callbackd of this configuration `answers` over HTTP."""

    answers: bool
    finding: Finding


def database(path: Path) -> Finding:
    """Whether the database is whole and this user could write it; nothing is written."""
    who = _user()
    mend = f"`database` and its folder {path.parent} must belong to the user that callbackd runs as"
    if not os.path.isdir(path.parent):
        return failed("database", f"the folder {path.parent} is not there", f"make it; {mend}")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        return failed("database", f"{path.parent} can't be written by {who}", mend)
    if not os.path.exists(path):
        return ok("database", f"{path} is not there yet: the first start makes it")
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.resolve()))}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None
        )
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute("ROLLBACK")
            (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        finally:
            connection.close()
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
            return failed("database", f"{path} can't be written by {who}: {error}", mend)
        found = str(error)
    if found != "ok":
        return failed("database", f"{path} is damaged: {found.splitlines()[-1]}", "stop callbackd and restore a backup")
    return ok("database", f"{path} is sound, and can be written by {who}")


def password(settings_file: Path) -> Finding | None:
    """Whether the ARI password that `callbackd init` wrote beside the settings is secret; None if there is none."""
    path = settings_file.parent / "ari-password"
    try:
        mode = path.stat().st_mode
    except OSError:
        return None
    if mode & 0o077:
        return warning("password", f"{path} can be read by others (mode {mode & 0o777:o})", f"chmod 600 {path}")
    return ok("password", f"{path} can be read by its owner only")


def token(settings: Settings) -> Sequence[Finding]:
    """Whether the API's token is secret and hard to guess; nothing if HTTP is off. None is made here."""
    if settings.http is None:
        return []
    path = settings.http.token_file
    try:
        found = read(path)
    except FileNotFoundError:
        return [ok("token", f"{path} is not there yet: the first start makes it")]
    except TokenUnusable as error:
        return [failed("token", error.problem, error.mend)]
    warnings = [warning("token", warned.problem, warned.mend) for warned in found.warnings]
    return warnings or [ok("token", f"{path} can be read by its owner only, and holds a long token")]


async def daemon(settings: Settings) -> Daemon | None:
    """Whether callbackd answers at its port, or could listen there; None if HTTP is off."""
    return None if settings.http is None else await asyncio.to_thread(_daemon, settings.http)


def _daemon(settings: Http) -> Daemon:
    where = settings.listen
    connection = http.client.HTTPConnection(where.reached_at, where.port, timeout=PATIENCE)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        if answer.status == 200 and answer.read(100) == b'{"status":"ok"}':
            return Daemon(True, ok("http", f"callbackd answers at {where}"))
        return Daemon(False, _taken(where))
    except (http.client.HTTPException, TimeoutError):
        return Daemon(False, _taken(where))
    except OSError:
        return Daemon(False, _could_listen(where.host, where.port, where))
    finally:
        connection.close()


def _could_listen(host: str, port: int, where: object) -> Finding:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind((host, port))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return failed("http", f"callbackd can't listen at {where}: {reason}", "correct http.listen")
    return ok("http", f"callbackd does not run; {where} is free for it")


def _taken(where: object) -> Finding:
    return failed(
        "http", f"what answers at {where} is not callbackd", "stop that, or choose another port in http.listen"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"

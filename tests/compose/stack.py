"""docker-compose.yml as somebody runs it: with the engine of this machine, or one that is made for the tests."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rig.ports import free_tcp_port

PROJECT = Path(__file__).resolve().parents[2]
ENGINE = PROJECT / "scripts/docker-engine"
NAME = "callbackd-test"

Json = Any


class NoEngineError(Exception):
    """There is no Docker engine and none can be made; says why."""


class Stack:
    """The containers of one project, and what is asked of them. `port` is callbackd's HTTP port on this host."""

    def __init__(
        self,
        environment: Mapping[str, str],
        name: str = NAME,
        files: Sequence[str | Path] = ("docker-compose.yml", "tests/compose/builds.yml"),
    ) -> None:
        self.port = free_tcp_port()
        self._name = name
        self._files = [argument for file in files for argument in ("-f", str(file))]
        self._environment = {**os.environ, **environment, "CALLBACKD_PORT": str(self.port), "COMPOSE_PROFILES": "demo"}

    def beside(self, config: Path, ari_password: str) -> Stack:
        """callbackd alone, of the same engine, beside an Asterisk of this host; `config` in place of the sample."""
        ours = config.parent / "ours.yml"
        callbackd = {"build": {"network": "host"}, "volumes": [f"{config}:/etc/callbackd:ro"]}
        ours.write_text(json.dumps({"services": {"callbackd": callbackd}}))
        environment = {**self._environment, "CALLBACKD_ARI_PASSWORD": ari_password}
        return Stack(environment, f"{NAME}-beside", ("docker/own-asterisk.yml", ours))

    def docker(self, *arguments: str, limit: float = 60.0) -> str:
        """What `docker ...` prints. Raises `AssertionError` with all it said if it fails."""
        done = self._run("docker", *arguments, limit=limit)
        assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def compose(self, *arguments: str, limit: float = 60.0) -> str:
        """What `docker compose ...` prints."""
        project = ("--project-directory", ".", "-p", self._name)
        return self.docker("compose", *self._files, *project, *arguments, limit=limit)

    def up(self, *services: str) -> None:
        """Starts them (default: all), and waits until each is healthy."""
        try:
            self.compose("up", "--detach", "--wait", *services, limit=300.0)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.compose('logs', '--tail', '60')}") from None

    def exec(self, service: str, *command: str) -> str:
        """What a command prints that is run in a container, as its user."""
        return self.compose("exec", "-T", service, *command)

    def fails(self, service: str, *command: str) -> bool:
        """Whether a command fails in a container."""
        return self._run("docker", "exec", f"{self._name}-{service}-1", *command, limit=30.0).returncode != 0

    def callbackd(self, *arguments: str) -> Json:
        """The command `callbackd`, with --json."""
        return json.loads(self.exec("callbackd", "callbackd", *arguments, "--json"))

    def inspect(self, service: str) -> Json:
        """What the engine knows of its container."""
        return json.loads(self.docker("inspect", f"{self._name}-{service}-1"))[0]

    def logs(self, service: str) -> str:
        """What its container has said."""
        done = self._run("docker", "logs", f"{self._name}-{service}-1", limit=30.0)
        return done.stdout + done.stderr

    def until(self, holds: Callable[[], Json], within: float) -> Json:
        """Waits until `holds` returns something true; that."""
        end = time.monotonic() + within
        while not (found := holds()):
            assert time.monotonic() < end, f"not within {within} s\n{self.compose('logs', '--tail', '40')}"
            time.sleep(0.5)
        return found

    def _run(self, *command: str, limit: float) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command, cwd=PROJECT, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=limit, check=False,
        )  # fmt: skip


@contextmanager
def built_stack() -> Iterator[Stack]:
    """A stack whose images are built and that is not up; nothing of it is left. Raises `NoEngineError`."""
    with _engine() as environment:
        stack = Stack(environment)
        stack.compose("down", "--volumes", "--timeout", "5")
        stack.compose("build", limit=900.0)
        try:
            yield stack
        finally:
            stack.compose("down", "--volumes", "--timeout", "5")


@contextmanager
def _engine() -> Iterator[Mapping[str, str]]:
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        yield {}
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NoEngineError("no Docker engine answers, and to make one takes root on Debian; mend: start Docker")
    up = subprocess.run([ENGINE, "up"], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if up.returncode != 0:
        raise NoEngineError(f"scripts/docker-engine up ended with {up.returncode}: {up.stderr[-2000:]}")
    line = up.stdout.strip().splitlines()[-1].removeprefix("export ")
    try:
        yield dict(pair.split("=", 1) for pair in line.split())
    finally:
        subprocess.run([ENGINE, "down"], check=False)

"""Every command line of the README is run here, or says which test runs it: a new one without a test fails."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from callbackd.cli.main import main
from rig.daemon import Callbackd
from rig.mosquitto import Mosquitto, is_installed
from rig.ports import free_tcp_port

ROOT = Path(__file__).resolve().parent.parent.parent
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```sh\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)
PROSE = re.sub(r"^```.*?^```$", "", README, flags=re.MULTILINE | re.DOTALL)
PROGRAMS = (
    *("callbackd", "scripts/", "curl", "mosquitto_", "docker", "asterisk", "systemctl", "journalctl"),
    *("python", "pip", "apt-get", "sqlite3"),
)
PATIENCE = 60.0
FOR_EVER = "timeout -s INT 2 "
"""Before what goes on until it is interrupted."""

INTERRUPTED = {124}


def lines_of(block: str) -> list[str]:
    """Its command lines, without comments; those that go on at a backslash are one."""
    joined = re.sub(r"\\\n\s*", "", block)
    return [line for text in joined.splitlines() if (line := re.sub(r"\s+#.*", "", text).strip())]


def spans() -> list[str]:
    """Command lines in the text: code that begins with a program and goes on."""
    found = dict.fromkeys(re.findall(r"(?<!`)`([^`\n]+)`(?!`)", PROSE))
    return [text for text in found if text.startswith(PROGRAMS) and (" " in text or text.startswith("scripts/"))]


INSTALL = next(block for block in BLOCKS if "pip install" in block)
AGAINST_A_DAEMON = [block for block in BLOCKS if block != INSTALL]

MENTIONED = {"callbackd [--config FILE] COMMAND", "pip install", "scripts/"}
"""Not to be typed as they stand."""


@dataclass(frozen=True)
class Line:
    """How a line is run: `as_` stands for what its reader fills in; which exit codes are well."""

    as_: str | None = None
    codes: frozenset[int] = frozenset({0})


NO_LINK = frozenset({1})
"""There is no Asterisk here, and the command says so."""

RUN = {
    "callbackd status": Line(codes=NO_LINK),
    "callbackd doctor": Line(codes=NO_LINK),
    "callbackd reload": Line(),
    "callbackd list": Line(),
    "callbackd list --watch": Line(f"{FOR_EVER}callbackd list --watch", frozenset({0, *INTERRUPTED})),
    "callbackd request support '(416) 555-0123' --name 'Ann Lee'": Line(),
    "callbackd show ID": Line("callbackd show $(callbackd request support '(416) 555-0123')"),
    'curl -sN -H "Authorization: Bearer $TOKEN" $API/events': Line(
        f'{FOR_EVER}curl --fail -sN -H "Authorization: Bearer $TOKEN" $API/events', frozenset(INTERRUPTED)
    ),
    "curl -s http://127.0.0.1:8780/metrics": Line(),
    "curl -s http://127.0.0.1:8780/readyz": Line(),
}
BY_THE_BROKER = [line for line in spans() if line.startswith("mosquitto_")]
BY_ASTERISK = [line for line in spans() if line.startswith("asterisk -rx ")]

ELSEWHERE = {
    "scripts/demo": "tests/pbx/test_demo.py::test_demo_goes_as_its_stories_say",
    "scripts/demo --keep": "tests/pbx/test_demo.py::test_demo_can_be_interrupted",
    "docker compose up --build": (
        "tests/compose/test_compose.py::test_from_nothing_to_a_completed_callback_and_over_a_restart"
    ),
    "scripts/test": ".ci/run::scripts/test",
    "scripts/test tests/domain -x": ".ci/run::scripts/test",
    "scripts/make-prompts": "tests/test_prompts.py::test_what_speaks_the_catalogue_speaks_these_prompts",
    "python -m build": "tests/packaging/test_package.py::test_the_wheel_has_every_file_of_the_package_and_no_other",
    "apt-get install python3-venv": "scripts/prepare::python3-venv",
    "systemctl reload callbackd": "tests/walk/test_service.py::_a_reload_tells_whether_the_files_were_right",
    "journalctl -u callbackd -t callbackd": "tests/walk/test_service.py::_what_cannot_start_says_why",
}


@pytest.mark.parametrize("line", spans())
def test_a_command_line_in_the_text_is_run_somewhere(line: str) -> None:
    words = line.split()
    mention = line in MENTIONED or (words[0] == "callbackd" and len(words) == 2 and words[1] in main.commands)
    assert mention or line in {*RUN, *ELSEWHERE, *BY_THE_BROKER, *BY_ASTERISK}, "say in this file how it is tested"


@pytest.mark.parametrize(("line", "where"), ELSEWHERE.items())
def test_what_is_run_elsewhere_is(line: str, where: str) -> None:
    file, _, name = where.partition("::")
    assert name in (ROOT / file).read_text()
    assert line in README


def test_nothing_is_listed_that_the_readme_no_longer_has() -> None:
    assert [line for line in (*RUN, *MENTIONED) if line not in README] == []


def test_the_table_of_commands_is_whole() -> None:
    table = README.partition("## Commands")[2].partition("Exit codes")[0]
    rows = re.findall(r"^\| (.*?) \|", table, re.MULTILINE)
    named = {words.split()[0] for cell in rows for words in re.findall(r"`([a-z][^`]*)`", cell)}
    assert named == set(main.commands)


# ---- a shell with a daemon ------------------------------------------------------------------------------------------


class Shell:
    """Runs lines as a reader would, in a folder of its own and with the daemon's address in the place of the usual."""

    def __init__(self, folder: Path, daemon: Callbackd, broker: Mosquitto | None) -> None:
        self.folder = folder
        self._daemon = daemon
        self._broker = broker
        (folder / "bin").mkdir()
        command = folder / "bin/callbackd"
        command.write_text(f'#!/bin/sh\nexec {sys.executable} -m callbackd "$@"\n')
        command.chmod(0o755)

    async def run(self, script: str) -> tuple[int, str]:
        """Exit code and everything that was printed."""
        token = self._daemon.folder / "api-token"
        script = script.replace("127.0.0.1:8780", f"127.0.0.1:{self._daemon.port}")
        script = script.replace("/var/lib/callbackd/api-token", str(token)).replace("curl -s ", "curl -s --show-error ")
        if self._broker is not None:
            script = script.replace("mosquitto_pub ", f"mosquitto_pub -p {self._broker.port} ")
            script = script.replace("mosquitto_sub ", f"mosquitto_sub -p {self._broker.port} ")
        environment = {
            **os.environ,
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
            "CALLBACKD_CONFIG": str(self._daemon.config),
            "TOKEN": token.read_text().strip(),
            "API": f"http://127.0.0.1:{self._daemon.port}/api/v1",
        }
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", script),
            cwd=self.folder,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(PATIENCE):
            said, _ = await process.communicate()
        assert process.returncode is not None
        return process.returncode, said.decode()


PROFILE = {
    "label": "Support line",
    "target": {"endpoint": "PJSIP/1001", "timezone": "America/Toronto", "hours": {"mon-fri": ["09:00-12:00"]}},
    "client": {"endpoint": "PJSIP/{number}@trunk", "country": "CA", "allow": ["+1"]},
}


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    """A daemon without an Asterisk: requests are taken and kept."""
    async with _broker() as broker:
        mqtt = {"mqtt": {"url": broker.url}} if broker else {}
        nobody = f"http://127.0.0.1:{free_tcp_port()}/ari"
        daemon = Callbackd(nobody, "callbackd", "x", {"support": PROFILE}, mqtt)
        try:
            await daemon.start(wait=False)
            async with asyncio.timeout(PATIENCE):
                while "HTTP API listens" not in daemon.log.read_text():
                    assert daemon.process is not None
                    assert daemon.process.returncode is None, daemon.log.read_text()
                    await asyncio.sleep(0.02)
            yield Shell(tmp_path, daemon, broker)
        finally:
            await daemon.close()


class _broker:  # noqa: N801  used as a statement
    """A Mosquitto, if there is one to start."""

    def __init__(self) -> None:
        self._made = Mosquitto() if is_installed() else None

    async def __aenter__(self) -> Mosquitto | None:
        return None if self._made is None else await self._made.__aenter__()

    async def __aexit__(self, *error: object) -> None:
        if self._made is not None:
            await self._made.__aexit__(None, None, None)


async def test_the_lines_in_the_text(shell: Shell) -> None:
    failed = []
    for line, how in RUN.items():
        code, said = await shell.run(how.as_ or line)
        if code not in how.codes or "Traceback" in said:
            failed.append(f"{line}\n -> exit code {code}: {said}")
    assert not failed, "\n".join(failed)


async def test_the_blocks(shell: Shell) -> None:
    """As a whole: what one line sets the next ones use. Commands that tell of a missing Asterisk do so with code 1."""
    assert len(AGAINST_A_DAEMON) >= 3
    for block in AGAINST_A_DAEMON:
        lines = [
            f"{line} || [ $? = 1 ]" if line in {"callbackd doctor", "callbackd status"} else line
            for line in lines_of(block)
        ]
        code, said = await shell.run("\n".join(lines))
        assert code == 0, said
        assert '"error"' not in said
        assert "Traceback" not in said


@pytest.mark.skipif(not is_installed() and not os.environ.get("CI"), reason="Mosquitto is not installed")
async def test_the_lines_to_the_broker(shell: Shell) -> None:
    assert len(BY_THE_BROKER) == 2
    (publish,) = [line for line in BY_THE_BROKER if line.startswith("mosquitto_pub")]
    (subscribe,) = [line for line in BY_THE_BROKER if line.startswith("mosquitto_sub")]
    # The event comes to whoever listens; the daemon's own connection may still be on its way.
    listening = asyncio.create_task(shell.run(f"timeout 20 {subscribe} -C 1"))
    async with asyncio.timeout(PATIENCE):
        while not listening.done():
            code, said = await shell.run(publish)
            assert code == 0, said
            await asyncio.wait([listening], timeout=1.0)
            await shell.run(
                "for id in $(callbackd list --state scheduled --state queued --json | grep -oE '01[a-z0-9]{24}'); "
                "do callbackd cancel $id; done"
            )
    code, said = await listening
    assert code == 0, said
    assert said.startswith("callbackd/event/support {")


# ---- the installation -----------------------------------------------------------------------------------------------


@pytest.mark.install
@pytest.mark.timeout(600)
async def test_the_installation(tmp_path: Path) -> None:
    """In folders of its own in the place of the system's, from a copy of the checkout."""
    left_out = shutil.ignore_patterns(".*", "__pycache__", "*.egg-info", "build", "dist", "tests")
    await asyncio.to_thread(shutil.copytree, ROOT, tmp_path / "checkout", symlinks=True, ignore=left_out)
    script = "\n".join(lines_of(INSTALL))
    assert "/usr/bin/python3" in script
    script = script.replace("/usr/bin/python3", sys.executable)
    (tmp_path / "usr/local/bin").mkdir(parents=True)
    (tmp_path / "etc").mkdir()
    for place in ("/opt/callbackd", "/usr/local/bin", "/etc/callbackd"):
        assert place in script
        script = script.replace(place, f"{tmp_path}{place}")
    environment = {name: text for name, text in os.environ.items() if not name.startswith(("PYTHON", "CALLBACKD"))}
    environment["PATH"] = f"{tmp_path}/usr/local/bin:{environment['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *(
            "bash",
            "-euo",
            "pipefail",
            "-c",
            f"{script}\ncallbackd --config {tmp_path}/etc/callbackd/callbackd.yaml check",
        ),
        cwd=tmp_path / "checkout",
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    assert "Next:" in said.decode()
    assert "0 errors, 0 warnings" in said.decode()

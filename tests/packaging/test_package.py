"""The package: everything that is needed at run time is in it, and an empty environment is all that it needs."""

from __future__ import annotations

import ast
import configparser
import fcntl
import os
import re
import signal
import subprocess
import sys
import tarfile
import time
import venv
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import packages_distributions, requires
from pathlib import Path

import pytest

from rig.ports import free_tcp_port

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGE = ROOT / "callbackd"

pytestmark = pytest.mark.timeout(600)


def run(*words: str | Path, cwd: Path = ROOT, code: int = 0) -> str:
    """Run a command in an environment that knows nothing of this checkout; what it printed."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "CALLBACKD"))}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout
    return done.stdout


@contextmanager
def made_once(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[tuple[Path, bool]]:
    """A folder that all processes of this test run share, and whether another has filled it."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    with (shared / f"{name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = shared / f"{name}.done"
        yield shared / name, done.exists()
        done.touch()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built of the sdist alone."""
    with made_once(tmp_path_factory, "dist") as (folder, there):
        if not there:
            run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    return folder


def wheel(folder: Path) -> Path:
    (found,) = folder.glob("*.whl")
    return found


def files_of_the_package() -> set[str]:
    """Everything below `callbackd`, whatever it is and through whatever link."""
    found = set()
    for folder, folders, files in os.walk(PACKAGE, followlinks=True):
        folders[:] = [name for name in folders if name != "__pycache__"]
        found |= {str((Path(folder) / name).relative_to(ROOT)) for name in files}
    return found


def test_the_wheel_has_every_file_of_the_package_and_no_other(built: Path) -> None:
    wanted = files_of_the_package()
    for needed in ("queries.sql", "0001_initial.sql", "callbackd.conf", "agent-intro.wav", "callbackd.service"):
        assert any(name.endswith(f"/{needed}") for name in wanted)
    with zipfile.ZipFile(wheel(built)) as archive:
        packed = {name for name in archive.namelist() if name.startswith("callbackd/")}
        assert packed == wanted
        for name in wanted:
            assert archive.read(name) == (ROOT / name).read_bytes(), name
        assert any(name.endswith(".data/data/share/man/man1/callbackd.1") for name in archive.namelist())
        assert any(name.endswith("/licenses/LICENSE") for name in archive.namelist())


def test_the_sdist_has_files_where_the_checkout_has_links(built: Path) -> None:
    (found,) = built.glob("*.tar.gz")
    with tarfile.open(found) as archive:
        members = archive.getmembers()
    assert not [member.name for member in members if not (member.isfile() or member.isdir())]
    assert any(member.name.endswith("callbackd/share/dialplan/callbackd.conf") for member in members)
    assert not [member.name for member in members if "/tests/" in member.name], "they need the whole checkout"


def test_every_package_that_is_imported_is_asked_for() -> None:
    """By callbackd itself, or by what it asks for: an environment of its own must have it."""
    settings = configparser.ConfigParser()
    settings.read(ROOT / "setup.cfg")
    asked = {_name(text) for text in settings["options"]["install_requires"].split("\n") if text}
    asked |= {_name(text) for name in tuple(asked) for text in requires(name) or () if "extra ==" not in text}
    of = packages_distributions()
    missing = {
        module: where
        for module, where in _imported()
        if module not in sys.stdlib_module_names | {"callbackd"}
        and not {_name(each) for each in of.get(module, ())} & asked
    }
    assert missing == {}


def _imported() -> Iterator[tuple[str, str]]:
    """Every module that is imported, and where; not what may be missing (`except ImportError`)."""
    for path in PACKAGE.rglob("*.py"):
        tree = ast.parse(path.read_text())
        optional = {
            id(node)
            for tried in ast.walk(tree)
            if isinstance(tried, ast.Try)
            and any(isinstance(e.type, ast.Name) and e.type.id == "ImportError" for e in tried.handlers)
            for node in ast.walk(tried)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Import) and id(node) not in optional:
                yield from ((a.name.partition(".")[0], f"{path.relative_to(ROOT)}:{node.lineno}") for a in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and id(node) not in optional:
                yield node.module.partition(".")[0], f"{path.relative_to(ROOT)}:{node.lineno}"


def _name(requirement: str) -> str:
    """Of a distribution, as indexes write it."""
    return re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-").replace(".", "-")


@pytest.fixture(scope="session")
def installed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment in which the wheel, and what it asks for, is all there is."""
    with made_once(tmp_path_factory, "environment") as (folder, there):
        if not there:
            venv.create(folder, with_pip=True)
            run(folder / "bin/pip", "install", "--disable-pip-version-check", "-q", wheel(built))
    return folder / "bin"


@pytest.mark.install
def test_installed_it_works_from_a_folder_that_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    callbackd = installed / "callbackd"
    where = run(installed / "python", "-c", "import callbackd; print(callbackd.__file__)", cwd=tmp_path)
    assert where.startswith(str(installed.parent))
    assert "Commands:" in run(callbackd, "--help", cwd=tmp_path)
    told = run(callbackd, "init", "new", "--systemd", cwd=tmp_path)
    assert "Next:" in told
    settings = tmp_path / "new/callbackd.yaml"
    assert "0 errors, 0 warnings" in run(callbackd, "--config", settings, "check", cwd=tmp_path)
    assert f"ExecStart={callbackd} " in (tmp_path / "new/callbackd.service").read_text()
    assert len(list((tmp_path / "new/asterisk/sounds/en/callbackd").glob("*.wav"))) > 40
    told = run(callbackd, "--config", settings, "doctor", cwd=tmp_path, code=1)
    assert "mend: " in told, "no Asterisk is there, and it says so"
    assert (installed.parent / "share/man/man1/callbackd.1").is_file()


@pytest.mark.install
def test_installed_the_daemon_starts_makes_its_database_and_stops(installed: Path, tmp_path: Path) -> None:
    """Migrations and queries are read from the package; no Asterisk is needed for that."""
    run(installed / "callbackd", "init", "new", cwd=tmp_path)
    settings = tmp_path / "new/callbackd.yaml"
    text = settings.read_text().replace("127.0.0.1:4573", f"127.0.0.1:{free_tcp_port()}")
    settings.write_text(text.replace("127.0.0.1:8780", f"127.0.0.1:{free_tcp_port()}"))
    with (tmp_path / "log").open("wb") as log:
        daemon = subprocess.Popen([installed / "callbackd", "--config", settings, "run"], cwd=tmp_path, stderr=log)
    try:
        until = time.monotonic() + 30
        while "HTTP API listens" not in (tmp_path / "log").read_text():
            assert daemon.poll() is None, (tmp_path / "log").read_text()
            assert time.monotonic() < until, (tmp_path / "log").read_text()
            time.sleep(0.05)
        assert (tmp_path / "new/callbackd.sqlite3").is_file()
        status = run(installed / "callbackd", "--config", settings, "status", cwd=tmp_path, code=1)
        assert "support" in status
        daemon.send_signal(signal.SIGTERM)
        assert daemon.wait(30) == 0
    finally:
        if daemon.poll() is None:
            daemon.kill()
            daemon.wait()

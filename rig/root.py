"""The private Asterisk: a small Debian root with the packages of a suite, made once and kept in a cache."""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

PACKAGES = ("asterisk", "asterisk-core-sounds-en-gsm", "asterisk-moh-opsound-gsm")

SUITES = {"22": "forky", "16": "bullseye"}
"""Asterisk's major version -> the Debian suite that has it: the newest and the oldest that callbackd is made for."""

Progress = Callable[[str], None]


class RootError(Exception):
    """No Asterisk could be prepared. The message says why, and what mends it."""


def cache_dir() -> Path:
    """Where prepared roots live: ``CALLBACKD_CACHE``, else ``XDG_CACHE_HOME``/callbackd, else ~/.cache/callbackd."""
    if own := os.environ.get("CALLBACKD_CACHE"):
        return Path(own).absolute()
    xdg = os.environ.get("XDG_CACHE_HOME")
    return (Path(xdg) if xdg else Path.home() / ".cache").absolute() / "callbackd"


def chosen_suite() -> str:
    """The suite whose Asterisk is wanted: ``CALLBACKD_ASTERISK``, a version of `SUITES` or a suite; else forky."""
    wanted = os.environ.get("CALLBACKD_ASTERISK") or "22"
    return SUITES.get(wanted, wanted)


class StderrProgress:
    """Shows what goes on: one line rewritten in place on a terminal, plain lines elsewhere."""

    def __init__(self) -> None:
        self._tty = sys.stderr.isatty()
        self._began = time.monotonic()

    def __call__(self, what: str) -> None:
        elapsed = f"{time.monotonic() - self._began:5.1f} s"
        if not self._tty:
            print(f"  {elapsed}  {what}", file=sys.stderr, flush=True)  # noqa: T201
            return
        width = shutil.get_terminal_size().columns
        sys.stderr.write("\r\x1b[K" + f"  {elapsed}  {what}"[: width - 1])
        sys.stderr.flush()

    def done(self) -> None:
        """Ends the line that was being rewritten."""
        if self._tty:
            sys.stderr.write("\n")


def silent(_what: str) -> None:
    """The progress display of those who want none."""


def prepare_root(suite: str | None = None, progress: Progress | None = None) -> Path:
    """Returns the root of that suite's Asterisk (default: `chosen_suite`), building it first if the cache has none.

    Safe to call from many processes at once: one builds, the others wait. Raises `RootError` with cause and mend.
    """
    report = progress or silent
    suite = SUITES.get(suite or "") or suite or chosen_suite()
    root = cache_dir() / f"asterisk-{suite}"
    if os.geteuid() != 0:
        raise RootError("the test Asterisk lives in a chroot, which needs root; mend: run as root (or with sudo -E)")
    try:
        root.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RootError(f"cannot make the cache {root.parent}: {error}; mend: set CALLBACKD_CACHE") from error
    if not _is_ready(root):
        with _locked(root.with_name(root.name + ".lock"), report):
            if not _is_ready(root):
                _build(suite, root, report)
    _write_hosts(root)
    return root


def _is_ready(root: Path) -> bool:
    """A root appears by one rename, so whatever is there is whole."""
    return (root / "usr/sbin/asterisk").exists()


@contextmanager
def _locked(path: Path, report: Progress) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report("another process is preparing Asterisk: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _build(suite: str, root: Path, report: Progress) -> None:
    report(f"fetching Asterisk from Debian {suite}")
    _mmdebstrap(root, suite, "apt", PACKAGES, report)
    report(f"Asterisk is ready in {root}")


def make_archive(target: Path, suite: str, report: Progress) -> None:
    """Makes the tar of a Debian with the essential packages and apt, unless it is there. Raises `RootError`.

    Safe to call from many processes at once.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.with_name(target.name + ".lock"), report):
        if not target.exists():
            report(f"fetching a bare Debian {suite}")
            _mmdebstrap(target, suite, "minbase", (), report)


def _mmdebstrap(target: Path, suite: str, variant: str, packages: Sequence[str], report: Progress) -> None:
    """Makes a root, or the tar of one if that is what the name ends in; it appears by one rename."""
    if shutil.which("mmdebstrap") is None:
        report("installing mmdebstrap")
        if shutil.which("apt-get") is None:
            raise RootError("mmdebstrap is missing and this is not Debian; mend: install mmdebstrap yourself")
        _run(["apt-get", "update", "-q"], report)
        _run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "mmdebstrap"], report)
    for left_over in target.parent.glob(f"{target.stem}.building-*"):
        _remove(left_over)
    building = target.with_name(f"{target.stem}.building-{os.getpid()}{target.suffix}")
    try:
        _run(
            [
                "mmdebstrap",
                f"--variant={variant}",
                '--aptopt=Acquire::Check-Valid-Until "false"',
                '--aptopt=APT::Install-Recommends "false"',
                *([f"--include={','.join(packages)}"] if packages else []),
                suite,
                str(building),
            ],
            report,
        )
        if building.is_dir():
            (building / "srv").mkdir(exist_ok=True)
        building.rename(target)
    finally:
        _remove(building)


def _run(command: list[str], report: Progress) -> None:
    """Runs a command, reporting each of its lines; its last lines are the cause when it fails."""
    last: deque[str] = deque(maxlen=8)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    with subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment, text=True
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.strip().removeprefix("I: ")
            if text:
                last.append(text)
                report(f"{command[0]}: {text}")
    if process.returncode != 0:
        raise RootError(
            f"{command[0]} failed ({process.returncode}): {' | '.join(last)}; mend: a Debian mirror"
            " that has this suite must be reachable (network, proxy, DNS), and the disk needs 1 GB; then try again"
        )


def _remove(path: Path) -> None:
    if path.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", str(path)], check=False)


def _write_hosts(root: Path) -> None:
    """Names this host: without it every SIP message waits for DNS. Replaced whole, for others may be reading it."""
    text = f"127.0.0.1 localhost {socket.gethostname()}\n::1 localhost ip6-localhost\n"
    hosts = root / "etc/hosts"
    if hosts.exists() and hosts.read_text() == text:
        return
    fresh = hosts.with_name(f"hosts.{os.getpid()}")
    fresh.write_text(text)
    fresh.rename(hosts)


def main() -> int:
    """Prepares the root of the suite named on the command line (default: `chosen_suite`), for `scripts/prepare`."""
    progress = StderrProgress()
    try:
        prepare_root(sys.argv[1] if len(sys.argv) > 1 else None, progress)
    except RootError as error:
        progress.done()
        sys.stderr.write(f"no Asterisk: {error}\n")
        return 1
    progress.done()
    return 0


if __name__ == "__main__":
    sys.exit(main())

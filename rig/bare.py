"""A bare Debian 12: nothing but what every Debian has. What is installed in it was installed by the test."""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rig.root import Progress, RootError, cache_dir, make_archive, silent

SUITE = "bookworm"
_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)


class FailedError(AssertionError):
    """A command in the root ended otherwise than with 0; the message has all it said."""


class BareRoot:
    """One root, unpacked afresh. It shares this machine's network and sees its processes."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def run(self, *command: str, user: str = "root", limit: float = 300.0, stdin: str = "") -> str:
        """What a command prints on stdout. Raises `FailedError`."""
        done = subprocess.run(
            self.entering(user, *command), input=stdin, capture_output=True, text=True, timeout=limit, check=False,
            env=self.environment(),
        )  # fmt: skip
        if done.returncode != 0:
            raise FailedError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done.stdout

    async def start(self, *command: str, user: str, log: Path) -> asyncio.subprocess.Process:
        """A process in it whose output goes to `log`; signals reach it. It dies with this one."""
        with log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *self.entering(user, *command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=self.environment(),
                preexec_fn=lambda: _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL),
            )

    def entering(self, user: str, *command: str) -> list[str]:
        """The command line that runs it there. Each has /proc of its own, which is gone when it ends."""
        enter = 'mount -t proc proc "$0/proc" && exec chroot --userspec="$1" "$0" "${@:2}"'
        return ["unshare", "--mount", "bash", "-c", enter, str(self.path), user, *command]

    def environment(self) -> dict[str, str]:
        """What a login has, and how this machine reaches package indexes."""
        passed = {
            name: value
            for name, value in os.environ.items()
            if name.lower().endswith("_proxy") or (name.startswith("PIP_") and name != "PIP_CERT")
        }
        certificates = {"PIP_CERT": "/etc/host-ca.crt"} if (self.path / "etc/host-ca.crt").exists() else {}
        return {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/root",
            "DEBIAN_FRONTEND": "noninteractive",
            **passed,
            **certificates,
        }


@contextmanager
def bare_root(progress: Progress | None = None) -> Iterator[BareRoot]:
    """A fresh one, removed afterwards. Raises `RootError` with cause and mend."""
    if os.geteuid() != 0:
        raise RootError("a bare Debian takes root; mend: run as root (or with sudo -E)")
    archive = _archive(progress or silent)
    folder = Path(tempfile.mkdtemp(prefix="bare-", dir=cache_dir()))
    try:
        subprocess.run(["tar", "-C", folder, "--numeric-owner", "-xf", archive], check=True)
        folder.chmod(0o755)
        shutil.copy("/etc/resolv.conf", folder / "etc/resolv.conf")
        shutil.copy("/etc/hosts", folder / "etc/hosts")
        if _CERTIFICATES.exists():
            shutil.copy(_CERTIFICATES, folder / "etc/host-ca.crt")
        yield BareRoot(folder)
    finally:
        subprocess.run(["rm", "-rf", "--one-file-system", folder], check=False)


def _archive(report: Progress) -> Path:
    """The tar of it in the cache, made if it is not there."""
    path = cache_dir() / f"bare-{SUITE}.tar"
    if not path.exists():
        make_archive(path, SUITE, report)
    return path

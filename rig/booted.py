"""A bare Debian that has booted: its own systemd is process 1, in namespaces of its own, on this machine's network."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from rig.bare import BareRoot, FailedError
from rig.processes import ends_with_us

BOOT_LIMIT = 60.0
_POLL = 0.05
_GROUP = "callbackd-booted-"
_NEW = ("--mount", "--pid", "--uts", "--ipc", "--cgroup")
_WITHHELD = (
    *("audit_control", "audit_read", "mac_admin", "mac_override", "net_admin", "sys_boot", "sys_module", "sys_rawio"),
    *("sys_time", "syslog"),
)
"""Capabilities that it does without, for what they change is this machine's."""

_JOIN = r"""
set -e
echo $$ > "$0/cgroup.procs"
exec "$@"
"""
_BOOT = r"""
set -e
root=$0 withheld=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
cd "$root"
while [ $# -gt 0 ]; do
  mkdir -p "./$2"
  mount --bind "$1" "./$2"
  shift 2
done
mount -t proc -o nosuid,nodev,noexec proc proc
for shared in sys sysrq-trigger; do
  [ -e "proc/$shared" ] || continue
  mount --bind "proc/$shared" "proc/$shared"
  mount -o remount,bind,ro "proc/$shared"
done
mount -t sysfs -o nosuid,nodev,noexec,ro sysfs sys
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755,nosuid,nodev tmpfs run
mount -t tmpfs -o mode=755,nosuid tmpfs dev
for device in null zero full random urandom tty; do
  touch "dev/$device"
  mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s /proc/self/fd/0 dev/stdin
ln -s /proc/self/fd/1 dev/stdout
ln -s /proc/self/fd/2 dev/stderr
pivot_root . .
umount -l .
exec env -i container=other PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
  setpriv --bounding-set "$withheld" --inh-caps "$withheld" /lib/systemd/systemd --show-status=false
"""


class BootError(Exception):
    """systemd does not boot on this machine. The message says why."""


class BootedRoot(BareRoot):
    """Commands run inside, as at a shell of that machine. `pid` is that of its process 1, as seen from outside."""

    def __init__(self, path: Path, pid: int) -> None:
        super().__init__(path)
        self.pid = pid

    def entering(self, user: str, *command: str) -> list[str]:
        """The command line that runs it there."""
        into = ["nsenter", "--target", str(self.pid), "--mount", "--pid", "--uts", "--ipc", "--root", "--wd"]
        return [*into, "chroot", f"--userspec={user}", "/", *command]


def require_namespaces() -> None:
    """Raises `BootError` where nothing can boot, before much has been made."""
    try:
        subprocess.run(["unshare", *_NEW, "--fork", "true"], check=True, capture_output=True, text=True)
    except OSError as error:
        raise BootError(f"no unshare: {error}") from error
    except subprocess.CalledProcessError as error:
        raise BootError(f"no namespaces: {error.stderr.strip()}") from error
    _unified()


@asynccontextmanager
async def booted(root: BareRoot, mounts: Mapping[Path, str]) -> AsyncIterator[BootedRoot]:
    """Boot `root`, in which systemd is installed. Afterwards, or when this process dies, it ends as by a power cut.

    `mounts`: folders of this machine -> where they are seen there. Raises `BootError`.
    """
    group = _new_group()
    pairs = [text for outside, inside in mounts.items() for text in (str(outside), inside.lstrip("/"))]
    withheld = ",".join(f"-{name}" for name in _WITHHELD)
    boot = ["unshare", *_NEW, "--fork", "--kill-child=KILL", "bash", "-c", _BOOT, str(root.path), withheld, *pairs]
    log = root.path / "var/log/boot"
    try:
        with log.open("wb") as output:
            process = await asyncio.create_subprocess_exec(
                *("bash", "-c", _JOIN, str(group), *boot),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=ends_with_us(),
            )
        try:
            yield await _up(root, process, log)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    finally:
        await _remove(group)


async def _up(root: BareRoot, process: asyncio.subprocess.Process, log: Path) -> BootedRoot:
    """Once everything that starts at boot has been started."""
    until = time.monotonic() + BOOT_LIMIT
    told = ""
    while time.monotonic() < until:
        if process.returncode is not None:
            said = await asyncio.to_thread(log.read_text, errors="replace")
            raise BootError(f"systemd does not run as process 1 here: {said.strip()}")
        for pid in filter(_is_systemd, _children(process.pid)):
            machine = BootedRoot(root.path, pid)
            try:
                told = await asyncio.to_thread(machine.run, "systemctl", "is-system-running")
            except FailedError as error:  # it is not up yet, or something of Debian's own has failed
                told = str(error)
            if "running\n" in told.splitlines(keepends=True) or "degraded" in told:
                return machine
        await asyncio.sleep(_POLL)
    raise BootError(f"systemd was not up within {BOOT_LIMIT} s: {told}")


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


def _is_systemd(pid: int) -> bool:
    """Before it is, its root is still this machine's, and whoever enters it would ask this machine's systemd."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip() == "systemd"
    return False


def _new_group() -> Path:
    """A control group below our own, in the unified hierarchy, which it then takes for the whole of it."""
    parent = _unified()
    for left in parent.glob(f"{_GROUP}*"):
        if not Path("/proc", left.name.removeprefix(_GROUP)).exists():  # of a process that was killed
            _emptied(left)
    group = parent / f"{_GROUP}{os.getpid()}"
    try:
        group.mkdir()
    except OSError as error:
        raise BootError(f"no control group can be made: {error}") from error
    return group


def _unified() -> Path:
    """The place of this process in it."""
    mounted = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
    points = [Path(fields[1]) for fields in mounted if fields[2] == "cgroup2"]
    if not points:
        raise BootError("control groups of version 2 are not mounted")
    own = [line[3:] for line in Path("/proc/self/cgroup").read_text().splitlines() if line.startswith("0::")]
    ours = points[0] / own[0].lstrip("/") if own else points[0]
    return ours if ours.is_dir() else points[0]


async def _remove(group: Path) -> None:
    """Once the last process in it is gone, which the kernel sees to."""
    async with asyncio.timeout(BOOT_LIMIT):
        while not _emptied(group):  # noqa: ASYNC110  nobody tells when it is
            await asyncio.sleep(_POLL)


def _emptied(group: Path) -> bool:
    """Removes it and those below it; False while one has a process."""
    try:
        for folder, _, _ in os.walk(group, topdown=False):
            os.rmdir(folder)
    except OSError:
        return not group.exists()
    return True

"""What a process has used and holds, as the kernel tells it (proc(5)); and one that ends with us."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
from collections.abc import Callable
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None, use_errno=True)
_TICKS = os.sysconf("SC_CLK_TCK")


def ends_with_us() -> Callable[[], None]:
    """The `preexec_fn` of a process that the kernel kills when this one is no more, however it ended.

    A callbackd left behind would find the next PBX on the same port, and take its application over.
    """
    parent = os.getpid()

    def die_with_parent() -> None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)

    return die_with_parent


def cpu_seconds(pid: int) -> float:
    """User and system time of the process and all its threads since its start, in steps of 10 ms."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mb(pid: int) -> float:
    """Resident memory, in MB."""
    return _status_kb(str(pid), "VmRSS") / 1024


def peak_memory_mb(process: str = "self") -> float:
    """The most memory that a process had at once, in MB."""
    with contextlib.suppress(OSError, LookupError):
        return _status_kb(process, "VmHWM") / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def open_files(pid: int) -> int:
    """How many file descriptors it has open."""
    return len(os.listdir(f"/proc/{pid}/fd"))


def _status_kb(process: str, name: str) -> int:
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1])
    raise LookupError(f"no {name} is told of process {process}")

"""``python confine.py UNIT COMMAND...``: runs a command with the unit's own system calls and no others.

As systemd has it: what the unit's ``SystemCallFilter=`` does not allow fails with EPERM, and
``MemoryDenyWriteExecute=`` and ``NoNewPrivileges=`` are in force. For machines where systemd itself does not run.
"""

from __future__ import annotations

import ctypes
import os
import re
import subprocess
import sys
from pathlib import Path

LIBRARY = "libseccomp.so.2"
_ALLOW, _FAIL_WITH_EPERM = 0x7FFF0000, 0x00050001
_PR_SET_NO_NEW_PRIVS, _PR_SET_MDWE = 38, 65


def system_calls(name: str) -> set[str]:
    """What systemd means by a set such as ``@system-service``, or the one call of that name."""
    if not name.startswith("@"):
        return {name}
    words = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    names = [line.split("#")[0].strip() for line in told.splitlines()[1:]]
    return {call for each in names if each for call in system_calls(each)}


def allowed(unit: Path) -> set[str]:
    """What the lines of the unit leave, one after another; what every process needs is always there."""
    calls = system_calls("@default")
    for line in re.findall(r"^SystemCallFilter=(.*)$", unit.read_text(), re.MULTILINE):
        named = {call for name in line.removeprefix("~").split() for call in system_calls(name)}
        calls = calls - named if line.startswith("~") else calls | named
    return calls | {"execve"}


def confine(unit: Path) -> None:
    """From now on, for this process and all that it becomes."""
    library, libc = ctypes.CDLL(LIBRARY), ctypes.CDLL(None)
    library.seccomp_init.restype = ctypes.c_void_p
    library.seccomp_rule_add.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_int, ctypes.c_uint]
    library.seccomp_load.argtypes = [ctypes.c_void_p]
    rules = library.seccomp_init(ctypes.c_uint32(_FAIL_WITH_EPERM))
    for name in sorted(allowed(unit)):
        number = library.seccomp_syscall_resolve_name(name.encode())
        if number >= 0:
            library.seccomp_rule_add(rules, _ALLOW, number, 0)
    assert libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    libc.prctl(_PR_SET_MDWE, 1, 0, 0, 0)  # since Linux 6.3
    assert library.seccomp_load(rules) == 0


if __name__ == "__main__":
    confine(Path(sys.argv[1]))
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  the point of it

"""`scripts/demo`, as somebody runs it who has no terminal: it ends well, and nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.root import RootError, prepare_root

PROJECT = Path(__file__).resolve().parents[2]

WATCH = """
import ctypes, os, signal, subprocess, sys, time
ctypes.CDLL(None).prctl(36, 1)  # PR_SET_CHILD_SUBREAPER: whoever is left behind becomes a child of this process
demo = subprocess.Popen(["scripts/demo"], stdin=subprocess.DEVNULL)
signal.signal(signal.SIGINT, lambda *_: demo.send_signal(signal.SIGINT))
code = demo.wait()
time.sleep(0.5)
left = open(f"/proc/self/task/{os.getpid()}/children").read().split()
for pid in left:
    print("left running:", pid, open(f"/proc/{pid}/cmdline").read().replace(chr(0), " "))
print("exit code", code, flush=True)
sys.exit(1 if left else 0)
"""

pytestmark = pytest.mark.pbx


@pytest.fixture
def demo() -> Iterator[subprocess.Popen[str]]:
    """The demo, just started; its output is one text, stderr included."""
    try:
        prepare_root()
    except RootError as error:
        if os.environ.get("CI"):
            pytest.fail(f"no Asterisk, and CI needs one: {error}", pytrace=False)
        pytest.skip(f"no Asterisk: {error}")
    with subprocess.Popen(
        [sys.executable, "-c", WATCH],
        cwd=PROJECT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        yield process
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)


def test_demo_goes_as_its_stories_say(demo: subprocess.Popen[str]) -> None:
    """Exit code 0, a summary of five completed call-backs, and nothing left: no channel, no process."""
    text, _ = demo.communicate(timeout=300)
    assert "exit code 0" in text, text
    assert demo.returncode == 0, text
    summary = text[text.index("\nSummary") :]
    assert "All went as the stories say." in summary
    assert summary.count(" completed") == 5, summary
    for phone in ("Ann Lee   +14165550101  once", "Ben Cole  +14165550102  2 times", "Eve Moss  +14165550105  4 times"):
        assert phone in summary, summary
    assert "channels left: none" in summary
    assert "left running:" not in text
    assert "nothing is left running" in text


def test_demo_can_be_interrupted(demo: subprocess.Popen[str]) -> None:
    """Ctrl-C in the middle of calls: it says so, ends with 130, and nothing is left."""
    assert demo.stdout is not None
    said: list[str] = []
    for line in demo.stdout:
        said.append(line)
        if "the client is dialled" in line:
            demo.send_signal(signal.SIGINT)
            break
    rest, _ = demo.communicate(timeout=60)
    text = "".join(said) + rest
    assert "exit code 130" in text, text
    assert demo.returncode == 0, text
    assert "Summary" not in text


def test_demo_explains_itself() -> None:
    """--help, and an option that does not exist."""
    helped = subprocess.run([PROJECT / "scripts/demo", "--help"], capture_output=True, text=True, check=True)
    assert "--keep" in helped.stdout
    wrong = subprocess.run([PROJECT / "scripts/demo", "--kep"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "scripts/demo --help" in wrong.stderr

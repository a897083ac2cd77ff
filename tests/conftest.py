"""What holds for all tests: signals mean what they mean at a terminal, however pytest was started."""

from __future__ import annotations

import signal

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """What takes too long to be done each time."""
    parser.addoption(
        "--partition", type=float, action="append", default=[], metavar="SECONDS",
        help="a partition of this length too, in tests/pbx/test_faults_link.py (600 is what is promised at most)",
    )  # fmt: skip


def pytest_configure() -> None:
    """In a shell's background SIGINT, SIGQUIT and SIGHUP may be ignored, and every process that a test starts inherits
    that: Ctrl-C and reload could not be shown."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

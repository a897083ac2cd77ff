"""The command line of `scripts/soak`."""

from __future__ import annotations

import argparse
import asyncio
import sys

from bench.figures import as_json, show
from bench.soak import Soak, Verdict
from rig.rig import Rig
from rig.root import RootError, StderrProgress

DESCRIPTION = """\
Looks for leaks: constant mixed load on a private Asterisk with SIP phones, then the verdict. What is there when nobody
is on the phone (tasks, open files, memory, channels, bridges) is compared between the end of the first minute and the
end. Exit code 0 if nothing grew, 1 if something did. docs/performance.md says what is allowed for memory, and why.
"""

EPILOG = """\
examples:
  scripts/soak                          ten minutes
  scripts/soak --minutes 60 --rate 10   an hour, ten call-backs a second
"""


def main() -> int:
    """Returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="scripts/soak",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--minutes", type=float, default=10.0, help="of load, the first one included (default: 10)")
    parser.add_argument("--rate", type=float, default=5.0, help="call-backs asked for a second (default: 5)")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    given = parser.parse_args()
    if given.minutes <= 0 or given.rate <= 0:
        parser.error("--minutes and --rate must be more than 0")
    report = StderrProgress()
    try:
        verdict = asyncio.run(_soak(given.minutes * 60, given.rate, report))
    except (RootError, AssertionError) as error:
        report.done()
        sys.stderr.write(f"soak: {error}\n")
        return 1
    report.done()
    if given.json:
        sys.stdout.write(as_json(verdict.told()) + "\n")
    else:
        show(verdict.told())
    for each in verdict.grown:
        sys.stderr.write(f"soak: grown: {each}\n")
    return 1 if verdict.grown else 0


async def _soak(seconds: float, rate: float, report: StderrProgress) -> Verdict:
    first = min(60.0, seconds / 2)
    async with await Rig.prepared(progress=report) as rig, Soak(rig) as soak:
        return await soak.run(first, seconds - first, rate, report)

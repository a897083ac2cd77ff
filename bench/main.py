"""The command line of `scripts/bench`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from bench import ground, load, reaction, requests, waiting
from bench.figures import Measures, as_json, show
from rig.root import RootError, StderrProgress

SUBJECTS = {
    "load": "call-backs per second and CPU per call-back, beside call files and dialplan that do the same",
    "reaction": "from the agent's 1 to the client's INVITE, beside the dialplan's Read() and Dial()",
    "requests": "durable requests per second over HTTP",
    "waiting": "what must not grow with the number of call-backs that wait (a million)",
}

DESCRIPTION = """\
Measures callbackd on a private Asterisk with SIP phones, and prints figures and ratios.

""" + "\n".join(f"  {name:<10}{what}" for name, what in SUBJECTS.items()) + """

Without a subject: load, reaction and requests. Where Asterisk's own means can do the job too, both do it by turns on
the same PBX, so that both see the same machine: the ratios are what counts, the figures are of this machine as busy as
it was. It ends with an error if a single call was lost or made twice. docs/performance.md says what each figure means.
"""

EXAMPLES = """\
examples:
  scripts/bench                            all but waiting, a few minutes
  scripts/bench load --calls 800           more at once
  scripts/bench reaction --rate 20         more a second
  scripts/bench waiting --database big.db  fill it once, measure it often
  scripts/bench load --json                for programs
"""


def main() -> int:
    """Returns the exit code."""
    given = _arguments()
    report = StderrProgress()
    subjects = given.subjects or ["load", "reaction", "requests"]
    measured: dict[str, Measures] = {}
    try:
        if "waiting" in subjects:
            measured |= waiting.measure(given.callbacks, given.starts, given.writers, given.database, report)
        if set(subjects) - {"waiting"}:
            measured |= asyncio.run(_on_the_ground(subjects, given, report))
    except (RootError, ground.LostError) as error:
        report.done()
        sys.stderr.write(f"bench: {error}\n")
        return 1
    report.done()
    if given.json:
        sys.stdout.write(as_json(measured) + "\n")
    else:
        show(measured)
    return 0


async def _on_the_ground(subjects: list[str], given: argparse.Namespace, report: StderrProgress) -> dict[str, Measures]:
    measured: dict[str, Measures] = {}
    async with ground.prepared(given.calls, report) as where:
        if "load" in subjects:
            measured |= await load.measure(where, given.calls, given.rounds, report)
        if "reaction" in subjects:
            measured |= await reaction.measure(where, given.reactions, given.rate, given.rounds, report)
        if "requests" in subjects:
            measured |= await requests.measure(where, given.requests, given.clients, given.rounds, report)
    return measured


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"what to measure: {', '.join(SUBJECTS)}")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    parser.add_argument("--rounds", type=_positive, default=3, help="rounds of each, by turns (default: 3)")
    parser.add_argument("--calls", type=_positive, default=400, help="load: calls at once in a round (default: 400)")
    parser.add_argument("--reactions", type=_positive, default=100, help="reaction: calls in a round (default: 100)")
    parser.add_argument("--rate", type=float, default=10.0, help="reaction: calls started a second (default: 10)")
    parser.add_argument("--requests", type=_positive, default=2000, help="requests: in a round (default: 2000)")
    parser.add_argument("--clients", type=_positive, default=32, help="requests: who ask at once (default: 32)")
    parser.add_argument("--callbacks", type=_positive, default=1_000_000, help="waiting: how many (default: a million)")
    parser.add_argument("--starts", type=_positive, default=100, help="waiting: how many are claimed (default: 100)")
    parser.add_argument("--writers", type=_positive, default=200, help="waiting: who write at once (default: 200)")
    parser.add_argument("--database", type=Path, help="waiting: keep the filled database here, or use the one here")
    given = parser.parse_args()
    for subject in given.subjects:
        if subject not in SUBJECTS:
            parser.error(f"no subject is called {subject!r}: choose from {', '.join(SUBJECTS)}")
    return given


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: at least 1 is needed")
    return number

"""`scripts/simulate`: runs scenarios by their seeds, until one fails."""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import Sequence

from simulation.run import Result, run_seed
from simulation.side_by_side import results

EXIT_GOOD = 0
EXIT_VIOLATED = 1
EXIT_INTERRUPTED = 130

HELP = """\
Runs the whole daemon (engine, scheduler, ARI client, a real SQLite file) in virtual time, against a simulated
Asterisk with phones and people, and lets things go wrong: the daemon is killed in the middle of anything, requests and
events are lost, late or doubled, the disk is full, clocks are set, Asterisk crashes, profiles change. A judge looks at
what the phones saw, what the database holds and what people were told. Every scenario follows from its seed alone.
"""

EXAMPLES = """\
examples:
  scripts/simulate --seeds 200              200 scenarios, from seed 1
  scripts/simulate --seeds 200 --from 5000  seeds 5000 to 5199
  scripts/simulate --minutes 10             as many as 10 minutes allow
  scripts/simulate --seed 1234 --verbose    one scenario, told as it happens

exit codes: 0 all held; 1 something that must hold did not (its seed and story are printed); 2 usage
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command."""
    asked = _parse(arguments)
    if asked.seed is not None:
        return _one(asked.seed, verbose=asked.verbose)
    return _many(asked.first, asked.seeds, asked.minutes, asked.jobs, keep_going=asked.keep_going)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/simulate",
        description=HELP,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=_positive, metavar="N", help="how many scenarios (default: 100)")
    parser.add_argument("--from", dest="first", type=int, default=1, metavar="S", help="the first seed (default: 1)")
    parser.add_argument("--seed", type=int, metavar="S", help="only this one, with the end of its story")
    parser.add_argument("--minutes", type=float, metavar="M", help="stop after so many minutes of real time")
    parser.add_argument("--jobs", type=_positive, default=1, metavar="J", help="processes (default: 1)")
    parser.add_argument("--keep-going", action="store_true", help="go on after a failure; all are listed at the end")
    parser.add_argument("--verbose", action="store_true", help="with --seed: tell everything as it happens")
    asked = parser.parse_args(arguments)
    if asked.seeds is None:
        asked.seeds = 100 if asked.minutes is None else 10**9
    if asked.verbose and asked.seed is None:
        parser.error("--verbose tells one scenario: name it with --seed")
    return asked


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _one(seed: int, *, verbose: bool) -> int:
    result = run_seed(seed, aloud=verbose)
    if result.violated is not None:
        _tell(result, story=not verbose)
        return EXIT_VIOLATED
    print(f"seed {seed} held: story {result.digest}, {result.steps} steps, {result.virtual_seconds / 3600:.1f} h")  # noqa: T201
    return EXIT_GOOD


def _many(first: int, seeds: int, minutes: float | None, jobs: int, *, keep_going: bool) -> int:
    began = time.monotonic()
    total: Counter[str] = Counter()
    done, steps, virtual = 0, 0, 0.0
    failed: list[Result] = []
    told_at = began
    try:
        for result in results(range(first, first + seeds), jobs):
            done += 1
            total.update(result.counts)
            steps += result.steps
            virtual += result.virtual_seconds
            if result.violated is not None:
                failed.append(result)
                if not keep_going:
                    break
                print(f"\nseed {result.seed}: {result.violated}", flush=True)  # noqa: T201
            now = time.monotonic()
            if now - told_at >= 1:
                told_at = now
                _progress(done, seeds, now - began)
            if minutes is not None and now - began >= minutes * 60:
                break
    except KeyboardInterrupt:
        _summary(done, total, steps, virtual, time.monotonic() - began)
        return EXIT_INTERRUPTED
    _summary(done, total, steps, virtual, time.monotonic() - began)
    if failed:
        _tell(failed[0], story=True)
        if len(failed) > 1:
            print(f"{len(failed)} of {done} seeds failed: {' '.join(str(each.seed) for each in failed)}")  # noqa: T201
        return EXIT_VIOLATED
    return EXIT_GOOD


def _progress(done: int, seeds: int, seconds: float) -> None:
    of = "" if seeds >= 10**9 else f" of {seeds}"
    line = f"{done}{of} scenarios, {done / seconds:.1f}/s"
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{line}")
    else:
        sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


def _summary(done: int, total: Counter[str], steps: int, virtual: float, seconds: float) -> None:
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    faults = ", ".join(
        f"{name.removeprefix('fault ')} {count}" for name, count in sorted(total.items()) if name.startswith("fault ")
    )
    outcomes = ", ".join(
        f"{name.removeprefix('outcome ')} {count}"
        for name, count in sorted(total.items())
        if name.startswith("outcome ")
    )
    print(  # noqa: T201
        f"{done} scenarios in {seconds:.0f} s: {virtual / 86400:.1f} virtual days, {steps} steps,"
        f" {total['lives']} lives of the daemon, {total['kills']} kills\n"
        f"{total['confirmed']} confirmed requests, {total['agent rung']} agents rung, {total['client rung']} clients"
        f" and {total['client (offer) rung']} for an offer\n"
        f"attempts: {outcomes}\nfaults: {faults or 'none'}"
    )


def _tell(result: Result, *, story: bool) -> None:
    if story:
        print("\n".join(result.tail))  # noqa: T201
    print(  # noqa: T201
        f"\nseed {result.seed} FAILED: {result.violated}\nagain, with its whole story:\n"
        f"  scripts/simulate --seed {result.seed} --verbose"
    )


if __name__ == "__main__":
    sys.exit(main())

"""``python -m rig.demo``: what `scripts/demo` runs once everything is prepared."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys

from rich.console import Console

from rig.demo.company import CommandError, LocalCompany
from rig.demo.playground import Playground
from rig.demo.show import Show
from rig.instance import StartError
from rig.rig import Rig
from rig.root import RootError
from rig.slots import NoSlotError

INTERRUPTED = 130


async def perform(console: Console, *, keep: bool) -> int:
    """The whole of it; the exit code."""
    rig = await Rig.prepared()
    console.print("Starting a PBX, its phones (another Asterisk) and callbackd ...", soft_wrap=True)
    company = LocalCompany(rig)
    try:
        async with company:
            good = await Show(company, console).play()
            if keep:
                await Playground(company, console).stay()
    finally:
        console.print("The PBX, its phones and callbackd are stopped; nothing is left running.", soft_wrap=True)
    return 0 if good else 1


async def until_signalled(console: Console, *, keep: bool) -> int:
    """`perform`; SIGINT, SIGTERM and SIGHUP end it in good order, however often they come."""
    work = asyncio.create_task(perform(console, keep=keep))
    stops: list[signal.Signals] = []

    def stop(number: signal.Signals) -> None:
        stops.append(number)
        if len(stops) == 1:
            console.print("Stopping ...")
            work.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop, number)
    with contextlib.suppress(asyncio.CancelledError):
        return await work
    return 0 if keep and stops == [signal.SIGINT] else INTERRUPTED


def main() -> int:
    """The exit code."""
    options = argparse.ArgumentParser(prog="scripts/demo")
    options.add_argument("--keep", action="store_true")
    console = Console(highlight=False, emoji=False)
    try:
        return asyncio.run(until_signalled(console, keep=options.parse_args().keep))
    except (RootError, StartError, NoSlotError, CommandError) as error:
        sys.stderr.write(f"demo: {error}\n")
    except AssertionError as error:  # of rig.daemon: callbackd did not start; its log is in the text
        sys.stderr.write(f"demo: {error}\n")
    except OSError as error:
        sys.stderr.write(f"demo: {error}; mend: is the disk full, or a port range taken? then try again\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())

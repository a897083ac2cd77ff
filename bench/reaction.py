"""From the agent's 1 to the client's INVITE: by callbackd, and by the dialplan's `Read()` and `Dial()`.

Both are taken from the wire, with the kernel's time stamps: the packet that says that the key was let go, as it reaches
the PBX, and the INVITE as it reaches the client's phone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from functools import partial

from bench.figures import Measures, median, percentile, ratios, spread
from bench.ground import AT_RANDOM, CallFile, Ground, LostError, Report, dialled
from rig.tap import Tap

PROFILE = "random"


async def measure(ground: Ground, calls: int, rate: float, rounds: int, report: Report) -> dict[str, Measures]:
    """Rounds of `calls`, started at `rate` a second, callbackd's and the dialplan's by turns."""
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    for number in range(1, rounds + 1):
        report(f"reaction, round {number} of {rounds}: {calls} call-backs by callbackd, {rate:g} a second")
        numbers = ground.numbers(calls)
        ours.append(await _round(ground, numbers, partial(_ask_one_by_one, ground, numbers, rate)))
        report(f"reaction, round {number} of {rounds}: {calls} calls by the dialplan, {rate:g} a second")
        numbers = ground.numbers(calls)
        files = ground.write_call_files(AT_RANDOM, numbers)
        theirs.append(await _round(ground, numbers, partial(_move_one_by_one, files, rate)))
    return {
        "reaction: callbackd": spread("1 to INVITE", [each for round_ in ours for each in round_]),
        "reaction: dialplan": spread("1 to INVITE", [each for round_ in theirs for each in round_]),
        "reaction: ratios": {
            "median, ours / theirs": ratios([median(each) for each in ours], [median(each) for each in theirs]),
            "p99, ours / theirs": ratios(
                [percentile(each, 99) for each in ours], [percentile(each, 99) for each in theirs]
            ),
        },
    }


async def _round(ground: Ground, numbers: Sequence[str], start: Callable[[], Awaitable[None]]) -> list[float]:
    """The seconds from 1 to INVITE of every call."""
    rig = ground.rig
    tap = Tap(rig.phones.sip_port, rig.pbx.slot.rtp_ports)
    try:
        await ground.round(numbers, start)
    finally:
        tap.close()
    listens = {invite.caller: invite.media_port for invite in tap.invites if invite.called == AT_RANDOM}
    rung = {invite.called: invite.at for invite in tap.invites}
    delays = []
    for number in numbers:
        at = rung[dialled(number)]
        pressed = [press.at for press in tap.presses if press.port == listens[number] and press.digit == "1"]
        before = [each for each in pressed if each <= at]
        if not before:
            raise LostError("a client was called, but nobody was seen to press 1")
        delays.append(at - max(before))
    return delays


async def _ask_one_by_one(ground: Ground, numbers: Sequence[str], rate: float) -> None:
    for number in numbers:
        asking = asyncio.create_task(ground.daemon.request(PROFILE, number))
        await asyncio.sleep(1 / rate)
        await asking


async def _move_one_by_one(files: Sequence[CallFile], rate: float) -> None:
    for file in files:
        file.move()
        await asyncio.sleep(1 / rate)

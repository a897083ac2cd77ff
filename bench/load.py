"""Call-backs per second and CPU per call-back: by callbackd, and by Asterisk's call files and dialplan alone."""

from __future__ import annotations

from functools import partial

from bench.figures import Measures, median, ratios
from bench.ground import AT_ONCE, CallFile, Ground, Report, Round

PROFILE = "once"


async def measure(ground: Ground, calls: int, rounds: int, report: Report) -> dict[str, Measures]:
    """Rounds of `calls` all at once, callbackd's and the call files' by turns."""
    ours: list[Round] = []
    theirs: list[Round] = []
    for number in range(1, rounds + 1):
        report(f"load, round {number} of {rounds}: {calls} call-backs by callbackd")
        numbers = ground.numbers(calls)
        await ground.ask(PROFILE, numbers)
        ours.append(await ground.round(numbers, partial(ground.go, PROFILE)))
        await ground.decided(PROFILE, numbers)
        report(f"load, round {number} of {rounds}: {calls} calls by call files")
        numbers = ground.numbers(calls)
        theirs.append(await ground.round(numbers, partial(_move, ground.write_call_files(AT_ONCE, numbers))))
    return {
        "load: callbackd": _told(ours),
        "load: call files": _told(theirs),
        "load: ratios": {
            "call-backs per second, ours / theirs": ratios(
                [each.per_second for each in ours], [each.per_second for each in theirs]
            ),
            "clients rung per second, ours / theirs": ratios(
                [each.rung_per_second for each in ours], [each.rung_per_second for each in theirs]
            ),
            "PBX's CPU, ours / theirs": ratios([each.cpu.pbx for each in ours], [each.cpu.pbx for each in theirs]),
            "callbackd's CPU / the PBX's": ratios([each.cpu.daemon for each in ours], [each.cpu.pbx for each in ours]),
            "call-backs per second, if callbackd took no CPU": ratios(
                [each.cpu.pbx + each.cpu.phones for each in theirs], [each.cpu.pbx + each.cpu.phones for each in ours]
            ),
            "callbackd's CPU / both Asterisks'": ratios(
                [each.cpu.daemon for each in ours], [each.cpu.pbx + each.cpu.phones for each in ours]
            ),
        },
    }


async def _move(files: list[CallFile]) -> None:
    for file in files:
        file.move()


def _told(rounds: list[Round]) -> Measures:
    def each_ms(seconds: list[float]) -> float:
        return 1000 * median([used / round_.calls for used, round_ in zip(seconds, rounds, strict=True)])

    return {
        "call-backs per second": median([each.per_second for each in rounds]),
        "clients rung per second": median([each.rung_per_second for each in rounds]),
        "callbackd CPU ms each": each_ms([each.cpu.daemon for each in rounds]),
        "PBX CPU ms each": each_ms([each.cpu.pbx for each in rounds]),
        "phones CPU ms each": each_ms([each.cpu.phones for each in rounds]),
        "calls lost": 0.0,
    }

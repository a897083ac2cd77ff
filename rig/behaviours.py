"""Ready-made behaviours of phones: each returns what `Phones.set` wants."""

from __future__ import annotations

import asyncio

from rig.phones import BUSY, REJECTED, UNALLOCATED, Behaviour, PhoneCall

FOR_EVER = 24 * 3600.0


def rings_for_ever() -> Behaviour:
    """180, and nobody is there."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await call.ended(FOR_EVER)

    return behave


def presses(
    digits: str = "1", *, ring: float = 0.0, after: float = 0.3, then: str = "", later: float = 0.5
) -> Behaviour:
    """Rings for `ring` s, answers, presses `digits` after `after` s (then `then`, `later` s after that), and stays."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await asyncio.sleep(ring)
        await call.answer()
        await asyncio.sleep(after)
        await call.press(digits)
        if then:
            await asyncio.sleep(later)
            await call.press(then)
        await call.ended(FOR_EVER)

    return behave


def answers(*, ring: float = 0.0, hang_up_after: float | None = None) -> Behaviour:
    """Rings for `ring` s, answers and is silent: until hung up, or for `hang_up_after` s."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await asyncio.sleep(ring)
        await call.answer()
        if hang_up_after is None:
            await call.ended(FOR_EVER)
        else:
            await asyncio.sleep(hang_up_after)
            await call.hangup()

    return behave


def says(media: str, *, ring: float = 0.0) -> Behaviour:
    """Answers after `ring` s, plays an Asterisk media URI (a voice, say) and hangs up when that is over."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await asyncio.sleep(ring)
        await call.answer()
        await call.play(media)
        await call.hangup()

    return behave


def talks(seconds: float | None = None, *, ring: float = 0.0, hertz: float = 440.0) -> Behaviour:
    """Answers after `ring` s and makes a tone; hangs up after `seconds`, or never."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await asyncio.sleep(ring)
        await call.answer()
        if seconds is None:
            while True:
                await call.tone(hertz, 5.0)
        await call.tone(hertz, seconds)
        await call.hangup()

    return behave


def busy() -> Behaviour:
    """486."""
    return refuses(BUSY)


def rejects() -> Behaviour:
    """Rings, and the call is rejected (403)."""
    return refuses(REJECTED, ring=0.1)


def unallocated() -> Behaviour:
    """404: no such number."""
    return refuses(UNALLOCATED)


def refuses(cause: int, *, ring: float | None = None) -> Behaviour:
    """Ends with that cause, at once or after ringing for `ring` s."""

    async def behave(call: PhoneCall) -> None:
        if ring is not None:
            await call.ring()
            await asyncio.sleep(ring)
        await call.hangup(cause)

    return behave


def announces(media: str, *, cause: int = 19) -> Behaviour:
    """The network speaks before any answer (183), then ends with that cause."""

    async def behave(call: PhoneCall) -> None:
        await call.progress()
        await call.play(media)
        await call.hangup(cause)

    return behave


def voicemail(*, ring: float = 0.0, greeting: str = "sound:vm-intro", records: float = 5.0) -> Behaviour:
    """A box: answers, greets, beeps, listens for `records` s, hangs up."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await asyncio.sleep(ring)
        await call.answer()
        await call.play(greeting)
        await call.tone(1000, 0.4)
        await asyncio.sleep(records)
        await call.hangup()

    return behave


def vanishes(*, ring: float = 0.0, after: float = 0.0) -> Behaviour:
    """Answers and is gone `after` s later: a handset that falls back on its hook."""
    return answers(ring=ring, hang_up_after=after)


def says_nothing() -> Behaviour:
    """The network takes the call and tells no more of it: no ringing, no answer."""

    async def behave(call: PhoneCall) -> None:
        await call.ended(FOR_EVER)

    return behave


def in_turn(*behaviours: Behaviour) -> Behaviour:
    """The first call finds the first behaviour, the next the next; the last stays."""
    left = list(behaviours)

    async def behave(call: PhoneCall) -> None:
        await (left.pop(0) if len(left) > 1 else left[0])(call)

    return behave


def hears(then: Behaviour) -> Behaviour:
    """As `then`, with a recording of what the phone hears from the first moment (`call.recording`)."""

    async def behave(call: PhoneCall) -> None:
        await call.record()
        await then(call)

    return behave

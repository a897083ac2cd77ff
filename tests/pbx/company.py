"""A small company on the rig, for tests that watch whole call-backs with real phones.

    async def test_a_busy_client_is_tried_again(company: Company) -> None:
        await company.opens(profile(rescheduling={"delay": "2s"}))      # a callbackd of this test's own
        company.phones.set(AGENT, presses("1"))
        company.phones.set(CLIENT, busy())
        asked = await company.asks()                                    # a call-back for CLIENT; its id
        shown = await company.attempt_over(asked)                       # what the API shows once attempt 1 has ended,
                                                                        # and the PBX has no leg left a second later
        expect(shown, 1, outcome="client_busy", cause=17, counted=True)
        expect_due(shown, 1, after=2.0)
        assert company.phones.times_rung(CLIENT) == 1

`profile` is an agent at PJSIP/1001 and clients behind PJSIP/{number}@trunk; what is given is merged into it, section by
section (`prompts` is replaced whole). `company.opens(one, sales=another)` opens more than one; `settings=` is merged
into callbackd.yaml. `company.daemon` is the `rig.daemon.Callbackd`.

**Marks.** Unless a profile says otherwise every prompt is a short tone of a pitch of its own, and so is every digit
read aloud: the PBX is told to play those. `heard(call)` says what a phone heard, in order, from its recording (let it
behave as `hears(...)`, or use `agent` and `client` from here): ["agent-intro", "1", "4", ..., "agent-choices"], and
`hears_mark` waits for something. People speak with `AGENT_VOICE` and `CLIENT_VOICE` (Hz), which it reports as "agent"
and "client". `profile(prompts={})` has the real prompts; their digits are still marks.

After the test its callbackd is ended; a traceback in its log fails the test.
"""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest_asyncio

from callbackd.domain.prompts import PROMPTS
from rig import audio
from rig.behaviours import FOR_EVER, hears, talks
from rig.daemon import Callbackd, Json
from rig.phones import Behaviour, PhoneCall, Phones
from rig.rig import Rig

AGENT = "1001"
CLIENT = "+14165550123"
COMPANY_NUMBER = "+14165550100"

AGENT_VOICE = 350.0
CLIENT_VOICE = 500.0

_SPOKEN_DIGITS = "0123456789"
_STEP = 55.0
_NAMES = (*sorted(PROMPTS), *_SPOKEN_DIGITS)
PITCH: Mapping[str, float] = {
    "agent": AGENT_VOICE,
    "client": CLIENT_VOICE,
    **{name: 600.0 + _STEP * number for number, name in enumerate(_NAMES)},
}
"""What is said -> the pitch (Hz) that stands for it."""

MARK_SECONDS = 0.3
DIGIT_SECONDS = 0.12
MARKED = {name: f"sound:rig/mark-{name}" for name in sorted(PROMPTS)}
"""The `prompts` of a profile whose every prompt is a mark."""


def profile(**changes: Any) -> Json:
    """A profile with short times; `changes` are merged into it."""
    whole: Json = {
        "label": "Support line",
        "target": {"endpoint": f"PJSIP/{AGENT}", "timezone": "America/Toronto"},
        "agent": {"ring": "5s", "key_wait": "1s", "prompt_repeats": 2, "retry_delay": "2s", "after_failure": "2s"},
        "client": {
            "endpoint": "PJSIP/{number}@trunk",
            "caller_id": f"Acme Support <{COMPANY_NUMBER}>",
            "country": "CA",
            "allow": ["+1"],
            "ring": "5s",
        },
        "rescheduling": {"delay": "3s"},
        "prompts": MARKED,
    }
    for section, value in changes.items():
        if section != "prompts" and isinstance(value, dict):
            whole[section] = {**whole.get(section, {}), **value}
        else:
            whole[section] = value
    return whole


class Company:
    """The rig, and one callbackd on its PBX."""

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self._daemon: Callbackd | None = None

    @property
    def phones(self) -> Phones:
        """The phones of agents and clients."""
        return self.rig.phones

    @property
    def daemon(self) -> Callbackd:
        """The callbackd that `opens` started."""
        assert self._daemon is not None, "the company has not been opened"
        return self._daemon

    async def opens(
        self, support: Json | None = None, *, settings: Json | None = None, **more: Json
    ) -> Callbackd:
        """Starts callbackd with the profile `support` (default: `profile()`), and `more`. Ready when this returns."""
        pbx = self.rig.pbx
        profiles = {"support": support or profile(), **more}
        self._daemon = Callbackd(pbx.ari_url, pbx.ari_user, pbx.ari_password, profiles, settings)
        await self._daemon.start()
        return self._daemon

    async def closes(self) -> None:
        """Ends callbackd. Raises `AssertionError` if its log tells of a fault of ours."""
        if self._daemon is None:
            return
        log = self._daemon.log.read_text(errors="replace")
        await self._daemon.close()
        self._daemon = None
        assert "Traceback" not in log, log[-6000:]

    # ---- call-backs -------------------------------------------------------------------------------------------

    async def asks(self, number: str = CLIENT, profile: str = "support", **more: Any) -> str:
        """Somebody asks to be called back; the id."""
        return await self.daemon.request(profile, number, **more)

    async def attempt_over(self, asked: str, number: int = 1, within: float = 20.0, clean: bool = True) -> Json:
        """Waits until attempt `number` has ended; the call-back as it then is.

        `clean`: a second later at most the PBX has no channel and no bridge left.
        """

        def over(shown: Json) -> bool:
            return len(shown["attempts"]) >= number and shown["attempts"][number - 1]["ended_at"] is not None

        shown = await self.daemon.until(asked, over, within)
        if clean:
            await self.rig.no_channels_left(within=1.0)
        return shown

    async def ended(self, asked: str, within: float = 30.0) -> Json:
        """Waits until the call-back has ended, and then (at most a second) until no leg is left."""
        shown = await self.daemon.until(asked, lambda shown: shown["ended_at"] is not None, within)
        await self.rig.no_channels_left(within=1.0)
        return shown

    async def state(self, asked: str, *wanted: str, within: float = 10.0) -> Json:
        """Waits until its state is one of `wanted`."""
        return await self.daemon.until(asked, lambda shown: shown["state"] in wanted, within)

    async def cancels(self, asked: str) -> Json:
        """Somebody cancels it. Raises `RefusedError`."""
        return await self.daemon.call("POST", f"/callbacks/{asked}/cancel")


# ---- what is expected ---------------------------------------------------------------------------------------------


def expect(shown: Json, attempt: int, **fields: Any) -> None:
    """The attempt of that number has these fields in the API."""
    record = shown["attempts"][attempt - 1]
    found = {name: record[name] for name in fields}
    assert found == fields, f"{found} in attempt {attempt} of {shown['state']}: {record}"


def expect_due(shown: Json, attempt: int, after: float) -> None:
    """The call-back is due `after` seconds after the end of that attempt, to the millisecond the API tells."""
    ended = instant(shown["attempts"][attempt - 1]["ended_at"])
    due = instant(shown["due_at"])
    assert abs(due - ended - timedelta(seconds=after)) <= timedelta(milliseconds=1), (due - ended, after)


def expect_ended_with(shown: Json, attempt: int, call: PhoneCall, within: float = 0.5) -> None:
    """The attempt's end is the end of that phone's call: the last of its legs."""
    assert call.ended_at is not None
    apart = abs((instant(shown["attempts"][attempt - 1]["ended_at"]) - wall_clock(call, call.ended_at)).total_seconds())
    assert apart <= within, f"{apart} s between the end that is told and the end of {call!r}"


def reschedules(shown: Json) -> tuple[int, int, int]:
    """How many of kind auto, agent and client."""
    told = shown["reschedules"]
    return told["auto"], told["agent"], told["client"]


def events(shown: Json) -> list[str]:
    """The types of its timeline, in order."""
    return [event["type"] for event in shown["events"]]


def instant(text: str) -> datetime:
    """A time of the API's."""
    return datetime.fromisoformat(text).astimezone(UTC)


def wall_clock(call: PhoneCall, monotonic: float) -> datetime:
    """An instant of a phone's call (`arrived_at`, `ended_at`, ...) as the time of day."""
    return call.arrived + timedelta(seconds=monotonic - call.arrived_at)


# ---- what was heard -----------------------------------------------------------------------------------------------


async def hears_mark(call: PhoneCall, name: str, within: float = 10.0) -> None:
    """Waits until the phone hears that mark (one that began more than a second ago is past)."""
    until = time.monotonic() + within
    since = time.monotonic() - 1.0
    while True:
        now = time.monotonic()
        if name in heard(call, since):
            return
        assert now < until, f"{call!r} did not hear {name} within {within} s, but {heard(call)}"
        since = now - 0.5  # what is older has been listened to
        await asyncio.sleep(0.1)


def heard(call: PhoneCall, since: float | None = None, until: float | None = None) -> list[str]:
    """The marks and voices that the phone heard between two instants, in order.

    One that goes on is named once; one that comes again after 0.08 s of silence, or after another, is named again.
    """
    return [name for name, _ in marks(call, since, until)]


def marks(call: PhoneCall, since: float | None = None, until: float | None = None) -> list[tuple[str, float]]:
    """As `heard`, each with the instant at which it began."""
    try:
        recording = call.recording
    except LookupError:
        return []  # its behaviour is about to record
    piece = recording.said.part(since, until)
    found: list[tuple[str, float]] = []
    current, last_frame = "", 0
    candidate, run = "", 0
    for frame in range(len(piece.samples) // audio.FRAME - 1):
        window = piece.samples[frame * audio.FRAME : (frame + 2) * audio.FRAME]
        if audio.rms(window) < audio.QUIET:
            candidate, run = "", 0
            continue
        name = _pitch_of(window)
        candidate, run = name, run + 1 if name == candidate else 1
        if not name or run < 3:
            continue
        if name != current or frame - last_frame > 4:
            found.append((name, piece.started_at + (frame - 2) * audio.FRAME_SECONDS))
        current, last_frame = name, frame
    return found


def _pitch_of(window: Any) -> str:
    crossings = sum((a < 0) != (b < 0) for a, b in pairwise(window))
    hertz = crossings / 2 / (len(window) / audio.RATE)
    name = min(PITCH, key=lambda each: abs(PITCH[each] - hertz))
    if abs(PITCH[name] - hertz) > _STEP:
        return ""
    return name if audio.power_at(window, PITCH[name]) >= 0.8 else ""


# ---- people -------------------------------------------------------------------------------------------------------


def agent(keys: str = "1", *, after: float = 0.3) -> Behaviour:
    """Answers, presses `keys` (none: "") `after` s later, and stays, recorded. The test may press more."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await call.answer()
        await asyncio.sleep(after)
        if keys:
            await call.press(keys)
        await call.ended(FOR_EVER)

    return hears(behave)


def speaking_agent(keys: str = "1", *, after: float = 0.3) -> Behaviour:
    """As `agent`, and speaks from then on, in `AGENT_VOICE`."""

    async def behave(call: PhoneCall) -> None:
        await call.ring()
        await call.answer()
        await asyncio.sleep(after)
        await call.press(keys)
        while True:
            await call.tone(AGENT_VOICE, 5.0)

    return hears(behave)


def client(seconds: float | None = None, *, ring: float = 0.0) -> Behaviour:
    """Rings for `ring` s, answers and speaks in `CLIENT_VOICE`; hangs up after `seconds`, or never. Recorded."""
    return hears(talks(seconds, ring=ring, hertz=CLIENT_VOICE))


# ---- making it ----------------------------------------------------------------------------------------------------


@pytest_asyncio.fixture(loop_scope="session")
async def company(rig: Rig) -> AsyncIterator[Company]:
    """A company whose PBX plays marks; the test opens it."""
    with _marks_on(rig.pbx.sounds, rig.root):
        made = Company(rig)
        try:
            yield made
        finally:
            await made.closes()


@contextmanager
def _marks_on(sounds: Path, root: Path) -> Iterator[None]:
    """A mark for every prompt, and marks in place of the spoken digits (Asterisk's own come back afterwards)."""
    folder = sounds / "rig"
    folder.mkdir(exist_ok=True)
    for name in PROMPTS:
        path = folder / f"mark-{name}.wav"
        if not path.exists():
            audio.tone(PITCH[name], MARK_SECONDS).write(path)
    digits = sounds / "digits"
    original = digits.readlink()
    digits.unlink()
    try:
        digits.mkdir()
        for spoken in (root / str(original).lstrip("/")).iterdir():
            if spoken.name.partition(".")[0] not in _SPOKEN_DIGITS:
                (digits / spoken.name).symlink_to(f"{original}/{spoken.name}")
        for digit in _SPOKEN_DIGITS:
            audio.joined(audio.tone(PITCH[digit], DIGIT_SECONDS), audio.silence(0.1)).write(digits / f"{digit}.wav")
        yield
    finally:
        shutil.rmtree(digits)
        digits.symlink_to(original)

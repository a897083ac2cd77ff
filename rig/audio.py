"""What was heard, and what can be said about it: silence, sound, tones. Pure Python, frames of 20 ms."""

from __future__ import annotations

import math
import wave
from array import array
from dataclasses import dataclass, field
from pathlib import Path

RATE = 8000
FRAME = 160
FRAME_SECONDS = FRAME / RATE
QUIET = 200.0
"""RMS below this is silence: about -44 dB of full scale, well above the noise of G.711, well below any prompt."""


@dataclass(slots=True)
class Sound:
    """8 kHz, 16 bit, mono. `started_at` is the instant (`time.monotonic`) of its first sample."""

    started_at: float = 0.0
    samples: array[int] = field(default_factory=lambda: array("h"))

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / RATE

    @property
    def ends_at(self) -> float:
        """The instant after its last sample."""
        return self.started_at + self.seconds

    @classmethod
    def read(cls, path: Path, started_at: float = 0.0) -> Sound:
        """Reads a wav of the right format; raises ValueError for any other."""
        with wave.open(str(path), "rb") as wav:
            found = (wav.getframerate(), wav.getsampwidth(), wav.getnchannels())
            if found != (RATE, 2, 1):
                raise ValueError(f"{path}: rate, bytes, channels are {found}, not {(RATE, 2, 1)}")
            return cls(started_at, array("h", wav.readframes(wav.getnframes())))

    def write(self, path: Path) -> None:
        """Writes a wav."""
        with wave.open(str(path), "wb") as wav:
            wav.setnchannels(1)
            wav.setsampwidth(2)
            wav.setframerate(RATE)
            wav.writeframes(self.samples.tobytes())

    def part(self, since: float | None = None, until: float | None = None) -> Sound:
        """The piece between two instants, cut to what there is."""
        first = 0 if since is None else max(0, round((since - self.started_at) * RATE))
        last = len(self.samples) if until is None else max(0, round((until - self.started_at) * RATE))
        return Sound(self.started_at + first / RATE, self.samples[first:last])


def tone(hertz: float, seconds: float, level: float = 0.25) -> Sound:
    """A sine; `level` is its amplitude, 1 being full scale."""
    step = 2 * math.pi * hertz / RATE
    return Sound(0.0, array("h", (round(32767 * level * math.sin(step * n)) for n in range(round(seconds * RATE)))))


def silence(seconds: float) -> Sound:
    """Nothing at all."""
    return Sound(0.0, array("h", bytes(2 * round(seconds * RATE))))


def joined(*sounds: Sound) -> Sound:
    """One after the other."""
    whole = Sound(sounds[0].started_at if sounds else 0.0)
    for each in sounds:
        whole.samples.extend(each.samples)
    return whole


def rms(samples: array[int]) -> float:
    """Root mean square: 0 to 32767."""
    return math.sqrt(sum(value * value for value in samples) / len(samples)) if samples else 0.0


def levels(sound: Sound) -> list[float]:
    """The RMS of each whole frame of 20 ms."""
    whole = len(sound.samples) - len(sound.samples) % FRAME
    return [rms(sound.samples[at : at + FRAME]) for at in range(0, whole, FRAME)]


def silences(
    sound: Sound,
    since: float | None = None,
    until: float | None = None,
    threshold: float = QUIET,
    shortest: float = 0.0,
) -> list[tuple[float, float]]:
    """The silent stretches between two instants: (instant at which it began, seconds), of at least `shortest`."""
    piece = sound.part(since, until)
    found: list[tuple[float, float]] = []
    began: int | None = None
    frames = levels(piece)
    for number, level in enumerate([*frames, math.inf]):
        if level < threshold:
            began = number if began is None else began
        elif began is not None:
            seconds = (number - began) * FRAME_SECONDS
            if seconds >= shortest:
                found.append((piece.started_at + began * FRAME_SECONDS, seconds))
            began = None
    return found


def longest_silence(
    sound: Sound, since: float | None = None, until: float | None = None, threshold: float = QUIET
) -> float:
    """Seconds of the longest silent stretch; 0 if there is none."""
    return max((seconds for _, seconds in silences(sound, since, until, threshold)), default=0.0)


def first_sound(sound: Sound, after: float | None = None, threshold: float = QUIET) -> float | None:
    """The instant of the first frame that is not silent, or None."""
    piece = sound.part(after)
    for number, level in enumerate(levels(piece)):
        if level >= threshold:
            return piece.started_at + number * FRAME_SECONDS
    return None


def power_at(samples: array[int], hertz: float) -> float:
    """How much of the samples' energy is a tone of that frequency (Goertzel): 0 to about 1."""
    energy = sum(value * value for value in samples)
    if not energy:
        return 0.0
    coefficient = 2 * math.cos(2 * math.pi * hertz / RATE)
    before = last = 0.0
    for value in samples:
        before, last = last, value + coefficient * last - before
    return (before * before + last * last - coefficient * before * last) * 2 / (len(samples) * energy)


def tone_at(sound: Sound, at: float, hertz: float, seconds: float = 0.1, share: float = 0.6) -> bool:
    """Whether a tone of `hertz` makes up at least `share` of what sounds during `seconds` from the instant `at`."""
    piece = sound.part(at, at + seconds).samples
    return rms(piece) >= QUIET and power_at(piece, hertz) >= share


def dominant(sound: Sound, at: float, candidates: tuple[float, ...], seconds: float = 0.1) -> float | None:
    """Which of `candidates` (Hz) is strongest there; None in silence."""
    piece = sound.part(at, at + seconds).samples
    if rms(piece) < QUIET:
        return None
    return max(candidates, key=lambda hertz: power_at(piece, hertz))


def from_ulaw(payload: bytes) -> array[int]:
    """Decodes G.711 mu-law."""
    return array("h", (_ULAW[byte] for byte in payload))


def _ulaw(byte: int) -> int:
    byte ^= 0xFF
    magnitude = (((byte & 0x0F) << 3) + 0x84 << ((byte & 0x70) >> 4)) - 0x84
    return -magnitude if byte & 0x80 else magnitude


_ULAW = tuple(_ulaw(byte) for byte in range(256))

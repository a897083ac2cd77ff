"""The ears of the rig, on sounds that are known."""

import wave
from pathlib import Path

import pytest

from rig import audio
from rig.audio import Sound, joined, silence, tone


def sample() -> Sound:
    """At the instant 100: 0.5 s of 440 Hz, 0.3 s of nothing, 0.2 s of 1000 Hz, 0.1 s of nothing."""
    sound = joined(tone(440, 0.5), silence(0.3), tone(1000, 0.2), silence(0.1))
    sound.started_at = 100.0
    return sound


def test_silences_are_found_with_their_instants() -> None:
    first, second = audio.silences(sample())
    assert first == pytest.approx((100.5, 0.3), abs=0.02)
    assert second == pytest.approx((101.0, 0.1), abs=0.02)


def test_silences_between_two_instants() -> None:
    assert audio.silences(sample(), 100.1, 100.4) == []
    assert audio.longest_silence(sample(), 100.6, 101.0) == pytest.approx(0.2, abs=0.02)


def test_short_silences_can_be_left_out() -> None:
    assert len(audio.silences(sample(), shortest=0.2)) == 1


def test_first_sound() -> None:
    assert audio.first_sound(sample()) == pytest.approx(100.0)
    assert audio.first_sound(sample(), after=100.55) == pytest.approx(100.8, abs=0.03)
    assert audio.first_sound(silence(1)) is None


def test_noise_below_the_threshold_is_silence() -> None:
    assert audio.first_sound(tone(440, 1, level=0.005)) is None
    assert audio.first_sound(tone(440, 1, level=0.02)) is not None


def test_tones_are_told_apart() -> None:
    assert audio.tone_at(sample(), 100.1, 440)
    assert not audio.tone_at(sample(), 100.1, 1000)
    assert audio.tone_at(sample(), 100.85, 1000)
    assert not audio.tone_at(sample(), 100.6, 440)
    assert audio.dominant(sample(), 100.85, (440, 700, 1000)) == 1000
    assert audio.dominant(sample(), 100.6, (440, 700, 1000)) is None


def test_a_pure_tone_has_nearly_all_its_power_at_its_frequency() -> None:
    assert audio.power_at(tone(440, 0.5).samples, 440) == pytest.approx(1.0, abs=0.02)
    assert audio.power_at(tone(440, 0.5).samples, 600) < 0.02


def test_a_wav_comes_back_as_it_went(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    sample().write(path)
    assert Sound.read(path, 100.0) == sample()


def test_another_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as wav:
        wav.setnchannels(2)
        wav.setsampwidth(2)
        wav.setframerate(44100)
        wav.writeframes(b"\0" * 400)
    with pytest.raises(ValueError, match="44100"):
        Sound.read(path)


def test_ulaw_decodes_to_the_values_of_g711() -> None:
    assert list(audio.from_ulaw(bytes([0xFF, 0x7F, 0x80, 0x00, 0xF0]))) == [0, 0, 32124, -32124, 120]

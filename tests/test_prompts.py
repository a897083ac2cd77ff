"""Every prompt of the catalogue is there, as a telephone can play it; and nothing else is."""

from __future__ import annotations

import os
import shutil
import subprocess
import wave
from array import array
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parent.parent
SOUNDS = ROOT / "dialplan/sounds"
CATALOGUE: dict[str, str] = yaml.safe_load((SOUNDS / "catalogue.en.yaml").read_text(encoding="utf-8"))
FULL_SCALE = 32768


def frames(name: str, folder: Path = SOUNDS / "en") -> list[array[int]]:
    """Its samples in pieces of 20 ms."""
    with wave.open(str(folder / f"{name}.wav")) as wav:
        assert (wav.getframerate(), wav.getsampwidth(), wav.getnchannels()) == (8000, 2, 1)
        samples = array("h", wav.readframes(wav.getnframes()))
    return [samples[at : at + 160] for at in range(0, len(samples), 160)]


def peak(samples: array[int]) -> float:
    """The loudest sample, 1 being full scale."""
    return max(abs(value) for value in samples) / FULL_SCALE


def test_the_catalogue_and_the_sounds_agree() -> None:
    assert {path.stem for path in (SOUNDS / "en").glob("*.wav")} == set(CATALOGUE)


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_a_prompt_is_neither_empty_nor_endless_nor_too_quiet_nor_clipped(name: str) -> None:
    pieces = frames(name)
    words = len(CATALOGUE[name].split())
    assert 0.25 <= len(pieces) * 0.02 <= 2.5 + 0.6 * words
    assert 0.1 <= max(peak(piece) for piece in pieces) <= 0.99


@pytest.mark.parametrize("name", sorted(name for name, text in CATALOGUE.items() if not text.startswith("{")))
def test_speech_begins_and_ends_without_a_wait(name: str) -> None:
    loud = [number for number, piece in enumerate(frames(name)) if peak(piece) > 0.003]
    assert loud[0] * 0.02 <= 0.15
    assert (len(frames(name)) - loud[-1]) * 0.02 <= 0.25


def test_the_connecting_sound_has_no_gap_even_when_it_repeats() -> None:
    pieces = frames("connecting") * 2
    gap = longest = 0
    for piece in pieces:
        gap = gap + 1 if peak(piece) < 0.01 else 0
        longest = max(longest, gap)
    assert longest * 0.02 <= 0.2
    assert 1.5 <= len(pieces) / 2 * 0.02 <= 2.5


@pytest.mark.install
def test_what_speaks_the_catalogue_speaks_these_prompts(tmp_path: Path) -> None:
    has_it = shutil.which("flite") and shutil.which("sox")
    if not has_it and not os.environ.get("CI") and (os.geteuid() != 0 or shutil.which("apt-get") is None):
        pytest.skip("flite and sox are missing, and only root can install them")
    for name in ("scripts", "dialplan"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    folder = tmp_path / "dialplan/sounds/en"
    (folder / "menu-sorry.wav").unlink()
    shutil.copy(folder / "agent-intro.wav", folder / "no-prompt.wav")
    done = subprocess.run(
        [tmp_path / "scripts/make-prompts"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "no-prompt is no longer in the catalogue: removed" in done.stdout
    assert {path.stem for path in folder.glob("*.wav")} == set(CATALOGUE)
    for name in CATALOGUE:
        assert len(frames(name, folder)) == pytest.approx(len(frames(name)), rel=0.1, abs=2)

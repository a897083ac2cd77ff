"""The token file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from callbackd.config.token import SHORTEST, TokenUnusable, read, read_or_make

LONG = "x" * SHORTEST


def test_it_is_made_once_and_only_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "api-token"

    made = read_or_make(path)
    assert made.made
    assert made.warnings == ()
    assert len(made.text) >= 40
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]

    again = read_or_make(path)
    assert (again.text, again.made, again.warnings) == (made.text, False, ())


def test_no_two_are_alike(tmp_path: Path) -> None:
    assert read_or_make(tmp_path / "a").text != read_or_make(tmp_path / "b").text


def test_it_is_not_shown(tmp_path: Path) -> None:
    token = read_or_make(tmp_path / "api-token")
    assert token.text not in repr(token)


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o660, 0o602])
def test_a_file_that_others_can_read_is_warned_of(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "api-token"
    path.write_text(f"{LONG}\n")
    path.chmod(mode)
    token = read_or_make(path)
    assert token.text == LONG
    [warned] = token.warnings
    assert "other users" in warned.problem
    assert warned.mend == f"chmod 600 {path}"


def test_a_short_one_that_somebody_made_is_warned_of_and_taken(tmp_path: Path) -> None:
    path = tmp_path / "api-token"
    for text in ("swordfish", LONG[:-1]):
        path.write_text(f"{text}\n")
        path.chmod(0o600)
        token = read_or_make(path)
        assert token.text == text
        [warned] = token.warnings
        assert f"fewer than {SHORTEST} characters" in warned.problem
        assert "remove it and start callbackd anew" in warned.mend
        assert text not in repr(token)
    path.write_text(LONG)
    assert read_or_make(path).warnings == ()


def test_to_look_makes_none(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(tmp_path / "api-token")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"\n", b"  \n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "api-token"
    path.write_bytes(content)
    with pytest.raises(TokenUnusable, match="is empty: remove it"):
        read_or_make(path)


@pytest.mark.parametrize("content", [b"two words", b"two\nlines", b"\xff\xfe", b"x" * 5000, "t\u00f6ken".encode()])
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "api-token"
    path.write_bytes(content)
    with pytest.raises(TokenUnusable, match="one line of visible ASCII"):
        read_or_make(path)


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokenUnusable, match=r"can't be made \(no such file or directory\): its folder"):
        read_or_make(tmp_path / "nowhere" / "api-token")


def test_a_folder_in_its_place_is_told(tmp_path: Path) -> None:
    with pytest.raises(TokenUnusable, match=r"can't be read \(is a directory\): its folder"):
        read_or_make(tmp_path)


def test_a_link_into_nothing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "api-token"
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(TokenUnusable):
        read_or_make(path)

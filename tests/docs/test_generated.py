"""What is generated is current, whole, and reads without a complaint."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from callbackd.cli.main import main
from callbackd.config.schema import Document, reference
from callbackd.share import MAN_PAGE

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = {Document.PROFILE: ROOT / "docs/profile.md", Document.SETTINGS: ROOT / "docs/settings.md"}


def test_everything_is_current() -> None:
    """Mend: scripts/make-docs."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/make-docs"), "--check"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("document", Document)
def test_the_reference_page_has_every_setting_once(document: Document) -> None:
    text = PAGES[document].read_text()
    sections = re.findall(r"<!-- settings: \w+ (\S+) -->\n(.*?)<!-- end -->", text, re.DOTALL)
    told = [
        name if section == "-" else f"{section}.{name}"
        for section, rows in sections
        for name in re.findall(r"^\| `([^`]+)` \|", rows, re.MULTILINE)
    ]
    assert sorted(told) == sorted(row.path for row in reference(document))


def _page() -> str:
    return MAN_PAGE.read_text().replace("\\-", "-")


@pytest.mark.parametrize("name", sorted(main.commands))
def test_the_man_page_has_every_command_and_option(name: str) -> None:
    command = main.commands[name]
    page = _page()
    (_, _, section) = page.partition(f"\n.SS callbackd {name}")
    assert section
    section = re.split(r"\n\.S[SH] ", section)[0]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            for option in parameter.opts:
                assert option in section, option


@pytest.mark.skipif(shutil.which("man") is None, reason="man is not installed")
def test_the_man_page_is_rendered_without_a_warning() -> None:
    done = subprocess.run(
        ["man", "--warnings", "-l", str(MAN_PAGE)],
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C.UTF-8", "MANWIDTH": "80", "PATH": "/usr/bin:/bin", "MANPAGER": "cat"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "CALLBACKD(1)" in done.stdout

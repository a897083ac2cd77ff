"""Configurations for tests: written to a folder, loaded, and what is wrong with them as the lines people read."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

from callbackd.config import Configuration, ConfigurationInvalid, load
from callbackd.domain.profile import Profile

SETTINGS = "ari: {password: hush}\n"

PROFILE = """\
target: {endpoint: PJSIP/1001}
client: {endpoint: "PJSIP/{number}@trunk", allow: ["+1"]}
"""


def write(folder: Path, settings: str | bytes = SETTINGS, **profiles: str | bytes) -> Path:
    """Write callbackd.yaml and its profiles (`support`, minimal, unless given); answers callbackd.yaml's path."""
    (folder / "profiles").mkdir(exist_ok=True)
    for name, text in (profiles or {"support": PROFILE}).items():
        _write(folder / "profiles" / f"{name}.yaml", text)
    path = folder / "callbackd.yaml"
    _write(path, settings)
    return path


def read(
    folder: Path, settings: str | bytes = SETTINGS, *, env: dict[str, str] | None = None, **profiles: str | bytes
) -> Configuration:
    """The configuration of these files, which must be right."""
    return load(write(folder, settings, **profiles), strict_env=True, environ=env or {})


def read_profile(folder: Path, text: str, *, env: dict[str, str] | None = None) -> Profile:
    """The profile that `text` describes, which must be right."""
    return read(folder, env=env, support=text).profiles["support"]


def problems(
    folder: Path, settings: str | bytes = SETTINGS, *, env: dict[str, str] | None = None, **profiles: str | bytes
) -> list[str]:
    """What is said of these files, errors and warnings, with the files named relative to `folder`."""
    path = write(folder, settings, **profiles)
    try:
        found = load(path, strict_env=True, environ=env or {}).warnings
    except ConfigurationInvalid as error:
        found = error.problems
    return [str(problem).replace(f"{folder}/", "") for problem in found]


def profile_problems(folder: Path, text: str | bytes) -> list[str]:
    """What is said of a profile, without the file's name: ``line:column: message``."""
    return [line.removeprefix("profiles/support.yaml:").lstrip() for line in problems(folder, support=text)]


def settings_problems(folder: Path, text: str | bytes) -> list[str]:
    """What is said of callbackd.yaml, without the file's name: ``line:column: message``."""
    return [line.removeprefix("callbackd.yaml:").lstrip() for line in problems(folder, text)]


def target(lines: str, rest: str = "") -> str:
    """A profile whose target has these lines (from line 3 on), and whatever `rest` adds at its end."""
    body = dedent(lines).strip("\n").replace("\n", "\n  ")
    client = 'client: {endpoint: "PJSIP/{number}@trunk", allow: ["+1"]}'
    return f"target:\n  endpoint: PJSIP/1001\n  {body}\n{client}\n{dedent(rest)}"


def _write(path: Path, text: str | bytes) -> None:
    path.write_bytes(text.encode() if isinstance(text, str) else text)

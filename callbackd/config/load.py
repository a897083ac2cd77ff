"""From files to a configuration: finding them, reading all of them, and telling everything that is wrong at once."""

from __future__ import annotations

import os
from collections.abc import Mapping as ReadOnly
from collections.abc import Sequence as InOrder
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from callbackd.config.environment import Environment
from callbackd.config.files import Missing, Unreadable, read_at_most
from callbackd.config.near_miss import did_you_mean
from callbackd.config.nodes import Mapping, quoted, shown
from callbackd.config.positioned_yaml import MAX_BYTES, parse
from callbackd.config.problems import ConfigurationInvalid, Place, Problem, Problems
from callbackd.config.profiles import PROFILE_ID, read_profile
from callbackd.config.settings import Settings, read_settings
from callbackd.domain.profile import Profile

USUAL_FILES = (Path("/etc/callbackd/callbackd.yaml"), Path("config/callbackd.yaml"))
"""Where the settings are looked for, in this order, when nobody says where they are."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """Everything that was read and found right, and the `warnings` about it. `profiles` is by id, in order."""

    settings: Settings
    profiles: ReadOnly[str, Profile]
    warnings: tuple[Problem, ...]


def find(option: str | Path | None, environ: ReadOnly[str, str], usual: InOrder[Path] = USUAL_FILES) -> Path:
    """The settings file: `option` (``--config``), else ``CALLBACKD_CONFIG``, else the first of `usual` that exists.

    A file that is named is not looked for here: `load` tells that it is missing. Raises `ConfigurationInvalid` if
    none is named and none exists.
    """
    if option is not None:
        return Path(option)
    if named := environ.get("CALLBACKD_CONFIG"):
        return Path(named)
    for path in usual:
        try:
            path.lstat()
        except PermissionError:
            return path
        except OSError:
            continue
        return path
    looked = " and ".join(str(path) for path in usual)
    raise ConfigurationInvalid(
        [
            Problem(
                "callbackd.yaml",
                0,
                0,
                f"not found: looked for {looked}; name it with --config or CALLBACKD_CONFIG, or have a first one "
                "written: callbackd init /etc/callbackd",
            )
        ]
    )


def load(path: Path, *, strict_env: bool, environ: ReadOnly[str, str] | None = None) -> Configuration:
    """The configuration whose settings file is `path`, with the profiles in the folder it names.

    Raises `ConfigurationInvalid`, and nothing else, with every problem of every file if there is an error.
    `strict_env`: a variable in ``${NAME}`` that is not set is an error (to run), not just a warning (to check);
    what it stood for then is the setting's default, or the reference itself. `environ` is the process's own
    environment unless given.
    """
    problems = Problems()
    environment = Environment(os.environ if environ is None else environ, strict_env)
    mend = "; make it, or name another with --config or CALLBACKD_CONFIG"
    document = _read(path, problems, environment, mend)
    settings = None if document is None else read_settings(path, document, problems)
    folder = path.parent / "profiles" if settings is None else settings.profiles
    profiles: dict[str, Profile] = {}
    if settings is not None or os.path.isdir(folder):
        profiles = _read_profiles(folder, problems, environment)
    if settings is None or problems.any_error():
        raise ConfigurationInvalid(problems.in_order())
    return Configuration(settings, MappingProxyType(profiles), problems.in_order())


def _read_profiles(folder: Path, problems: Problems, environment: Environment) -> dict[str, Profile]:
    place = Place(str(folder))
    try:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    except FileNotFoundError:
        problems.error(place, "no such folder; make it and put a profile in it, such as support.yaml")
        return {}
    except NotADirectoryError:
        problems.error(place, "is not a folder; 'profiles' names the folder that holds the profiles")
        return {}
    except (OSError, ValueError) as error:
        problems.error(place, f"can't be read: {_reason(error)}")
        return {}
    profiles = {}
    found = False
    for file in files:
        if file.suffix == ".yml":
            problems.error(Place(str(file)), f"a profile's name ends in .yaml; rename it to {file.stem}.yaml")
        if file.suffix not in {".yaml", ".yml"}:
            continue
        found = True
        if not PROFILE_ID.fullmatch(file.stem):
            meant = file.stem.lower().replace(" ", "-")
            fits = PROFILE_ID.fullmatch(meant)
            problems.error(
                Place(str(file)),
                f"{quoted(file.stem)} can't be a profile's id; expected 1 to 32 of a-z 0-9 _ -, beginning with a "
                f"letter or digit{did_you_mean(file.stem, [meant]) if fits else ''}",
            )
        document = _read(file, problems, environment)
        if document is not None:
            profiles[file.stem] = read_profile(file.stem, document, problems)
    if not found:
        problems.error(place, "holds no profile; put one in it, such as support.yaml")
    return profiles


def _read(path: Path, problems: Problems, environment: Environment, mend_if_missing: str = "") -> Mapping | None:
    try:
        content = read_at_most(path, MAX_BYTES + 1)
    except Missing as error:
        problems.error(Place(str(path)), f"{error}{mend_if_missing}")
        return None
    except Unreadable as error:
        problems.error(Place(str(path)), str(error))
        return None
    document = parse(str(path), content, problems)
    if document is None:
        return None
    document = environment.fill_in(document, problems)
    if not isinstance(document, Mapping):
        problems.error(document.place, f"found {shown(document)}; expected settings (key: value)")
        return None
    return document


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)

"""The configuration that a command works with."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from callbackd.cli.failure import Failure

if TYPE_CHECKING:
    from callbackd.config import Configuration
    from callbackd.config.settings import Settings
    from callbackd.domain.profile import Profile


@dataclass(frozen=True, slots=True)
class ConfigurationFile:
    """Where the configuration is: ``--config``, or what stands for it."""

    option: Path | None

    def path(self) -> Path:
        """The settings file. Raises `Failure` if none is named and none is in the usual places."""
        from callbackd.config import ConfigurationInvalid, find

        try:
            return find(self.option, os.environ)
        except ConfigurationInvalid as error:
            raise Failure(str(error)) from None

    def load(self) -> Configuration:
        """Everything in it. Raises `Failure`, whose line says how to see all that is wrong."""
        from callbackd.config import ConfigurationInvalid, Severity, load

        path = self.path()
        try:
            return load(path, strict_env=False)
        except ConfigurationInvalid as error:
            errors = [problem for problem in error.problems if problem.severity is Severity.ERROR]
            more = f" (and {len(errors) - 1} more: see callbackd check)" if len(errors) > 1 else ""
            raise Failure(f"{errors[0]}{more}") from None

    def settings(self) -> Settings:
        """The settings alone: a mistake in a profile keeps nobody from a daemon that runs. Raises `Failure`."""
        return _settings_alone(self.path()) or self.load().settings


def _settings_alone(path: Path) -> Settings | None:
    """What `path` says, whatever the profiles say; None if it can't be read without a mistake."""
    from callbackd.config.environment import Environment
    from callbackd.config.files import Missing, Unreadable, read_at_most
    from callbackd.config.nodes import Mapping
    from callbackd.config.positioned_yaml import MAX_BYTES, parse
    from callbackd.config.problems import Problems
    from callbackd.config.settings import read_settings

    problems = Problems()
    try:
        document = parse(str(path), read_at_most(path, MAX_BYTES + 1), problems)
    except (Missing, Unreadable):
        return None
    if document is None:
        return None
    filled = Environment(os.environ, False).fill_in(document, problems)
    settings = read_settings(path, filled, problems) if isinstance(filled, Mapping) else None
    return None if problems.any_error() else settings


def find_profile(configuration: Configuration, profile_id: str) -> Profile:
    """The profile of that id. Raises `Failure`."""
    profile = configuration.profiles.get(profile_id)
    if profile is None:
        from callbackd.config.near_miss import did_you_mean

        folder = configuration.settings.profiles
        raise Failure(f"no profile '{profile_id[:40]}' in {folder}{did_you_mean(profile_id, configuration.profiles)}")
    return profile


def zone_of(configuration: Configuration, profile_id: str) -> tzinfo:
    """The zone of a profile's target; UTC for a profile that is no more."""
    profile = configuration.profiles.get(profile_id)
    return UTC if profile is None else ZoneInfo(profile.target.timezone)

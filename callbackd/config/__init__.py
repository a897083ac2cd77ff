"""The YAML a sysadmin writes: settings and profiles, every mistake reported at once with its place in the file."""

from callbackd.config.load import Configuration, find, load
from callbackd.config.problems import ConfigurationInvalid, Problem, Severity

__all__ = ["Configuration", "ConfigurationInvalid", "Problem", "Severity", "find", "load"]

"""What a first configuration is made of: one answer to each question, checked as the configuration would check it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from phonenumbers import country_code_for_region

from callbackd.config.hours import read_hours
from callbackd.config.nodes import Mapping
from callbackd.config.positioned_yaml import parse
from callbackd.config.problems import Problems
from callbackd.config.profiles import PROFILE_ID
from callbackd.config.readers import Unfit, line
from callbackd.config.section import Section

FALLBACK_COUNTRY = "CA"
"""Where nothing tells the country; the files and the next steps say that it was assumed."""

AGENTS_EXTENSION = "600"
"""The extension of the agents' context that leads to a queue whose name is no number."""

_PREMIUM = {"+1": ("+1900", "+1976")}


@dataclass(frozen=True, slots=True)
class Answers:
    """Everything that the files need. `queue` None: the agents' phones are rung directly, as `endpoints` has them.

    `hours` are as a profile writes them, none for always open. `assumed`: options whose defaults should be looked at.
    """

    profile: str
    label: str
    ari_url: str
    ari_user: str
    endpoints: tuple[str, ...]
    queue: str | None
    zone: str
    hours: tuple[tuple[str, str], ...]
    client_endpoint: str
    trunk: str
    caller_id: str | None
    country: str
    allow: tuple[str, ...]
    database: Path
    user: str
    assumed: tuple[str, ...] = ()

    @property
    def exit_queue(self) -> str:
        """The queue that callers leave for a call-back, by its name."""
        return self.queue or self.profile

    @property
    def extension(self) -> str:
        """What stands for the queue in the agents' context."""
        return agents_extension(self.queue)

    @property
    def block(self) -> tuple[str, ...]:
        """Premium ranges inside the prefixes that are allowed."""
        return tuple(prefix for allowed in self.allow for prefix in _PREMIUM.get(allowed, ()))


def agents_extension(queue: str | None) -> str:
    """A queue's own number; `AGENTS_EXTENSION` where its name is none."""
    return queue if queue and re.fullmatch(r"[0-9]{2,10}", queue) else AGENTS_EXTENSION


def queue_endpoint(queue: str) -> str:
    """Where a profile finds the agents of a queue."""
    return f"Local/{agents_extension(queue)}@callbackd-agents/n"


def profile_id(text: str) -> str:
    """A profile's id. Raises `Unfit`."""
    if not PROFILE_ID.fullmatch(text):
        raise Unfit("expected 1 to 32 of a-z 0-9 _ -, beginning with a letter or digit")
    return text


def trunk_name(text: str) -> str:
    """The name of a PJSIP endpoint. Raises `Unfit`."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", text):
        raise Unfit("expected the name of a PJSIP endpoint: letters, digits and _ . -")
    return text


def account(text: str) -> str:
    """A name of a user, in ari.conf or on this machine. Raises `Unfit`."""
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]{0,31}", text) or text == "general":
        raise Unfit("expected a user's name: letters, digits and _ . -")
    return text


def hours(text: str) -> tuple[str, str]:
    """``WEEKDAYS INTERVALS``, such as ``mon-fri 09:00-12:00,13:00-17:00``. Raises `Unfit`; the profile checks more."""
    days, _, intervals = line(200)(text).partition(" ")
    parts = [part.strip() for part in intervals.split(",")]
    if not re.fullmatch(r"[A-Za-z,-]+", days) or not all(re.fullmatch(r"[0-9][0-9:\s-]*", part) for part in parts):
        raise Unfit("expected weekdays and intervals, such as 'mon-fri 09:00-12:00,13:00-17:00'")
    return days, parts[0] if len(parts) == 1 else f"[{', '.join(parts)}]"


def week(given: tuple[tuple[str, str] | None, ...]) -> tuple[tuple[str, str], ...]:
    """All the hours together; none for always open, which stands alone. Raises `Unfit` for what a profile refuses."""
    named = tuple(each for each in given if each is not None)
    if named and len(named) < len(given):
        raise Unfit("expected hours, or 'always' alone")
    if not named:
        return ()
    problems = Problems()
    text = "".join(["hours:\n", *(f"  {days}: {intervals}\n" for days, intervals in named), "timezone: UTC\n"])
    document = parse("hours", text.encode(), problems)
    if isinstance(document, Mapping):
        read_hours(Section("", document, document.place, problems))
    if wrong := problems.in_order():
        raise Unfit(re.sub(r" on line [0-9]+", "", "; ".join(problem.message for problem in wrong)))
    return named


def default_allow(country: str) -> tuple[str, ...]:
    """The prefix of that country, and no other."""
    return (f"+{country_code_for_region(country)}",)


def default_database(folder: Path) -> Path:
    """Beside the configuration, unless that is the system's."""
    if is_the_systems(folder):
        return Path("/var/lib/callbackd/callbackd.sqlite3")
    return folder.absolute() / "callbackd.sqlite3"


def is_the_systems(folder: Path) -> bool:
    """Whether a configuration there is this machine's own, and not one to try something with."""
    return Path("/etc") in folder.absolute().parents

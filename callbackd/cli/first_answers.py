"""Where the answers of a first configuration come from: options, a person at a terminal, or what fits this machine."""

from __future__ import annotations

import getpass
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

import click

from callbackd.config.addresses import ari_url
from callbackd.config.dialling import agents_endpoint, caller_id, client_endpoint, country, prefix, queue_name
from callbackd.config.hours import parse_zone
from callbackd.config.readers import Unfit, line
from callbackd.initial.answers import (
    FALLBACK_COUNTRY,
    Answers,
    account,
    default_allow,
    default_database,
    hours,
    is_the_systems,
    profile_id,
    queue_endpoint,
    trunk_name,
    week,
)
from callbackd.initial.pbx import Found, country_of

S = TypeVar("S")
T = TypeVar("T")

_NONE, _ALWAYS = "none", "always"
_OPENING_HOURS = "mon-fri 09:00-17:00"


def ask_for_answers(options: dict[str, Any], found: Found, folder: Path, *, ask: bool) -> Answers:
    """The answers. `options` are those of the command, None or empty where one was not given; `ask` on a terminal.

    Raises click's errors for an option that does not fit.
    """
    questions = _Questions(options, ask=ask)
    profile = questions.one("profile", profile_id, "The profile's id", "support")
    label = questions.one("label", line(80), "Its name for people", _spoken(profile))
    url = questions.one("ari_url", ari_url, "ARI's URL", found.ari_url)
    queue, endpoints = _agents(questions, found)
    zone = questions.one("zone", parse_zone, "The agents' time zone", found.zone or "UTC", sure=found.zone is not None)
    opening = questions.several(
        "hours", _or(_ALWAYS, hours), "When calls may start", (_OPENING_HOURS,), between=";", together=week
    )
    told = country_of(zone) or found.country
    code = questions.one(
        "country", country, "The country of numbers without +", told or FALLBACK_COUNTRY, sure=told is not None
    )
    allow = questions.several("allow", prefix, "Prefixes that may be dialled", default_allow(code))
    trunk, dialled = _route(questions, found)
    shown = questions.one("caller_id", _or(_NONE, caller_id), "What clients' phones show", _NONE, sure=True)
    return Answers(
        profile=profile,
        label=label,
        ari_url=url,
        ari_user=questions.quietly("ari_user", account, "callbackd"),
        endpoints=endpoints,
        queue=queue,
        zone=zone,
        hours=week(opening),
        client_endpoint=dialled,
        trunk=trunk,
        caller_id=shown,
        country=code,
        allow=allow,
        database=Path(questions.quietly("database", line(1000), str(default_database(folder)))).absolute(),
        user=questions.quietly("user", account, _user(folder)),
        assumed=tuple(questions.assumed),
    )


def _agents(questions: _Questions, found: Found) -> tuple[str | None, tuple[str, ...]]:
    """A queue, and where its agents are; or None and their phones."""
    queue = None
    if questions.given("queue") or not questions.given("endpoints"):
        offered = found.queues[0] if found.queues else _NONE
        asked = "The agents' queue (none: their phones)"
        queue = questions.one("queue", _or(_NONE, queue_name), asked, offered, sure=True)
    if queue is not None:
        return queue, questions.several("endpoints", agents_endpoint, None, (queue_endpoint(queue),), sure=True)
    phones = tuple(f"PJSIP/{name}" for name in found.phones[:2])
    asked = "The agents' phones, rung together"
    return None, questions.several("endpoints", agents_endpoint, asked, phones or ("PJSIP/1001",), sure=bool(phones))


def _route(questions: _Questions, found: Found) -> tuple[str, str]:
    """The trunk, and how a profile dials through it."""
    first = found.trunks[0] if found.trunks else "trunk"
    if questions.given("client_endpoint"):
        trunk = questions.quietly("trunk", trunk_name, first)
    else:
        asked = "The trunk to clients (a PJSIP endpoint)"
        trunk = questions.one("trunk", trunk_name, asked, first, sure=bool(found.trunks))
    return trunk, questions.quietly("client_endpoint", client_endpoint, f"PJSIP/{{number}}@{trunk}")


class _Questions:
    """Options as they were given; what was not is asked on a terminal, and has its default elsewhere.

    `assumed` names what was neither said nor asked nor found: defaults that were not `sure`.
    """

    def __init__(self, options: dict[str, Any], *, ask: bool) -> None:
        self._options = options
        self._ask = ask
        self.assumed: list[str] = []

    def given(self, name: str) -> bool:
        """Whether there is such an option on the command line."""
        return bool(self._options[name])

    def quietly(self, name: str, read: Callable[[str], T], default: str) -> T:
        """An answer that nobody is asked for."""
        given: str | None = self._options[name]
        return _read(read, default if given is None else given, name)

    def one(self, name: str, read: Callable[[str], T], question: str, default: str, *, sure: bool | None = None) -> T:
        """The answer that `read` makes of a text. `sure` None: whatever the default, nobody need look at it."""
        if not self._ask or self._options[name] is not None:
            if sure is False and self._options[name] is None:
                self.assumed.append(_option(name))
            return self.quietly(name, read, default)
        return _prompt(question, default, lambda text: _read(read, text.strip(), name))

    def several(
        self,
        name: str,
        read: Callable[[str], T],
        question: str | None,
        default: tuple[str, ...],
        *,
        between: str = " ",
        sure: bool = False,
        together: Callable[[tuple[T, ...]], object] | None = None,
    ) -> tuple[T, ...]:
        """The same of several texts. Without a `question` nobody is asked. `together` refuses what none shows alone."""

        def read_all(texts: Iterable[str]) -> tuple[T, ...]:
            answers = tuple(_read(read, text, name) for text in texts)
            if together is not None:
                _read(together, answers, name)
            return answers

        given: tuple[str, ...] = self._options[name]
        if given or not self._ask or question is None:
            if not given and not sure:
                self.assumed.append(_option(name))
            return read_all(given or default)

        def split(text: str) -> tuple[T, ...]:
            return read_all(part.strip() for part in text.split(between) if part.strip())

        return _prompt(question, between.join(default), split)


def _prompt(question: str, default: str, read: Callable[[str], T]) -> T:
    answer: T = click.prompt(question, default=default, value_proc=read, err=True)
    return answer


def _option(name: str) -> str:
    return f"--{'endpoint' if name == 'endpoints' else name.replace('_', '-')}"


def _read(read: Callable[[S], T], given: S, name: str) -> T:
    try:
        return read(given)
    except Unfit as error:
        message = str(error)
        end = "" if message.endswith("?") else "."
        raise click.BadParameter(f"{message}{end}", param_hint=f"'{_option(name)}'") from None


def _or(nothing: str, read: Callable[[str], T]) -> Callable[[str], T | None]:
    """The same, where a word stands for None."""
    return lambda text: None if text.lower() == nothing else read(text)


def _spoken(profile: str) -> str:
    return profile.replace("-", " ").replace("_", " ").strip().capitalize()


def _user(folder: Path) -> str:
    """A user of its own for the system's configuration; whoever tries something is themselves."""
    if os.geteuid() == 0 and is_the_systems(folder):
        return "callbackd"
    try:
        return account(getpass.getuser())
    except (KeyError, OSError, Unfit):
        return "callbackd"

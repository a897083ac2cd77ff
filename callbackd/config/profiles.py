"""A Call-Back Profile from its YAML: every setting checked, with all its mistakes told at once."""

from __future__ import annotations

import re
from collections.abc import Mapping as ReadOnly
from datetime import timedelta
from itertools import combinations

from callbackd.config.dialling import (
    PLACEHOLDERS,
    agents_endpoint,
    caller_id,
    client_endpoint,
    country,
    prefix,
    queue_name,
)
from callbackd.config.durations import duration
from callbackd.config.hours import read_hours, refuse_cut_off_beyond_day
from callbackd.config.near_miss import did_you_mean
from callbackd.config.nodes import Mapping, Sequence, is_null, quoted
from callbackd.config.problems import Place, Problems
from callbackd.config.readers import Unfit, boolean, choice, line, reads, text_form, whole_number, word
from callbackd.config.section import Section, Witness
from callbackd.domain.profile import (
    AfterCutOff,
    AgentRules,
    ClientRoute,
    Keys,
    OfferRules,
    OnInbound,
    Profile,
    Rescheduling,
    Target,
)
from callbackd.domain.prompts import PROMPTS

PROFILE_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")
"""The form of a profile's id, which is its file's name without ``.yaml``."""

MEDIA_SCHEMES = ("sound", "tone", "digits", "number", "characters", "recording")
"""What a prompt's media URI may begin with: the schemes that Asterisk plays."""

_MEDIA = re.compile(r"(?P<scheme>[a-z]+):[^\s,&]+")


def read_profile(
    profile_id: str, document: Mapping, problems: Problems, witness: Witness | None = None
) -> Profile:
    """The profile that `document` describes. It may be used only if `problems` holds no error afterwards."""
    defaults = AgentRules()
    with Section("", document, Place(document.place.file, 1, 1), problems, witness) as file:
        label = file.setting("label", line(80), profile_id)
        target = _target(file)
        agent = _agent(file, defaults)
        client = _client(file)
        rescheduling = _rescheduling(file, target)
        offer = _offer(file)
        expire_after = file.setting("expire_after", duration("1s", "365d"), timedelta(days=7))
        if expire_after < timedelta(hours=1):
            problems.warning(
                file.place_of("expire_after"), "expire_after: less than an hour; a number without a unit is seconds"
            )
        on_inbound = file.setting("on_inbound", choice(OnInbound), OnInbound.HOLD)
        prompts = _prompts(file)
        language = file.setting(
            "language",
            word(r"[A-Za-z][A-Za-z0-9_-]{0,39}", "the name of an Asterisk sound language, such as en or pt_BR"),
            "en",
        )
    return Profile(
        id=profile_id,
        label=label,
        target=target,
        client=client,
        agent=agent,
        rescheduling=rescheduling,
        offer=offer,
        expire_after=expire_after,
        on_inbound=on_inbound,
        prompts=prompts,
        language=language,
    )


def _target(file: Section) -> Target:
    with file.section("target") as target:
        endpoints = target.texts("endpoint", agents_endpoint)
        _require_some(target, "endpoint", "where the agents are, such as PJSIP/1001, or a list rung together")
        queue = target.optional("queue", queue_name)
        zone, hours = read_hours(target)
        max_concurrent = target.setting("max_concurrent", whole_number(0, 1000), 1)
        if max_concurrent == 0:
            target.problems.warning(
                target.place_of("max_concurrent"), f"{target.path('max_concurrent')}: 0 pauses this profile"
            )
    return Target(endpoints, queue, hours, zone, max_concurrent)


def _agent(file: Section, defaults: AgentRules) -> AgentRules:
    with file.section("agent") as agent:
        return AgentRules(
            ring=agent.setting("ring", duration("1s", "5m"), defaults.ring),
            key_wait=agent.setting("key_wait", duration("1s", "1m"), defaults.key_wait),
            prompt_repeats=agent.setting("prompt_repeats", whole_number(1, 10), defaults.prompt_repeats),
            retry_delay=agent.setting("retry_delay", duration("1s", "10m"), defaults.retry_delay),
            after_failure=agent.setting("after_failure", duration("0s", "1m"), defaults.after_failure),
            keys=_keys(agent),
        )


def _keys(agent: Section) -> Keys:
    read = word(r"[0-9*#]{1,8}", '1 to 8 of the keys 0-9 * #, in quotes, such as "*9"')
    defaults = Keys()
    with agent.section("keys") as section:
        keys = Keys(
            start=section.setting("start", read, defaults.start),
            decline=section.setting("decline", read, defaults.decline),
            again=section.setting("again", read, defaults.again),
            reschedule=section.setting("reschedule", read, defaults.reschedule),
        )
        pressed = {name: getattr(keys, name) for name in ("start", "decline", "again", "reschedule")}
        for (name, sequence), (other, other_sequence) in combinations(pressed.items(), 2):
            _refuse_confusable(section, name, sequence, other, other_sequence)
    return keys


def _refuse_confusable(section: Section, name: str, sequence: str, other: str, other_sequence: str) -> None:
    """Report two sequences that the agent's presses can't tell apart; `reschedule` is pressed at another time."""
    key = other if section.has(other) else name
    if sequence == other_sequence:
        section.problems.error(
            section.place_of(key), f"{section.name}: {name} and {other} are both {sequence}; all must be different"
        )
    elif other != "reschedule" and (sequence.startswith(other_sequence) or other_sequence.startswith(sequence)):
        short, long = sorted(((name, sequence), (other, other_sequence)), key=lambda pair: len(pair[1]))
        section.problems.error(
            section.place_of(key),
            f"{section.name}: {long[0]} ({long[1]}) begins with {short[0]} ({short[1]}), so it could never be pressed",
        )


def _client(file: Section) -> ClientRoute:
    defaults = ClientRoute("", ())
    with file.section("client") as client:
        endpoint = client.required("endpoint", client_endpoint, "how clients are dialled, such as PJSIP/{number}@trunk")
        if endpoint and not any(f"{{{name}}}" in endpoint for name in PLACEHOLDERS) and "${" not in endpoint:
            client.problems.warning(
                client.place_of("endpoint"),
                f"{client.path('endpoint')}: without {{number}}, {{digits}} or {{national}} every client is dialled "
                "at the same place",
            )
        allow = client.texts("allow", prefix)
        _require_some(client, "allow", 'the E.164 prefixes that may be dialled, such as ["+1"]')
        return ClientRoute(
            endpoint=endpoint,
            allow=allow,
            country=client.optional("country", country),
            block=client.texts("block", prefix),
            caller_id=client.optional("caller_id", caller_id),
            ring=client.setting("ring", duration("1s", "5m"), defaults.ring),
        )


def _rescheduling(file: Section, target: Target) -> Rescheduling:
    defaults = Rescheduling()
    with file.section("rescheduling") as section:
        rules = Rescheduling(
            auto=section.setting("auto", boolean, defaults.auto),
            agent=section.setting("agent", boolean, defaults.agent),
            client=section.setting("client", boolean, defaults.client),
            max_reschedules=section.setting("max_reschedules", whole_number(0, 20), defaults.max_reschedules),
            delay=section.setting("delay", duration("0s", "24h"), defaults.delay),
            cut_off=section.setting("cut_off", duration("0s", "12h"), defaults.cut_off),
            after_cut_off=section.setting("after_cut_off", choice(AfterCutOff), defaults.after_cut_off),
        )
        place, path = section.place_of("cut_off"), section.path("cut_off")
        if target.hours is not None:
            refuse_cut_off_beyond_day(path, rules.cut_off, place, target.hours, section.problems)
        elif rules.cut_off:
            section.problems.warning(place, f"{path}: has nothing to bind: the target has no hours, it never closes")
    return rules


def _offer(file: Section) -> OfferRules:
    defaults = OfferRules()
    with file.section("offer") as offer:
        return OfferRules(
            delay=offer.optional("delay", duration("0s", "24h")),
            attempts=offer.setting("attempts", whole_number(1, 10), defaults.attempts),
            reschedule_delay=offer.setting("reschedule_delay", duration("0s", "24h"), defaults.reschedule_delay),
        )


def _prompts(file: Section) -> ReadOnly[str, tuple[str, ...]]:
    node = file.take("prompts")
    if node is None or is_null(node):
        return {}
    if not isinstance(node, Mapping):
        file.wrong("prompts", node, "expected a section (name: media URI)")
        return {}
    prompts = Section("prompts", node, node.place, file.problems)
    replaced = {}
    for key, _ in node.entries:
        if key.text not in PROMPTS:
            meant = did_you_mean(key.text, PROMPTS)
            allowed = f"{'' if meant else ';'} allowed: {', '.join(sorted(PROMPTS))}"
            file.problems.error(key.place, f"unknown prompt {quoted(key.text)}{meant}{allowed}")
        uris = prompts.texts(key.text, media_uri)
        _require_some(prompts, key.text, "a media URI such as sound:custom/hello, or a list of them")
        replaced[key.text] = uris
    return replaced


@reads(text_form("a media URI: `sound:custom/hello`", rf"(?:{'|'.join(MEDIA_SCHEMES)}):[^\s,&]+"))
def media_uri(text: str) -> str:
    """What Asterisk plays: a media URI."""
    match = _MEDIA.fullmatch(text)
    if match is not None and match["scheme"] in MEDIA_SCHEMES and text.isprintable():
        return text
    schemes = ", ".join(f"{scheme}:" for scheme in MEDIA_SCHEMES)
    scheme, colon, _ = text.partition(":")
    meant = did_you_mean(scheme, MEDIA_SCHEMES) if colon and scheme not in MEDIA_SCHEMES else ""
    raise Unfit(f"expected a media URI without spaces, commas or '&', beginning with one of {schemes}{meant}")


def _require_some(section: Section, key: str, expected: str) -> None:
    """Report `key` if it is absent or an empty list; a wrong one has been reported already."""
    node = section.take(key)
    if node is None:
        section.missing(key, expected)
    elif isinstance(node, Sequence) and not node.items:
        section.problems.error(node.place, f"{section.path(key)}: found an empty list; expected {expected}")

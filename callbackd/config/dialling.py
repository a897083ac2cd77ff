"""What reaches a dial string: endpoints, the client's template, queues, caller ids and prefixes."""

from __future__ import annotations

import re

from phonenumbers import SUPPORTED_REGIONS

from callbackd.config.near_miss import did_you_mean
from callbackd.config.readers import Unfit, reads, text_form

PLACEHOLDERS = ("number", "digits", "national")
"""What a client's endpoint may name in braces."""

_ENDPOINT = re.compile(r"[A-Za-z][A-Za-z0-9_]*/[A-Za-z0-9_./@:+*#=;~-]+")
_ENDPOINT_FORM = "expected TECHNOLOGY/address, such as PJSIP/1001 or Local/600@callbackd-agents/n"
_BREAKING = re.compile(r"[^A-Za-z0-9_./@:+*#=;~{}-]")
_TEMPLATE = r"[A-Za-z][A-Za-z0-9_]*/(?:[A-Za-z0-9_./@:+*#=;~-]|\{(?:number|digits|national)\})+"
_CALLER_ID = re.compile(r"(?P<name>[^<>\"\\]*)<(?P<number>\+?[0-9]{2,15})>")


@reads(text_form("`PJSIP/1001` or `Local/600@callbackd-agents/n`", _ENDPOINT.pattern))
def agents_endpoint(text: str) -> str:
    """One endpoint of the target. Nothing is substituted in it."""
    _refuse_breaking(text)
    if "{" in text or "}" in text:
        raise Unfit("nothing is substituted in the target's endpoint; braces are refused")
    return _endpoint(text)


@reads(text_form("`PJSIP/{number}@trunk`", _TEMPLATE))
def client_endpoint(text: str) -> str:
    """The client's endpoint, a template in which only `PLACEHOLDERS` stand for the client's number."""
    _refuse_breaking(text)
    names = "{number}, {digits} or {national}"
    for name in re.findall(r"\{([^{}]*)\}", text):
        if name not in PLACEHOLDERS:
            raise Unfit(f"only {names} is substituted{did_you_mean(name, PLACEHOLDERS)}")
    filled_in = re.sub(r"\{[^{}]*\}", "1", text)
    if "{" in filled_in or "}" in filled_in:
        raise Unfit(f"a brace without its other half; only {names} is substituted")
    if "{" in text.partition("/")[0]:
        raise Unfit(_ENDPOINT_FORM)
    _endpoint(filled_in)
    return text


@reads(text_form("an Asterisk queue's name", "[A-Za-z0-9_.@+-]{1,80}"))
def queue_name(text: str) -> str:
    """The name of an Asterisk queue."""
    if not re.fullmatch(r"[A-Za-z0-9_.@+-]{1,80}", text):
        raise Unfit("expected an Asterisk queue's name: letters, digits and _ . - + @, nothing else")
    return text


@reads(text_form("`Name <+number>`", r"[^<>\"\\]*<\+?[0-9]{2,15}>\s*"))
def caller_id(text: str) -> str:
    """What the client's telephone shows: ``Name <+number>``; the name may be left out."""
    match = _CALLER_ID.fullmatch(text.strip())
    if match is None or not match["name"].isprintable() or len(match["name"]) > 80:
        raise Unfit("expected Name <+number>, such as Acme Support <+14165550100>")
    name = match["name"].strip()
    return f"{name} <{match['number']}>" if name else f"<{match['number']}>"


@reads(text_form("an ISO 3166 code: `CA`", "[A-Za-z]{2}"))
def country(text: str) -> str:
    """An ISO 3166 code that has a numbering plan, in capitals."""
    code = text.upper()
    if code not in SUPPORTED_REGIONS:
        meant = "; did you mean 'GB'?" if code == "UK" else ""
        raise Unfit(f"expected a country's two-letter ISO 3166 code, such as CA{meant}")
    return code


@reads(text_form("an E.164 prefix: `+1`", r"\+[1-9][0-9]{0,14}"))
def prefix(text: str) -> str:
    """An E.164 prefix: ``+`` and the digits it begins with."""
    if not re.fullmatch(r"\+[1-9][0-9]{0,14}", text):
        meant = f"; did you mean '+{text}'?" if re.fullmatch(r"[1-9][0-9]{0,14}", text) else ""
        raise Unfit(f"expected an E.164 prefix, + and 1 to 15 digits, such as +1 or +4420{meant}")
    return text


def _refuse_breaking(text: str) -> None:
    if "&" in text:
        raise Unfit("'&' is refused: use a list")
    found = _BREAKING.search(text)
    if found is not None:
        shown = found[0] if found[0].isprintable() else found[0].encode("unicode_escape").decode()
        raise Unfit(f"the character '{shown}' would break the dial string")


def _endpoint(text: str) -> str:
    if not _ENDPOINT.fullmatch(text) or len(text) > 200:
        raise Unfit(_ENDPOINT_FORM)
    return text

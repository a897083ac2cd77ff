"""Telephone numbers: how people write them, E.164, and which may be dialled.

A number as people write it is an optional leading ``+``, ASCII digits, space, ``.``, ``-``, ``(`` and ``)``; nothing
else and no extension. What leaves this module is E.164 or a refusal; a refusal's text never repeats what was typed.
Possible numbers are enough, valid ones are not asked for: the tables of ranges in service lag behind the numbering
plans and do not know fictional numbers; which ranges may be dialled is the allow-list's business.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType, ValidationResult

from callbackd.domain.hours import utc
from callbackd.domain.profile import ClientRoute

LONGEST_TYPED = 40
"""Characters of a number as typed."""

MOST_DIGITS = 20
"""Digits of a number as typed: E.164 has fifteen, an international prefix may stand before them."""

LIMIT_WINDOW = timedelta(hours=24)
"""Over which the dials of a number are limited."""

_TYPED = re.compile(r" *\+?[0-9 .()-]+")
_ALLOWED = frozenset("+0123456789 .-()")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
_PLACEHOLDER = re.compile(r"\{(number|digits|national)\}")
_PREMIUM = frozenset({PhoneNumberType.PREMIUM_RATE, PhoneNumberType.SHARED_COST, PhoneNumberType.PERSONAL_NUMBER})
_NORTH_AMERICA = 1


class RefusalCode(StrEnum):
    """Why a number may not be dialled: a closed list, in the order of the checks."""

    MALFORMED = "number_malformed"
    NOT_ALLOWED = "number_not_allowed"
    PREMIUM = "number_premium"
    SHORT = "number_short"
    EMERGENCY = "number_emergency"
    BLOCKED = "number_blocked"
    LIMIT = "number_limit"


@dataclass(frozen=True, slots=True)
class Refusal:
    """`message` is for people and safe to print. `until` is when the reason is gone, None if that is not known."""

    code: RefusalCode
    message: str
    until: datetime | None = None


_EMERGENCY = Refusal(RefusalCode.EMERGENCY, "an emergency number is never dialled")
_SHORT = Refusal(RefusalCode.SHORT, "a short number is never dialled")


def normalise(raw: str, country: str | None) -> str | Refusal:
    """A number as typed, in E.164; `country` (ISO 3166) is assumed where it has no ``+``.

    Refuses what is malformed, and short and emergency numbers, which have no E.164 form. Give it E.164 and the same
    comes back.
    """
    read = _read(raw, country)
    return read if isinstance(read, Refusal) else read.refusal or read.number


def check(raw: str, route: ClientRoute) -> str | Refusal:
    """May this number be dialled on this route, as far as the number itself tells? E.164, or the first refusal of:

    syntax, allow-list of prefixes, premium, short and emergency numbers, the profile's blocked prefixes. The
    block-list of numbers and the limit per day are `admit`'s.
    """
    read = _read(raw, route.country)
    if isinstance(read, Refusal):
        return read
    if not any(read.number.startswith(prefix) for prefix in route.allow):
        return Refusal(RefusalCode.NOT_ALLOWED, "the number is outside the prefixes that may be dialled")
    if read.refusal is not None:
        return read.refusal
    if read.parsed is not None and _is_premium(read.parsed, read.number):
        return Refusal(RefusalCode.PREMIUM, "the number is a premium-rate or shared-cost one")
    if any(read.number.startswith(prefix) for prefix in route.block):
        return Refusal(RefusalCode.BLOCKED, "the number is in a blocked prefix")
    return read.number


def admit(*, blocked: bool, dials: Sequence[datetime], limit: int, now: datetime) -> Refusal | None:
    """The last two checks, with what the store knows: is the number on the block-list, and when was it dialled?

    A dial counts for 24 h, to the instant. A limit of 0 or less admits none.
    """
    now = utc(now)
    if blocked:
        return Refusal(RefusalCode.BLOCKED, "the number is on the block-list")
    recent = sorted(dial for dial in map(utc, dials) if dial > now - LIMIT_WINDOW)
    if len(recent) < limit:
        return None
    until = recent[-limit] + LIMIT_WINDOW if limit > 0 else None
    return Refusal(RefusalCode.LIMIT, f"the number was dialled {len(recent)} times in 24 h, {limit} are allowed", until)


def is_e164(number: str) -> bool:
    """True of a ``+`` and seven to fifteen ASCII digits, the first of them not 0."""
    return _E164.fullmatch(number) is not None


def masked(number: str) -> str:
    """A number for logs: ``+1416•••0123``. At least three digits are hidden; what is no number is hidden whole."""
    if not is_e164(number):
        return "•••"
    head = min(5, len(number) - 7)
    return f"{number[:head]}•••{number[-4:]}"


def national(number: str) -> str:
    """The digits that one dials for an E.164 number inside its own country, trunk prefix included."""
    parsed = phonenumbers.parse(_checked(number), None)
    written = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    return "".join(digit for digit in written if digit in "0123456789")


def fill_template(endpoint: str, number: str) -> str:
    """Put an E.164 number into a dial string: ``{number}``, ``{digits}`` and ``{national}``; nothing else is touched.

    Raises `ValueError` for anything but E.164: nothing typed reaches a dial string.
    """
    values = {"number": _checked(number), "digits": number[1:]}
    if "{national}" in endpoint:
        values["national"] = national(number)
    return _PLACEHOLDER.sub(lambda found: values[found[1]], endpoint)


@dataclass(frozen=True, slots=True)
class _Read:
    """What was typed, read as a number. With a `refusal` it is a short or emergency number of that country code."""

    number: str
    refusal: Refusal | None = None
    parsed: phonenumbers.PhoneNumber | None = None


def _read(raw: str, country: str | None) -> _Read | Refusal:
    fault = _syntax_fault(raw)
    if fault is not None:
        return Refusal(RefusalCode.MALFORMED, fault)
    digits = "".join(digit for digit in raw if digit in "0123456789")
    international = "+" in raw
    if not international and country is None:
        return Refusal(RefusalCode.MALFORMED, "a number without + needs a country, and the profile names none")
    region = None if international or country is None else country.upper()
    # Emergency numbers before parsing, which can make nothing of some of them (000, say).
    if region is not None and phonenumbers.is_emergency_number(digits, region):
        return _Read(f"+{phonenumbers.country_code_for_region(region)}{digits}", _EMERGENCY)
    try:
        parsed = phonenumbers.parse(f"+{digits}" if international else digits, region)
    except phonenumbers.NumberParseException:
        return Refusal(RefusalCode.MALFORMED, "no number of any country")
    number = phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    if not phonenumbers.is_valid_number(parsed):
        special = _special(parsed)
        if special is not None:
            return _Read(number, special)
    fault = _number_fault(parsed)
    if fault is None and not is_e164(number):
        fault = "no number of any country"
    return _Read(number, parsed=parsed) if fault is None else Refusal(RefusalCode.MALFORMED, fault)


def _syntax_fault(raw: str) -> str | None:
    """What is wrong with it as a piece of writing; the offending character is escaped."""
    if len(raw) > LONGEST_TYPED:
        return f"longer than {LONGEST_TYPED} characters"
    for character in raw:
        if character not in _ALLOWED:
            return f"the character {character!a} has no place in a number: +, digits, space, . - ( ) are allowed"
    if _TYPED.fullmatch(raw) is None:
        return "a + may stand once, before the digits" if "+" in raw else "there is no digit in it"
    count = sum(character.isdigit() for character in raw)
    if count == 0:
        return "there is no digit in it"
    return f"more than {MOST_DIGITS} digits" if count > MOST_DIGITS else None


def _number_fault(parsed: phonenumbers.PhoneNumber) -> str | None:
    """What is wrong with it as a number of its country."""
    match phonenumbers.is_possible_number_with_reason(parsed):
        case ValidationResult.IS_POSSIBLE:
            pass
        case ValidationResult.IS_POSSIBLE_LOCAL_ONLY:
            return "the area code is missing"
        case ValidationResult.TOO_SHORT:
            return "too short for a number of its country"
        case ValidationResult.TOO_LONG:
            return "too long for a number of its country"
        case _:
            return "no number has that length, or that country code, in the numbering plan"
    if phonenumbers.is_valid_number(parsed):
        return None
    # Not in the tables, which is no reason to refuse it; but it must not be something else once it is dialled
    # nationally: 0 and 1 begin prefixes there (011 is the way abroad from North America).
    significant = phonenumbers.national_significant_number(parsed)
    if significant.startswith("0") or (parsed.country_code == _NORTH_AMERICA and significant.startswith("1")):
        return "no area begins like that"
    return None


def _special(parsed: phonenumbers.PhoneNumber) -> Refusal | None:
    """Would it reach an emergency service, or be a short number, when it is dialled inside its country?"""
    significant = phonenumbers.national_significant_number(parsed)
    regions = phonenumbers.region_codes_for_country_code(parsed.country_code or 0)
    if any(phonenumbers.connects_to_emergency_number(significant, region) for region in regions):
        return _EMERGENCY
    return _SHORT if phonenumbers.is_valid_short_number(parsed) else None


def _is_premium(parsed: phonenumbers.PhoneNumber, number: str) -> bool:
    if phonenumbers.number_type(parsed) in _PREMIUM:
        return True
    # In every area of North America the exchange 976 is premium; the tables know it by area only.
    return parsed.country_code == _NORTH_AMERICA and number[5:8] == "976"


def _checked(number: str) -> str:
    if not is_e164(number):
        raise ValueError("not an E.164 number")
    return number

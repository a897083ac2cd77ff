"""Numbers: what people write, what may be dialled, and that nothing typed gets any further."""

from __future__ import annotations

import re
import string
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callbackd.domain.numbers import (
    Refusal,
    RefusalCode,
    admit,
    check,
    fill_template,
    is_e164,
    masked,
    national,
    normalise,
)
from callbackd.domain.profile import ClientRoute
from tests.domain.office import at

ROUTE = ClientRoute("PJSIP/{number}@trunk", ("+1",), "CA", ("+1900", "+1976", "+1242"))
NOW = at("Mon 10:00")
HOUR = timedelta(hours=1)


def code(answer: str | Refusal | None) -> str | None:
    return answer.code.value if isinstance(answer, Refusal) else None


class TestAsPeopleWriteIt:
    @pytest.mark.parametrize(
        "raw",
        [
            "+14165550123",
            "4165550123",
            "14165550123",
            "(416) 555-0123",
            "416.555.0123",
            "1-416-555-0123",
            "+1 (416) 555 - 0123",
            "  416 555 0123  ",
            "+ 1 416 555 0123",
            "011 1 416 555 0123",
        ],
    )
    def test_is_normalised_with_the_profiles_country(self, raw: str) -> None:
        assert normalise(raw, "CA") == "+14165550123"

    @pytest.mark.parametrize(
        ("raw", "country", "number"),
        [
            ("030 123456", "DE", "+4930123456"),
            ("0049 30 123456", "DE", "+4930123456"),
            ("+49 (0)30 123456", "CA", "+4930123456"),
            ("020 7946 0958", "GB", "+442079460958"),
            ("06 1234 5678", "IT", "+390612345678"),
            ("11-212345", "SE", "+4611212345"),
            ("(02) 9876 5432", "au", "+61298765432"),
        ],
    )
    def test_in_other_countries(self, raw: str, country: str, number: str) -> None:
        assert normalise(raw, country) == number

    def test_without_a_country_the_plus_is_needed(self) -> None:
        assert normalise("+14165550123", None) == "+14165550123"
        assert code(normalise("4165550123", None)) == "number_malformed"

    @pytest.mark.parametrize("number", ["+14165550123", "+12125550100", "+442079460958", "+61491570156"])
    def test_fictional_numbers_can_be_dialled_where_allowed(self, number: str) -> None:
        assert check(number, ClientRoute("x", ("+",))) == number

    def test_a_range_that_no_table_knows_can_be_dialled_where_allowed(self) -> None:
        assert check("+15555550123", ROUTE) == "+15555550123"


HOSTILE = [
    "",
    " ",
    "+",
    "()",
    "-",
    "++14165550123",
    "+1+4165550123",
    "4165550123+",
    "(+1)4165550123",
    "1-800-FLOWERS",
    "4165550123x5",
    "4165550123 ext. 5",
    "4165550123;ext=5",
    "tel:+14165550123",
    "+14165550123,,5",
    "+14165550123#",
    "*67 4165550123",
    "+14165550123@evil.example",
    "+14165550123&PJSIP/1001",
    "+14165550123/n",
    "+14165550123)G(evil,s,1",
    "${SHELL(id)}",
    "4165550123\n",
    "\n4165550123",
    "416\t5550123",
    "4165550123\r\nAction: Originate",
    "4165550123\x00",
    "416\xa05550123",
    "416–555–0123",
    "+1416555012３",
    "+1٤165550123",
    "+1416555012²",
    "＋14165550123",
    "\u202e+14165550123",
    "+14165550123\u200b",
    "' OR 1=1 --",
    "../../etc/passwd",
    "%s%n",
    "\x1b[31m4165550123",
    "0" * 41,
    "1" * 21,
    "+" + "9" * 15,
    "+0" + "4165550123",
    "4" * 100_000,
]


class TestHostileCharacters:
    @pytest.mark.parametrize("raw", HOSTILE, ids=[ascii(raw[:24]) for raw in HOSTILE])
    def test_are_refused(self, raw: str) -> None:
        assert code(check(raw, ROUTE)) == "number_malformed"

    @pytest.mark.parametrize("character", [chr(n) for n in range(256) if chr(n) not in "+0123456789 .-()"], ids=ascii)
    def test_every_character_but_those_allowed(self, character: str) -> None:
        for raw in (f"{character}4165550123", f"416{character}5550123", f"4165550123{character}"):
            assert code(check(raw, ROUTE)) == "number_malformed"

    @pytest.mark.parametrize("raw", HOSTILE, ids=[ascii(raw[:24]) for raw in HOSTILE])
    def test_are_never_repeated_unescaped(self, raw: str) -> None:
        refusal = check(raw, ROUTE)
        assert isinstance(refusal, Refusal)
        assert refusal.message.isascii()
        assert refusal.message.isprintable()
        assert len(refusal.message) < 200
        assert len(raw) < 5 or raw not in refusal.message

    @settings(max_examples=300, deadline=None)
    @given(st.text(max_size=50) | st.text("+0123456789 .-()", max_size=25))
    def test_whatever_is_typed_is_a_number_or_a_refusal(self, raw: str) -> None:
        answer = check(raw, ROUTE)
        if isinstance(answer, Refusal):
            assert answer.message.isascii()
            assert answer.message.isprintable()
            assert answer.code in RefusalCode
        else:
            assert re.fullmatch(r"\+1[2-9][0-9]{9}", answer)
            assert set(raw) <= set("+0123456789 .-()")

    @settings(max_examples=200, deadline=None)
    @given(st.text(string.digits, min_size=5, max_size=15), st.sampled_from(["CA", "DE", "IT", "BR", "AU", None]))
    def test_normalising_twice_changes_nothing(self, digits: str, country: str | None) -> None:
        number = normalise(digits, country)
        if not isinstance(number, Refusal):
            assert is_e164(number)
            assert normalise(number, country) == number


class TestTheOrderOfTheChecks:
    def test_syntax_comes_before_the_allow_list(self) -> None:
        assert code(check("+44 20 7946", ROUTE)) == "number_malformed"

    def test_the_allow_list_before_premium(self) -> None:
        assert code(check("+44 909 879 0000", ROUTE)) == "number_not_allowed"

    def test_the_allow_list_before_emergency(self) -> None:
        assert code(check("911", ClientRoute("x", ("+44",), "CA"))) == "number_not_allowed"

    def test_premium_before_the_blocked_prefixes(self) -> None:
        assert code(check("+1 900 555 1234", ROUTE)) == "number_premium"

    def test_the_blocked_prefixes_last(self) -> None:
        assert code(check("+1 242 322 1234", ROUTE)) == "number_blocked"


class TestMalformedAsANumber:
    @pytest.mark.parametrize(
        "raw",
        ["5550123", "1234", "416555012", "416555012345", "+1416555012", "+112", "+999123456789", "00 00 00 00 00"],
    )
    def test_lengths_and_countries_that_do_not_exist(self, raw: str) -> None:
        assert code(normalise(raw, "CA")) == "number_malformed"

    @pytest.mark.parametrize("raw", ["+1 011 683 4123", "+1 000 000 0000", "+1 123 456 7890"])
    def test_what_would_lead_abroad_when_dialled_nationally(self, raw: str) -> None:
        assert code(check(raw, ROUTE)) == "number_malformed"

    def test_a_country_that_does_not_exist(self) -> None:
        assert code(normalise("4165550123", "XX")) == "number_malformed"


class TestTheAllowList:
    def test_prefixes_of_e164(self) -> None:
        narrow = ClientRoute("x", ("+1416", "+1647"), "CA")
        assert check("(416) 555-0123", narrow) == "+14165550123"
        assert code(check("(905) 555-0123", narrow)) == "number_not_allowed"

    def test_an_empty_one_allows_nothing(self) -> None:
        assert code(check("+14165550123", ClientRoute("x", (), "CA"))) == "number_not_allowed"

    def test_the_way_abroad_leads_to_the_same_list(self) -> None:
        assert code(check("011 44 20 7946 0958", ROUTE)) == "number_not_allowed"


class TestNumbersThatNobodyDials:
    @pytest.mark.parametrize(
        ("raw", "country"),
        [("911", "CA"), ("9 1 1", "CA"), ("112", "CA"), ("112", "DE"), ("110", "JP"), ("999", "GB"), ("000", "AU")],
    )
    def test_emergency_numbers_of_the_country(self, raw: str, country: str) -> None:
        assert code(normalise(raw, country)) == "number_emergency"

    @pytest.mark.parametrize("raw", ["911", "+1911", "+1 911 555 0123", "9115550123"])
    def test_nor_what_begins_like_one(self, raw: str) -> None:
        assert code(check(raw, ROUTE)) == "number_emergency"

    def test_but_an_area_that_begins_like_one_is_an_area(self) -> None:
        assert check("+46 11 21 23 45", ClientRoute("x", ("+46",), "SE")) == "+4611212345"

    @pytest.mark.parametrize("raw", ["411", "611", "12345"])
    def test_short_numbers(self, raw: str) -> None:
        assert code(check(raw, ROUTE)) == "number_short"

    @pytest.mark.parametrize("raw", ["+19005551234", "+14169761234", "+15005550100"])
    def test_premium_numbers(self, raw: str) -> None:
        assert code(check(raw, ROUTE)) == "number_premium"

    @pytest.mark.parametrize("raw", ["+449098790000", "+447011234567", "+448712345678", "+979123456789"])
    def test_premium_numbers_abroad(self, raw: str) -> None:
        assert code(check(raw, ClientRoute("x", ("+",)))) == "number_premium"

    def test_free_numbers_are_no_premium(self) -> None:
        assert check("+18005550123", ROUTE) == "+18005550123"


class TestAdmit:
    def test_nothing_against_it(self) -> None:
        assert admit(blocked=False, dials=[], limit=6, now=NOW) is None

    def test_blocked_comes_first_and_never_passes(self) -> None:
        refusal = admit(blocked=True, dials=[NOW] * 6, limit=6, now=NOW)
        assert code(refusal) == "number_blocked"
        assert refusal is not None
        assert refusal.until is None

    def test_the_limit_of_dials_in_24_hours(self) -> None:
        dials = [NOW - n * HOUR for n in range(1, 7)]
        assert code(admit(blocked=False, dials=dials, limit=6, now=NOW)) == "number_limit"
        assert admit(blocked=False, dials=dials[:5], limit=6, now=NOW) is None

    def test_until_the_reason_is_gone(self) -> None:
        dials = [NOW - n * HOUR for n in (20, 15, 10, 5)]
        refusal = admit(blocked=False, dials=dials, limit=3, now=NOW)
        assert refusal is not None
        assert refusal.until == NOW - 15 * HOUR + 24 * HOUR
        assert admit(blocked=False, dials=dials, limit=3, now=refusal.until) is None
        assert admit(blocked=False, dials=dials, limit=3, now=refusal.until - timedelta(microseconds=1)) is not None

    def test_a_dial_counts_for_24_hours_to_the_instant(self) -> None:
        assert admit(blocked=False, dials=[NOW - 24 * HOUR], limit=1, now=NOW) is None

    def test_a_limit_of_0_admits_none(self) -> None:
        refusal = admit(blocked=False, dials=[], limit=0, now=NOW)
        assert code(refusal) == "number_limit"
        assert refusal is not None
        assert refusal.until is None

    def test_naive_times_are_refused(self) -> None:
        with pytest.raises(ValueError, match="without a zone"):
            admit(blocked=False, dials=[datetime(2026, 11, 2)], limit=6, now=NOW)  # noqa: DTZ001


class TestMasked:
    @pytest.mark.parametrize(
        ("number", "logged"),
        [
            ("+14165550123", "+1416•••0123"),
            ("+442079460958", "+4420•••0958"),
            ("+493012345", "+49•••2345"),
            ("+2904123", "+•••4123"),
            ("4165550123", "•••"),
            ("", "•••"),
            ("+14165550123\n", "•••"),
        ],
    )
    def test_for_logs(self, number: str, logged: str) -> None:
        assert masked(number) == logged


class TestTheDialString:
    def test_the_number_in_three_ways(self) -> None:
        assert fill_template("PJSIP/{number}@trunk", "+14165550123") == "PJSIP/+14165550123@trunk"
        assert fill_template("PJSIP/{digits}@trunk", "+14165550123") == "PJSIP/14165550123@trunk"
        assert fill_template("PJSIP/{national}@trunk", "+14165550123") == "PJSIP/4165550123@trunk"

    @pytest.mark.parametrize(
        ("number", "digits"),
        [
            ("+14165550123", "4165550123"),
            ("+442079460958", "02079460958"),
            ("+4930123456", "030123456"),
            ("+390612345678", "0612345678"),
            ("+61491570156", "0491570156"),
        ],
    )
    def test_national_is_what_one_dials_inside_the_country(self, number: str, digits: str) -> None:
        assert national(number) == digits

    def test_nothing_else_is_substituted(self) -> None:
        template = "Local/{number}@{context}/n{{}}{0}{number!r}%s$1\\1"
        assert fill_template(template, "+14165550123") == "Local/+14165550123@{context}/n{{}}{0}{number!r}%s$1\\1"

    @pytest.mark.parametrize("raw", [*HOSTILE, "4165550123", "(416) 555-0123"], ids=lambda raw: ascii(raw[:24]))
    def test_nothing_typed_reaches_it(self, raw: str) -> None:
        if is_e164(raw):
            return
        with pytest.raises(ValueError, match=r"E\.164"):
            fill_template("PJSIP/{number}@trunk", raw)
        with pytest.raises(ValueError, match=r"E\.164"):
            national(raw)

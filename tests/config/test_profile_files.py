"""Profiles as sysadmins write them: what each setting takes, its default, and how a mistake is told."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

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

from .config_files import PROFILE, profile_problems, read_profile, target

HOW_CLIENTS_ARE_DIALLED = "how clients are dialled, such as PJSIP/{number}@trunk"


def said(folder: Path, lines: str) -> list[str]:
    """What is said of a minimal profile with these lines added, from line 3 on."""
    return profile_problems(folder, PROFILE + lines)


def client(**settings: str) -> str:
    """A profile whose client section has these settings, one a line, from line 3 on."""
    written = {"endpoint": "PJSIP/{number}@trunk", "allow": '["+1"]'} | settings
    lines = "".join(f"  {key}: {value}\n" for key, value in written.items())
    return f"target: {{endpoint: PJSIP/1001}}\nclient:\n{lines}"


def test_what_a_profile_leaves_out_has_the_defaults(tmp_path: Path) -> None:
    assert read_profile(tmp_path, PROFILE) == Profile(
        id="support",
        label="support",
        target=Target(("PJSIP/1001",)),
        client=ClientRoute("PJSIP/{number}@trunk", ("+1",)),
    )


def test_sections_left_empty_are_sections_left_out(tmp_path: Path) -> None:
    empty = "agent:\nrescheduling:\noffer: {}\nprompts:\n"
    assert read_profile(tmp_path, PROFILE + empty) == read_profile(tmp_path, PROFILE)


def test_every_setting_is_read(tmp_path: Path) -> None:
    text = """
        label: Second line
        target: {endpoint: [PJSIP/1001, Local/600@agents/n], queue: support-1, timezone: Asia/Tokyo, max_concurrent: 5}
        agent: {ring: 1s, key_wait: 2, prompt_repeats: 1, retry_delay: 1m, after_failure: 0,
                keys: {start: "#", decline: "2*", again: "0", reschedule: "*9"}}
        client: {endpoint: "Local/{digits}@out/n", caller_id: "Acme <+14165550100>", country: no, allow: "+47",
                 block: ["+47820", +47829], ring: 5m}
        rescheduling: {auto: no, agent: OFF, client: true, max_reschedules: 0, delay: 0, cut_off: 0s,
                       after_cut_off: drop}
        offer: {delay: 0s, attempts: 3, reschedule_delay: 2m}
        expire_after: 1d
        on_inbound: cancel
        prompts: {agent-intro: sound:custom/hi, beep-confirm: ["tone:ack;tonezone=no", digits:1]}
        language: pt_BR
    """
    assert read_profile(tmp_path, text) == Profile(
        id="support",
        label="Second line",
        target=Target(("PJSIP/1001", "Local/600@agents/n"), "support-1", None, "Asia/Tokyo", 5),
        client=ClientRoute(
            endpoint="Local/{digits}@out/n",
            allow=("+47",),
            country="NO",
            block=("+47820", "+47829"),
            caller_id="Acme <+14165550100>",
            ring=timedelta(minutes=5),
        ),
        agent=AgentRules(
            ring=timedelta(seconds=1),
            key_wait=timedelta(seconds=2),
            prompt_repeats=1,
            retry_delay=timedelta(minutes=1),
            after_failure=timedelta(0),
            keys=Keys("#", "2*", "0", "*9"),
        ),
        rescheduling=Rescheduling(False, False, True, 0, timedelta(0), timedelta(0), AfterCutOff.DROP),
        offer=OfferRules(timedelta(0), 3, timedelta(minutes=2)),
        expire_after=timedelta(days=1),
        on_inbound=OnInbound.CANCEL,
        prompts={"agent-intro": ("sound:custom/hi",), "beep-confirm": ("tone:ack;tonezone=no", "digits:1")},
        language="pt_BR",
    )


def test_norway_is_not_false(tmp_path: Path) -> None:
    assert read_profile(tmp_path, client(country="NO")).client.country == "NO"


@pytest.mark.parametrize(
    ("written", "value"),
    [(word, True) for word in ("on", "yes", "true", "On", "TRUE", "'on'")]
    + [(word, False) for word in ("off", "no", "false", "Off")],
)
def test_switches(tmp_path: Path, written: str, value: bool) -> None:
    assert read_profile(tmp_path, PROFILE + f"rescheduling: {{client: {written}}}").rescheduling.client is value


def test_a_switch_where_text_belongs_is_text(tmp_path: Path) -> None:
    assert read_profile(tmp_path, PROFILE + "label: on").label == "on"


@pytest.mark.parametrize(
    ("section", "key", "allowed", "refused", "expected"),
    [
        ("target", "max_concurrent", ["1", "1000"], ["-1", "1001", "1.0", "x"], "a whole number from 0 to 1000"),
        ("agent", "ring", ["1s", "5m"], ["0", "301s"], "a duration from 1s to 5m"),
        ("agent", "key_wait", ["1s", "1m"], ["0", "61"], "a duration from 1s to 1m"),
        ("agent", "prompt_repeats", ["1", "10"], ["0", "11", "on"], "a whole number from 1 to 10"),
        ("agent", "retry_delay", ["1s", "10m"], ["0", "601"], "a duration from 1s to 10m"),
        ("agent", "after_failure", ["0", "1m"], ["61"], "a duration from 0s to 1m"),
        ("client", "ring", ["1s", "5m"], ["0", "301"], "a duration from 1s to 5m"),
        ("rescheduling", "max_reschedules", ["0", "20"], ["-1", "21", "99999999999"], "a whole number from 0 to 20"),
        ("rescheduling", "delay", ["0", "24h"], ["86401", "1d1s"], "a duration from 0s to 24h"),
        ("rescheduling", "cut_off", ["0"], ["43201", "13h"], "a duration from 0s to 12h"),
        ("rescheduling", "auto", ["on"], ["1", "y", "maybe"], "on or off"),
        ("rescheduling", "after_cut_off", ["drop", "next_open"], ["DROP"], "next_open or drop; did you mean 'drop'?"),
        ("offer", "delay", ["0", "24h", "null"], ["86401"], "a duration from 0s to 24h"),
        ("offer", "attempts", ["1", "10"], ["0", "11"], "a whole number from 1 to 10"),
        ("offer", "reschedule_delay", ["0", "24h"], ["86401"], "a duration from 0s to 24h"),
        ("", "expire_after", ["1h", "365d"], ["0", "366d"], "a duration from 1s to 365d"),
        ("", "on_inbound", ["keep", "hold", "cancel"], ["wait"], "keep, hold or cancel"),
        ("", "label", ["x" * 80], ["x" * 81, "'a\\x07b'"], "one line of text, at most 80 characters"),
        ("", "language", ["en", "en_GB", "fr-CA"], ["../en", "e" * 41, "1"], "the name of an Asterisk sound language"),
    ],
)
def test_ranges(tmp_path: Path, section: str, key: str, allowed: list[str], refused: list[str], expected: str) -> None:
    def profile(value: str) -> str:
        sections = {
            "target": "endpoint: PJSIP/1001",
            "client": 'endpoint: "PJSIP/{number}", allow: ["+1"]',
            "agent": "",
            "rescheduling": "",
            "offer": "",
        }
        lines = []
        for name, written in sections.items():
            more = f"{', ' if written else ''}{key}: {value}" if name == section else ""
            lines.append(f"{name}: {{{written}{more}}}\n")
        return "".join(lines) + (f"{key}: {value}\n" if not section else "")

    for value in allowed:
        assert profile_problems(tmp_path, profile(value)) == []
    for value in refused:
        [complaint] = profile_problems(tmp_path, profile(value.replace("'", '"')))
        assert f"{section}.{key}".removeprefix(".") in complaint
        assert expected.split(" ", 1)[1] in complaint


def test_zero_pauses_and_a_short_expiry_are_warned_of(tmp_path: Path) -> None:
    lines = "expire_after: 7\n"
    assert profile_problems(tmp_path, target("max_concurrent: 0", lines)) == [
        "3:19: warning: target.max_concurrent: 0 pauses this profile",
        "5:15: warning: expire_after: less than an hour; a number without a unit is seconds",
    ]


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            "labell: x",
            "3:1: unknown setting 'labell'; did you mean 'label'? allowed: label, target, agent, client, "
            "rescheduling, offer, expire_after, on_inbound, prompts, language",
        ),
        (
            "offer: {delay: 1m, retries: 3}",
            "3:20: unknown setting 'retries' in offer; allowed: delay, attempts, reschedule_delay",
        ),
        (
            "offer: {Reschedule-Delay: 1m}",
            "3:9: unknown setting 'Reschedule-Delay' in offer; did you mean 'reschedule_delay'? "
            "allowed: delay, attempts, reschedule_delay",
        ),
        (
            "agent: {keys: {restart: '1'}}",
            "3:16: unknown setting 'restart' in agent.keys; did you mean 'start'? "
            "allowed: start, decline, again, reschedule",
        ),
        ("agent: 20s", "3:8: agent: found '20s'; expected a section (key: value)"),
        ("agent: [ring]", "3:8: agent: found a list; expected a section (key: value)"),
        ("label: [a]", "3:8: label: found a list; expected one line of text, at most 80 characters"),
        ("label:", "3:7: label: found nothing; expected one line of text, at most 80 characters"),
        (
            "offer: {attempts: {}}",
            "3:19: offer.attempts: found a section (key: value); expected a whole number from 1 to 10",
        ),
        ("prompts: [a]", "3:10: prompts: found a list; expected a section (name: media URI)"),
    ],
)
def test_unknown_settings_and_wrong_types(tmp_path: Path, lines: str, complaint: str) -> None:
    assert said(tmp_path, lines) == [complaint]


class TestEndpoints:
    @pytest.mark.parametrize(
        "endpoint",
        ["PJSIP/1001", "Local/600@callbackd-agents/n", "SIP/desk-1", "DAHDI/g1/5551212", "PJSIP/a/sip:1@10.0.0.1:5060"],
    )
    def test_target(self, tmp_path: Path, endpoint: str) -> None:
        text = PROFILE.replace("PJSIP/1001", endpoint)
        assert read_profile(tmp_path, text).target.endpoints == (endpoint,)

    @pytest.mark.parametrize("endpoint", ["PJSIP/{number}@t", "Local/{digits}@out/n", "PJSIP/0{national}@t"])
    def test_client(self, tmp_path: Path, endpoint: str) -> None:
        assert read_profile(tmp_path, client(endpoint=endpoint)).client.endpoint == endpoint

    @pytest.mark.parametrize(
        ("written", "complaint"),
        [
            ("PJSIP/1&PJSIP/2", "found 'PJSIP/1&PJSIP/2'; '&' is refused: use a list"),
            ("'PJSIP/1,30'", "found 'PJSIP/1,30'; the character ',' would break the dial string"),
            ('"PJSIP/1\\n2"', "found 'PJSIP/1\\n2'; the character '\\n' would break the dial string"),
            ("PJSIP/1 2", "found 'PJSIP/1 2'; the character ' ' would break the dial string"),
            ("PJSIP/1(2)", "found 'PJSIP/1(2)'; the character '(' would break the dial string"),
            ("'1001'", "found '1001'; expected TECHNOLOGY/address, such as PJSIP/1001 or Local/600@callbackd-agents/n"),
            (
                "PJSIP/",
                "found 'PJSIP/'; expected TECHNOLOGY/address, such as PJSIP/1001 or Local/600@callbackd-agents/n",
            ),
            (
                "'PJSIP/{number}'",
                "found 'PJSIP/{number}'; nothing is substituted in the target's endpoint; braces are refused",
            ),
            ("[]", "found an empty list; expected where the agents are, such as PJSIP/1001, or a list rung together"),
            (
                "[PJSIP/1, [PJSIP/2]]",
                "found a list; expected TECHNOLOGY/address, such as PJSIP/1001 or Local/600@callbackd-agents/n",
            ),
        ],
    )
    def test_target_refused(self, tmp_path: Path, written: str, complaint: str) -> None:
        text = f"target:\n  endpoint: {written}\n" + PROFILE.partition("\n")[2]
        [found] = profile_problems(tmp_path, text)
        assert found.startswith("2:")
        assert found.partition(": target.endpoint: ")[2] == complaint

    @pytest.mark.parametrize(
        ("written", "complaint"),
        [
            ("PJSIP/{nummer}@t", "only {number}, {digits} or {national} is substituted; did you mean 'number'?"),
            ("PJSIP/{}@t", "only {number}, {digits} or {national} is substituted"),
            ("PJSIP/{number.real}@t", "only {number}, {digits} or {national} is substituted; did you mean 'number'?"),
            ("PJSIP/{number@t", "a brace without its other half; only {number}, {digits} or {national} is substituted"),
            (
                "PJSIP/{{number}}",
                "a brace without its other half; only {number}, {digits} or {national} is substituted",
            ),
            ("PJSIP/{number!r}@t", "the character '!' would break the dial string"),
            ("'{number}/PJSIP'", "expected TECHNOLOGY/address, such as PJSIP/1001 or Local/600@callbackd-agents/n"),
            ("PJSIP/{number}&x", "'&' is refused: use a list"),
        ],
    )
    def test_client_refused(self, tmp_path: Path, written: str, complaint: str) -> None:
        shown = written.strip("'")
        assert profile_problems(tmp_path, client(endpoint=written)) == [
            f"3:13: client.endpoint: found '{shown}'; {complaint}"
        ]

    def test_a_client_route_without_the_number_is_warned_of(self, tmp_path: Path) -> None:
        assert profile_problems(tmp_path, client(endpoint="PJSIP/1002")) == [
            "3:13: warning: client.endpoint: without {number}, {digits} or {national} every client is dialled "
            "at the same place"
        ]

    @pytest.mark.parametrize("name", ["a,b", "a&b", "a b", "'a\\nb'", "a/b", "x" * 81])
    def test_queue(self, tmp_path: Path, name: str) -> None:
        [found] = profile_problems(tmp_path, target(f"queue: {name}"))
        assert found.startswith("3:10: target.queue: found ")
        assert found.endswith("expected an Asterisk queue's name: letters, digits and _ . - + @, nothing else")


class TestClient:
    @pytest.mark.parametrize(
        ("written", "read"),
        [
            ("Acme Support <+14165550100>", "Acme Support <+14165550100>"),
            ("Acme<14165550100>", "Acme <14165550100>"),
            ("<+14165550100>", "<+14165550100>"),
            ("Café <+14165550100>", "Café <+14165550100>"),
        ],
    )
    def test_caller_id(self, tmp_path: Path, written: str, read: str) -> None:
        assert read_profile(tmp_path, client(caller_id=written)).client.caller_id == read

    @pytest.mark.parametrize(
        "written",
        ["Acme", "+14165550100", "Acme <>", "Acme <+1 416>", "'\"A\" <+14165550100>'", "A <B> <+14165550100>"],
    )
    def test_caller_id_refused(self, tmp_path: Path, written: str) -> None:
        [found] = profile_problems(tmp_path, client(caller_id=written))
        assert found.startswith("5:14: client.caller_id: found ")
        assert found.endswith("; expected Name <+number>, such as Acme Support <+14165550100>")

    @pytest.mark.parametrize(
        ("written", "meant"), [("CAN", ""), ("XX", ""), ("+1", ""), ("UK", "; did you mean 'GB'?"), ("no way", "")]
    )
    def test_country_refused(self, tmp_path: Path, written: str, meant: str) -> None:
        assert profile_problems(tmp_path, client(country=written)) == [
            f"5:12: client.country: found '{written}'; expected a country's two-letter ISO 3166 code, such as CA{meant}"
        ]

    @pytest.mark.parametrize(
        ("written", "meant"),
        [("1", "; did you mean '+1'?"), ("+", ""), ("+0", ""), ("'*'", ""), ("+1-416", ""), ("+" + "1" * 16, "")],
    )
    def test_prefixes_refused(self, tmp_path: Path, written: str, meant: str) -> None:
        expected = "expected an E.164 prefix, + and 1 to 15 digits, such as +1 or +4420"
        shown = written.strip("'")
        assert profile_problems(tmp_path, client(allow=f"[{written}]", block=written)) == [
            f"4:11: client.allow: found '{shown}'; {expected}{meant}",
            f"5:10: client.block: found '{shown}'; {expected}{meant}",
        ]

    def test_allow_is_required(self, tmp_path: Path) -> None:
        endpoint = "target: {endpoint: PJSIP/1}\nclient:\n  endpoint: PJSIP/{number}\n"
        expected = 'the E.164 prefixes that may be dialled, such as ["+1"]'
        assert profile_problems(tmp_path, endpoint) == [f"2:1: client.allow is missing: {expected}"]
        assert profile_problems(tmp_path, endpoint + "  allow: []\n") == [
            f"4:10: client.allow: found an empty list; expected {expected}"
        ]
        [found] = profile_problems(tmp_path, endpoint + "  allow:\n")
        assert found.startswith("4:9: client.allow: found nothing; expected an E.164 prefix")

    def test_nothing_written_at_all(self, tmp_path: Path) -> None:
        assert profile_problems(tmp_path, "label: x") == [
            '1:1: client.allow is missing: the E.164 prefixes that may be dialled, such as ["+1"]',
            f"1:1: client.endpoint is missing: {HOW_CLIENTS_ARE_DIALLED}",
            "1:1: target.endpoint is missing: where the agents are, such as PJSIP/1001, or a list rung together",
        ]


class TestKeys:
    @pytest.mark.parametrize("keys", ["{start: '11', decline: '12'}", "{reschedule: '*9'}", "{reschedule: '11'}"])
    def test_allowed(self, tmp_path: Path, keys: str) -> None:
        assert said(tmp_path, f"agent: {{keys: {keys}}}") == []

    def test_without_quotes(self, tmp_path: Path) -> None:
        text = PROFILE + "agent: {keys: {start: 3, decline: 04}}"
        assert read_profile(tmp_path, text).agent.keys == Keys(start="3", decline="04")

    @pytest.mark.parametrize("key", ["A", "1-2", "'1 2'", "''", "+", "'123456789'"])
    def test_refused(self, tmp_path: Path, key: str) -> None:
        [found] = said(tmp_path, f"agent: {{keys: {{start: {key}}}}}")
        assert found.startswith("3:23: agent.keys.start: found ")
        assert found.endswith('; expected 1 to 8 of the keys 0-9 * #, in quotes, such as "*9"')

    @pytest.mark.parametrize(
        ("keys", "complaint"),
        [
            ("{start: '9'}", "3:23: agent.keys: start and reschedule are both 9; all must be different"),
            ("{decline: '1'}", "3:25: agent.keys: start and decline are both 1; all must be different"),
            ("{decline: '12'}", "3:25: agent.keys: decline (12) begins with start (1), so it could never be pressed"),
            ("{start: '*1'}", "3:23: agent.keys: start (*1) begins with again (*), so it could never be pressed"),
        ],
    )
    def test_keys_that_cannot_be_told_apart(self, tmp_path: Path, keys: str, complaint: str) -> None:
        assert said(tmp_path, f"agent: {{keys: {keys}}}") == [complaint]


class TestPrompts:
    @pytest.mark.parametrize(
        "uri", ["sound:a/b", "tone:ring;tonezone=fr", "digits:12*", "number:7", "characters:abc", "recording:x"]
    )
    def test_schemes(self, tmp_path: Path, uri: str) -> None:
        assert read_profile(tmp_path, PROFILE + f"prompts: {{ringing: '{uri}'}}").prompts == {"ringing": (uri,)}

    @pytest.mark.parametrize(
        ("uri", "meant"),
        [
            ("hello", ""),
            ("mp3:x", ""),
            ("sounds:x", "; did you mean 'sound'?"),
            ("sound:", ""),
            ("'sound:a,sound:b'", ""),
            ("sound:a b", ""),
            ("sound:a&b", ""),
        ],
    )
    def test_refused(self, tmp_path: Path, uri: str, meant: str) -> None:
        [found] = said(tmp_path, f"prompts: {{ringing: [{uri}]}}")
        assert found.startswith("3:21: prompts.ringing: found ")
        assert found.endswith(f"beginning with one of sound:, tone:, digits:, number:, characters:, recording:{meant}")

    def test_unknown_prompt(self, tmp_path: Path) -> None:
        assert said(tmp_path, "prompts: {agent_intro: sound:x}") == [
            "3:11: unknown prompt 'agent_intro'; did you mean 'agent-intro'? allowed: " + ", ".join(sorted(PROMPTS))
        ]

    def test_a_name_that_would_break_the_line(self, tmp_path: Path) -> None:
        for found in said(tmp_path, 'prompts: {"a\\nb": x}'):
            assert "'a\\nb'" in found

    def test_empty_list(self, tmp_path: Path) -> None:
        assert said(tmp_path, "prompts: {ringing: []}") == [
            "3:20: prompts.ringing: found an empty list; expected a media URI such as sound:custom/hello, "
            "or a list of them"
        ]


def test_every_kind_of_mistake_at_once(tmp_path: Path) -> None:
    text = """\
labl: x
target:
  endpoint: [PJSIP/1001&PJSIP/1002, "PJSIP/{number}"]
  queue: a,b
  timezone: America/Tornto
  hours:
    mon-fri: [09:00-12:00, 11:00-17:00]
    tue: 12:30
    fryday: 9-5
    sat: 22:00-06:00
    sun: 05:00-07:00
  exceptions:
    2026-02-30: closed
    2026-12-25: shut
  max_concurrent: -1
agent: {ring: soon, key_wait: 2m, keys: {start: "1", decline: "12", again: "A", reschedule: "1"}}
client:
  endpoint: PJSIP/{nummer}@trunk
  country: XX
  caller_id: Acme
  block: [1900]
  ring: 30s
  ring: 40s
rescheduling:
  auto: 1
  max_reschedules: 21
  cut_off: 13h
  after_cut_off: dorp
offer:
  attempts: none
  repeats: 3
expire_after: [7d]
on_inbound: holds
prompts: {bep-confirm: sound:x, beep-confirm: mp3:foo}
language: "e n"
"""
    form = "expected 'closed', an interval such as 09:00-12:00 (overnight: 22:00-06:00), or a list of intervals"
    assert profile_problems(tmp_path, text) == [
        "1:1: unknown setting 'labl'; did you mean 'label'? allowed: label, target, agent, client, rescheduling, "
        "offer, expire_after, on_inbound, prompts, language",
        "3:14: target.endpoint: found 'PJSIP/1001&PJSIP/1002'; '&' is refused: use a list",
        "3:37: target.endpoint: found 'PJSIP/{number}'; nothing is substituted in the target's endpoint; "
        "braces are refused",
        "4:10: target.queue: found 'a,b'; expected an Asterisk queue's name: letters, digits and _ . - + @, "
        "nothing else",
        "5:13: target.timezone: found 'America/Tornto'; expected an IANA time zone such as America/Toronto; "
        "did you mean 'America/Toronto'?",
        "7:28: target.hours 'mon-fri': 11:00-17:00 overlaps 09:00-12:00 (line 7)",
        "8:5: target.hours: tue is named twice: by 'mon-fri' on line 7 and by 'tue' on line 8",
        f"8:10: target.hours 'tue': found '12:30'; {form}",
        "9:5: target.hours: found 'fryday'; expected a weekday (mon, tue, wed, thu, fri, sat, sun), "
        "a range (mon-fri) or a list (mon, wed); did you mean 'friday'?",
        f"9:13: target.hours 'fryday': found '9-5'; {form}",
        "10:10: target.hours: sat 22:00-06:00 overlaps sun 05:00-07:00 (line 11)",
        "13:5: target.exceptions: found '2026-02-30'; expected a date such as 2026-12-25",
        f"14:17: target.exceptions '2026-12-25': found 'shut'; {form}",
        "15:19: target.max_concurrent: found '-1'; expected a whole number from 0 to 1000",
        "16:15: agent.ring: found 'soon'; expected a duration such as 30, 30s, 10m, 1h30m or 7d, from 1s to 5m",
        "16:31: agent.key_wait: found '2m'; expected a duration from 1s to 1m",
        "16:63: agent.keys: decline (12) begins with start (1), so it could never be pressed",
        "16:76: agent.keys.again: found 'A'; expected 1 to 8 of the keys 0-9 * #, in quotes, such as \"*9\"",
        "16:93: agent.keys: start and reschedule are both 1; all must be different",
        '17:1: client.allow is missing: the E.164 prefixes that may be dialled, such as ["+1"]',
        "18:13: client.endpoint: found 'PJSIP/{nummer}@trunk'; only {number}, {digits} or {national} is substituted; "
        "did you mean 'number'?",
        "19:12: client.country: found 'XX'; expected a country's two-letter ISO 3166 code, such as CA",
        "20:14: client.caller_id: found 'Acme'; expected Name <+number>, such as Acme Support <+14165550100>",
        "21:11: client.block: found '1900'; expected an E.164 prefix, + and 1 to 15 digits, such as +1 or +4420; "
        "did you mean '+1900'?",
        "23:3: duplicate key 'ring': first on line 22, again on line 23",
        "25:9: rescheduling.auto: found '1'; expected on or off",
        "26:20: rescheduling.max_reschedules: found '21'; expected a whole number from 0 to 20",
        "27:12: rescheduling.cut_off: found '13h'; expected a duration from 0s to 12h",
        "28:18: rescheduling.after_cut_off: found 'dorp'; expected next_open or drop; did you mean 'drop'?",
        "30:13: offer.attempts: found 'none'; expected a whole number from 1 to 10",
        "31:3: unknown setting 'repeats' in offer; allowed: delay, attempts, reschedule_delay",
        "32:15: expire_after: found a list; expected a duration such as 30, 30s, 10m, 1h30m or 7d, from 1s to 365d",
        "33:13: on_inbound: found 'holds'; expected keep, hold or cancel; did you mean 'hold'?",
        f"34:11: unknown prompt 'bep-confirm'; did you mean 'beep-confirm'? allowed: {', '.join(sorted(PROMPTS))}",
        "34:47: prompts.beep-confirm: found 'mp3:foo'; expected a media URI without spaces, commas or '&', "
        "beginning with one of sound:, tone:, digits:, number:, characters:, recording:",
        "35:11: language: found 'e n'; expected the name of an Asterisk sound language, such as en or pt_BR",
    ]

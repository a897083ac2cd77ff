"""callbackd.yaml: its sections, their defaults, and secrets that are never shown."""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from callbackd.config.addresses import Listen
from callbackd.config.secret import Secret
from callbackd.config.settings import (
    Agi,
    Ari,
    Http,
    Limits,
    Log,
    LogLevel,
    LogNumbers,
    Mqtt,
    Settings,
    Webhook,
)

from .config_files import read, settings_problems

ARI = "ari: {password: hush}\n"


def said(folder: Path, lines: str) -> list[str]:
    """What is said of the least settings with these lines added, from line 2 on."""
    return settings_problems(folder, ARI + lines)


def test_the_least_settings(tmp_path: Path) -> None:
    assert read(tmp_path, ARI).settings == Settings(
        file=tmp_path / "callbackd.yaml",
        ari=Ari(Secret("hush"), "http://127.0.0.1:8088/ari", "callbackd", "callbackd", None),
        database=Path("/var/lib/callbackd/callbackd.sqlite3"),
        profiles=tmp_path / "profiles",
        limits=Limits(20, 6, 20),
        drain=timedelta(seconds=30),
        retention=timedelta(days=90),
        log=Log(LogLevel.INFO, LogNumbers.MASKED),
        agi=None,
        http=None,
        mqtt=None,
        webhooks=(),
    )


def test_every_setting(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    (tmp_path / "hook").write_text("signed\n")
    text = """
        ari: {url: https://pbx.example:8089/ari/, username: me, password: x, app: other, ca_file: ca.pem}
        database: db/calls.sqlite3
        profiles: ./profiles
        limits: {max_concurrent: 1, dials_per_number: 2, requests_per_number: 3}
        drain: 0
        retention: 1d
        log: {level: debug, numbers: full}
        agi: {listen: 10.0.0.1:4573, allow_from: [10.0.0.2, 10.1.0.0/16, "::1"]}
        http: {listen: "[::1]:80", token_file: token}
        mqtt: {url: mqtts://broker:8883, prefix: site/calls, username: u, password: p, ca_file: ca.pem}
        webhooks:
          - {url: 'https://crm.example.com/hook?x=1', secret_file: hook, events: [attempt_ended, completed]}
          - {url: http://127.0.0.1:9000/, secret: s}
    """
    assert read(tmp_path, text).settings == Settings(
        file=tmp_path / "callbackd.yaml",
        ari=Ari(Secret("x"), "https://pbx.example:8089/ari", "me", "other", tmp_path / "ca.pem"),
        database=tmp_path / "db/calls.sqlite3",
        profiles=tmp_path / "profiles",
        limits=Limits(1, 2, 3),
        drain=timedelta(0),
        retention=timedelta(days=1),
        log=Log(LogLevel.DEBUG, LogNumbers.FULL),
        agi=Agi(
            Listen("10.0.0.1", 4573),
            (ip_network("10.0.0.2"), ip_network("10.1.0.0/16"), ip_network("::1")),
        ),
        http=Http(Listen("::1", 80), tmp_path / "token"),
        mqtt=Mqtt("mqtts://broker:8883", "site/calls", "u", Secret("p"), tmp_path / "ca.pem"),
        webhooks=(
            Webhook("https://crm.example.com/hook?x=1", Secret("signed"), ("attempt_ended", "completed")),
            Webhook("http://127.0.0.1:9000/", Secret("s")),
        ),
    )


def test_services_with_their_defaults(tmp_path: Path) -> None:
    settings = read(tmp_path, ARI + "agi: {}\nhttp: {}\nmqtt: {}\ndatabase: /srv/cb/x.sqlite3\n").settings
    assert settings.agi == Agi(Listen("127.0.0.1", 4573), (ip_network("127.0.0.0/8"), ip_network("::1")))
    assert settings.http == Http(Listen("127.0.0.1", 8780), Path("/srv/cb/api-token"))
    assert settings.mqtt == Mqtt("mqtt://127.0.0.1:1883")


@pytest.mark.parametrize("service", ["agi", "http", "mqtt"])
def test_a_service_left_empty_is_neither_on_nor_off(tmp_path: Path, service: str) -> None:
    [found] = said(tmp_path, f"{service}:\n")
    assert found.endswith(f"write '{service}: {{}}' for the defaults, or leave the line out to have it off")


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            "limit: {}",
            "2:1: unknown setting 'limit'; did you mean 'limits'? allowed: ari, database, profiles, limits, "
            "drain, retention, log, agi, http, mqtt, webhooks",
        ),
        (
            "limits: {max_concurrent: 10001}",
            "2:26: limits.max_concurrent: found '10001'; expected a whole number from 0 to 10000",
        ),
        ("limits: {max_concurrent: 0}", "2:26: warning: limits.max_concurrent: 0 pauses all dialling"),
        (
            "limits: {dials_per_number: 0}",
            "2:28: limits.dials_per_number: found '0'; expected a whole number from 1 to 1000",
        ),
        (
            "limits: {requests_per_number: 0}",
            "2:31: limits.requests_per_number: found '0'; expected a whole number from 1 to 1000",
        ),
        ("drain: 61m", "2:8: drain: found '61m'; expected a duration from 0s to 1h"),
        ("retention: 1h", "2:12: retention: found '1h'; expected a duration from 1d to 3650d"),
        (
            "log: {level: warn}",
            "2:14: log.level: found 'warn'; expected debug, info, warning or error; did you mean 'warning'?",
        ),
        ("log: {numbers: none}", "2:16: log.numbers: found 'none'; expected masked or full"),
        ("log: debug", "2:6: log: found 'debug'; expected a section (key: value)"),
        ("database: ''", "2:11: database: found ''; expected the name of a file or folder"),
        (
            "agi: {listen: 4573}",
            "2:15: agi.listen: found '4573'; expected ADDRESS:PORT, such as 127.0.0.1:4573 or \"[::1]:4573\"",
        ),
        (
            "agi: {listen: 127.0.0.1:65536}",
            "2:15: agi.listen: found '127.0.0.1:65536'; expected ADDRESS:PORT, such as "
            '127.0.0.1:4573 or "[::1]:4573"',
        ),
        (
            "agi: {listen: 0.0.0.0:4573}",
            "2:15: agi.listen: found '0.0.0.0:4573'; an address that others can reach needs "
            "agi.allow_from, the addresses that may connect: AGI has no password",
        ),
        (
            "agi: {allow_from: []}",
            "2:19: agi.allow_from: found a list; names nobody, so nobody could connect; name an address",
        ),
        (
            "agi: {allow_from: 10.0.0.1/24}",
            "2:19: agi.allow_from: found '10.0.0.1/24'; expected an IP address or a network "
            "such as 192.168.1.0/24; did you mean '10.0.0.0/24'?",
        ),
        (
            "agi: {allow_from: pbx}",
            "2:19: agi.allow_from: found 'pbx'; expected an IP address or a network such as 192.168.1.0/24",
        ),
        ("mqtt: {url: http://x}", "2:13: mqtt.url: found 'http://x'; expected mqtt://HOST:PORT or mqtts://HOST:PORT"),
        (
            "mqtt: {url: mqtt://x/y}",
            "2:13: mqtt.url: found 'mqtt://x/y'; expected mqtt://HOST:PORT or mqtts://HOST:PORT and nothing after it",
        ),
        (
            "mqtt: {prefix: a/#}",
            "2:16: mqtt.prefix: found 'a/#'; expected the beginning of topics, such as callbackd or site/callbackd",
        ),
        ("mqtt: {password: x}", "2:1: mqtt.username is missing: a password needs one"),
        ("mqtt: on", "2:7: mqtt: found 'on'; expected a section (key: value)"),
        ("webhooks: {}", "2:11: webhooks: found a section (key: value); expected a list, each with url and secret"),
        ("webhooks: [x]", "2:12: webhooks[1]: expected a section with url and secret"),
        (
            "webhooks: [{url: 'http://x', secret: s, event: y}]",
            "2:41: unknown setting 'event' in webhooks[1]; "
            "did you mean 'events'? allowed: url, secret, secret_file, events",
        ),
        ("webhooks: [{secret: s}]", "2:12: webhooks[1].url is missing: where events are posted"),
        (
            "webhooks: [{url: 'http://x'}]",
            "2:12: webhooks[1].secret is missing: set secret, as in secret: ${NAME}, or secret_file",
        ),
        ("webhooks: [{url: 'x', secret: s}]", "2:18: webhooks[1].url: found 'x'; expected http://… or https://…"),
    ],
)
def test_what_is_refused(tmp_path: Path, lines: str, complaint: str) -> None:
    assert said(tmp_path, lines) == [complaint]


@pytest.mark.parametrize(
    "url", ["127.0.0.1:8088", "ftp://x/ari", "http:///ari", "http://x:0/ari", "http://x y/ari", "http://[x/ari"]
)
def test_ari_urls_refused(tmp_path: Path, url: str) -> None:
    assert settings_problems(tmp_path, f"ari: {{password: x, url: '{url}'}}") == [
        f"1:25: ari.url: found '{url}'; expected a URL such as http://127.0.0.1:8088/ari"
    ]


@pytest.mark.parametrize("url", ["http://x:8088", "http://x:8088/", "http://x/ari?a=b"])
def test_an_ari_url_names_ari(tmp_path: Path, url: str) -> None:
    assert settings_problems(tmp_path, f"ari: {{password: x, url: '{url}'}}") == [
        f"1:25: ari.url: found '{url}'; expected a URL that ends in /ari, such as http://127.0.0.1:8088/ari"
    ]


@pytest.mark.parametrize("listen", ["127.0.0.1:1", "127.0.0.2:4573", "localhost:4573", "'[::1]:4573'"])
def test_loopback_needs_no_allow_from(tmp_path: Path, listen: str) -> None:
    assert said(tmp_path, f"agi: {{listen: {listen}}}") == []


@pytest.mark.parametrize("listen", ["0.0.0.0:4573", "'[::]:4573'", "pbx.example:4573", "192.168.1.1:4573"])
def test_other_addresses_need_allow_from(tmp_path: Path, listen: str) -> None:
    assert len(said(tmp_path, f"agi: {{listen: {listen}}}")) == 1
    assert said(tmp_path, f"agi: {{listen: {listen}, allow_from: 192.168.1.0/24}}") == []


class TestSecrets:
    def test_a_password_is_required(self, tmp_path: Path) -> None:
        expected = "ari.password is missing: set password, as in password: ${NAME}, or password_file"
        assert settings_problems(tmp_path, "drain: 1") == [f"1:1: {expected}"]
        assert settings_problems(tmp_path, "drain: 1\nari:\n  username: x\n") == [f"2:1: {expected}"]

    @pytest.mark.parametrize("content", [b"hush", b"hush\n", b"hush\r\n"])
    def test_a_password_file(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "secret").write_bytes(content)
        settings = read(tmp_path, "ari: {password_file: secret}").settings
        assert settings.ari.password.reveal() == "hush"

    def test_spaces_belong_to_the_password(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b" hu sh \n")
        assert read(tmp_path, "ari: {password_file: secret}").settings.ari.password.reveal() == " hu sh "

    def test_not_both(self, tmp_path: Path) -> None:
        assert settings_problems(tmp_path, "ari:\n  password: a\n  password_file: b\n") == [
            "3:18: ari.password and ari.password_file are both set; leave one out"
        ]

    @pytest.mark.parametrize(
        ("content", "complaint"),
        [
            (None, "ari.password_file: found 'secret'; no such file"),
            (b"", "ari.password_file: found 'secret'; the file is empty"),
            (b"\n", "ari.password_file: found 'secret'; the file is empty"),
            (b"hush\nhush\n", "ari.password_file: expected one line"),
            (b"hush\xff\n", "ari.password_file: found 'secret'; the file is not UTF-8 text"),
            (b"hush" * 2000, "ari.password_file: found 'secret'; the file is too large for a password"),
        ],
    )
    def test_a_password_file_that_is_wrong(self, tmp_path: Path, content: bytes | None, complaint: str) -> None:
        if content is not None:
            (tmp_path / "secret").write_bytes(content)
        assert settings_problems(tmp_path, "ari: {password_file: secret}") == [f"1:22: {complaint}"]

    def test_a_folder_is_no_password_file(self, tmp_path: Path) -> None:
        assert settings_problems(tmp_path, "ari: {password_file: .}") == [
            "1:22: ari.password_file: found '.'; is a folder, not a file"
        ]

    @pytest.mark.parametrize("written", ["", "[hush]", "{hush: 1}", "''"])
    def test_an_empty_or_wrong_password(self, tmp_path: Path, written: str) -> None:
        [found] = settings_problems(tmp_path, f"ari:\n  password: {written}\n")
        assert found.endswith("ari.password: expected the password, in quotes if it has special characters")

    def test_secrets_are_never_shown(self, tmp_path: Path) -> None:
        text = (
            "ari: {password: hush1}\nmqtt: {username: u, password: hush2}\n"
            "webhooks: [{url: 'http://x/', secret: hush3}]\n"
        )
        configuration = read(tmp_path, text)
        assert "hush" not in repr(configuration)
        assert "hush" not in f"{configuration} {configuration.settings.ari.password}"

    @pytest.mark.parametrize(
        "text",
        [
            "ari: {pasword: hush}",
            "ari: {password: !hush x}",
            "ari: {password: *hush}",
            "ari: {password: &hush}",
            "ari: {password: !hush!x y}",
            "ari: {password: [hush}",
            "ari: {password: hush: hush}",
            'ari: {password: "hush\\nhush"}',
            "ari: {password: `hush}",
            "ari: {password: '@hush}",
            "ari: {password: x, url: 'http://u:hush@pbx/ari'}",
            "ari: {password: x, url: 'u:hush@pbx'}",
            "ari: {password: x}\nmqtt: {url: 'mqtt://u:hush@broker'}",
            "ari: {password: x}\nwebhooks: [{url: 'https://u:hush@x/', secret: y}]",
            "ari: {password: x}\nwebhooks: [{url: 'https://x/', secret: y, secret: hush}]",
        ],
    )
    def test_a_mistake_about_a_secret_does_not_tell_it(self, tmp_path: Path, text: str) -> None:
        found = settings_problems(tmp_path, text)
        assert found
        assert "hush" not in "\n".join(found)


def test_ca_files_are_looked_at(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").touch()
    assert settings_problems(tmp_path, "ari: {password: x, url: https://x/ari, ca_file: no.pem}") == [
        "1:49: ari.ca_file: found 'no.pem'; no such file"
    ]
    assert settings_problems(tmp_path, "ari: {password: x, ca_file: ca.pem}") == [
        "1:29: warning: ari.ca_file: not used, the url is not encrypted"
    ]

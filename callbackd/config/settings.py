"""The daemon's own settings, ``callbackd.yaml``: what they are, and how they are read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from pathlib import Path

from callbackd.config.addresses import Listen, Network, ari_url, listen, mqtt_url, network, web_url
from callbackd.config.durations import duration
from callbackd.config.files import Unreadable, read_at_most
from callbackd.config.nodes import Mapping, Sequence, is_null
from callbackd.config.problems import Place, Problems
from callbackd.config.readers import Reader, Unfit, choice, line, text_form, whole_number, word
from callbackd.config.secret import Secret, read_secret
from callbackd.config.section import Section, Witness


class LogLevel(StrEnum):
    """From how serious on something is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogNumbers(StrEnum):
    """How much of a client's number a log line shows."""

    MASKED = "masked"
    FULL = "full"


@dataclass(frozen=True, slots=True)
class Ari:
    """How Asterisk's REST interface is reached. `url` has no slash at its end; `ca_file` is a private CA."""

    password: Secret
    url: str = "http://127.0.0.1:8088/ari"
    username: str = "callbackd"
    app: str = "callbackd"
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds over all profiles. `max_concurrent` 0 means paused; the others are per number and 24 hours."""

    max_concurrent: int = 20
    dials_per_number: int = 6
    requests_per_number: int = 20


@dataclass(frozen=True, slots=True)
class Log:
    """What is logged."""

    level: LogLevel = LogLevel.INFO
    numbers: LogNumbers = LogNumbers.MASKED


@dataclass(frozen=True, slots=True)
class Agi:
    """The AGI service. It has no password: only `allow_from` may connect."""

    listen: Listen
    allow_from: tuple[Network, ...]


@dataclass(frozen=True, slots=True)
class Http:
    """The HTTP API. `token_file` holds the token, and is made on the first start if it isn't there."""

    listen: Listen
    token_file: Path


@dataclass(frozen=True, slots=True)
class Mqtt:
    """The MQTT broker. `url` is ``mqtt://`` or, for TLS, ``mqtts://``; `prefix` begins every topic."""

    url: str
    prefix: str = "callbackd"
    username: str | None = None
    password: Secret | None = None
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where events are posted, signed with `secret`. No `events` means all of them."""

    url: str
    secret: Secret
    events: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything in ``callbackd.yaml``. Paths are as the daemon opens them; a service that is None is off."""

    file: Path
    ari: Ari
    database: Path
    profiles: Path
    limits: Limits
    drain: timedelta
    retention: timedelta
    log: Log
    agi: Agi | None
    http: Http | None
    mqtt: Mqtt | None
    webhooks: tuple[Webhook, ...]


def read_settings(path: Path, document: Mapping, problems: Problems, witness: Witness | None = None) -> Settings:
    """The settings that `document`, read from `path`, describes; relative paths in it start at its folder.

    They may be used only if `problems` holds no error afterwards.
    """
    folder = path.parent
    to_path = _path_from(folder)
    with Section("", document, Place(document.place.file, 1, 1), problems, witness) as file:
        ari = _ari(file, folder)
        database = file.setting("database", to_path, Path("/var/lib/callbackd/callbackd.sqlite3"))
        return Settings(
            file=path,
            ari=ari,
            database=database,
            profiles=file.setting("profiles", to_path, folder / "profiles"),
            limits=_limits(file),
            drain=file.setting("drain", duration("0s", "1h"), timedelta(seconds=30)),
            retention=file.setting("retention", duration("1d", "3650d"), timedelta(days=90)),
            log=_log(file),
            agi=_agi(file),
            http=_http(file, folder, database),
            mqtt=_mqtt(file, folder),
            webhooks=_webhooks(file, folder),
        )


def _ari(file: Section, folder: Path) -> Ari:
    defaults = Ari(Secret(""))
    with file.section("ari") as ari:
        url = ari.setting("url", ari_url, defaults.url)
        return Ari(
            url=url,
            username=ari.setting("username", line(80), defaults.username),
            password=read_secret(ari, "password", folder, required=True) or Secret(""),
            app=ari.setting(
                "app",
                word(r"[A-Za-z0-9_.-]{1,64}", "a Stasis application's name: letters, digits and _ . -"),
                defaults.app,
            ),
            ca_file=_ca_file(ari, folder, url.startswith("https:")),
        )


def _limits(file: Section) -> Limits:
    defaults = Limits()
    with file.section("limits") as limits:
        max_concurrent = limits.setting("max_concurrent", whole_number(0, 10_000), defaults.max_concurrent)
        if max_concurrent == 0:
            limits.problems.warning(
                limits.place_of("max_concurrent"), f"{limits.path('max_concurrent')}: 0 pauses all dialling"
            )
        return Limits(
            max_concurrent=max_concurrent,
            dials_per_number=limits.setting("dials_per_number", whole_number(1, 1000), defaults.dials_per_number),
            requests_per_number=limits.setting(
                "requests_per_number", whole_number(1, 1000), defaults.requests_per_number
            ),
        )


def _log(file: Section) -> Log:
    defaults = Log()
    with file.section("log") as log:
        return Log(
            level=log.setting("level", choice(LogLevel), defaults.level),
            numbers=log.setting("numbers", choice(LogNumbers), defaults.numbers),
        )


def _agi(file: Section) -> Agi | None:
    section = file.service("agi")
    if section is None:
        return None
    with section as agi:
        address = agi.setting("listen", listen, Listen("127.0.0.1", 4573))
        allow_from = agi.list_of("allow_from", network)
        node = agi.take("allow_from")
        if node is not None and isinstance(node, Sequence) and not node.items:
            agi.wrong("allow_from", node, "names nobody, so nobody could connect; name an address")
        if node is None and not address.is_loopback:
            agi.problems.error(
                agi.place_of("listen"),
                f"{agi.path('listen')}: found '{address}'; an address that others can reach needs "
                f"{agi.path('allow_from')}, the addresses that may connect: AGI has no password",
            )
        if node is None:
            allow_from = (network("127.0.0.0/8"), network("::1"))
    return Agi(address, allow_from)


def _http(file: Section, folder: Path, database: Path) -> Http | None:
    section = file.service("http")
    if section is None:
        return None
    with section as http:
        return Http(
            listen=http.setting("listen", listen, Listen("127.0.0.1", 8780)),
            token_file=http.setting("token_file", _path_from(folder), database.parent / "api-token"),
        )


def _mqtt(file: Section, folder: Path) -> Mqtt | None:
    section = file.service("mqtt")
    if section is None:
        return None
    with section as mqtt:
        url = mqtt.setting("url", mqtt_url, "mqtt://127.0.0.1:1883")
        username = mqtt.optional("username", line(200))
        password = read_secret(mqtt, "password", folder, required=False)
        if password is not None and not mqtt.has("username"):
            mqtt.missing("username", "a password needs one")
        return Mqtt(
            url=url,
            prefix=mqtt.setting(
                "prefix",
                word(
                    r"[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*",
                    "the beginning of topics, such as callbackd or site/callbackd",
                ),
                "callbackd",
            ),
            username=username,
            password=password,
            ca_file=_ca_file(mqtt, folder, url.startswith("mqtts:")),
        )


def _webhooks(file: Section, folder: Path) -> tuple[Webhook, ...]:
    node = file.take("webhooks")
    if node is None or is_null(node):
        return ()
    if not isinstance(node, Sequence):
        file.wrong("webhooks", node, "expected a list, each with url and secret")
        return ()
    webhooks = []
    for number, item in enumerate(node.items, start=1):
        name = f"webhooks[{number}]"
        if not isinstance(item, Mapping):
            file.problems.error(item.place, f"{name}: expected a section with url and secret")
            continue
        with Section(name, item, item.place, file.problems, file.witness) as hook:
            webhooks.append(
                Webhook(
                    url=hook.required("url", web_url, "where events are posted"),
                    secret=read_secret(hook, "secret", folder, required=True) or Secret(""),
                    events=hook.texts("events", word(r"[a-z][a-z0-9_]{0,63}", "the type of an event")),
                )
            )
    return tuple(webhooks)


def _ca_file(section: Section, folder: Path, encrypted: bool) -> Path | None:
    ca_file = section.optional("ca_file", _path_from(folder, must_exist=True))
    if ca_file is not None and not encrypted:
        section.problems.warning(
            section.place_of("ca_file"), f"{section.path('ca_file')}: not used, the url is not encrypted"
        )
    return ca_file


def _path_from(folder: Path, *, must_exist: bool = False) -> Reader[Path]:
    def read(text: str) -> Path:
        if not text.strip() or not text.isprintable():
            raise Unfit("expected the name of a file or folder")
        if must_exist:
            try:
                read_at_most(folder / text, 1)
            except Unreadable as error:
                raise Unfit(str(error)) from None
        return folder / text

    return Reader(read, text_form("a path; a relative one starts at this file's folder", minLength=1))

"""What this machine tells of its PBX, so that a first configuration fits it. Files are read; nothing else is done."""

from __future__ import annotations

import configparser
import http.client
import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from urllib.parse import urlsplit

from callbackd.config.dialling import country, queue_name
from callbackd.config.files import Unreadable, read_at_most
from callbackd.config.hours import parse_zone
from callbackd.config.readers import Unfit

USUAL_URL = "http://127.0.0.1:8088/ari"

_LARGEST = 4_000_000
_FREEPBX = ("etc/freepbx.conf", "etc/amportal.conf", "var/www/html/admin/modules/framework")
_QUEUE_FILES = ("queues.conf", "queues_additional.conf", "queues_custom.conf")
_PJSIP_FILES = ("pjsip.conf", "pjsip.endpoint.conf", "pjsip_wizard.conf")
_SOUNDS = ("usr/share/asterisk/sounds", "var/lib/asterisk/sounds")
_SECTION = re.compile(r"^\s*\[(?P<name>[^\]]+)\](?P<more>\s*\([^)]*\))?", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Found:
    """What was found. `asterisk` is its configuration's folder, `sounds` the folder of its sounds; None if there is
    none that this user may see. `queues`, `phones` and `trunks` are names, as far as they can be told."""

    asterisk: Path | None = None
    freepbx: bool = False
    ari_url: str = USUAL_URL
    http_enabled: bool | None = None
    sounds: Path | None = None
    queues: tuple[str, ...] = ()
    phones: tuple[str, ...] = ()
    trunks: tuple[str, ...] = ()
    zone: str | None = None
    country: str | None = None


def look(root: Path = Path("/")) -> Found:
    """Look below `root`. What can't be read is as if it weren't there."""
    folder = root / "etc/asterisk"
    there = folder.is_dir()
    url, enabled = _ari_url(folder) if there else (USUAL_URL, None)
    phones, trunks = _endpoints(folder)
    zone = _zone(root)
    return Found(
        asterisk=folder if there else None,
        freepbx=any((root / marker).exists() for marker in _FREEPBX),
        ari_url=url,
        http_enabled=enabled,
        sounds=_sounds(root, folder),
        queues=_queues(folder),
        phones=phones,
        trunks=trunks,
        zone=zone,
        country=country_of(zone),
    )


def answers(url: str, patience: float = 2.0) -> bool:
    """Whether an Asterisk's ARI is at `url`: it asks for a password, which it isn't given. `patience` in seconds."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname is None:
        return False
    connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=patience)
    try:
        connection.request("GET", f"{parts.path}/asterisk/info")
        answer = connection.getresponse()
    except (OSError, http.client.HTTPException, ValueError):
        return False
    else:
        return answer.status == 401 and "Asterisk" in (answer.headers.get("WWW-Authenticate") or "")
    finally:
        connection.close()


def country_of(zone: str | None) -> str | None:
    """The country whose clocks go by `zone`, by the time zone database; None where it names none."""
    if zone is None:
        return None
    try:
        table = resources.files("tzdata").joinpath("zoneinfo", "zone.tab").read_text("utf-8")
    except (OSError, ModuleNotFoundError):
        return None
    for line in table.splitlines():
        columns = line.split("\t")
        if not line.startswith("#") and len(columns) > 2 and columns[2] == zone:
            try:
                return country(columns[0])
            except Unfit:
                return None
    return None


def _read(path: Path) -> str:
    try:
        return read_at_most(path, _LARGEST).decode("utf-8", "replace")
    except Unreadable:
        return ""


def _without_comments(text: str) -> str:
    return re.sub(r"(?<!\\);.*", "", text)


def _options(text: str, section: str) -> dict[str, str]:
    """The options of a section of one of Asterisk's files; templates and includes are left aside."""
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",), allow_no_value=True
    )
    try:
        parser.read_string(re.sub(r"^(\s*\[[^\]]+\])\(.*\)", r"\1", _without_comments(text), flags=re.MULTILINE))
    except configparser.Error:
        return {}
    if not parser.has_section(section):
        return {}
    return {key: (value or "").lstrip("> ").strip() for key, value in parser.items(section)}


def _ari_url(folder: Path) -> tuple[str, bool | None]:
    """Where its web server listens, and whether it is on; None if no file says so."""
    text = _read(folder / "http.conf") + "\n" + _read(folder / "http_additional.conf")
    general = _options(text, "general")
    if not general:
        return USUAL_URL, None
    host = general.get("bindaddr", "127.0.0.1")
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    port = general.get("bindport", "8088")
    prefix = general.get("prefix", "").strip("/")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not re.fullmatch(r"[A-Za-z0-9.:\[\]-]+", host):
        return USUAL_URL, None
    middle = f"/{prefix}" if re.fullmatch(r"[A-Za-z0-9_-]+", prefix) else ""
    return f"http://{host}:{port}{middle}/ari", general.get("enabled", "no").lower() in {"yes", "true", "1", "on"}


def _sections(folder: Path, files: tuple[str, ...]) -> list[tuple[str, str, str]]:
    """Name, template part and body of every section in those files."""
    found = []
    for file in files:
        text = _without_comments(_read(folder / file))
        heads = list(_SECTION.finditer(text))
        for head, following in zip(heads, [*heads[1:], None], strict=False):
            body = text[head.end() : following.start() if following else len(text)]
            found.append((head["name"].strip(), head["more"] or "", body))
    return found


def _queues(folder: Path) -> tuple[str, ...]:
    names = []
    for name, more, _ in _sections(folder, _QUEUE_FILES):
        try:
            if name not in {"general", "default"} and "!" not in more:
                names.append(queue_name(name))
        except Unfit:
            continue
    return tuple(dict.fromkeys(names))


def _endpoints(folder: Path) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """PJSIP endpoints: those named by a registration or an identify are trunks, others with a number phones."""
    endpoints, outward = [], set()
    for name, more, body in _sections(folder, (*_PJSIP_FILES, "pjsip.registration.conf", "pjsip.identify.conf")):
        kind = re.search(r"^\s*type\s*=>?\s*(\w+)", body, re.MULTILINE)
        if "!" in more or kind is None:
            continue
        if kind[1] == "endpoint":
            endpoints.append(name)
        elif kind[1] in {"registration", "identify"}:
            named = re.search(r"^\s*endpoint\s*=>?\s*(\S+)", body, re.MULTILINE)
            outward.add(named[1] if named else name)
    fit = [name for name in dict.fromkeys(endpoints) if re.fullmatch(r"[A-Za-z0-9_.-]{1,60}", name)]
    phones = tuple(name for name in fit if re.fullmatch(r"[0-9]{2,6}", name) and name not in outward)
    return phones, tuple(name for name in fit if name in outward)


def _sounds(root: Path, folder: Path) -> Path | None:
    directories = _options(_read(folder / "asterisk.conf"), "directories")
    named: str = directories.get("astdatadir", "").lstrip("/")
    for place in (*((f"{named}/sounds",) if named else ()), *_SOUNDS):
        sounds: Path = root / place
        if (sounds / "en").is_dir():
            return sounds
    return None


def _zone(root: Path) -> str | None:
    """The machine's time zone, where it is one with a place; `UTC` tells nothing of where agents work."""
    try:
        text = str((root / "etc/localtime").readlink()).partition("zoneinfo/")[2]
    except OSError:
        text = ""
    for name in (text, _read(root / "etc/timezone").strip()):
        try:
            if "/" in name and not name.startswith("Etc/"):
                return parse_zone(name)
        except Unfit:
            continue
    return None

"""Where things listen and connect: addresses, networks and URLs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from urllib.parse import SplitResult, urlsplit

from callbackd.config.readers import Confidential, Unfit, reads, text_form

Network = IPv4Network | IPv6Network

_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?)*\.?")

_EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 compared with, not listened at


@dataclass(frozen=True, slots=True)
class Listen:
    """An address and a port that a service waits at; `host` has no brackets around an IPv6 address."""

    host: str
    port: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return self.host == "localhost" or (_is_address(self.host) and ip_address(self.host).is_loopback)

    @property
    def reached_at(self) -> str:
        """The host at which a program on this machine reaches it: loopback, where it listens at every address."""
        return _EVERY_ADDRESS.get(self.host, self.host)

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@reads(text_form("`ADDRESS:PORT`", r"(?:\[[^\[\]]+\]|[^\[\]:]+):[0-9]{1,5}"))
def listen(text: str) -> Listen:
    """``ADDRESS:PORT``, with an IPv6 address in brackets."""
    match = re.fullmatch(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^\[\]:]+)):(?P<port>[0-9]{1,5})", text)
    if match is not None and 1 <= int(match["port"]) <= 65535:
        host = match["v6"] or match["host"]
        if (_is_address(host) and (":" in host) == bool(match["v6"])) or (not match["v6"] and _is_host(host)):
            return Listen(host, int(match["port"]))
    raise Unfit('expected ADDRESS:PORT, such as 127.0.0.1:4573 or "[::1]:4573"')


@reads(text_form("an address or a network: `192.168.1.0/24`", "[0-9A-Fa-f:.]+(?:/[0-9.]+)?"))
def network(text: str) -> Network:
    """An address, or a network such as ``192.168.1.0/24``."""
    try:
        return ip_network(text)
    except ValueError:
        pass
    try:
        meant = f"; did you mean '{ip_network(text, strict=False)}'?"
    except ValueError:
        meant = ""
    raise Unfit(f"expected an IP address or a network such as 192.168.1.0/24{meant}")


@reads(text_form("an `http` or `https` URL", "[Hh][Tt][Tt][Pp][Ss]?://[^ ]+"))
def web_url(text: str) -> str:
    """An ``http`` or ``https`` URL without credentials or fragment."""
    _split(text, {"http", "https"}, "http://… or https://…")
    return text


@reads(text_form("a URL that ends in `/ari`", "[Hh][Tt][Tt][Pp][Ss]?://[^ /]+/[^ ?#]+"))
def ari_url(text: str) -> str:
    """The base URL of ARI, without a slash at its end; its path is ``/ari`` behind whatever prefix http.conf has."""
    parts = _split(text, {"http", "https"}, "a URL such as http://127.0.0.1:8088/ari")
    if parts.query or parts.path in {"", "/"}:
        raise Unfit("expected a URL that ends in /ari, such as http://127.0.0.1:8088/ari")
    return text.rstrip("/")


@reads(text_form("`mqtt://HOST:PORT` or `mqtts://HOST:PORT`", "[Mm][Qq][Tt][Tt][Ss]?://[^ /?#]+/?"))
def mqtt_url(text: str) -> str:
    """The broker's URL: scheme, host and port, no more."""
    parts = _split(text, {"mqtt", "mqtts"}, "mqtt://HOST:PORT or mqtts://HOST:PORT")
    if parts.query or parts.path not in {"", "/"}:
        raise Unfit("expected mqtt://HOST:PORT or mqtts://HOST:PORT and nothing after it")
    return text.rstrip("/")


def _split(text: str, schemes: set[str], expected: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        fits = (
            text.isascii()
            and text.isprintable()
            and " " not in text
            and parts.scheme in schemes
            and _is_place(parts.hostname or "")
            and parts.port != 0
            and not parts.fragment
        )
    except ValueError:
        fits = False
    if "@" in text and (not fits or "@" in parts.netloc):
        raise Confidential(f"expected {expected}, without a user and password in it")
    if not fits:
        raise Unfit(f"expected {expected}")
    return parts


def _is_place(text: str) -> bool:
    return _is_host(text) or _is_address(text)


def _is_host(text: str) -> bool:
    return len(text) <= 253 and _HOST.fullmatch(text) is not None


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True

"""What calls are made through: the endpoints and the dialplan that the profiles name."""

from __future__ import annotations

from collections.abc import AsyncIterator

from callbackd.ari.client import AriClient
from callbackd.config.load import Configuration
from callbackd.doctor.finding import Finding, failed, ok, warning
from callbackd.domain.profile import Profile

_INVALID = "INVALID"
_UNAVAILABLE = frozenset({"UNAVAILABLE", "UNKNOWN"})
_INCLUDE = "include callbackd.conf, which `callbackd init` writes, in extensions.conf; then `dialplan reload`"

CONTEXTS = (
    ("s@callbackd-intake", "the menu for waiting callers"),
    ("s@callbackd-inbound", "clients who call in while they wait"),
)
"""What the dialplan include has for everybody; a site may do without either."""


async def examine(client: AriClient, configuration: Configuration) -> AsyncIterator[Finding]:
    """A finding for each endpoint and context."""
    for place, purpose in CONTEXTS:
        if await _exists(client, place):
            yield ok("dialplan", f"{place}: there")
        else:
            yield warning("dialplan", f"{place} is not there: {purpose}", _INCLUDE)
    for profile in configuration.profiles.values():
        if profile.target.queue is not None:
            yield await _exit(client, profile.id)
        for endpoint in profile.target.endpoints:
            yield await _endpoint(client, f"{profile.id}: target.endpoint", endpoint)
        yield await _endpoint(client, f"{profile.id}: client.endpoint", _sample(profile))


async def _exit(client: AriClient, profile: str) -> Finding:
    """The way out of the queue, by the name that callbackd.conf gives it."""
    context = f"callbackd-queue-exit-{profile}"
    if await _exists(client, f"1@{context}"):
        return ok("dialplan", f"1@{context}: there")
    return warning(
        "dialplan",
        f"1@{context} is not there: key 1 for callers in the queue",
        f"copy that context in callbackd.conf, and set context = {context} in the queue; "
        "needless if callers of this profile reach the menu in another way",
    )


async def _endpoint(client: AriClient, what: str, endpoint: str) -> Finding:
    technology, _, address = endpoint.partition("/")
    if technology.upper() == "LOCAL":
        place = address.partition("/")[0]
        if "@" not in place:
            return failed("endpoint", f"{what} {endpoint} names no context", "write Local/EXTENSION@CONTEXT/n")
        if await _exists(client, place):
            return ok("endpoint", f"{what} {endpoint}: in the dialplan")
        return failed(
            "endpoint",
            f"{what} {endpoint}: the dialplan has no such extension",
            f"add it to the context {place.partition('@')[2]}, or correct the profile; then `dialplan reload`",
        )
    if technology.upper() != "PJSIP":
        return ok("endpoint", f"{what} {endpoint}: {technology} can't be checked over ARI")
    name = address.rpartition("@")[2] if "@" in address and "/" not in address else address.partition("/")[0]
    state = await client.device_state(f"PJSIP/{name}")
    if state == _INVALID:
        return failed(
            "endpoint",
            f"{what} {endpoint}: there is no endpoint '{name}'",
            "correct the profile, or add it to pjsip.conf",
        )
    if state in _UNAVAILABLE:
        return warning(
            "endpoint",
            f"{what} {endpoint}: '{name}' is not reachable now ({state})",
            f"is it registered? `pjsip show endpoint {name}`",
        )
    return ok("endpoint", f"{what} {endpoint}: {state}")


async def _exists(client: AriClient, place: str) -> bool:
    """Whether the dialplan has `extension@context`: the state of a Local channel there tells."""
    return await client.device_state(f"Local/{place}") != _INVALID


def _sample(profile: Profile) -> str:
    """The client's endpoint with a number that the profile may dial."""
    number = profile.client.allow[0].ljust(12, "5") if profile.client.allow else "+15555555555"
    digits = number[1:]
    filled = profile.client.endpoint.replace("{number}", number).replace("{digits}", digits)
    return filled.replace("{national}", digits)

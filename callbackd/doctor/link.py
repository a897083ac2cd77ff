"""Asterisk itself: reachable, of a version we know, writable for us, with the modules we need."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from callbackd.ari.abilities import Abilities
from callbackd.ari.client import AriClient
from callbackd.ari.errors import AriError, Forbidden, NotFound
from callbackd.config.load import Configuration
from callbackd.doctor.finding import Finding, failed, ok, warning

OLDEST = 16
NEWEST = 22
"""The major versions of Asterisk that callbackd is made for."""

_NOBODY = "callbackd-doctor-nobody"

_ALWAYS = (
    *("res_ari", "res_ari_applications", "res_ari_asterisk", "res_ari_bridges", "res_ari_channels"),
    *("res_ari_device_states", "res_ari_events", "res_ari_playbacks", "res_ari_sounds"),
    *("res_http_websocket", "res_stasis", "res_stasis_answer", "res_stasis_device_state", "res_stasis_playback"),
    *("app_stasis", "bridge_simple", "bridge_softmix", "func_callerid", "func_channel"),
)


async def reached(client: AriClient, url: str) -> Finding:
    """Whether ARI answers and takes our password; and which Asterisk it is."""
    try:
        info = await client.info()
    except AriError as error:
        return failed("ari", str(error), error.mend or "see Asterisk's log")
    found = re.match(r"(?:certified[/-])?(\d+)\.", info.version)
    told = f"Asterisk {info.version} at {url}"
    if found is None:
        return ok("ari", f"{told}: a version of its own, not one that callbackd knows")
    if int(found[1]) < OLDEST:
        return failed("ari", f"{told} is too old", f"callbackd needs Asterisk {OLDEST} to {NEWEST}")
    if int(found[1]) > NEWEST:
        return warning("ari", f"{told} is newer than callbackd knows", f"it is made for {OLDEST} to {NEWEST}")
    return ok("ari", told)


async def abilities(client: AriClient) -> Sequence[Finding]:
    """What this Asterisk is too old for."""
    found = (await Abilities.of(client)).shortcomings
    return [warning("abilities", each.what, each.mend) for each in found] or [
        ok("abilities", "Asterisk can do all that callbackd has a use for")
    ]


async def may_write(client: AriClient) -> Finding:
    """Whether the ARI user may do more than look: it is asked to hang up a channel that there is not."""
    try:
        await client.hangup(_NOBODY)
    except Forbidden as error:
        return failed("credentials", str(error), error.mend or "set read_only = no in ari.conf")
    return ok("credentials", "the ARI user may write")


async def modules(client: AriClient, configuration: Configuration) -> Sequence[Finding]:
    """Whether everything that callbackd or its profiles need is loaded and runs."""
    try:
        found = await client.modules()
    except NotFound as error:
        return [failed("modules", str(error), "load res_ari_asterisk.so")]
    running = {name.removesuffix(".so") for name, status in found.items() if status == "Running"}
    missing = [name for name in _needed(configuration) if name not in running]
    if not missing:
        return [ok("modules", "all that are needed are loaded")]
    return [
        failed("modules", f"{name} is not running", f"`module load {name}.so`, and see that modules.conf loads it")
        for name in missing
    ]


def _needed(configuration: Configuration) -> Iterable[str]:
    yield from _ALWAYS
    profiles = configuration.profiles.values()
    endpoints = [each for profile in profiles for each in (*profile.target.endpoints, profile.client.endpoint)]
    if any(endpoint.upper().startswith("PJSIP/") for endpoint in endpoints):
        yield "chan_pjsip"
    if any(profile.target.queue for profile in profiles):
        yield "app_queue"
    if configuration.settings.agi is not None:
        yield "res_agi"

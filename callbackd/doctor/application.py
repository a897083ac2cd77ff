"""Whether somebody has our Stasis application registered, and who."""

from __future__ import annotations

from callbackd.ari.client import AriClient
from callbackd.ari.errors import NotFound
from callbackd.doctor.finding import Finding, failed, ok, warning

CHECK = "application"


async def registered(client: AriClient, daemon_answers: bool | None) -> Finding:
    """`daemon_answers`: whether the callbackd of this configuration does, over HTTP; None if that can't be asked."""
    name = client.app
    try:
        found = await client.application()
    except NotFound:
        if daemon_answers:
            return failed(
                CHECK,
                f"callbackd runs, but '{name}' is not registered at this Asterisk",
                "see ari in `callbackd status`; was the daemon started with this ari.url?",
            )
        return warning(CHECK, f"'{name}' is registered by nobody", "start callbackd")
    if daemon_answers is False:
        return warning(
            CHECK,
            f"'{name}' is registered, but not by the callbackd of this configuration, which does not run",
            "before you start it, stop the program that has it (a callbackd on another machine?), "
            "or give one of them another ari.app",
        )
    who = "callbackd" if daemon_answers else "somebody: who can't be told without http in the settings"
    return ok(CHECK, f"'{name}' is registered by {who}; channels in it: {len(found.channel_ids)}")

"""What the Asterisk at hand can do: it is asked itself, for it serves the description of its own ARI (`/api-docs`).

Where that is not served (a package without Asterisk's documentation) its version decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from callbackd.ari.client import AriClient
from callbackd.ari.errors import AriError, Unreachable

COMPLETE = (22, 7)
"""From this version on (major, minor) Asterisk can all that callbackd has a use for."""


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """Something that this Asterisk can't do: what follows from it, and what mends it."""

    what: str
    mend: str


@dataclass(frozen=True, slots=True)
class Abilities:
    """`keeps_displays`: channels can join a bridge without a change of what their phones show.

    `tells_sip`: the end of a channel names the SIP response (`tech_cause`), not its Q.850 cause alone.
    """

    version: str = ""
    keeps_displays: bool = True
    tells_sip: bool = True

    @classmethod
    async def of(cls, client: AriClient) -> Abilities:
        """Asks. Raises `AriError` if no answer comes, or Asterisk does not even say which one it is."""
        version = (await client.info()).version
        complete = _is_complete(version)
        return cls(
            version,
            keeps_displays=await _described(client, "bridges", "inhibitConnectedLineUpdates", complete),
            tells_sip=await _described(client, "events", "tech_cause", complete),
        )

    @property
    def shortcomings(self) -> tuple[Shortcoming, ...]:
        """What callbackd can't make up for. (It can for displays: see `Switchboard`.)"""
        if self.tells_sip:
            return ()
        return (
            Shortcoming(
                "this Asterisk tells no SIP response, only the cause made of it: a trunk that refuses our password "
                "(401, 407) looks like a client who rejects the call, one that answers 502 like a phone that is "
                "switched off, and a call screened for the client (607, 608) like a failed route",
                f"Asterisk {COMPLETE[0]}.{COMPLETE[1]} or later tells; docs/asterisk-versions.md has the table",
            ),
        )


async def _described(client: AriClient, resource: str, name: str, otherwise: bool) -> bool:
    """Whether the description of that resource has something of that name."""
    try:
        return name in _names(await client.description(resource))
    except Unreachable:
        raise
    except AriError:
        return otherwise


def _names(described: Any) -> Iterator[str]:
    """Every parameter, field and model that a description has."""
    if isinstance(described, Mapping):
        for key, value in described.items():
            yield str(key)
            if key == "name":
                yield str(value)
            yield from _names(value)
    elif isinstance(described, list):
        for item in described:
            yield from _names(item)


def _is_complete(version: str) -> bool:
    """Unknown versions are taken for complete ones: only an old Asterisk names itself in this way."""
    found = re.match(r"(?:certified[/-])?(\d+)\.(\d+)", version)
    return found is None or (int(found[1]), int(found[2])) >= COMPLETE

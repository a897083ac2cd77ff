"""What the real PBX under test can't tell if it is an old one: docs/asterisk-versions.md has the same table."""

from __future__ import annotations

from rig.rig import Rig

WITHOUT_SIP = {
    401: "client_rejected",
    407: "client_rejected",
    487: "route_failed",
    502: "client_unreachable",
    607: "route_failed",
    608: "route_failed",
}
"""SIP response -> what becomes of it where only the Q.850 cause is known, if that is another outcome."""


def outcome_of(rig: Rig, status: int, outcome: str) -> str:
    """What that SIP response means on the PBX under test; `outcome` where it is told."""
    return outcome if rig.pbx.tells_sip else WITHOUT_SIP.get(status, outcome)

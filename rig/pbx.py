"""The PBX under test: an Asterisk that includes the project's own dialplan, as a sysadmin's would."""

from __future__ import annotations

import re
from pathlib import Path

from rig import modules
from rig.instance import Asterisk

PROJECT = Path(__file__).resolve().parent.parent
DIALPLAN = PROJECT / "dialplan"

AGENTS = tuple(str(number) for number in range(1001, 1011))
"""Endpoints with a static contact at the phones."""
UNREGISTERED = "1099"
"""An endpoint that exists and has no contact."""
QUEUE = "support"
QUEUE_MEMBERS = ("1003", "1004")


class Pbx(Asterisk):
    """ARI users `callbackd` (`ari_user`, `ari_password`) and `readonly`; endpoints for agents and trunks.

    `trunks` maps further endpoint names to UDP ports on this machine; `add_trunk` adds one while it runs.
    """

    modules = modules.PBX
    readonly_user = "readonly"
    readonly_password = "may look only"

    def __init__(
        self,
        root: Path,
        phones_port: int,
        trunks: dict[str, int] | None = None,
        *,
        width: int = 1,
        verbose: bool = False,
    ) -> None:
        super().__init__(root, width=width, verbose=verbose)
        self.phones_port = phones_port
        self.trunks = {"trunk": phones_port, "phones": phones_port, **(trunks or {})}
        self.inbound = ""
        """Dialplan of the context ``from-trunk``, for calls from outside; set it before `start` or call `reload`."""

    @property
    def tells_sip(self) -> bool:
        """Whether this Asterisk tells the SIP response that ended a call (22.7 does), by its own description of ARI."""
        return "tech_cause" in (self.root / "usr/share/asterisk/rest-api/events.json").read_text()

    def sip_uri(self, extension: str) -> str:
        """Where phones dial to reach `extension` of the context ``from-trunk``."""
        return f"sip:{extension}@127.0.0.1:{self.sip_port}"

    async def add_trunk(self, name: str, port: int) -> None:
        """Adds an endpoint whose calls go to that UDP port; usable when this returns."""
        self.trunks[name] = port
        self.write_configuration()
        await self.cli("module reload res_pjsip.so")

    async def reload(self) -> None:
        """Writes the configuration anew and has the dialplan and the queues read again."""
        self.write_configuration()
        await self.cli("dialplan reload")
        await self.cli("queue reload all")

    async def queue_member(self, agent: str, *, paused: bool, queue: str = QUEUE) -> None:
        """Pauses a member of a queue, or takes it out of its pause."""
        await self.cli(f"queue {'pause' if paused else 'unpause'} member PJSIP/{agent} queue {queue}")

    def _make_home(self) -> None:
        super()._make_home()
        prompts = self.sounds / "callbackd"
        prompts.mkdir()
        for wav in (DIALPLAN / "sounds/en").glob("*.wav"):
            (prompts / wav.name).write_bytes(wav.read_bytes())

    def files(self) -> dict[str, str]:
        """The project's sample files with this instance's port and passwords, and a small company around them."""
        http = re.sub(r"(?m)^bindport *=.*$", f"bindport = {self.slot.http_port}", (DIALPLAN / "http.conf").read_text())
        ari = (DIALPLAN / "ari.conf").read_text().replace("CHANGE-ME", self.ari_password)
        ari += f"\n[{self.readonly_user}]\ntype = user\nread_only = yes\npassword = {self.readonly_password}\n"
        return {
            "http.conf": http,
            "ari.conf": ari,
            "callbackd.conf": (DIALPLAN / "callbackd.conf").read_text(),
            "extensions.conf": (
                '[general]\n[globals]\n#include "callbackd.conf"\n'
                "[from-agents]\nexten => _+X.,1,Dial(PJSIP/${EXTEN}@trunk)\n"
                # Calls from outside. What enters Stasis(callbackd,intake,...) gets its place here.
                "[from-trunk]\n"
                "exten => 500,1,Queue(support)\n same => n,Hangup()\n"
                "exten => 501,1,Answer()\n same => n,Goto(callbackd-queue-exit-support,1,1)\n"
                f"{self.inbound}\n"
            ),
            "queues.conf": (
                "[general]\npersistentmembers = no\nautofill = yes\n"
                f"[{QUEUE}]\nstrategy = ringall\ntimeout = 60\nretry = 1\nwrapuptime = 0\nringinuse = no\n"
                "context = callbackd-queue-exit-support\njoinempty = yes\nleavewhenempty = no\n"
                + "".join(f"member => PJSIP/{member}\n" for member in QUEUE_MEMBERS)
            ),
            "pjsip.conf": self._pjsip(),
            "voicemail.conf": "[general]\n[default]\n",
            "queuerules.conf": "",
        }

    def _pjsip(self) -> str:
        common = (
            "[common](!)\ntype=endpoint\ndisallow=all\nallow=ulaw\ndirect_media=no\ndtmf_mode=rfc4733\nsend_pai=yes\n"
        )
        text = [
            "[global]\ntype=global\nuser_agent=rig-pbx\nendpoint_identifier_order=username,ip\n",
            f"[udp]\ntype=transport\nprotocol=udp\nbind=127.0.0.1:{self.sip_port}\n",
            common,
        ]
        for agent in (*AGENTS, UNREGISTERED):
            contact = "" if agent == UNREGISTERED else f"contact=sip:{agent}@127.0.0.1:{self.phones_port}\n"
            text.append(
                f"[{agent}](common)\ncontext=from-agents\naors={agent}\n[{agent}]\ntype=aor\nmax_contacts=1\n{contact}"
            )
        for name, port in self.trunks.items():
            text.append(
                f"[{name}](common)\ncontext=from-trunk\naors={name}\n"
                f"[{name}]\ntype=aor\ncontact=sip:127.0.0.1:{port}\n"
            )
        text.append("[trunk]\ntype=identify\nendpoint=trunk\nmatch=127.0.0.1\n")
        return "".join(text)

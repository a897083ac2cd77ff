"""Runs commands as a shell would."""

from __future__ import annotations

import asyncio
from pathlib import Path

from click.testing import CliRunner, Result

from callbackd.cli.main import main

_SETTINGS = """\
ari: {{password: secret}}
database: callbackd.sqlite3
http: {{listen: 127.0.0.1:{port}}}
"""

_SUPPORT = """\
label: Support line
target:
  endpoint: PJSIP/1001
  timezone: America/Toronto
  hours:
    mon-fri: [09:00-12:00, 13:00-17:00]
client:
  endpoint: PJSIP/{number}@trunk
  country: CA
  allow: ["+1"]
rescheduling: {delay: 30m, cut_off: 30m, max_reschedules: 2}
"""

_OFFERS = _SUPPORT.replace("rescheduling: {", "rescheduling: {client: on, ").replace("Support line", "Sales")


def settings_folder(folder: Path, port: int) -> Path:
    """A configuration with the profiles support and sales, the second with client offers."""
    (folder / "callbackd.yaml").write_text(_SETTINGS.format(port=port))
    (folder / "profiles").mkdir()
    (folder / "profiles" / "support.yaml").write_text(_SUPPORT)
    (folder / "profiles" / "sales.yaml").write_text(_OFFERS)
    return folder


class Shell:
    """A shell in which ``--config`` is given."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *arguments: str) -> Result:
        """Run a command to its end. A traceback fails the test."""
        result = CliRunner().invoke(main, ["--config", str(self.folder / "callbackd.yaml"), *arguments])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    async def ask(self, *arguments: str) -> Result:
        """The same, for a command that talks to a daemon in this event loop."""
        return await asyncio.to_thread(self.run, *arguments)

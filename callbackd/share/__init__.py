"""The files that go with the program: samples, the dialplan, sounds, the unit, the man page and the schemas.

In a checkout the folders here are links to those at its top; in an installed package they are the files themselves.
"""

from __future__ import annotations

from pathlib import Path

_HERE = Path(__file__).parent

DIALPLAN = _HERE / "dialplan"
"""``callbackd.conf``, the samples of ``ari.conf`` and ``http.conf``, and the folder ``sounds/en``."""

SOUNDS = DIALPLAN / "sounds"
"""A folder for each language, which holds what belongs into Asterisk's ``sounds/LANGUAGE/callbackd``."""

SAMPLES = _HERE / "config"
"""``callbackd.yaml`` and ``profiles``."""

SCHEMAS = SAMPLES / "schema"
"""``settings.schema.json`` and ``profile.schema.json``, for editors."""

UNIT = _HERE / "packaging/callbackd.service"
"""The systemd unit."""

MAN_PAGE = _HERE / "packaging/callbackd.1"
"""``callbackd(1)``."""

"""How long things may take on a call, and what a length of time means there."""

from __future__ import annotations

from datetime import timedelta

VANISHED_WITHIN = timedelta(seconds=2)
"""An agent gone so soon after the client's answer has not talked to them."""

HUNG_UP_WITHIN = timedelta(seconds=30)
"""A client side gone so soon after its answer may have been a voicemail box: the agent is told and may press 9."""

LISTENING_LIMIT = timedelta(minutes=5)
"""A phone that plays with its keys for so long is not listening."""

SPEECH_LIMIT = timedelta(seconds=90)
"""No prompt lasts longer; past it, its end was lost."""

TEARDOWN_LIMIT = timedelta(seconds=5)
"""How long the end of a leg that was hung up is waited for."""

TIME_OUT_CAUSE = 19
"""Q.850: no answer from the user. What our own ring time-out is told as."""

ADOPTED = 900_000
"""Where the numbering of what is said begins in a call that was adopted: past all that was said before."""

DIAL_GRACE = timedelta(seconds=2)
"""How much later than ours the PBX's own ring time-out is: it only acts if we are gone."""

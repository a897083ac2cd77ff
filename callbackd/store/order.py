"""The order in which call-backs wait."""

from __future__ import annotations

from datetime import datetime

from callbackd.domain.callback import ON_THE_PHONE, WAITING, CallBack, State

LIVE_STATES = tuple(state for state in State if state in WAITING | ON_THE_PHONE)
"""Every state of a call-back that has not ended, in the order of a call-back's life."""


def place(callback: CallBack) -> tuple[int, datetime, str]:
    """Sorts call-backs of a profile: priority (higher first), then due, then id."""
    return (-callback.priority, callback.due_at, callback.id)

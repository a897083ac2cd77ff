"""What a change must be before any store writes it, and what it implies."""

from __future__ import annotations

from datetime import datetime

from callbackd.store.interface import Change


def check(change: Change) -> None:
    """Raises `ValueError` if the attempt or the offer is another call-back's."""
    for part in (change.attempt, change.offer):
        if part is not None and part.callback_id != change.callback.id:
            raise ValueError(f"a change of {change.callback.id} with a part of {part.callback_id}")


def blocked_at(change: Change) -> datetime:
    """When the change puts the number on the block-list: at its last event."""
    if change.events:
        return change.events[-1].at
    return change.callback.ended_at or change.callback.asked_at

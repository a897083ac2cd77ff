"""What a listing's query asks of any store: which stored states, which due instants, from which place on."""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass

from callbackd.domain.callback import WAITING, CallBack, State
from callbackd.store.instants import to_ms
from callbackd.store.interface import CursorInvalid, Page, Query

FIRST = -(2**63)
LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Selection:
    """A query in the store's terms; instants are milliseconds.

    `states` are stored ones, so never `queued`. Of the waiting, those are meant with `due_after < due_at <= due_until`.
    `before` and `before_id` are the request and the id of the last call-back of the page before.
    """

    states: tuple[State, ...]
    due_after: int
    due_until: int
    before: int
    before_id: str

    @classmethod
    def of(cls, query: Query) -> Selection:
        """Raises `CursorInvalid`, and `ValueError` for a naive instant or a limit below 1."""
        if query.limit < 1:
            raise ValueError(f"a page of {query.limit} call-backs")
        now = to_ms(query.now)
        wanted = frozenset(query.states) or frozenset(State)
        before, before_id = (LAST, "") if query.cursor is None else _decode(query.cursor)
        return cls(
            states=tuple(
                state
                for state in State
                if state is not State.QUEUED and (state in wanted or (state in WAITING and wanted & WAITING))
            ),
            due_after=FIRST if State.QUEUED in wanted else now,
            due_until=LAST if State.SCHEDULED in wanted else now,
            before=before,
            before_id=before_id,
        )


def page(found: Sequence[CallBack], limit: int) -> Page:
    """The page that begins `found`, which holds one more than `limit` if there are more."""
    items = tuple(found[:limit])
    return Page(items=items, next=_encode(items[-1]) if len(found) > limit else None)


def _encode(last: CallBack) -> str:
    text = json.dumps([to_ms(last.requested_at), last.id], separators=(",", ":"))
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(cursor: str) -> tuple[int, str]:
    try:
        place = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise CursorInvalid("the cursor is not one that a listing gave: begin again without it") from error
    match place:
        case [int(before), str(before_id)] if not isinstance(before, bool) and FIRST <= before <= LAST:
            return before, before_id
        case _:
            raise CursorInvalid("the cursor is not one that a listing gave: begin again without it")

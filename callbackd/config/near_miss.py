"""The name that was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(word: str, names: Iterable[str]) -> str:
    """``; did you mean 'x'?`` for the one of `names` nearest to `word`, or nothing if none is near.

    Upper and lower case, and ``-`` for ``_``, make no difference to nearness.
    """
    by_folded = {_folded(name): name for name in names}
    match get_close_matches(_folded(word[:64]), by_folded, n=1, cutoff=0.6):
        case [best]:
            return f"; did you mean '{by_folded[best]}'?"
        case _:
            return ""


def _folded(name: str) -> str:
    return name.casefold().replace("-", "_")

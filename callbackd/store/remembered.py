"""What is asked often and hardly ever changes: read from the database once, and again after it was written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Remembered(Generic[T]):
    """Answers by key, as the database last gave them. One process alone writes it: so what it wrote is all that can
    have changed them."""

    def __init__(self) -> None:
        self._answers: dict[str, T] = {}
        self._written = 0

    async def ask(self, key: str, read: Callable[[], Awaitable[T]]) -> T:
        """The answer that is known, or what `read` returns or raises."""
        if key in self._answers:
            return self._answers[key]
        written = self._written
        answer = await read()
        if written == self._written:  # else it may be of before
            self._answers[key] = answer
        return answer

    def forget(self) -> None:
        """Something of it was written, or may have been: to be called before anybody is told so."""
        self._answers.clear()
        self._written += 1

"""What only the API is asked: headers and parameters, strict, so that a mistake is told and not guessed at."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import Header, Request
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from callbackd.domain.callback import State
from callbackd.http.errors import Rejected, invalid

_JSON = re.compile(r"application/(?:[\w.-]+\+)?json", re.ASCII)
PROFILE_ID = r"^[a-z0-9][a-z0-9_-]{0,31}$"
LIST_AT_MOST = 500


_Word = TypeVar("_Word", bound=StrEnum)


def split_words(value: Any, known: type[_Word]) -> list[_Word]:
    """A parameter that may be repeated, or hold several words with commas between them; all must be `known`."""
    words = [word.strip() for text in value if isinstance(text, str) for word in text.split(",") if word.strip()]
    unknown = [word for word in words if word not in set(known)]
    if unknown:
        raise ValueError(f"expected some of {', '.join(known)}")
    return list(dict.fromkeys(known(word) for word in words))


def _split_states(value: Any) -> Any:
    return split_words(value, State)


def none_if_empty(value: Any) -> Any:
    """A parameter that is empty was not given."""
    return None if value == "" else value


class Listing(BaseModel):
    """Which call-backs to list. An empty parameter is one that was not given."""

    model_config = ConfigDict(extra="forbid")

    state: Annotated[list[State], BeforeValidator(_split_states)] = Field(
        default=[], description="States or dispositions; repeated, or with commas."
    )
    profile: Annotated[str | None, BeforeValidator(none_if_empty)] = Field(None, pattern=PROFILE_ID)
    number: Annotated[str | None, BeforeValidator(none_if_empty)] = Field(
        None, description="As people write it, or E.164."
    )
    limit: Annotated[int | None, BeforeValidator(none_if_empty)] = Field(None, ge=1, le=LIST_AT_MOST)
    cursor: Annotated[str | None, BeforeValidator(none_if_empty)] = Field(
        None, max_length=1000, description="The next of the page before."
    )


async def once_each(request: Request) -> None:
    """Refuse a parameter other than ``state`` that is given twice: which one was meant?"""
    refuse_repeated(request, ("profile", "number", "limit", "cursor"))


def refuse_repeated(request: Request, parameters: Iterable[str]) -> None:
    """Refuse any of the `parameters` that is given twice. Raises `Rejected`."""
    names = [name for name, _ in request.query_params.multi_items()]
    for name in parameters:
        if names.count(name) > 1:
            raise invalid(f"{name}: given more than once")


async def json_body(request: Request) -> None:
    """Refuse a body that does not say that it is JSON."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if not _JSON.fullmatch(kind):
        raise Rejected(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "send JSON, with the header Content-Type: application/json",
        )


async def idempotency_key(
    request: Request,
    idempotency_key: Annotated[
        str | None, Header(description="Any text; the same request with the same key within 24 h is made once.")
    ] = None,
) -> str | None:
    """The caller's key for a request that may be repeated: 1 to 200 visible ASCII characters."""
    if idempotency_key is None:
        return None
    if len(request.headers.getlist("idempotency-key")) > 1:
        raise invalid("Idempotency-Key: given more than once")
    if not 1 <= len(idempotency_key) <= 200 or not idempotency_key.isascii() or not idempotency_key.isprintable():
        raise invalid("Idempotency-Key: expected 1 to 200 visible ASCII characters")
    return idempotency_key

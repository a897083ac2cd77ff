"""The OpenAPI document against the API it describes: generated requests, good and bad, to a real server.

No request fails in the server, every answer is one that the document promises, in the shape it promises.
"""

from __future__ import annotations

import asyncio
import threading
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from callbackd.http.server import serve
from tests.http.asgi import TOKEN
from tests.http.house import House

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
HEADERS = {"Authorization": f"Bearer {TOKEN}"}


class _Served:
    """The API in a thread of its own, as the generated requests block."""

    def __init__(self) -> None:
        self._ready = threading.Event()
        self._port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> int:
        self._thread.start()
        assert self._ready.wait(10)
        return self._port

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join()

    def _run(self) -> None:
        self._task = self._loop.create_task(serve(House().app(), "127.0.0.1", 0, self._listens))
        try:
            self._loop.run_until_complete(self._task)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.close()

    def _listens(self, port: int) -> None:
        self._port = port
        self._ready.set()


_BOUNDED = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
_ENDLESS = "/api/v1/events"
"""A stream of events has no end to wait for."""


@pytest.mark.parametrize("mode", GenerationMode)
def test_every_answer_is_as_documented(mode: GenerationMode) -> None:
    tried = set()
    with _Served() as port:
        document = schemathesis.openapi.from_url(f"http://127.0.0.1:{port}/openapi.json", headers=HEADERS)
        for found in document.get_all_operations():
            assert isinstance(found, Ok)
            operation = found.ok()
            if operation.path == _ENDLESS:
                continue

            @_BOUNDED
            @given(case=operation.as_strategy(generation_mode=mode))
            def check(case: Any) -> None:
                case.call_and_validate(headers=HEADERS, checks=CHECKS)

            try:
                check()
            except Unsatisfiable:
                # There is no way to ask some of them wrongly.
                assert mode is GenerationMode.NEGATIVE
                continue
            tried.add(operation.label)
    assert len(tried) >= (16 if mode is GenerationMode.POSITIVE else 8), tried

"""What a monitor asks, without a token: does the daemon live, can it work, and how does it go."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Response

from callbackd.engine.refusals import Code
from callbackd.http.errors import error_response
from callbackd.http.services import Services
from callbackd.http.told import Readiness

EXPOSITION = "text/plain; version=0.0.4; charset=utf-8"
"""The media type of Prometheus's text format."""


def health_routes(services: Services) -> APIRouter:
    """``/healthz``, ``/readyz`` and ``/metrics``."""
    routes = APIRouter(tags=["health"])

    @routes.head("/healthz", include_in_schema=False)
    @routes.get("/healthz")
    async def healthz() -> dict[str, str]:
        """The daemon lives."""
        return {"status": "ok"}

    @routes.head("/readyz", include_in_schema=False, response_model=None)
    @routes.get(
        "/readyz",
        response_model=Readiness,
        responses={503: {"model": Readiness, "description": "something is missing: `checks` says what"}},
    )
    async def readyz() -> Readiness | Response:
        """The PBX is proven live and the database writable."""
        found = await services.health.readiness()
        missing = {part: text for part, text in found.items() if text is not None}
        readiness = Readiness(ready=not missing, checks={part: text or "ok" for part, text in found.items()})
        if not missing:
            return readiness
        message = "not ready: " + "; ".join(f"{part}: {text}" for part, text in missing.items())
        return error_response(
            HTTPStatus.SERVICE_UNAVAILABLE, Code.UNAVAILABLE, message, **readiness.model_dump(mode="json")
        )

    @routes.get(
        "/metrics",
        response_class=Response,
        responses={200: {"content": {EXPOSITION: {"schema": {"type": "string"}}}, "description": "all metrics"}},
    )
    async def metrics() -> Response:
        """Metrics for Prometheus."""
        return Response(await services.metrics.exposition(), headers={"Content-Type": EXPOSITION})

    return routes

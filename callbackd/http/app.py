"""The API as an ASGI application."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Security
from fastapi.security import HTTPBearer
from starlette.middleware import Middleware

import callbackd
from callbackd.http.callbacks import callback_routes
from callbackd.http.errors import handle_errors
from callbackd.http.events import event_routes
from callbackd.http.guards import SizeGuard, TokenGuard
from callbackd.http.health import health_routes
from callbackd.http.numbers import number_routes
from callbackd.http.operations import operation_routes
from callbackd.http.profiles import profile_routes
from callbackd.http.services import Services


def create_app(services: Services, token: str) -> FastAPI:
    """The API over `services`, for whoever has `token`; its OpenAPI document is at ``/openapi.json``."""
    app = FastAPI(
        title="callbackd",
        version=callbackd.__version__,
        description="Call-backs from an Asterisk PBX: agent first, rescheduled by the rules of a profile.",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        middleware=[Middleware(TokenGuard, token=token), Middleware(SizeGuard)],
    )
    handle_errors(app)
    api = APIRouter(prefix="/api/v1", dependencies=[Security(HTTPBearer(auto_error=False))])
    api.include_router(callback_routes(services))
    api.include_router(number_routes(services))
    api.include_router(profile_routes(services))
    api.include_router(operation_routes(services))
    api.include_router(event_routes(services))
    app.include_router(api)
    app.include_router(health_routes(services))
    return app

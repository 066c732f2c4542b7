"""The application of the routes that the fleet's own dashboard and tools call.

They stand beside the API, under paths that others chose, and are guarded as its routes are.
"""

from typing import Any, Final

from fastapi import FastAPI, Request

from petrosa_cio.governance.authority import Act
from petrosa_cio.surfaces.api import dashboard
from petrosa_cio.surfaces.api.app import application
from petrosa_cio.surfaces.api.guard import Guard
from petrosa_cio.surfaces.api.route import Called, Reception, Right, Routes, rights

FLEET_PREFIX: Final = "/api"

DESCRIPTION: Final = """
What the fleet's own dashboard and tools call, with the answers that they expect: without an
envelope. An error is the API's own, with `detail` besides, where these callers look for it.
Each call shows a token: `Authorization: Bearer cio_...`; `x-cio-roles` says which roles may.
"""

description = Routes("dashboard")


@description.get("/openapi.json", Act.LOOK, None, include_in_schema=False)
async def fleet_openapi_document(_call: Called, request: Request) -> Any:
    """Return the description of the routes that the fleet's own callers know, as OpenAPI."""
    app: FastAPI = request.app
    return app.openapi()


ROUTERS: Final = (dashboard.routes.router, description.router)


def build_fleet_api() -> FastAPI:
    """Return the application with its routes; `fleet_api_of` gives it an office."""
    app = application(ROUTERS, FLEET_PREFIX, DESCRIPTION)
    app.state.has_detail = True
    return app


def fleet_api_of(reception: Reception) -> Guard:
    """Return the routes of an office, to be mounted at `FLEET_PREFIX`, behind the API."""
    app = build_fleet_api()
    app.state.reception = reception
    return Guard(app)


def fleet_rights() -> list[Right]:
    """Return every route and who may call it."""
    return list(rights(ROUTERS, FLEET_PREFIX))

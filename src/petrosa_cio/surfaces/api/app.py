"""The HTTP API as an application: its routes, what every error becomes, and its description."""

import asyncio
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRouter
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute

from petrosa_cio import __version__
from petrosa_cio.errors import CioError
from petrosa_cio.governance.authority import Act
from petrosa_cio.office.live import LiveFeed
from petrosa_cio.office.office import Office
from petrosa_cio.surfaces.api import (
    fleet,
    live,
    overrides,
    people,
    policies,
    records,
    shadows,
    switches,
)
from petrosa_cio.surfaces.api.admission import Admission
from petrosa_cio.surfaces.api.envelope import (
    MEANINGS,
    Fault,
    fault_of,
    headers_of,
    refused,
    status_of,
)
from petrosa_cio.surfaces.api.guard import Guard
from petrosa_cio.surfaces.api.route import LONG_AT_ONCE, PREFIX, Called, Reception, Right, Routes
from petrosa_cio.surfaces.api.route import rights as rights_of
from petrosa_cio.surfaces.api.streams import OpenStreams

DESCRIPTION: Final = """
What the command line can do, for programs: the same rules of authority, and the same service
behind. Every answer but an export and the stream is an envelope: `success`, `data`, `error` and
`trace_id`. Each call shows a token: `Authorization: Bearer cio_...`; `x-cio-roles` says which roles
may.
"""

SCHEME: Final = "token"

description = Routes("people")


@description.get("/openapi.json", Act.LOOK, None, include_in_schema=False)
async def openapi_document(_call: Called, request: Request) -> Any:
    """Return this description of the API, as OpenAPI."""
    app: FastAPI = request.app
    return app.openapi()


ROUTERS: Final = (
    people.routes.router,
    policies.routes.router,
    shadows.routes.router,
    switches.routes.router,
    overrides.routes.router,
    fleet.routes.router,
    records.routes.router,
    live.routes.router,
    description.router,
)

CODES: Final = {
    400: "BODY_UNREADABLE",
    404: "NO_SUCH_ROUTE",
    405: "METHOD_NOT_ALLOWED",
    408: "BODY_TOO_SLOW",
    413: "BODY_TOO_LARGE",
}
"""Codes of what is wrong with a call before it is looked into."""


def build_api() -> FastAPI:
    """Return the application with its routes; `api_of` gives it an office."""
    return application(ROUTERS, PREFIX, DESCRIPTION)


def application(routers: Sequence[APIRouter], prefix: str, about: str) -> FastAPI:
    """Return an application of guarded routes beneath a prefix, with what errors become in it."""
    app = FastAPI(
        title="petrosa-cio",
        version=__version__,
        description=about,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        servers=[{"url": prefix}],
        root_path_in_servers=False,
    )
    for router in routers:
        app.include_router(router)
    app.add_exception_handler(CioError, _refused)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _before)
    app.add_exception_handler(TimeoutError, _too_slow)
    app.openapi = lambda: _described(app)  # type: ignore[method-assign]
    return app


def reception_of(admission: Admission, office: Office) -> Reception:
    """Return what every call comes by, whichever way it comes."""
    return Reception(admission, office, asyncio.Semaphore(LONG_AT_ONCE))


def api_of(
    reception: Reception,
    feed: LiveFeed,
    streams: OpenStreams,
    beside: Sequence[BaseRoute] = (),
) -> Guard:
    """Return the API of an office, to be mounted at `PREFIX`.

    Args:
        reception: What every call comes by.
        feed: What is told live.
        streams: Whom it is told to.
        beside: What answers beneath the prefix besides, and lets in by itself.
    """
    app = build_api()
    app.router.routes.extend(beside)
    app.state.reception = reception
    app.state.live = feed, streams
    return Guard(app)


def rights() -> list[Right]:
    """Return every route and who may call it, but those of the fleet's own callers."""
    return list(rights_of(ROUTERS))


def _described(app: FastAPI) -> dict[str, Any]:
    """Return the description of the API: every route takes a token."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=app.description,
            routes=app.routes,
            servers=app.servers,
        )
        schemes = made["components"].setdefault("securitySchemes", {})
        schemes[SCHEME] = {"type": "http", "scheme": "bearer", "description": "`cio token create`"}
        made["security"] = [{SCHEME: []}]
        app.openapi_schema = made
    return app.openapi_schema


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, CioError)  # noqa: S101 - it is registered for these
    return _answer(request, status_of(error), fault_of(error), headers_of(error))


async def _invalid(request: Request, error: Exception) -> Response:
    """Name every problem with a call, and nothing of what it sent."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    problems = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    message = "what was sent is not what is expected"
    fault = Fault(code="INVALID", message=message, problems=problems, approval=None)
    return _answer(request, HTTPStatus.UNPROCESSABLE_ENTITY, fault)


async def _before(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    status = error.status_code
    message = MEANINGS.get(status, HTTPStatus(status).phrase)
    fault = Fault(code=CODES.get(status, "REFUSED"), message=message, problems=[], approval=None)
    return _answer(request, status, fault, error.headers)


async def _too_slow(request: Request, _error: Exception) -> Response:
    fault = Fault(code="TOO_SLOW", message=MEANINGS[504], problems=[], approval=None)
    return _answer(request, HTTPStatus.GATEWAY_TIMEOUT, fault)


def _answer(
    request: Request, status: int, fault: Fault, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a refusal; with `detail` besides, where the callers of an application look for it."""
    detail = None
    if getattr(request.app.state, "has_detail", False):
        detail = {"title": fault.code, "status": status, "detail": fault.message}
    return refused(status, fault, request.state.trace_id, headers, detail=detail)

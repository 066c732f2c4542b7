"""HTTP for probes: is it alive, is it ready, what does it count, which version is it."""

import asyncio
import os
import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import MappingProxyType

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from starlette.routing import Mount
from starlette.types import ASGIApp

from petrosa_cio.errors import Misconfigured, Problem

NO_API: Mapping[str, ASGIApp] = MappingProxyType({})

NOT_READY = 503

LEAVE_WITHIN_S = 5
"""What is still being answered when told to stop, as a long export, is broken off after that."""


def create_app(
    problems: Callable[[], list[str]],
    *,
    version: str,
    fund: str,
    notes: Callable[[], list[str]] = list,
    api: Mapping[str, ASGIApp] = NO_API,
) -> FastAPI:
    """Return the HTTP application.

    Args:
        problems: Why the service is not ready, a sentence each; empty when it is.
        version: Version of this program.
        fund: The fund it serves.
        notes: What else is wrong, a sentence each; it keeps nobody from deciding.
        api: What is served beside the probes, by prefix, the longest first; empty for the probes
            alone.
    """
    app = FastAPI(
        title="petrosa-cio", version=version, docs_url=None, redoc_url=None, openapi_url=None
    )
    app.router.routes.extend(_beneath(prefix, one) for prefix, one in api.items())

    @app.get("/health/liveness")
    async def liveness() -> dict[str, str]:
        """Say that the process runs. It says nothing of whether it can decide."""
        return {"status": "ok"}

    @app.get("/health/readiness")
    async def readiness() -> JSONResponse:
        """Say whether intents are decided right now, and if not, why: 503 with reasons.

        What ails without keeping anybody from deciding stands under ``notes``, where there is any.
        """
        found, noted = problems(), notes()
        content = {"ready": not found, "reasons": found} | ({"notes": noted} if noted else {})
        return JSONResponse(content, status_code=NOT_READY if found else 200)

    @app.get("/metrics")
    async def metrics() -> Response:
        """Return the counters of all roles of this machine, for Prometheus."""
        return Response(generate_latest(_registry()), media_type=CONTENT_TYPE_LATEST)

    @app.get("/version")
    async def version_() -> dict[str, str]:
        """Say which version this is."""
        return {"service": "petrosa-cio", "version": version, "fund": fund}

    return app


def _beneath(prefix: str, api: ASGIApp) -> Mount:
    """Return a mount that hands over every path beneath it, line breaks in it or not."""
    mount = Mount(prefix, app=api)
    mount.path_regex = re.compile(mount.path_regex.pattern, re.DOTALL)
    return mount


def _registry() -> CollectorRegistry:
    """Return the counters of all processes where they are shared in a folder, else our own."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return REGISTRY
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return registry


class _Server(uvicorn.Server):
    """A server that leaves signals to the process it runs in."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signal."""
        yield


async def serve_http(app: FastAPI, *, host: str, port: int, stop: asyncio.Event) -> None:
    """Serve until told to stop.

    Raises:
        Misconfigured: The address cannot be listened on.
    """
    listening = _listen(host, port)
    # Addresses are those of connections: what a caller says of its own is not believed.
    config = uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=LEAVE_WITHIN_S,
    )
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listening]))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    server.should_exit = True
    await serving


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family)
    except OSError as error:
        message = f"cannot listen on {host}:{port}: {error.strerror}"
        mend = "Stop what listens there, or set another port."
        raise Misconfigured([Problem("CIO_HTTP_PORT", message, mend)]) from error

"""What every call passes first and last: its trace, its size and time, and headers of safety."""

import asyncio
import time
from typing import Final
from uuid import uuid4

import structlog
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from petrosa_cio.telemetry.trace_context import well_formed

log = structlog.get_logger()

MOST_BODY_BYTES: Final = 262_144
"""A policy with very many entries has a tenth of that."""

BODY_WITHIN_S: Final = 10.0

HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Nothing that is answered may be kept, framed, run or taken for something else."""

TRACE_HEADER: Final = "Cio-Trace-Id"


class Guard:
    """Wraps an ASGI application.

    Args:
        app: The application.
        most_body_bytes: Size of the largest body that is read.
        body_within_s: Seconds in which a body has to be there.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        most_body_bytes: int = MOST_BODY_BYTES,
        body_within_s: float = BODY_WITHIN_S,
    ) -> None:
        self._app = app
        self._most_body_bytes = most_body_bytes
        self._body_within_s = body_within_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a call on; anything but HTTP untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun, status = time.monotonic(), 0
        trace_id = _trace_id(Headers(scope=scope).get("traceparent"))
        scope.setdefault("state", {})["trace_id"] = trace_id

        async def headed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                MutableHeaders(scope=message).update(HEADERS | {TRACE_HEADER: trace_id})
            await send(message)

        try:
            await self._app(scope, self._bounded(scope, receive), headed)
        finally:
            log.info(
                "http_call",
                method=scope["method"],
                path=scope["path"],
                status=status,
                trace_id=trace_id,
                took_ms=round((time.monotonic() - begun) * 1000),
            )

    def _bounded(self, scope: Scope, receive: Receive) -> Receive:
        """Return what hands over the body, and no more of it, and no later, than is allowed."""
        stated = Headers(scope=scope).get("content-length", "0")
        read, ends, is_whole = 0, time.monotonic() + self._body_within_s, False

        async def bounded() -> Message:
            nonlocal read, is_whole
            if is_whole:
                return await receive()
            if stated.isdigit() and int(stated) > self._most_body_bytes:
                raise HTTPException(413)
            try:
                async with asyncio.timeout(max(0.0, ends - time.monotonic())):
                    message = await receive()
            except TimeoutError as slow:
                raise HTTPException(408) from slow
            read += len(message.get("body", b""))
            is_whole = not message.get("more_body", False)
            if read > self._most_body_bytes:
                raise HTTPException(413)
            return message

        return bounded


def _trace_id(traceparent: str | None) -> str:
    """Return the trace that the caller states, else a new one."""
    continued = well_formed(traceparent)
    return continued.split("-")[1] if continued else uuid4().hex

"""The ways to the MCP server: streamable HTTP under the API, and standard input and output."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import urlsplit
from uuid import uuid4

from mcp.server.stdio import stdio_server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from petrosa_cio.surfaces.api.guard import MOST_BODY_BYTES
from petrosa_cio.surfaces.api.route import Reception
from petrosa_cio.surfaces.mcp.server import Context, Message, mcp_server

PATH: Final = "/mcp"
"""Beneath the prefix of the API."""

OWN_NAMES: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class Door:
    """Lets in over HTTP whoever shows a token that counts; each message is admitted besides.

    No session is kept: a revoked token is heeded with the next message, on whichever replica.
    """

    def __init__(self, reception: Reception, manager: StreamableHTTPSessionManager) -> None:
        """Take who lets in, and what speaks the protocol."""
        self._reception = reception
        self._manager = manager

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request. Raises NotKnown, TooMany or Unavailable for who is not let in."""
        request = Request(scope)
        _check_origin(request)
        header = request.headers.get("authorization")
        await self._reception.admission.know(header, _address_of(request))
        await self._manager.handle_request(scope, receive, send)


def _check_origin(request: Request) -> None:
    """Raise HTTPException where a page of elsewhere asks: no page has business here."""
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).hostname not in OWN_NAMES:
        raise HTTPException(403)


def _address_of(request: Request) -> str:
    return request.client.host if request.client else "nowhere"


def _message_over_http(context: Context) -> Message:
    request = context.request
    if not isinstance(request, Request):  # every message over HTTP comes with its request
        return Message(None, "nowhere", uuid4().hex)
    trace_id = request.scope.get("state", {}).get("trace_id", "")
    return Message(request.headers.get("authorization"), _address_of(request), trace_id)


@asynccontextmanager
async def over_http(reception: Reception) -> AsyncIterator[Route]:
    """Serve agents over streamable HTTP while the block runs; yields the route beneath the API."""
    manager = StreamableHTTPSessionManager(
        mcp_server(reception, _message_over_http),
        json_response=True,
        stateless=True,
        max_request_body_size=MOST_BODY_BYTES,
    )
    async with manager.run():
        yield Route(PATH, endpoint=Door(reception, manager))


async def over_stdio(reception: Reception, token: str) -> None:
    """Serve one agent over standard input and output, until the input ends.

    Args:
        reception: Who lets in, with the office.
        token: The token that every message shows.
    """

    def message_of(_context: Context) -> Message:
        return Message(f"Bearer {token}", "standard input", uuid4().hex)

    server = mcp_server(reception, message_of)
    async with stdio_server() as (reading, writing):
        await server.run(reading, writing, server.create_initialization_options())
    sys.stdout.flush()

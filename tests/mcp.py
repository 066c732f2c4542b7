"""Agents as they call: the client of the protocol's own library, over HTTP and as a process."""

import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client

from petrosa_cio.settings import Settings
from petrosa_cio.surfaces.mcp.answer import FAULT
from tests.api import ApiHouse

PATH = "/api/v1/mcp"


@dataclass
class Agent:
    """Somebody who calls tools."""

    client: Client

    async def told(self, tool: str, **arguments: Any) -> Any:
        """Return what a tool answers, which must do well."""
        answer = await self.client.call_tool(tool, arguments)
        assert not answer.is_error, answer.content
        return answer.structured_content

    async def refused(self, tool: str, **arguments: Any) -> Any:
        """Return why a tool refuses, which it must."""
        answer = await self.client.call_tool(tool, arguments)
        assert answer.is_error, answer.content
        assert answer.structured_content is None  # some clients compare it with the schema
        fault = (answer.meta or {})[FAULT]
        (text,) = answer.content
        assert json.loads(getattr(text, "text", "")) == fault
        return fault


@asynccontextmanager
async def over_http(house: ApiHouse, who: str, mode: str = "auto") -> AsyncIterator[Agent]:
    """Call a house over streamable HTTP."""
    url = f"http://127.0.0.1:{house.settings.http_port}{PATH}"
    async with httpx2.AsyncClient(headers=house.headers(who), timeout=60) as http:
        transport = streamable_http_client(url, http_client=http)
        async with Client(transport, mode=mode) as client:
            yield Agent(client)


@asynccontextmanager
async def over_stdio(environ: Mapping[str, str]) -> AsyncIterator[Agent]:
    """Call a process that was started for it."""
    started = StdioServerParameters(
        command=sys.executable, args=["-m", "petrosa_cio", "mcp"], env=dict(environ)
    )
    async with Client(started) as client:
        yield Agent(client)


def environ_of(settings: Settings, token: str, **key: str) -> dict[str, str]:
    """Return the environment of a command that is to find the servers of a house."""
    return {
        "CIO_DATA_DIR": str(settings.data_dir),
        "CIO_FUND": settings.fund,
        "CIO_MONGO_DATABASE": settings.mongo_database,
        "CIO_NATS_URL": str(settings.nats_url),
        "CIO_REDIS_URL": str(settings.redis_url),
        "CIO_MONGO_URL": str(settings.mongo_url),
        "CIO_TOKEN": token,
        **key,
    }

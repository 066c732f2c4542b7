"""Asks one neighbour over HTTP: bounded in time and size, and not at all while it fails.

What matters to whoever changes something there is told apart: that nothing was sent, and that an
answer is missing, so that the neighbour may have acted or not. Nothing is sent twice. A gate has no
use for a neighbour's HTTP, so this module is imported only where one is asked.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Final

import httpx2

from petrosa_cio.errors import NeighbourSilent
from petrosa_cio.fleet.circuit import Circuit
from petrosa_cio.fleet.http_client import neighbour_client
from petrosa_cio.fleet.neighbour_api import Answer
from petrosa_cio.risk.strict_json import NotStrictJson, load_value

MAX_ANSWER_BYTES: Final = 1_048_576
TIMEOUT_S: Final = 5.0
SERVER_ERROR: Final = 500

_NEVER_SENT: Final = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)


class NeighbourHttp:
    """One neighbour's HTTP API.

    Args:
        name: The neighbour, as it is called in words.
        client: From `open_neighbour`.
        circuit: Decides whether it is asked at all.
        timeout_s: Longest time for one answer, from the question to its last byte.
    """

    def __init__(
        self, name: str, client: httpx2.AsyncClient, circuit: Circuit, *, timeout_s: float
    ) -> None:
        self.name = name
        self._client = client
        self._circuit = circuit
        self._timeout_s = timeout_s

    async def get(self, path: str, **asked: str | int) -> Answer:
        """Ask for something; nothing changes by it. Raises NeighbourSilent."""
        return await self._ask("GET", path, asked, None)

    async def post(self, path: str, body: Mapping[str, object], **asked: str | int) -> Answer:
        """Ask it to change something.

        Args:
            path: Where.
            body: What is sent as JSON; its numbers are ``int`` or finite ``float``.
            **asked: What stands in the query.

        Raises:
            NeighbourSilent: No answer that can be read came; ``may_have_acted`` says which case.
        """
        content = json.dumps(body, allow_nan=False).encode()
        return await self._ask("POST", path, asked, content)

    async def _ask(
        self, method: str, path: str, asked: Mapping[str, str | int], content: bytes | None
    ) -> Answer:
        call = self._circuit.begin()
        if call is None:
            rests = (
                f"it failed several times, and is left alone for {self._circuit.rests_for_s:.0f} s"
            )
            raise NeighbourSilent(self.name, rests, may_have_acted=False)
        is_well, changes = False, method != "GET"
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._exchange(method, path, asked, content)
            is_well = answer.status < SERVER_ERROR
        except _NEVER_SENT as error:
            detail = f"{type(error).__name__}: {error}".rstrip(": ")
            raise NeighbourSilent(self.name, detail[:200], may_have_acted=False) from error
        except (TimeoutError, httpx2.TimeoutException) as error:
            detail = f"no whole answer within {self._timeout_s:g} s"
            raise NeighbourSilent(self.name, detail, may_have_acted=changes) from error
        except httpx2.HTTPError as error:
            detail = f"{type(error).__name__}: {error}".rstrip(": ")
            raise NeighbourSilent(self.name, detail[:200], may_have_acted=changes) from error
        except NotStrictJson as error:
            raise NeighbourSilent(self.name, str(error), may_have_acted=changes) from error
        finally:
            self._circuit.end(call, well=is_well)
        if not is_well:
            raise NeighbourSilent(self.name, f"status {answer.status}", may_have_acted=changes)
        return answer

    async def _exchange(
        self, method: str, path: str, asked: Mapping[str, str | int], content: bytes | None
    ) -> Answer:
        headers = {} if content is None else {"content-type": "application/json"}
        async with self._client.stream(
            method, path, params=dict(asked), content=content, headers=headers
        ) as response:
            if response.headers.get("content-encoding", "identity") != "identity":
                raise NotStrictJson("compressed, though that was not asked for")
            body = bytearray()
            async for chunk in response.aiter_raw():
                body += chunk
                if len(body) > MAX_ANSWER_BYTES:
                    raise NotStrictJson(f"more than {MAX_ANSWER_BYTES} bytes")
        if response.status_code >= SERVER_ERROR or response.is_redirect:
            return Answer(response.status_code, None)
        return Answer(response.status_code, load_value(bytes(body), MAX_ANSWER_BYTES))


@asynccontextmanager
async def open_neighbour(
    name: str, url: str, field: str, *, timeout_s: float = TIMEOUT_S
) -> AsyncIterator[NeighbourHttp]:
    """Open a way to a neighbour; its connections are used again, and no proxy is asked.

    Args:
        name: The neighbour, as it is called in words.
        url: Where it is, as ``http://host:8000``.
        field: The setting that says so.
        timeout_s: Longest time for one answer.

    Raises:
        Misconfigured: No server can be meant by the URL.
    """
    async with neighbour_client(url, field, timeout_s=timeout_s) as client:
        circuit = Circuit(asyncio.get_running_loop().time)
        yield NeighbourHttp(name, client, circuit, timeout_s=timeout_s)

"""Asks the data-manager for the market regime, over HTTP.

``GET /analysis/regime?pair=SYMBOL&period=1h`` has no ``/api/v1`` before it; ``period`` is echoed
and not used. What comes back is read in `petrosa_cio.fleet.regime_answers`. A gate has no use for a
neighbour's HTTP, so this module is imported only where a data-manager is asked.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2

from petrosa_cio.fleet.http_client import neighbour_client
from petrosa_cio.fleet.regime_answers import (
    MAX_BODY_BYTES,
    NoRegime,
    ObservedRegime,
    Trouble,
    parse_regime,
)

PATH = "/analysis/regime"
PERIOD = "1h"


class DataManager:
    """Asks one data-manager.

    Args:
        client: Follows no redirect and knows nothing of proxies; from `open_data_manager`.
        timeout_s: Longest time for one answer, from the question to its last byte.
    """

    def __init__(self, client: httpx2.AsyncClient, *, timeout_s: float) -> None:
        self._client = client
        self._timeout_s = timeout_s

    async def regime(self, symbol: str) -> ObservedRegime | NoRegime:
        """Return the newest regime that it has of a symbol, or why there is none."""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._ask(symbol)
        except (TimeoutError, httpx2.TimeoutException):
            return NoRegime(Trouble.TIMED_OUT, f"no whole answer within {self._timeout_s:g} s")
        except httpx2.HTTPError as error:
            return NoRegime(Trouble.UNREACHABLE, f"{type(error).__name__}: {error}"[:200])

    async def _ask(self, symbol: str) -> ObservedRegime | NoRegime:
        asked = {"pair": symbol, "period": PERIOD}
        async with self._client.stream("GET", PATH, params=asked) as answer:
            if answer.status_code != httpx2.codes.OK:
                return NoRegime(Trouble.REFUSED, f"status {answer.status_code}")
            if answer.headers.get("content-encoding", "identity") != "identity":
                return NoRegime(Trouble.MALFORMED, "compressed, though that was not asked for")
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > MAX_BODY_BYTES:
                    return NoRegime(Trouble.TOO_LARGE, f"more than {MAX_BODY_BYTES} bytes")
        return parse_regime(bytes(body), symbol)


@asynccontextmanager
async def open_data_manager(
    url: str, *, timeout_s: float = 5.0, connections: int = 4
) -> AsyncIterator[DataManager]:
    """Open a way to a data-manager; its connections are used again and again.

    Args:
        url: Where it is, as ``http://host:8000``.
        timeout_s: Longest time for one answer.
        connections: Most connections at once.

    Raises:
        Misconfigured: No server can be meant by the URL.
    """
    client = neighbour_client(
        url, "CIO_DATA_MANAGER_URL", timeout_s=timeout_s, connections=connections
    )
    async with client:
        yield DataManager(client, timeout_s=timeout_s)

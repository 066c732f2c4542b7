"""Asks a venue over HTTP for what it says of its rules."""

import asyncio

import httpx2

from petrosa_cio.errors import Unavailable

MAX_ANSWER_BYTES = 33_554_432
CALL_TIMEOUT_S = 10.0
"""Longest silence while an answer comes."""

ANSWER_TIMEOUT_S = 60.0
"""Longest time until an answer is here."""


class VenueHttp:
    """One address of a venue, asked now and then.

    Args:
        url: What is asked for.
        max_bytes: Of a longer answer nothing is taken.
    """

    def __init__(self, url: str, *, max_bytes: int = MAX_ANSWER_BYTES) -> None:
        self._url = url
        self._max_bytes = max_bytes

    async def fetch(self) -> bytes:
        """Return the answer, as it is. Nobody is followed to another address.

        Raises:
            Unavailable: The venue is away, slow, answers with another status than 200, or too much.
        """
        try:
            async with asyncio.timeout(ANSWER_TIMEOUT_S), self._client() as client:
                return await self._answer(client)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            raise Unavailable("venue", f"{type(error).__name__}: {error}".rstrip(": ")) from error

    def _client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(timeout=CALL_TIMEOUT_S, follow_redirects=False)

    async def _answer(self, client: httpx2.AsyncClient) -> bytes:
        body = bytearray()
        async with client.stream("GET", self._url) as response:
            if response.status_code != httpx2.codes.OK:
                raise Unavailable("venue", f"expected status 200, was {response.status_code}")
            async for part in response.aiter_bytes():
                body += part
                if len(body) > self._max_bytes:
                    raise Unavailable("venue", f"answers more than {self._max_bytes} bytes")
        return bytes(body)

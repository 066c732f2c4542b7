"""Server-Sent Events, read as a browser reads them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import orjson

from petrosa_cio.surfaces.api.route import PREFIX
from tests.api import ApiHouse


@dataclass
class Heard:
    """One event."""

    kind: str
    data: dict[str, Any]


class Reader:
    """One open stream: its events, and the last id that it was told."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.last_id = ""
        self._lines = answer.aiter_lines()

    async def next(self) -> Heard:
        """Return the next event. Raises StopAsyncIteration at the end."""
        kind, data = "message", ""
        while True:
            line = await anext(self._lines)
            name, _, value = line.partition(": ")
            if name == "id":
                self.last_id = value
            elif name == "event":
                kind = value
            elif name == "data":
                data = value
            elif not line and data:
                return Heard(kind, orjson.loads(data))

    async def begun(self) -> None:
        """Wait for the first sign of life."""
        while not self.last_id:
            name, _, value = (await anext(self._lines)).partition(": ")
            if name == "id":
                self.last_id = value

    async def rest(self) -> list[Heard]:
        """Return every event until the stream ends."""
        found = []
        try:
            while True:
                found.append(await self.next())
        except StopAsyncIteration:
            return found


@asynccontextmanager
async def stream(
    house: ApiHouse, query: str = "", *, who: str = "eve", last_id: str = ""
) -> AsyncIterator[Reader]:
    """Open a stream, and wait until it has begun."""
    headers = house.headers(who) | ({"Last-Event-ID": last_id} if last_id else {})
    url = f"{PREFIX}/stream{query}"
    async with house.client.stream("GET", url, headers=headers) as answer:
        assert answer.status_code == 200, await answer.aread()
        reader = Reader(answer)
        await reader.begun()
        yield reader

"""A provider of language models on this machine, as OpenAI is one, that says what it is told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass
class ModelServer:
    """One address, and what it answers, one after another; the last one again and again.

    Attributes:
        url: Where it is, as a provider's base URL.
        answers: Bytes that it sends, head and body; None for silence.
        asked: What each request held.
        heads: The head of each request.
    """

    url: str = ""
    answers: list[bytes | None] = field(default_factory=list)
    asked: list[dict[str, Any]] = field(default_factory=list)
    heads: list[str] = field(default_factory=list)

    def say(self, text: str | None, **message: object) -> None:
        """Answer with what a model says."""
        said = {"role": "assistant", "content": text, **message}
        body = {
            "id": "1",
            "object": "chat.completion",
            "created": 1_795_000_000,
            "model": "tested",
            "choices": [{"index": 0, "message": said, "finish_reason": "stop"}],
            "usage": {"prompt_tokens": 1_000, "completion_tokens": 100, "total_tokens": 1_100},
        }
        self.send(orjson.dumps(body))

    def send(self, body: bytes, status: str = "200 OK", *headers: str, cut: int = 0) -> None:
        """Answer with a body, or break off so many bytes before its end."""
        head = [f"HTTP/1.1 {status}", "content-type: application/json", *headers]
        head += [f"content-length: {len(body)}", "connection: close"]
        whole = "\r\n".join([*head, "", ""]).encode() + body
        self.answers.append(whole[: len(whole) - cut])

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            (length,) = (
                int(line.partition(":")[2])
                for line in head.lower().splitlines()
                if line.startswith("content-length")
            )
            self.heads.append(head)
            self.asked.append(orjson.loads(await reader.readexactly(length)))
            answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
            if answer is None:
                await reader.read()
            else:
                writer.write(answer)
        writer.close()


@asynccontextmanager
async def model_server() -> AsyncIterator[ModelServer]:
    """Run a provider that is told what to answer."""
    found = ModelServer()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server:
        yield found

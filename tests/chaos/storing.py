"""Publishes until a stream says that it has it, whatever restarts meanwhile."""

import asyncio

import orjson

from petrosa_cio.adapters.nats_client import Outgoing, RobustClient
from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.errors import Unavailable

ANSWER_S = 2.0
PAUSE_S = 0.1


async def until_stored(client: RobustClient, message: Outgoing) -> tuple[int, int]:
    """Publish one message until a stream has it; return its sequence, and how often in vain."""
    in_vain = 0
    while True:
        try:
            with translated():
                answer = await client.ask(message, timeout_s=ANSWER_S)
            return int(orjson.loads(answer.data)["seq"]), in_vain
        except (Unavailable, ValueError, KeyError):  # away, or just starting
            in_vain += 1
            await asyncio.sleep(PAUSE_S)

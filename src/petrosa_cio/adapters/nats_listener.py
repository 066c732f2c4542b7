"""Hears what is announced, as a watcher does: nothing is acknowledged and nothing comes again."""

from collections.abc import Callable

from nats.aio.client import Client

from petrosa_cio.adapters.nats_connection import translated
from petrosa_cio.adapters.nats_messages import listen


class NatsListener:
    """Listens on a connection that comes back by itself."""

    def __init__(self, client: Client) -> None:
        """Take a connection."""
        self._client = client

    @property
    def is_connected(self) -> bool:
        """Whether anything can be heard now."""
        return bool(self._client.is_connected)

    async def listen(self, subject: str, heard: Callable[[bytes], None]) -> None:
        """Call ``heard`` with the body of each message on a subject. Raises Unavailable."""
        await listen(self._client, subject, heard)
        with translated():
            await self._client.flush()  # from here on nothing is missed

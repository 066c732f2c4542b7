"""Journal and announcements for a command that may have to do without NATS."""

from collections.abc import Sequence
from contextlib import suppress

from petrosa_cio.adapters.nats_connection import NatsAccess, RobustClient, connect_nats
from petrosa_cio.adapters.nats_journal import NatsJournal
from petrosa_cio.adapters.nats_messages import NatsAnnouncer
from petrosa_cio.errors import Unavailable


class NatsWhenNeeded:
    """Journal and announcements over a connection that is opened by the first of them."""

    def __init__(self, access: NatsAccess | None, *, journal_timeout_s: float) -> None:
        """Take where NATS is, None where nobody says, and the longest wait for a write."""
        self._access = access
        self._journal_timeout_s = journal_timeout_s
        self._client: RobustClient | None = None

    async def append(self, records: Sequence[bytes]) -> int:
        """Write records durably. Raises Unavailable."""
        journal = NatsJournal(await self._connected(), timeout_s=self._journal_timeout_s)
        return await journal.append(records)

    async def announce(self, messages: Sequence[tuple[str, bytes]]) -> None:
        """Publish what live watchers may want to know; what cannot be sent is dropped."""
        with suppress(Unavailable):
            await NatsAnnouncer(await self._connected()).announce(messages)

    async def close(self) -> None:
        """Close the connection, if there is one."""
        if self._client is not None:
            await self._client.close()

    async def _connected(self) -> RobustClient:
        if self._access is None:
            raise Unavailable("nats", "CIO_NATS_URL is not set")
        if self._client is None:
            self._client = await connect_nats(self._access, name="cio", reconnects=False)
        return self._client

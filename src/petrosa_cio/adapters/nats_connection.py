"""Connections to NATS, and the translation of its errors."""

import asyncio
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

import nats.errors
import nats.js.errors
import structlog

from petrosa_cio.adapters.nats_client import Client, RobustClient
from petrosa_cio.errors import Unavailable

log = structlog.get_logger()

__all__ = ["Client", "NatsAccess", "RobustClient", "connect_nats", "translated"]

CONNECT_TIMEOUT_S = 5

SAME_ERROR_S = 10.0
"""An error that comes again and again, as while a server is away, is logged this often."""


@dataclass(frozen=True, slots=True)
class NatsAccess:
    """Where NATS is and how to sign in. Secrets are kept out of its text form.

    Attributes:
        url: One server URL, or several with commas.
        user: User name.
        password: Password.
        token: Token.
        credentials_file: File with a user's JWT and seed.
        ca_file: Authorities that may vouch for the server.
        cert_file: Certificate shown to the server.
        key_file: Its private key.
    """

    url: str = field(repr=False)
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    credentials_file: Path | None = None
    ca_file: Path | None = None
    cert_file: Path | None = None
    key_file: Path | None = None

    def tls(self) -> ssl.SSLContext | None:
        """Return the TLS context, where any of its files is given."""
        if not (self.ca_file or self.cert_file):
            return None
        context = ssl.create_default_context(cafile=self.ca_file)
        if self.cert_file:
            context.load_cert_chain(self.cert_file, self.key_file)
        return context


@contextmanager
def translated(dependency: str = "nats") -> Iterator[None]:
    """Raise `Unavailable` for whatever the NATS client raises."""
    try:
        yield
    except (nats.errors.Error, nats.js.errors.Error, OSError, TimeoutError) as error:
        raise Unavailable(dependency, _text_of(error)) from error


def _text_of(error: Exception) -> str:
    return f"{type(error).__name__}: {error}".rstrip(": ")


async def connect_nats(access: NatsAccess, *, name: str, reconnects: bool = True) -> RobustClient:
    """Connect to NATS.

    Nothing is ever buffered while disconnected: a message that cannot be sent now is an error now,
    and never a surprise after the reconnect.

    Args:
        access: Where and how.
        name: Shown in the server's list of connections.
        reconnects: Whether the client comes back by itself, for ever.

    Raises:
        Unavailable: No server can be reached.
    """
    said: dict[str, float] = {}

    async def on_error(error: Exception) -> None:
        text, now = _text_of(error), monotonic()
        if now - said.get(text, -SAME_ERROR_S) >= SAME_ERROR_S:
            said.clear()
            said[text] = now
            log.warning("nats_error", connection=name, error=text)

    client = RobustClient()

    async def on_disconnect() -> None:
        if not client.is_closed:
            log.warning("nats_disconnected", connection=name)

    async def on_reconnect() -> None:
        log.info("nats_reconnected", connection=name)

    with translated():
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await client.connect(
                servers=access.url.split(","),
                name=name,
                user=access.user,
                password=access.password,
                token=access.token,
                user_credentials=str(access.credentials_file) if access.credentials_file else None,
                tls=access.tls(),
                allow_reconnect=reconnects,
                max_reconnect_attempts=-1 if reconnects else 1,
                reconnect_time_wait=0.1,  # type: ignore[arg-type]  # seconds to sleep
                connect_timeout=CONNECT_TIMEOUT_S,
                ping_interval=5,
                max_outstanding_pings=2,
                pending_size=0,
                error_cb=on_error,
                disconnected_cb=on_disconnect,
                reconnected_cb=on_reconnect,
            )
            return client

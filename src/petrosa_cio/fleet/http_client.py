"""The HTTP client that neighbours are asked with: it follows nobody elsewhere and asks no proxy."""

import ssl
from typing import Final

import httpx2

from petrosa_cio.errors import Misconfigured, Problem

KEEP_ALIVE_S: Final = 120.0


def neighbour_client(
    url: str, field: str, *, timeout_s: float, connections: int | None = None
) -> httpx2.AsyncClient:
    """Return a client for one neighbour; its connections are used again. It is to be closed.

    Args:
        url: Where the neighbour is, as ``http://host:8000``.
        field: The setting that says so.
        timeout_s: Longest wait for a connection, and for a piece of an answer.
        connections: Most connections at once; None for the library's own bound.

    Raises:
        Misconfigured: No server can be meant by the URL.
    """
    try:
        base_url = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        mend = "Set it as http://host:8000, or unset it."
        raise Misconfigured([Problem(field, str(error), mend)]) from error
    return httpx2.AsyncClient(
        base_url=base_url,
        headers={"accept": "application/json", "accept-encoding": "identity"},
        timeout=timeout_s,
        limits=httpx2.Limits(max_connections=connections, keepalive_expiry=KEEP_ALIVE_S),
        follow_redirects=False,
        trust_env=False,
        verify=ssl.create_default_context(),
    )

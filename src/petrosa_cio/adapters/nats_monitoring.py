"""Reads the monitoring endpoint of a NATS server: what it tells nobody over NATS itself."""

import asyncio
from dataclasses import dataclass
from typing import Any
from urllib.request import urlopen

import orjson

from petrosa_cio.errors import Unavailable

MOST_SUBSCRIPTIONS = 100_000


@dataclass(frozen=True, slots=True)
class Subscription:
    """Somebody who listens.

    Attributes:
        subject: What they listen on, perhaps with wildcards.
        account: The NATS account they are in.
    """

    subject: str
    account: str


class NatsMonitoring:
    """One server's monitoring endpoint.

    Args:
        url: Where it is, as ``http://host:8222``.
        timeout_s: Longest wait for one answer.

    Every method raises `Unavailable` when it does not answer, or not as a NATS server does.
    """

    def __init__(self, url: str, *, timeout_s: float = 3.0) -> None:
        self._url = url.rstrip("/")
        self._timeout_s = timeout_s

    async def syncs_always(self) -> bool:
        """Return whether JetStream syncs each write before it acknowledges it."""
        found = await self._read("varz")
        return bool(found.get("jetstream", {}).get("config", {}).get("sync_always", False))

    async def subscriptions(self) -> list[Subscription]:
        """Return who listens on this server, in any account but the server's own."""
        found = await self._read(f"subsz?subs=1&limit={MOST_SUBSCRIPTIONS}")
        return [
            Subscription(str(one["subject"]), str(one.get("account", "")))
            for one in found.get("subscriptions_list") or []
            if one.get("account") != "$SYS"
        ]

    async def _read(self, path: str) -> dict[str, Any]:
        try:
            body = await asyncio.to_thread(self._get, f"{self._url}/{path}")
            found = orjson.loads(body)
        except (OSError, ValueError) as error:
            raise Unavailable("nats monitoring", f"{type(error).__name__}: {error}") from error
        if not isinstance(found, dict):
            raise Unavailable("nats monitoring", "expected a JSON object")
        return found

    def _get(self, url: str) -> bytes:
        # The settings take nothing but http and https.
        with urlopen(url, timeout=self._timeout_s) as answer:  # noqa: S310 # nosec B310
            return bytes(answer.read())

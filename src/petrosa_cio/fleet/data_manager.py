"""The data-manager's market regime: asked over HTTP, read strictly.

``GET /analysis/regime?pair=SYMBOL&period=1h`` has no ``/api/v1`` before it; ``period`` is echoed
and not used. An answer with ``data`` null comes with status 200 and the present time: it says that
nothing is known, and its time says nothing. The time of any other answer is that of its row, which
may be an older one than the last. All values are text.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

import httpx2

from petrosa_cio.errors import Misconfigured, Problem
from petrosa_cio.risk.strict_json import NotStrictJson, load_object

PATH = "/analysis/regime"
PERIOD = "1h"
RECOMPUTED_S = 900
"""How often the data-manager works out its regimes anew."""

MAX_BODY_BYTES = 65_536
MAX_TEXT = 64


class Trouble(StrEnum):
    """Why an answer holds no regime."""

    EMPTY = "empty"
    UNREACHABLE = "unreachable"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class ObservedRegime:
    """What the data-manager says of one symbol.

    Attributes:
        name: The regime, as it spells it.
        confidence: 0..1; a constant of the name, not a probability.
        observed_at: Time of the row, aware UTC.
    """

    name: str
    confidence: Decimal
    observed_at: datetime


@dataclass(frozen=True, slots=True)
class NoRegime:
    """Why nothing was observed, and what was seen instead."""

    trouble: Trouble
    detail: str = ""


class _Problem(Exception):
    """Internal to this module: reading stops here with this sentence."""


def parse_regime(body: bytes, symbol: str) -> ObservedRegime | NoRegime:
    """Read the body of an answer about a symbol. Nothing is raised, whatever the bytes."""
    try:
        answer = load_object(body, MAX_BODY_BYTES)
        if answer.get("pair") != symbol or answer.get("metric") != "regime":
            raise _Problem("it is no answer about the regime of this pair")
        data = answer["data"]
        return NoRegime(Trouble.EMPTY) if data is None else _observed(data, answer.get("metadata"))
    except KeyError as missing:
        return NoRegime(Trouble.MALFORMED, f"{missing} is missing")
    except (NotStrictJson, _Problem) as problem:
        return NoRegime(Trouble.MALFORMED, str(problem))


def _observed(data: object, metadata: object) -> ObservedRegime:
    if not isinstance(data, Mapping) or not isinstance(metadata, Mapping):
        raise _Problem("data or metadata is not an object")
    return ObservedRegime(
        _text(data, "regime"), _confidence(data), _instant(_text(metadata, "timestamp"))
    )


def _text(part: Mapping[str, object], key: str) -> str:
    value = part[key]
    if not isinstance(value, str) or not 0 < len(value) <= MAX_TEXT or not value.isprintable():
        raise _Problem(f"{key} is not a text of at most {MAX_TEXT} characters")
    return value


def _confidence(data: Mapping[str, object]) -> Decimal:
    try:
        confidence = Decimal(_text(data, "confidence"))
    except InvalidOperation:
        raise _Problem("confidence is not a number") from None
    if not (confidence.is_finite() and 0 <= confidence <= 1):
        raise _Problem("confidence is not a number from 0 to 1")
    return confidence


def _instant(stated: str) -> datetime:
    try:
        instant = datetime.fromisoformat(stated)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        raise _Problem("timestamp is not an ISO-8601 instant") from None


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
    try:
        base_url = httpx2.URL(url)
    except httpx2.InvalidURL as error:
        mend = "Set it as http://host:8000, or unset it."
        raise Misconfigured([Problem("CIO_DATA_MANAGER_URL", str(error), mend)]) from error
    client = httpx2.AsyncClient(
        base_url=base_url,
        headers={"accept": "application/json", "accept-encoding": "identity"},
        timeout=timeout_s,
        limits=httpx2.Limits(max_connections=connections, keepalive_expiry=120.0),
        follow_redirects=False,
        trust_env=False,
        verify=ssl.create_default_context(),
    )
    async with client:
        yield DataManager(client, timeout_s=timeout_s)

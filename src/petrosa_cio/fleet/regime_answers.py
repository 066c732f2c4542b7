"""What the data-manager answers about the market regime, read strictly.

An answer with ``data`` null comes with status 200 and the present time: it says that nothing is
known, and its time says nothing. The time of any other answer is that of its row, which may be an
older one than the last. All values are text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum

from petrosa_cio.risk.strict_json import NotStrictJson, load_object

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

"""The market regime as it is stored: one small JSON document a symbol.

What was observed and what people say instead stand in two places of the store. An override has two
fields more: ``expires_at`` and ``reason``. Documents of before there were overrides read as what
was observed.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import orjson

from petrosa_cio.risk.snapshot import Regime

MAX_OVERRIDE = timedelta(days=7)
"""The longest that a person may set a regime for: it must not outlive the reason for it."""


def write_regime(regime: Regime) -> bytes:
    """Return a regime as stored JSON, with expiry and reason where it is an override."""
    stored: dict[str, object] = {
        "name": regime.name,
        "confidence": str(regime.confidence),
        "observed_at": regime.observed_at,
        "source": regime.source,
    }
    if regime.is_override:
        stored |= {"expires_at": regime.expires_at, "reason": regime.reason}
    return orjson.dumps(stored)


def read_regime(document: bytes) -> Regime | None:
    """Return an observed regime, or None where it does not read: then it is not known."""
    return _read(document, _observed)


def read_override(document: bytes) -> Regime | None:
    """Return an override, or None where it does not read or is longer than one may be."""
    return _read(document, _override)


def read_all(
    documents: Mapping[str, bytes], read: Callable[[bytes], Regime | None]
) -> dict[str, Regime]:
    """Return by symbol what reads of some documents."""
    found = {symbol: read(document) for symbol, document in documents.items()}
    return {symbol: regime for symbol, regime in found.items() if regime is not None}


def _read(document: bytes, build: Callable[[dict[str, Any]], Regime]) -> Regime | None:
    try:
        regime = build(orjson.loads(document))
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return None
    is_sure = regime.confidence.is_finite() and 0 <= regime.confidence <= 1
    return regime if is_sure else None


def _observed(stored: dict[str, Any]) -> Regime:
    confidence, observed_at = Decimal(stored["confidence"]), _moment(stored["observed_at"])
    return Regime(str(stored["name"]), confidence, observed_at, str(stored["source"]))


def _override(stored: dict[str, Any]) -> Regime:
    said, expires_at = _observed(stored), _moment(stored["expires_at"])
    if not timedelta(0) < expires_at - said.observed_at <= MAX_OVERRIDE:
        raise ValueError("no override is that long")
    return Regime(
        said.name, said.confidence, said.observed_at, said.source, expires_at, str(stored["reason"])
    )


def _moment(stated: str) -> datetime:
    return datetime.fromisoformat(stated).astimezone(UTC)

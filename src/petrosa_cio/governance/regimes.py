"""The market regime as it is stored: one small JSON document a symbol."""

from datetime import UTC, datetime
from decimal import Decimal

import orjson

from petrosa_cio.risk.snapshot import Regime


def write_regime(regime: Regime) -> bytes:
    """Return a regime as stored JSON."""
    return orjson.dumps(
        {
            "name": regime.name,
            "confidence": str(regime.confidence),
            "observed_at": regime.observed_at,
            "source": regime.source,
        }
    )


def read_regime(document: bytes) -> Regime | None:
    """Return a stored regime, or None where it does not read: an unreadable one is not known."""
    try:
        stored = orjson.loads(document)
        confidence = Decimal(stored["confidence"])
        observed_at = datetime.fromisoformat(stored["observed_at"]).astimezone(UTC)
        name, source = str(stored["name"]), str(stored["source"])
    except (ValueError, KeyError, TypeError, ArithmeticError):
        return None
    is_sure = confidence.is_finite() and 0 <= confidence <= 1
    return Regime(name, confidence, observed_at, source) if is_sure else None

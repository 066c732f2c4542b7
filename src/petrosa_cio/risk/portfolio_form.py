"""A portfolio as it is stored: one JSON document, its numbers exact text, its times aware."""

from typing import Final

import msgspec

from petrosa_cio.risk.portfolio import PortfolioReading

_ENCODE: Final = msgspec.json.Encoder(decimal_format="string").encode
_DECODE: Final = msgspec.json.Decoder(PortfolioReading).decode


def write_portfolio(reading: PortfolioReading) -> bytes:
    """Return a reading as stored JSON."""
    return _ENCODE(reading)


def read_portfolio(document: bytes) -> PortfolioReading | None:
    """Return a reading, or None where it does not read: then it is not known."""
    try:
        reading = _DECODE(document)
    except (ValueError, ArithmeticError):
        return None
    return reading if reading.observed_at.tzinfo and _is_sound(reading) else None


def _is_sound(reading: PortfolioReading) -> bool:
    """Return whether its numbers are such as can be reckoned with."""
    positions = reading.positions or ()
    held = [one.quantity for one in positions] + [one.notional_usd for one in positions]
    signed = [] if reading.equity_usd is None else [reading.equity_usd]
    for one in reading.results.values():
        signed += [part for part in (one.realised_usd, one.unrealised_usd) if part is not None]
    counts = [reading.open_orders or 0, *reading.granted.values()]
    is_finite = all(number.is_finite() for number in (*held, *signed))
    return is_finite and all(number >= 0 for number in held) and min(counts) >= 0
